//! What is known of a request's condition keys (facts, how a policy is evaluated, rule 8).

use std::collections::BTreeMap;

use super::request::Request;

/// What is known of one condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// The request certainly does not carry the key.
    Absent,
    /// It may or may not carry it, with any value.
    Undecided,
    /// It carries this.
    Value(Text),
}

/// A value, known whole or up to the name of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) start: String,
    /// Whether some function's name, not known, follows the start.
    pub(super) then_any_name: bool,
}

impl Text {
    fn whole(text: impl Into<String>) -> Self {
        Self { start: text.into(), then_any_name: false }
    }
}

/// The condition keys of one request, by their names in lower case (names are case-insensitive).
#[derive(Debug, Clone)]
pub(super) struct Context(BTreeMap<String, Known>);

impl Context {
    /// Lambda itself pulls the image for the function.
    pub(super) fn of_service(request: &Request) -> Self {
        let source_arn = match &request.function {
            Some(name) => Text::whole(format!("{}{name}", request.function_arn_start())),
            None => Text { start: request.function_arn_start(), then_any_name: true },
        };
        Self::new(
            request,
            [
                ("aws:SourceArn", Known::Value(source_arn)),
                ("aws:SourceAccount", Known::Value(Text::whole(request.account.as_str()))),
                ("aws:PrincipalIsAWSService", Known::Value(Text::whole("true"))),
                ("aws:SecureTransport", Known::Value(Text::whole("true"))),
                // A service is no member of an organization: the pitfall of many a Deny statement.
                ("aws:PrincipalOrgID", Known::Absent),
                ("aws:PrincipalOrgPaths", Known::Absent),
            ],
        )
    }

    /// Someone of the function's account creates or updates the function.
    pub(super) fn of_caller(request: &Request) -> Self {
        // The session of a role does not tell the role's path, so its aws:PrincipalArn stays open.
        let principal_arn = match &request.caller_arn {
            Some(arn) if arn.contains(":iam:") => Known::Value(Text::whole(arn)),
            _ => Known::Undecided,
        };
        Self::new(
            request,
            [
                // These two are there only when a service asks by itself (IAM guide, global condition keys).
                ("aws:SourceArn", Known::Absent),
                ("aws:SourceAccount", Known::Absent),
                ("aws:PrincipalAccount", Known::Value(Text::whole(request.account.as_str()))),
                ("aws:PrincipalArn", principal_arn),
                ("aws:PrincipalIsAWSService", Known::Value(Text::whole("false"))),
                ("aws:SecureTransport", Known::Value(Text::whole("true"))),
            ],
        )
    }

    fn new<const COUNT: usize>(request: &Request, documented: [(&str, Known); COUNT]) -> Self {
        let vouched =
            request.context.iter().map(|(key, value)| (key.as_str(), Known::Value(Text::whole(value))));
        let lower = |(key, known): (&str, Known)| (key.to_ascii_lowercase(), known);
        let decided = documented.into_iter().filter(|(_, known)| *known != Known::Undecided);
        Self(vouched.chain(decided).map(lower).collect())
    }

    /// What is known of a key, whatever the case it is written in.
    pub(super) fn lookup(&self, key: &str) -> &Known {
        self.0.get(&key.to_ascii_lowercase()).unwrap_or(&Known::Undecided)
    }
}
