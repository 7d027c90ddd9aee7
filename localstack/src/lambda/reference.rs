//! How a request names a function: by name, partial ARN or ARN, each with or without a qualifier.

use super::arn::Home;
use super::refusal::Refusal;

/// A function of the caller's account and Region, and what of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: String,
    /// `$LATEST`, a version, an alias, or nothing.
    pub(super) qualifier: Option<String>,
}

impl Reference {
    /// Reads `text` (already percent-decoded) and the request's own qualifier.
    pub(super) fn parse(
        text: &str,
        qualifier: Option<&str>,
        home: Home<'_>,
        operation: &str,
    ) -> Result<Reference, Refusal> {
        let parts = Parts::read(text).ok_or_else(|| Refusal::function_name(text))?;
        if parts.name.len() > 64 {
            return Err(Refusal::constraint(
                "functionName",
                text,
                "Member must have length less than or equal to 64",
            ));
        }
        if let Some(region) = parts.region.filter(|region| *region != home.region) {
            let here = home.region;
            let message = format!("Functions from '{region}' are not reachable in this region ('{here}')");
            return Err(Refusal::not_found(message));
        }
        if let Some(account) = parts.account.filter(|account| *account != home.account) {
            let arn = Home { account, ..home }.function_arn(parts.name, parts.qualifier);
            return Err(Refusal::other_account(home.account, home.partition(), operation, &arn));
        }
        if let Some(qualifier) = qualifier.filter(|qualifier| !is_qualifier(qualifier)) {
            return Err(Refusal::constraint(
                "qualifier",
                qualifier,
                "Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
            ));
        }
        match (parts.qualifier, qualifier) {
            (Some(derived), Some(given)) if derived != given => Err(Refusal::invalid(
                "The derived qualifier from the function name does not match the specified qualifier.",
            )),
            (derived, given) => {
                Ok(Reference { name: parts.name.to_owned(), qualifier: given.or(derived).map(str::to_owned) })
            }
        }
    }
}

#[derive(Debug, Default)]
struct Parts<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    name: &'a str,
    qualifier: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Option<Parts<'a>> {
        let fields: Vec<&str> = text.split(':').collect();
        let parts = match fields.as_slice() {
            [name] => Parts { name, ..Parts::default() },
            ["function", name] | ["function", name, _] => {
                Parts { name, qualifier: fields.get(2).copied(), ..Parts::default() }
            }
            [account, "function", name] | [account, "function", name, _] => {
                Parts { account: Some(account), name, qualifier: fields.get(3).copied(), ..Parts::default() }
            }
            ["arn", partition, "lambda", region, account, "function", name]
            | ["arn", partition, "lambda", region, account, "function", name, _]
                if partition.starts_with("aws") && is_region(region) =>
            {
                Parts {
                    region: Some(region),
                    account: Some(account),
                    name,
                    qualifier: fields.get(7).copied(),
                }
            }
            [account, name] if is_account(account) => {
                Parts { account: Some(account), name, ..Parts::default() }
            }
            [name, qualifier] => Parts { name, qualifier: Some(qualifier), ..Parts::default() },
            _ => return None,
        };
        let sound = is_name(parts.name)
            && parts.account.is_none_or(is_account)
            && parts.qualifier.is_none_or(is_qualifier);
        sound.then_some(parts)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    text.contains('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether the text can be the name of a function or alias, its length left aside.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_qualifier(text: &str) -> bool {
    text == "$LATEST" || (is_name(text) && text.len() <= 128)
}

/// Whether a qualifier is a published version's number.
pub(super) fn version_number(qualifier: &str) -> Option<u64> {
    qualifier.bytes().all(|byte| byte.is_ascii_digit()).then(|| qualifier.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Home<'static> = Home { account: "123456789012", region: "eu-west-1" };

    #[test]
    fn all_forms_of_a_name_are_understood() {
        for (text, qualifier, name, expected) in [
            ("app", None, "app", None),
            ("app:live", None, "app", Some("live")),
            ("app:$LATEST", None, "app", Some("$LATEST")),
            ("app", Some("3"), "app", Some("3")),
            ("app:3", Some("3"), "app", Some("3")),
            ("function:app", None, "app", None),
            ("123456789012:function:app", None, "app", None),
            ("123456789012:function:app:live", None, "app", Some("live")),
            ("123456789012:app", None, "app", None),
            ("arn:aws:lambda:eu-west-1:123456789012:function:app", None, "app", None),
            ("arn:aws:lambda:eu-west-1:123456789012:function:app:7", None, "app", Some("7")),
        ] {
            let found = Reference::parse(text, qualifier, HOME, "GetFunction").unwrap();
            assert_eq!((found.name.as_str(), found.qualifier.as_deref()), (name, expected), "{text}");
        }
    }

    #[test]
    fn other_names_are_refused_with_the_text_of_aws() {
        let long = "a".repeat(65);
        for (text, qualifier, status, part) in [
            ("", None, 400, "functionName"),
            ("a b", None, 400, "Member must satisfy regular expression pattern"),
            ("app:live:2", None, 400, "functionName"),
            ("arn:aws:s3:::bucket", None, 400, "functionName"),
            ("arn:aws:lambda:eu-west-1:12:function:app", None, 400, "functionName"),
            ("invalid:function:name", None, 400, "Value 'invalid:function:name' at 'functionName'"),
            (long.as_str(), None, 400, "Member must have length less than or equal to 64"),
            ("app:1", Some("2"), 400, "derived qualifier from the function name does not match"),
            ("app", Some("a b"), 400, "at 'qualifier'"),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:app",
                None,
                404,
                "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
            ),
            (
                "999999999999:function:app",
                None,
                403,
                "not authorized to perform: lambda:GetFunction on resource: \
                 arn:aws:lambda:eu-west-1:999999999999:function:app",
            ),
        ] {
            let refusal = Reference::parse(text, qualifier, HOME, "GetFunction").unwrap_err();
            assert_eq!(refusal.status, status, "{text}");
            assert!(refusal.message.contains(part), "{text}: {}", refusal.message);
        }
    }
}
