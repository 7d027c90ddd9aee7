//! The grammar of a repository policy, as `SetRepositoryPolicy` enforces it, and the way ECR writes one back.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::partition::is_account;

/// The longest policy text.
const LONGEST: usize = 10_240;

/// Registry-wide actions, which no repository's policy may speak of.
const NOT_OF_REPOSITORIES: [&str; 2] = ["ecr:getauthorizationtoken", "ecr:describeregistry"];

/// Checks a policy's text against length and grammar.
pub(crate) fn check(text: &str) -> Result<(), Refusal> {
    if text.chars().count() > LONGEST {
        return Err(Refusal::invalid("policyText", "must have length less than or equal to 10240"));
    }
    let value: Value = serde_json::from_str(text).map_err(|_| invalid_policy())?;
    let document = value.as_object().ok_or_else(invalid_policy)?;
    check_document(document).ok_or_else(invalid_policy)?;
    if statements(document).iter().any(|statement| names_unknown_principal(statement)) {
        return Err(Refusal::invalid("PolicyText", "Principal not found"));
    }
    Ok(())
}

fn invalid_policy() -> Refusal {
    Refusal::invalid("PolicyText", "Invalid repository policy provided")
}

fn statements(document: &Map<String, Value>) -> Vec<&Value> {
    match document.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement) => vec![statement],
        None => Vec::new(),
    }
}

fn check_document(document: &Map<String, Value>) -> Option<()> {
    let version = document.get("Version");
    let known_version = version.is_none_or(|version| version == "2012-10-17" || version == "2008-10-17");
    let known_members = document.keys().all(|key| matches!(key.as_str(), "Version" | "Id" | "Statement"));
    let statements = statements(document);
    let mut sids: Vec<&str> = statements
        .iter()
        .filter_map(|statement| statement.get("Sid")?.as_str())
        .filter(|sid| !sid.is_empty())
        .collect();
    let count = sids.len();
    sids.sort_unstable();
    sids.dedup();
    let sound = known_version && known_members && !statements.is_empty() && sids.len() == count;
    sound.then_some(())?;
    statements.into_iter().try_for_each(check_statement)
}

fn check_statement(statement: &Value) -> Option<()> {
    let statement = statement.as_object()?;
    // `Resource` is not among them: a repository's policy speaks of that repository only.
    let known = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition"];
    let known_members = statement.keys().all(|key| known.contains(&key.as_str()));
    let effect = statement.get("Effect")?.as_str()?;
    let sid = statement.get("Sid").is_none_or(Value::is_string);
    (known_members && sid && matches!(effect, "Allow" | "Deny")).then_some(())?;
    check_principal(one_of(statement, "Principal", "NotPrincipal")?)?;
    check_actions(one_of(statement, "Action", "NotAction")?)?;
    statement.get("Condition").map_or(Some(()), check_condition)
}

/// Exactly one of two members.
fn one_of<'a>(statement: &'a Map<String, Value>, one: &str, other: &str) -> Option<&'a Value> {
    match (statement.get(one), statement.get(other)) {
        (Some(value), None) | (None, Some(value)) => Some(value),
        _ => None,
    }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(values) if !values.is_empty() => values.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn check_principal(principal: &Value) -> Option<()> {
    let kinds = match principal {
        Value::String(text) => return (text == "*").then_some(()),
        Value::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return None,
    };
    for (kind, names) in kinds {
        let names = texts(names)?;
        let sound = match kind.as_str() {
            "AWS" => names.iter().all(|name| is_aws_principal(name)),
            "Service" => names.iter().all(|name| name.contains('.') && name.contains("amazonaws")),
            "Federated" => true,
            _ => false,
        };
        sound.then_some(())?;
    }
    Some(())
}

/// `*`, an account, or an ARN of an account's root, user, role or session. Partial wildcards are none of these.
fn is_aws_principal(name: &str) -> bool {
    if name == "*" || is_account(name) || is_unique_id(name) {
        return true;
    }
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    let &["arn", partition, service @ ("iam" | "sts"), "", account, who] = parts.as_slice() else {
        return false;
    };
    let known = who == "root"
        || ["user/", "role/", "assumed-role/", "federated-user/"].iter().any(|kind| who.starts_with(kind));
    !partition.is_empty()
        && is_account(account)
        && known
        && !who.contains('*')
        && (service == "sts" || !who.starts_with("assumed"))
}

