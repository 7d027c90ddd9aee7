//! Which accounts a policy may let pull: the cautious reading, for whoever wants to know who else could need an image.
//!
//! [`evaluate`](super::evaluate()) answers for one request. Here nobody asks in particular, and what is in doubt counts as granted: a
//! Deny takes nothing away, and a condition narrows only where it names accounts outright.

use std::collections::BTreeSet;

use super::condition::Condition;
use super::document::Document;
use super::principal::Principal;
use super::request::PULL_ACTIONS;
use super::statement::{Effect, Listing, Statement};
use crate::name::AccountId;

/// Who may pull, as far as a policy lets one tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pullers {
    /// Accounts that are named.
    pub accounts: BTreeSet<AccountId>,
    /// Statements that may let in accounts which they do not name, each with what it says.
    pub anyone: Vec<String>,
}

/// Reads who may pull by a policy. One that cannot be read may let in anybody.
pub fn pullers(text: &str) -> Pullers {
    match text.parse::<Document>() {
        Ok(document) => of_document(&document),
        Err(error) => Pullers { accounts: BTreeSet::new(), anyone: vec![error.to_string()] },
    }
}

fn of_document(document: &Document) -> Pullers {
    let mut pullers = Pullers::default();
    let lets_pull = |statement: &&Statement| {
        statement.effect == Effect::Allow && PULL_ACTIONS.iter().any(|action| statement.is_about(action))
    };
    for statement in document.statements().iter().filter(lets_pull) {
        match &statement.principals {
            Listing::AllBut(_) => {
                pullers.anyone.push(format!("statement {}: everybody but some", statement.label));
            }
            Listing::Only(principals) => {
                for principal in principals {
                    match accounts_of(principal, &statement.conditions) {
                        Some(accounts) => pullers.accounts.extend(accounts),
                        None => {
                            let Principal { kind, name } = principal;
                            pullers.anyone.push(format!("statement {}: {kind} {name}", statement.label));
                        }
                    }
                }
            }
        }
    }
    pullers.anyone.dedup();
    pullers
}

/// The accounts behind a principal, under these conditions; none where they cannot be told.
fn accounts_of(principal: &Principal, conditions: &[Condition]) -> Option<BTreeSet<AccountId>> {
    const BY_SERVICE: [&str; 2] = ["aws:sourceaccount", "aws:sourcearn"];
    const DIRECT: [&str; 2] = ["aws:principalaccount", "aws:principalarn"];
    match (principal.kind.as_str(), principal.name.as_str()) {
        // Whoever lacks a key that a condition asks for is not let in, so that either kind of key keeps strangers out.
        ("AWS", "*") => narrowed(conditions, &[BY_SERVICE, DIRECT].concat()),
        ("AWS", name) if is_deleted(name) => Some(BTreeSet::new()),
        ("AWS", name) => account_of_principal(name).map(|account| BTreeSet::from([account])),
        // AWS's documentation gives this as the permission for the own account. It lets nobody else in by itself: for the function of
        // another account Lambda wants that account to be let in by name, too.
        ("Service", "lambda.amazonaws.com") if conditions.is_empty() => Some(BTreeSet::new()),
        ("Service", _) => narrowed(conditions, &BY_SERVICE),
        _ => None,
    }
}

