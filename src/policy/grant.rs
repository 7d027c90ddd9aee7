//! The statements that we add: their shapes, how they are recognised, and how they grow.

use serde_json::json;

use super::json::{Node, Value};
use super::layout;
use super::request::{LAMBDA_SERVICE, PULL_ACTIONS, Request};
use super::statement::{Effect, Listing, Statement, items};

/// How narrow the statement for functions of the repository's own account is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PolicyScope {
    /// Only the one function.
    Function,
    /// Every function of the account in the Region: the condition that Lambda itself writes.
    #[default]
    Account,
    /// Without condition: the minimum of AWS's documentation. Across accounts the documented statement has a
    /// condition, so there it is the same as `Account`.
    None,
}

impl PolicyScope {
    /// The word of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Account => "account",
            Self::None => "none",
        }
    }
}

/// The three statements of AWS's documentation ("Create a Lambda function using a container image").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GrantKind {
    /// Lambda may pull for functions of the repository's account.
    Service,
    /// Lambda may pull for functions of other accounts.
    ServiceAcrossAccounts,
    /// Other accounts may create and update functions from the repository.
    CallerAcrossAccounts,
}

/// What a grant adds: to which statement, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) kind: GrantKind,
    /// The source ARN or account that is granted; none for a statement without condition.
    pub(super) value: Option<String>,
}

impl Grant {
    /// What the Lambda service needs for a request. None when the scope needs a function and there is none.
    pub(super) fn for_service(request: &Request, scope: PolicyScope) -> Option<Self> {
        let any_function = || Some(format!("{}*", request.function_arn_start()));
        let one_function =
            || request.function.as_ref().map(|name| format!("{}{name}", request.function_arn_start()));
        Some(match (request.crosses_accounts(), scope) {
            (false, PolicyScope::None) => Self { kind: GrantKind::Service, value: None },
            (false, PolicyScope::Account) => Self { kind: GrantKind::Service, value: any_function() },
            (false, PolicyScope::Function) => Self { kind: GrantKind::Service, value: Some(one_function()?) },
            (true, PolicyScope::Function) => {
                Self { kind: GrantKind::ServiceAcrossAccounts, value: Some(one_function()?) }
            }
            (true, PolicyScope::Account | PolicyScope::None) => {
                Self { kind: GrantKind::ServiceAcrossAccounts, value: any_function() }
            }
        })
    }

    /// What the account of a request's function needs.
    pub(super) fn for_caller(request: &Request) -> Self {
        Self { kind: GrantKind::CallerAcrossAccounts, value: Some(request.account_root_arn()) }
    }
}