/// What the ARN of a deleted user or role turns into.
fn is_unique_id(name: &str) -> bool {
    (name.starts_with("AIDA") || name.starts_with("AROA"))
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn names_unknown_principal(statement: &Value) -> bool {
    let principal = statement.get("Principal").or_else(|| statement.get("NotPrincipal"));
    let named = principal.and_then(|principal| texts(principal.get("AWS")?));
    named.is_some_and(|names| names.iter().any(|name| is_unique_id(name)))
}

fn check_actions(actions: &Value) -> Option<()> {
    let sound = texts(actions)?.iter().all(|action| {
        let action = action.to_ascii_lowercase();
        (action == "*" || action.starts_with("ecr:")) && !NOT_OF_REPOSITORIES.contains(&action.as_str())
    });
    sound.then_some(())
}

/// Operators, each with keys, each with one value or several.
fn check_condition(condition: &Value) -> Option<()> {
    let scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let sound = condition.as_object()?.values().all(|keys| {
        keys.as_object().is_some_and(|keys| {
            keys.values().all(|value| {
                scalar(value) || value.as_array().is_some_and(|values| values.iter().all(scalar))
            })
        })
    });
    sound.then_some(())
}

/// The text as ECR gives it back: its own spacing, and bare account ids as ARNs.
pub(crate) fn reformatted(text: &str) -> Option<String> {
    let mut document: Value = serde_json::from_str(text).ok()?;
    match document.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.iter_mut().for_each(spell_out_accounts),
        Some(statement) => spell_out_accounts(statement),
        None => {}
    }
    let mut written = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut written, Spaced(PrettyFormatter::new()));
    document.serialize(&mut serializer).ok()?;
    String::from_utf8(written).ok()
}

fn spell_out_accounts(statement: &mut Value) {
    for member in ["Principal", "NotPrincipal"] {
        let Some(names) = statement.get_mut(member).and_then(|principal| principal.get_mut("AWS")) else {
            continue;
        };
        let names = match names {
            Value::Array(names) => names.iter_mut().collect(),
            name => vec![name],
        };
        for name in names {
            if let Some(account) = name.as_str().filter(|name| is_account(name)) {
                *name = Value::String(format!("arn:aws:iam::{account}:root"));
            }
        }
    }
}

/// Two blanks of indentation, and a blank on either side of a colon.
struct Spaced(PrettyFormatter<'static>);

impl Formatter for Spaced {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b" : ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(statement: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
    }

    #[test]
    fn documented_policies_are_taken() {
        for statement in [
            r#"{"Sid":"LambdaECRImageRetrievalPolicy","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},
                "Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],
                "Condition":{"StringLike":{"aws:sourceArn":"arn:aws:lambda:eu-west-1:123456789012:function:*"}}}"#,
            r#"{"Effect":"Allow","Principal":{"AWS":["123456789012","arn:aws:iam::111122223333:root"]},"Action":"ecr:*"}"#,
            r#"{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:role/a/b"},"NotAction":"ecr:Delete*"}"#,
            r#"{"Effect":"Deny","Principal":"*","Action":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}"#,
        ] {
            assert_eq!(check(&with(statement)), Ok(()), "{statement}");
        }
    }

    #[test]
    fn what_is_no_repository_policy_is_refused_with_one_text() {
        let allow = r#""Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage""#;
        let long = with(&format!(r#"{{{allow},"Sid":"{}"}}"#, "x".repeat(LONGEST)));
        assert!(check(&long).unwrap_err().message.contains("10240"));
        for text in [
            String::new(),
            "[]".into(),
            "{}".into(),
            r#"{"Statement":[]}"#.into(),
            with(&format!(r#"{{{allow},"Resource":"*"}}"#)),
            with(r#"{"Effect":"Permit","Principal":"*","Action":"ecr:*"}"#),
            with(r#"{"Effect":"Allow","Action":"ecr:*"}"#),
            with(r#"{"Effect":"Allow","Principal":"*"}"#),
            with(r#"{"Effect":"Allow","Principal":"*","NotPrincipal":"*","Action":"ecr:*"}"#),
            with(r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:*"},"Action":"ecr:*"}"#),
            with(r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}"#),
            with(r#"{"Effect":"Allow","Principal":"*","Action":"ecr:GetAuthorizationToken"}"#),
            with(r#"{"Effect":"Allow","Principal":"*","Action":[]}"#),
            with(&format!(r#"{{{allow},"Condition":{{"StringLike":"x"}}}}"#)),
            with(&format!(r#"{{{allow},"Sid":"a"}},{{{allow},"Sid":"a"}}"#)),
            format!(r#"{{"Version":"2020-01-01","Statement":{{{allow}}}}}"#),
        ] {
            let refusal = check(&text).unwrap_err();
            assert!(
                refusal.message.ends_with("'Invalid repository policy provided'"),
                "{text}: {}",
                refusal.message
            );
        }
    }

    #[test]
    fn a_deleted_principal_is_not_found() {
        let text = with(r#"{"Effect":"Allow","Principal":{"AWS":"AIDACKCEVSQ6C2EXAMPLE"},"Action":"ecr:*"}"#);
        assert!(check(&text).unwrap_err().message.ends_with("'Principal not found'"));
    }

    #[test]
    fn a_policy_reads_back_in_the_services_own_hand() {
        let text =
            r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["ecr:*"]}}"#;
        let expected = "{\n  \"Statement\" : {\n    \"Effect\" : \"Allow\",\n    \"Principal\" : {\n      \"AWS\" : \
                        \"arn:aws:iam::111122223333:root\"\n    },\n    \"Action\" : [\n      \"ecr:*\"\n    ]\n  }\n}";
        assert_eq!(reformatted(text).unwrap(), expected);
        assert_eq!(reformatted("not json"), None);
    }
}
