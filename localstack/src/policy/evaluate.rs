//! From a policy's text to a verdict, one action at a time.

use serde_json::Value;

use super::condition::{Match, holds, texts};
use super::puller::{Doubt, Puller};
use super::wildcard::fits;

/// The two actions that a pull takes.
const ACTIONS: [&str; 2] = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// What a policy says of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// A statement allows it, and none denies it.
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

/// Whether the puller may pull: both actions allowed, each by whichever statement.
pub(crate) fn may_pull(policy: Option<&str>, puller: &Puller<'_>, doubt: Doubt) -> bool {
    ACTIONS.iter().all(|action| decide(policy, puller, action, doubt) == Verdict::Allowed)
}

/// What the policy says of one action: an explicit Deny beats an Allow, and silence allows nothing.
///
/// A text that is no policy allows nothing.
fn decide(policy: Option<&str>, puller: &Puller<'_>, action: &str, doubt: Doubt) -> Verdict {
    let document: Value = policy.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    };
    let mut verdict = Verdict::NotAllowed;
    for statement in statements {
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Deny") => match matches(statement, true, puller, action) {
                Match::Yes => return Verdict::Denied,
                Match::Open if doubt == Doubt::Refuses => return Verdict::Denied,
                _ => {}
            },
            Some("Allow") => match matches(statement, false, puller, action) {
                Match::Yes => verdict = Verdict::Allowed,
                Match::Open if doubt == Doubt::Passes => verdict = Verdict::Allowed,
                _ => {}
            },
            _ => {}
        }
    }
    verdict
}

fn matches(statement: &Value, deny: bool, puller: &Puller<'_>, action: &str) -> Match {
    let principal = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), _) => names(principal, deny, puller),
        (None, Some(others)) => !names(others, !deny, puller),
        (None, None) => Match::No,
    };
    let action = match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), _) => includes(actions, action),
        (None, Some(others)) => !includes(others, action),
        (None, None) => Match::No,
    };
    principal.and(action).and(holds(statement.get("Condition"), puller))
}

/// Action names are case-insensitive, with wildcards anywhere.
fn includes(actions: &Value, action: &str) -> Match {
    let action = action.to_ascii_lowercase();
    texts(actions)
        .is_some_and(|patterns| patterns.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), &action)))
        .into()
}