/// What a deleted user or role reads back as: nobody is it any more.
fn is_deleted(name: &str) -> bool {
    let id = name.strip_prefix("AIDA").or_else(|| name.strip_prefix("AROA"));
    id.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// An account id, or the ARN of something in IAM or STS.
fn account_of_principal(name: &str) -> Option<AccountId> {
    match name.splitn(6, ':').collect::<Vec<_>>()[..] {
        [account] => account.parse().ok(),
        ["arn", _, "iam" | "sts", "", account, _] => account.parse().ok(),
        _ => None,
    }
}

/// The accounts that the conditions leave; none where no condition names accounts.
fn narrowed(conditions: &[Condition], keys: &[&str]) -> Option<BTreeSet<AccountId>> {
    let named = conditions.iter().filter_map(|condition| named_accounts(condition, keys));
    named.reduce(|one, other| one.intersection(&other).cloned().collect())
}

/// The accounts to which a condition limits a statement; none where it may let in others.
fn named_accounts(condition: &Condition, keys: &[&str]) -> Option<BTreeSet<AccountId>> {
    let key = condition.key.to_ascii_lowercase();
    // Not `…IfExists` and not `ForAllValues:…`: those let in who lacks the key.
    let operator = condition.operator.to_ascii_lowercase();
    if !keys.contains(&key.as_str()) || condition.values.is_empty() {
        return None;
    }
    let is_text = matches!(operator.as_str(), "stringequals" | "stringequalsignorecase" | "stringlike");
    let is_arn = matches!(operator.as_str(), "arnequals" | "arnlike");
    let account = |value: &String| match key.as_str() {
        "aws:sourceaccount" | "aws:principalaccount" if is_text => value.parse().ok(),
        "aws:sourcearn" | "aws:principalarn" if is_text || is_arn => account_of_arn(value, is_arn),
        _ => None,
    };
    condition.values.iter().map(account).collect()
}

/// The account of an ARN pattern. In a text a `*` before it spans colons, and then the account may stand anywhere.
fn account_of_arn(pattern: &str, by_component: bool) -> Option<AccountId> {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let [start @ .., account, _] = parts.as_slice() else { return None };
    let open = start.iter().any(|part| part.contains(['*', '?']));
    (parts.len() == 6 && (by_component || !open)).then(|| account.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const A: &str = "111111111111";
    const B: &str = "222222222222";

    fn statement(principal: Value, condition: Value) -> Value {
        json!({"Effect": "Allow", "Principal": principal, "Action": PULL_ACTIONS, "Condition": condition})
    }

    fn read(statement: &Value) -> Vec<String> {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let Pullers { accounts, anyone } = pullers(&policy);
        let mut told: Vec<String> = accounts.iter().map(AccountId::to_string).collect();
        told.extend((!anyone.is_empty()).then(|| "anyone".to_owned()));
        told
    }

    #[test]
    fn accounts_are_those_that_a_statement_names_and_whatever_is_in_doubt_is_anyone() {
        let lambda = json!({"Service": "lambda.amazonaws.com"});
        let functions = |account: &str| format!("arn:aws:lambda:eu-west-1:{account}:function:*");
        let role = format!("arn:aws:iam::{B}:role/ci");
        let none = json!({});
        let anyone = vec!["anyone"];
        let table: Vec<(Value, Value, Vec<&str>)> = vec![
            (json!("*"), none.clone(), anyone.clone()),
            (json!({"AWS": [A, B]}), none.clone(), vec![A, B]),
            (json!({"AWS": [role, "AIDAEXAMPLE1"]}), none.clone(), vec![B]),
            (json!({"AWS": "whoever"}), none.clone(), anyone.clone()),
            (json!({"AWS": "arn:aws:iam::*:root"}), none.clone(), anyone.clone()),
            (json!({"Federated": "x"}), none.clone(), anyone.clone()),
            (lambda.clone(), none.clone(), vec![]),
            (json!({"Service": "codebuild.amazonaws.com"}), none.clone(), anyone.clone()),
            (lambda.clone(), json!({"StringLike": {"aws:sourceArn": functions(A)}}), vec![A]),
            (lambda.clone(), json!({"ArnLike": {"aws:SourceArn": [functions(A), functions(B)]}}), vec![A, B]),
            (lambda.clone(), json!({"StringEquals": {"AWS:SourceAccount": B}}), vec![B]),
            (
                lambda.clone(),
                json!({"StringEquals": {"aws:SourceAccount": [A, B]}, "StringLike": {"aws:SourceArn": functions(B)}}),
                vec![B],
            ),
            (lambda.clone(), json!({"StringLike": {"aws:SourceArn": functions("*")}}), anyone.clone()),
            (
                lambda.clone(),
                json!({"StringLike": {"aws:SourceArn": format!("arn:*:{A}:function:*")}}),
                anyone.clone(),
            ),
            (
                lambda.clone(),
                json!({"StringLike": {"aws:SourceArn": format!("arn:aws:lambda:*:{A}:function:*")}}),
                anyone.clone(),
            ),
            (
                lambda.clone(),
                json!({"ArnLike": {"aws:SourceArn": format!("arn:aws:lambda:*:{A}:function:*")}}),
                vec![A],
            ),
            (lambda.clone(), json!({"StringEqualsIfExists": {"aws:SourceAccount": A}}), anyone.clone()),
            (lambda.clone(), json!({"ForAllValues:StringEquals": {"aws:SourceAccount": A}}), anyone.clone()),
            (lambda.clone(), json!({"StringNotEquals": {"aws:SourceAccount": A}}), anyone.clone()),
            (lambda.clone(), json!({"StringEquals": {"aws:SourceAccount": []}}), anyone.clone()),
            (lambda.clone(), json!({"StringEquals": {"aws:SourceOrgID": "o-1"}}), anyone.clone()),
            (lambda, json!({"StringEquals": {"aws:PrincipalAccount": A}}), anyone.clone()),
            (json!("*"), json!({"StringEquals": {"aws:PrincipalAccount": A}}), vec![A]),
            (json!({"AWS": "*"}), json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), anyone),
        ];
        for (principal, condition, expected) in table {
            assert_eq!(
                read(&statement(principal.clone(), condition.clone())),
                expected,
                "{principal} {condition}"
            );
        }
    }

    #[test]
    fn only_what_allows_a_pull_counts() {
        let of = |change: Value| {
            let mut statement = statement(json!({ "AWS": B }), json!({}));
            for (key, value) in change.as_object().unwrap() {
                statement[key] = value.clone();
            }
            read(&statement)
        };
        assert_eq!(of(json!({"Effect": "Deny"})), Vec::<String>::new());
        assert_eq!(of(json!({"Action": "ecr:PutImage"})), Vec::<String>::new());
        assert_eq!(of(json!({"Action": "ecr:Batch*"})), [B]);
        assert_eq!(of(json!({"Action": "*"})), [B]);
        let but = json!({"Effect": "Allow", "NotPrincipal": {"AWS": A}, "Action": "ecr:*"});
        assert_eq!(read(&but), ["anyone"]);
        let not_action = json!({"Effect": "Allow", "Principal": {"AWS": B}, "NotAction": "ecr:PutImage"});
        assert_eq!(read(&not_action), [B]);
        assert_eq!(pullers("{").anyone.len(), 1);
        assert_eq!(pullers(r#"{"Statement": []}"#), Pullers::default());
    }
}
