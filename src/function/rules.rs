//! Rules that a text, a variable's name or a tag must keep, each with its words for a person.
//!
//! The patterns are those of the Lambda API reference (CreateFunction and its data types).

use crate::name::RoleArn;
use crate::release::is_journal_key;

/// A rule for a text.
pub(crate) struct TextRule {
    /// Whether a text keeps the rule.
    pub(crate) holds: fn(&str) -> bool,
    /// The rule in words, after "must be".
    pub(crate) words: &'static str,
}

pub(crate) const DESCRIPTION: TextRule =
    TextRule { holds: |text| text.chars().count() <= 256, words: "at most 256 characters" };

pub(crate) const ROLE: TextRule = TextRule {
    holds: |text| text.parse::<RoleArn>().is_ok(),
    words: "the ARN of an IAM role, such as arn:aws:iam::123456789012:role/NAME",
};

pub(crate) const KMS_KEY: TextRule = TextRule {
    holds: |text| text.is_empty() || is_arn(text, "kms"),
    words: "the ARN of a KMS key, or empty to use the AWS key",
};

pub(crate) const DEAD_LETTER_TARGET: TextRule = TextRule {
    holds: |text| text.is_empty() || is_arn(text, "sqs") || is_arn(text, "sns"),
    words: "the ARN of an SQS queue or an SNS topic, or empty for none",
};

pub(crate) const CAPACITY_PROVIDER: TextRule =
    TextRule { holds: |text| is_arn(text, "lambda"), words: "the ARN of a capacity provider" };

pub(crate) const ACCESS_POINT: TextRule = TextRule {
    holds: |text| text.len() <= 200 && text.starts_with("arn:") && text.split(':').count() >= 6,
    words: "the ARN of a file system access point",
};

pub(crate) const MOUNT_PATH: TextRule = TextRule {
    holds: |text| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        text.len() <= 160
            && text.strip_prefix("/mnt/").is_some_and(|name| !name.is_empty() && name.bytes().all(allowed))
    },
    words: "a path /mnt/NAME of letters, digits, '-', '_' and '.'",
};

pub(crate) const SUBNET: TextRule =
    TextRule { holds: |text| is_resource_id(text, "subnet-"), words: "a subnet id such as subnet-0a1b2c3d" };

pub(crate) const SECURITY_GROUP: TextRule =
    TextRule { holds: |text| is_resource_id(text, "sg-"), words: "a security group id such as sg-0a1b2c3d" };

pub(crate) const LOG_GROUP: TextRule = TextRule {
    holds: |text| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte);
        (1..=512).contains(&text.len()) && text.bytes().all(allowed)
    },
    words: "a log group name: 1 to 512 letters, digits, '.', '-', '_', '/' and '#'",
};

pub(crate) const WORKING_DIRECTORY: TextRule =
    TextRule { holds: |text| text.chars().count() <= 1000, words: "at most 1000 characters" };

pub(crate) const ARGUMENT: TextRule =
    TextRule { holds: |text| !text.contains('\0'), words: "free of NUL characters" };

/// Whether a text is an ARN of a service, in any partition.
fn is_arn(text: &str, service: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, of, _, _, resource]
        if partition.starts_with("aws") && of == service && !resource.is_empty())
}

fn is_resource_id(text: &str, prefix: &str) -> bool {
    text.len() <= 1024
        && text
            .strip_prefix(prefix)
            .is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The names that Lambda sets on its own (Lambda developer guide, "Defined runtime environment variables",
/// those marked as reserved).
const RESERVED_VARIABLES: [&str; 19] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

/// What is wrong with the name of an environment variable, if anything: `[a-zA-Z]([a-zA-Z0-9_])+`.
pub(crate) fn wrong_variable_name(name: &str) -> Option<&'static str> {
    if RESERVED_VARIABLES.contains(&name) {
        return Some("Lambda reserves this name and sets it on its own");
    }
    let letter_first = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let shaped = name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (!letter_first || !shaped).then_some(
        "a variable's name starts with a letter, has only letters, digits and '_', and is 2 or longer",
    )
}

/// What is wrong with a tag, if anything.
pub(crate) fn wrong_tag(key: &str, value: &str) -> Option<&'static str> {
    if key.is_empty() || key.chars().count() > 128 {
        Some("a tag's key has 1 to 128 characters")
    } else if key.to_ascii_lowercase().starts_with("aws:") {
        Some("AWS reserves tags that start with aws:")
    } else if is_journal_key(key) {
        Some("lambda-lift keeps what an alias ran before in tags that start with lambda-lift:")
    } else if value.chars().count() > 256 {
        Some("a tag's value has at most 256 characters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_rules_follow_the_api_reference() {
        let table: [(&TextRule, &[&str], &[&str]); 8] = [
            (&KMS_KEY, &["", "arn:aws:kms:eu-west-1:123456789012:key/x"], &["key/x", "arn:aws:s3:::b"]),
            (
                &DEAD_LETTER_TARGET,
                &["", "arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws-cn:sns:cn-north-1:123456789012:t"],
                &["q", "arn:aws:sqs:eu-west-1:123456789012:", "arn:gcp:sqs:::q"],
            ),
            (&MOUNT_PATH, &["/mnt/data", "/mnt/a.b-c_1"], &["/mnt/", "/mnt/a/b", "/data", "mnt/a", ""]),
            (&SUBNET, &["subnet-0a1b"], &["subnet-", "sg-1", "subnet-a_b", ""]),
            (&SECURITY_GROUP, &["sg-0a1b"], &["sg-", "subnet-1", "default"]),
            (&LOG_GROUP, &["/aws/lambda/f", "a#b"], &["", "a b", "a*"]),
            (&ROLE, &["arn:aws:iam::123456789012:role/x"], &["", "x", "arn:aws:iam::1:role/x"]),
            (&WORKING_DIRECTORY, &["/var/task", ""], &[&"x".repeat(1001)]),
        ];
        for (rule, good, bad) in table {
            assert!(good.iter().all(|text| (rule.holds)(text)), "{}", rule.words);
            assert!(bad.iter().all(|text| !(rule.holds)(text)), "{}", rule.words);
        }
    }

    #[test]
    fn variable_names_follow_lambdas_pattern_and_reserved_ones_are_refused() {
        for good in ["AB", "a1", "LOG_LEVEL", "AWS_LAMBDA_EXEC_WRAPPER"] {
            assert_eq!(wrong_variable_name(good), None, "{good}");
        }
        for bad in ["", "A", "1A", "_AB", "A-B", "A B", "é1", "AWS_REGION", "_HANDLER", "LAMBDA_TASK_ROOT"] {
            assert!(wrong_variable_name(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn tags_have_limits() {
        assert_eq!(wrong_tag("team", ""), None);
        for (key, value) in
            [("", "x"), ("aws:x", "y"), ("AWS:x", "y"), (&"k".repeat(129), ""), ("k", &"v".repeat(257))]
        {
            assert!(wrong_tag(key, value).is_some());
        }
    }
}
