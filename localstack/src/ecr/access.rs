//! Whether a repository's policy lets an account in: for callers of ECR itself, not for Lambda's service.
//!
//! Within its own account a caller needs no grant, so only a Deny decides; from another account a grant is
//! needed. Conditions on callers speak of organisations, networks and tags, of which the stand-in has none:
//! a statement with one counts for nothing.

use serde_json::Value;

use crate::text::matches_wildcard;

/// Whether `caller` (an account) may do `action` (`ecr:PutImage`) in a repository of `owner`.
pub(crate) fn permits(policy: Option<&str>, caller: &str, owner: &str, action: &str) -> bool {
    let policy: Option<Value> = policy.and_then(|text| serde_json::from_str(text).ok());
    let statements: Vec<&Value> = match policy.as_ref().and_then(|policy| policy.get("Statement")) {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement) => vec![statement],
        None => Vec::new(),
    };
    let says = |effect: &str| {
        statements.iter().any(|statement| {
            statement.get("Effect").and_then(Value::as_str) == Some(effect)
                && statement.get("Condition").is_none()
                && speaks_of_caller(statement, caller)
                && speaks_of_action(statement, action)
        })
    };
    !says("Deny") && (caller == owner || says("Allow"))
}

fn speaks_of_action(statement: &Value, action: &str) -> bool {
    let among = |patterns: &Value| {
        texts(patterns)
            .iter()
            .any(|pattern| matches_wildcard(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
    };
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), _) => among(actions),
        (None, Some(actions)) => !among(actions),
        (None, None) => false,
    }
}

fn speaks_of_caller(statement: &Value, caller: &str) -> bool {
    let among = |principal: &Value| match principal {
        Value::String(text) => text == "*",
        Value::Object(kinds) => {
            let named = kinds.get("AWS").map(texts).unwrap_or_default();
            named.iter().any(|name| *name == "*" || *name == caller || arn_account(name) == Some(caller))
        }
        _ => false,
    };
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), _) => among(principal),
        (None, Some(principal)) => !among(principal),
        (None, None) => false,
    }
}

/// The account of an ARN. The stand-in has one user an account, so any principal of it is that user.
fn arn_account(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3)
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
    use super::*;

    #[test]
    fn strangers_need_a_grant_and_owners_only_no_denial() {
        let (owner, friend, stranger) = ("123456789012", "111122223333", "222222222222");
        let allow = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root"]},
                        "Action":["ecr:Batch*","ecr:GetDownloadUrlForLayer"]}}"#;
        let deny = r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:SetRepositoryPolicy"}]}"#;
        let deny_others = r#"{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"*"},
                              {"Effect":"Allow","Principal":"*","NotAction":"ecr:Put*"}]}"#;
        for (policy, caller, action, expected) in [
            (None, owner, "ecr:PutImage", true),
            (None, stranger, "ecr:PutImage", false),
            (Some("not json"), stranger, "ecr:PutImage", false),
            (Some(allow), friend, "ecr:BatchGetImage", true),
            (Some(allow), friend, "ecr:PutImage", false),
            (Some(allow), stranger, "ecr:BatchGetImage", false),
            (Some(deny), owner, "ecr:SetRepositoryPolicy", false),
            (Some(deny), owner, "ecr:GetRepositoryPolicy", true),
            (Some(deny_others), owner, "ecr:PutImage", true),
            (Some(deny_others), stranger, "ecr:BatchGetImage", false),
        ] {
            assert_eq!(permits(policy, caller, owner, action), expected, "{policy:?} {caller} {action}");
        }
    }
}