/// Whether a `Principal` element names the puller.
///
/// Nobody knows whether an Allow for `*` covers a service principal, so it stays open; a Deny for `*` does.
fn names(principal: &Value, deny: bool, puller: &Puller<'_>) -> Match {
    let everybody = match puller {
        Puller::Account { .. } => Match::Yes,
        Puller::Service { .. } if deny => Match::Yes,
        Puller::Service { .. } => Match::Open,
    };
    let Some(kinds) = principal.as_object() else {
        return if principal.as_str() == Some("*") { everybody } else { Match::No };
    };
    let listed = |kind: &str| kinds.get(kind).and_then(texts).unwrap_or_default();
    if listed("AWS").iter().any(|name| name == "*") {
        return everybody;
    }
    match puller {
        Puller::Service { .. } => {
            let services = listed("Service");
            if services.iter().any(|name| name == "lambda.amazonaws.com") {
                Match::Yes
            } else if services.iter().any(|name| name == "*") {
                everybody
            } else {
                Match::No
            }
        }
        Puller::Account { partition, account } => {
            let root = format!("arn:{partition}:iam::{account}:root");
            listed("AWS").iter().any(|name| *name == root || name == account).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "111122223333";
    const B: &str = "444455556666";

    fn function_arn(account: &str) -> String {
        format!("arn:aws:lambda:eu-west-1:{account}:function:app")
    }

    fn service(policy: &Value, account: &str, doubt: Doubt) -> [Verdict; 2] {
        let arn = function_arn(account);
        let puller = Puller::Service { function_arn: &arn, account };
        ACTIONS.map(|action| decide(Some(&policy.to_string()), &puller, action, doubt))
    }

    fn root(policy: &Value, account: &str) -> bool {
        let puller = Puller::Account { partition: "aws", account };
        may_pull(Some(&policy.to_string()), &puller, Doubt::Refuses)
    }

    /// A statement of the usual shape, changed as a test wants it.
    fn statement(change: Value) -> Value {
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": ACTIONS,
        });
        for (key, value) in change.as_object().unwrap() {
            if value.is_null() {
                statement.as_object_mut().unwrap().remove(key);
            } else {
                statement[key] = value.clone();
            }
        }
        statement
    }

    fn policy(statements: &[Value]) -> Value {
        json!({"Version": "2012-10-17", "Statement": statements.iter().cloned().map(statement).collect::<Vec<_>>()})
    }

    #[test]
    fn the_table_of_the_facts_holds() {
        use Verdict::{Allowed, Denied, NotAllowed};
        let arns = |account: &str| format!("arn:aws:lambda:eu-west-1:{account}:function:*");
        let deny = |change: Value| {
            let mut deny = json!({"Effect": "Deny", "Principal": "*"});
            deny.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            deny
        };
        for (name, statements, for_a, for_b) in [
            ("none", vec![], [NotAllowed; 2], [NotAllowed; 2]),
            ("both actions", vec![json!({})], [Allowed; 2], [Allowed; 2]),
            (
                "one action",
                vec![json!({"Action": "ecr:BatchGetImage"})],
                [Allowed, NotAllowed],
                [Allowed, NotAllowed],
            ),
            (
                "two statements, one action each",
                vec![
                    json!({"Action": "ecr:BatchGetImage"}),
                    json!({"Action": ["ECR:getdownloadurlforlayer"]}),
                ],
                [Allowed; 2],
                [Allowed; 2],
            ),
            ("ecr:*", vec![json!({"Action": "ecr:*"})], [Allowed; 2], [Allowed; 2]),
            (
                "wildcards inside",
                vec![json!({"Action": ["ecr:Batch*", "ecr:GetDownload*"]})],
                [Allowed; 2],
                [Allowed; 2],
            ),
            (
                "StringLike sourceArn of A",
                vec![json!({"Condition": {"StringLike": {"aws:sourceArn": arns(A)}}})],
                [Allowed; 2],
                [NotAllowed; 2],
            ),
            (
                "StringEquals takes the star literally",
                vec![json!({"Condition": {"StringEquals": {"aws:sourceArn": arns(A)}}})],
                [NotAllowed; 2],
                [NotAllowed; 2],
            ),
            (
                "ArnEquals",
                vec![json!({"Condition": {"ArnEquals": {"aws:sourceArn": arns(A)}}})],
                [Allowed; 2],
                [NotAllowed; 2],
            ),
            (
                "value list",
                vec![json!({"Condition": {"StringLike": {"aws:sourceArn": [arns(A), arns(B)]}}})],
                [Allowed; 2],
                [Allowed; 2],
            ),
            (
                "sourceAccount",
                vec![json!({"Condition": {"StringEquals": {"aws:SourceAccount": A}}})],
                [Allowed; 2],
                [NotAllowed; 2],
            ),
            (
                "root only",
                vec![json!({"Principal": {"AWS": format!("arn:aws:iam::{A}:root")}})],
                [NotAllowed; 2],
                [NotAllowed; 2],
            ),
            (
                "deny one action to everybody",
                vec![json!({}), deny(json!({"Action": "ecr:BatchGetImage"}))],
                [Denied, Allowed],
                [Denied, Allowed],
            ),
            (
                "deny other accounts",
                vec![json!({}), deny(json!({"Condition": {"StringNotEquals": {"aws:SourceAccount": A}}}))],
                [Allowed; 2],
                [Denied; 2],
            ),
            (
                "deny other organisations: a service has none",
                vec![
                    json!({}),
                    deny(json!({"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}})),
                ],
                [Denied; 2],
                [Denied; 2],
            ),
            (
                "the same, but for services",
                vec![
                    json!({}),
                    deny(json!({"Condition": {
                        "StringNotEquals": {"aws:PrincipalOrgID": "o-1"},
                        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                    }})),
                ],
                [Allowed; 2],
                [Allowed; 2],
            ),
            (
                "deny all but root",
                vec![
                    json!({}),
                    json!({"Effect": "Deny", "Principal": null, "NotPrincipal": {"AWS": format!("arn:aws:iam::{A}:root")}}),
                ],
                [Denied; 2],
                [Denied; 2],
            ),
            (
                "deny all but Lambda",
                vec![
                    json!({}),
                    json!({"Effect": "Deny", "Principal": null, "NotPrincipal": {"Service": ["lambda.amazonaws.com"]}}),
                ],
                [Allowed; 2],
                [Allowed; 2],
            ),
            (
                "NotAction",
                vec![json!({"Action": null, "NotAction": "ecr:Delete*"})],
                [Allowed; 2],
                [Allowed; 2],
            ),
            (
                "everybody of an organisation",
                vec![json!({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}})],
                [NotAllowed; 2],
                [NotAllowed; 2],
            ),
        ] {
            let policy = policy(&statements);
            assert_eq!(service(&policy, A, Doubt::Refuses), for_a, "{name}, for A");
            assert_eq!(service(&policy, B, Doubt::Refuses), for_b, "{name}, for B");
        }
    }

    #[test]
    fn doubt_refuses_unless_it_is_told_to_pass() {
        let open_allow = json!({"Condition": {"StringEquals": {"aws:SourceOrgID": "o-1"}}});
        let open_deny = json!({"Effect": "Deny", "Principal": "*",
                               "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}});
        for (statements, refused) in [
            (vec![open_allow], Verdict::NotAllowed),
            (vec![json!({}), open_deny], Verdict::Denied),
            (vec![json!({"Principal": "*"})], Verdict::NotAllowed),
            (vec![json!({"Principal": {"AWS": ["*"]}})], Verdict::NotAllowed),
        ] {
            let policy = policy(&statements);
            assert_eq!(service(&policy, A, Doubt::Refuses), [refused; 2], "{policy}");
            assert_eq!(service(&policy, A, Doubt::Passes), [Verdict::Allowed; 2], "{policy}");
        }
    }

    #[test]
    fn a_caller_is_granted_by_its_account() {
        for (principal, for_a) in [
            (json!({"AWS": format!("arn:aws:iam::{A}:root")}), true),
            (json!({"AWS": [B, A]}), true),
            (json!({"AWS": B}), false),
            (json!({"AWS": format!("arn:aws:iam::{A}:role/other")}), false),
            (json!({"AWS": format!("arn:aws:iam::{A}:*")}), false),
            (json!({"AWS": "AIDAEXAMPLE"}), false),
            (json!("*"), true),
            (json!({"AWS": "*"}), true),
            (json!({"Service": "lambda.amazonaws.com"}), false),
        ] {
            let policy = policy(&[json!({"Principal": principal})]);
            assert_eq!(root(&policy, A), for_a, "{policy}");
        }
    }

    #[test]
    fn what_is_no_policy_allows_nothing() {
        let arn = function_arn(A);
        let puller = Puller::Service { function_arn: &arn, account: A };
        for text in [
            "",
            "null",
            "[]",
            "{",
            "{\"Statement\": 3}",
            "{\"Statement\": [3, null]}",
            "{\"Statement\": {\"Effect\": \"Allow\"}}",
            "{\"Statement\": {\"Effect\": \"allow\", \"Principal\": {\"Service\": \"lambda.amazonaws.com\"}, \"Action\": \"*\"}}",
        ] {
            assert!(!may_pull(Some(text), &puller, Doubt::Passes), "{text}");
        }
        assert!(!may_pull(None, &puller, Doubt::Passes));
    }

    #[test]
    fn a_single_statement_may_stand_without_a_list() {
        let policy = json!({"Version": "2008-10-17", "Statement": statement(json!({"Resource": "*"}))});
        assert_eq!(service(&policy, A, Doubt::Refuses), [Verdict::Allowed; 2]);
    }
}
