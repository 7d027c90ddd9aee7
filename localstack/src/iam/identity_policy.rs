//! What an identity policy says to one permission.

use serde_json::Value;

use super::Permission;
use crate::text::matches_wildcard;

/// IAM's three answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    ExplicitlyDenied,
    ImplicitlyDenied,
}

/// Holds a permission against a policy. The one operator that is understood is StringEquals; a statement with another one, or on
/// a key that the call does not have, counts for nothing where it allows, and fully where it denies.
pub(crate) fn decide(policy: &Value, wanted: &Permission) -> Decision {
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        Value::Null => Vec::new(),
        statement => vec![statement],
    };
    let says = |effect: &str| statements.iter().any(|found| found["Effect"] == effect && fits(found, wanted));
    match (says("Deny"), says("Allow")) {
        (true, _) => Decision::ExplicitlyDenied,
        (false, true) => Decision::Allowed,
        (false, false) => Decision::ImplicitlyDenied,
    }
}

fn fits(statement: &Value, wanted: &Permission) -> bool {
    let action = wanted.action.to_ascii_lowercase();
    let named =
        texts(&statement["Action"]).iter().any(|one| matches_wildcard(&one.to_ascii_lowercase(), &action));
    let resources = texts(&statement["Resource"]);
    let is_about = match &wanted.resource {
        None => !resources.is_empty(),
        // An action on everything is not given by a pattern for some of it.
        Some(resource) if resource == "*" => resources.contains(&"*"),
        Some(resource) => resources.iter().any(|pattern| matches_wildcard(pattern, resource)),
    };
    named && is_about && holds(statement, wanted)
}

fn holds(statement: &Value, wanted: &Permission) -> bool {
    let Some(conditions) = statement["Condition"].as_object() else { return true };
    let denies = statement["Effect"] == "Deny";
    conditions.iter().all(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.into_iter().all(|(key, values)| {
            let said = wanted.context.as_ref().filter(|(said, _)| said.eq_ignore_ascii_case(key));
            match said.filter(|_| operator == "StringEquals") {
                Some((_, value)) => texts(values).contains(&value.as_str()),
                None => denies,
            }
        })
    })
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(action: &str, resource: &str, passed_to: Option<&str>) -> Permission {
        let context = passed_to.map(|service| ("iam:PassedToService".to_owned(), service.to_owned()));
        Permission { action: action.to_owned(), resource: Some(resource.to_owned()), context }
    }

    #[test]
    fn a_policy_allows_what_it_names_where_it_names_it() {
        let policy = json!({ "Statement": [
            { "Effect": "Allow", "Action": ["ecr:Batch*", "ecr:PutImage"], "Resource": "arn:aws:ecr:r:1:repository/app" },
            { "Effect": "Allow", "Action": "lambda:*", "Resource": ["arn:f", "arn:f:*"] },
            { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
            { "Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:role",
              "Condition": { "StringEquals": { "iam:PassedToService": "lambda.amazonaws.com" } } },
            { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": { "Bool": { "x": true } } },
            { "Effect": "Deny", "Action": "lambda:DeleteFunction", "Resource": "arn:f" },
        ]});
        let app = "arn:aws:ecr:r:1:repository/app";
        for (permission, expected) in [
            (wanted("ecr:BatchGetImage", app, None), Decision::Allowed),
            (wanted("ecr:batchgetimage", app, None), Decision::Allowed),
            (
                wanted("ecr:BatchGetImage", "arn:aws:ecr:r:1:repository/app2", None),
                Decision::ImplicitlyDenied,
            ),
            (wanted("ecr:DeleteRepository", app, None), Decision::ImplicitlyDenied),
            (wanted("lambda:DeleteFunction", "arn:f", None), Decision::ExplicitlyDenied),
            (wanted("lambda:DeleteFunction", "arn:f:3", None), Decision::Allowed),
            (wanted("lambda:ListFunctions", "*", None), Decision::ImplicitlyDenied),
            (wanted("ecr:GetAuthorizationToken", "*", None), Decision::Allowed),
            (wanted("iam:PassRole", "arn:role", Some("lambda.amazonaws.com")), Decision::Allowed),
            (wanted("iam:PassRole", "arn:role", Some("ec2.amazonaws.com")), Decision::ImplicitlyDenied),
            (wanted("iam:PassRole", "arn:role", None), Decision::ImplicitlyDenied),
            (wanted("kms:Decrypt", "arn:key", None), Decision::ImplicitlyDenied),
        ] {
            assert_eq!(decide(&policy, &permission), expected, "{permission:?}");
        }
    }
}