impl GrantKind {
    /// The Sid of AWS's documentation.
    pub(super) fn sid(self) -> &'static str {
        match self {
            Self::Service => "LambdaECRImageRetrievalPolicy",
            Self::ServiceAcrossAccounts => "LambdaECRImageCrossAccountRetrievalPolicy",
            Self::CallerAcrossAccounts => "CrossAccountPermission",
        }
    }

    /// The condition key as Lambda (within an account) and the documentation (across accounts) spell it.
    fn condition_key(self) -> &'static str {
        match self {
            Self::Service | Self::CallerAcrossAccounts => "aws:sourceArn",
            Self::ServiceAcrossAccounts => "aws:sourceARN",
        }
    }

    /// A new statement of this kind, as JSON.
    pub(super) fn statement(self, sid: &str, values: &[String]) -> String {
        let listed = match values {
            [one] => json!(one),
            several => json!(several),
        };
        let principal = match self {
            Self::Service | Self::ServiceAcrossAccounts => json!({ "Service": LAMBDA_SERVICE }),
            Self::CallerAcrossAccounts => json!({ "AWS": listed }),
        };
        let mut statement =
            json!({ "Sid": sid, "Effect": "Allow", "Principal": principal, "Action": PULL_ACTIONS });
        if self != Self::CallerAcrossAccounts && !values.is_empty() {
            statement["Condition"] = json!({ "StringLike": { self.condition_key(): listed } });
        }
        statement.to_string()
    }

    /// The list in a statement that a grant of this kind extends, when the statement is our own: our Sid (or
    /// one that we numbered), and nothing in it that we would not write.
    pub(super) fn extensible_list(self, statement: &Statement) -> Option<&Node> {
        let ours = self.has_our_sid(statement)
            && statement.effect == Effect::Allow
            && statement.resources.is_none()
            && statement.unknown_elements.is_empty()
            && has_our_actions(statement);
        let Listing::Only(principals) = &statement.principals else { return None };
        match self {
            Self::CallerAcrossAccounts => {
                let accounts = principals.iter().all(|one| one.kind == "AWS" && is_account(&one.name));
                let list = statement.node.get("Principal")?.get("AWS")?;
                (ours && accounts && !principals.is_empty() && statement.node.get("Condition").is_none())
                    .then_some(list)
            }
            Self::Service | Self::ServiceAcrossAccounts => {
                let service =
                    principals.iter().all(|one| one.kind == "Service" && one.name == LAMBDA_SERVICE);
                let [condition] = &statement.conditions[..] else { return None };
                let functions = condition.operator == "StringLike"
                    && condition.key.eq_ignore_ascii_case("aws:SourceArn")
                    && condition.values.iter().all(|value| is_functions_arn(value));
                let list = statement.node.get("Condition")?.get("StringLike")?.get(&condition.key)?;
                (ours && service && !principals.is_empty() && functions).then_some(list)
            }
        }
    }

    fn has_our_sid(self, statement: &Statement) -> bool {
        let number = statement.label.sid.as_deref().and_then(|sid| sid.strip_prefix(self.sid()));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// Exactly the two actions of a pull, in any order.
fn has_our_actions(statement: &Statement) -> bool {
    let Listing::Only(actions) = &statement.actions else { return false };
    actions.len() == PULL_ACTIONS.len()
        && PULL_ACTIONS.iter().all(|wanted| actions.iter().any(|action| action.eq_ignore_ascii_case(wanted)))
}

/// A bare account id or the ARN of an account's root.
fn is_account(name: &str) -> bool {
    let twelve_digits = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.split(':').collect::<Vec<_>>()[..] {
        [account] => twelve_digits(account),
        ["arn", _, "iam", "", account, "root"] => twelve_digits(account),
        _ => false,
    }
}

/// `arn:P:lambda:R:A:function:NAME-or-*`
fn is_functions_arn(value: &str) -> bool {
    matches!(value.split(':').collect::<Vec<_>>()[..], ["arn", _, "lambda", _, _, "function", _])
}

/// The JSON of a statement with more values in one of its lists. `text` is the text that both nodes are of.
pub(super) fn extended(text: &str, statement: &Node, list: &Node, values: &[String]) -> String {
    let old = items(list).iter().map(|item| text[item.span.clone()].to_owned());
    let new = values.iter().map(|value| json!(value).to_string());
    let joined = old.chain(new).collect::<Vec<_>>().join(",");
    let (before, after) =
        (&text[statement.span.start..list.span.start], &text[list.span.end..statement.span.end]);
    format!("{before}[{joined}]{after}")
}

/// Whether a list has a value already.
pub(super) fn contains(list: &Node, value: &str) -> bool {
    items(list).iter().any(|item| matches!(&item.value, Value::String(text) if text == value))
}

/// What changes in one of our statements, for a person to review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementChange {
    /// The statement's Sid.
    pub sid: String,
    /// Its JSON before, indented; none when it is new.
    pub before: Option<String>,
    /// Its JSON after, indented.
    pub after: String,
}

impl StatementChange {
    pub(super) fn new(sid: &str, before: Option<&str>, after: &str) -> Self {
        Self { sid: sid.to_owned(), before: before.map(layout::pretty), after: layout::pretty(after) }
    }
}
