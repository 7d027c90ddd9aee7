//! The `Condition` element: operators AND, keys AND, values OR.

use std::ops::Not;

use serde_json::Value;

use super::puller::{Fact, Puller};
use super::wildcard::{fits, fits_arn};

/// The outcome of a test that can stay open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    Open,
}

impl Match {
    /// Both must hold.
    pub(super) fn and(self, other: Match) -> Match {
        match (self, other) {
            (Match::No, _) | (_, Match::No) => Match::No,
            (Match::Yes, Match::Yes) => Match::Yes,
            _ => Match::Open,
        }
    }

    /// One is enough.
    pub(super) fn or(self, other: Match) -> Match {
        !(!self).and(!other)
    }
}

impl Not for Match {
    type Output = Match;

    fn not(self) -> Match {
        match self {
            Match::Yes => Match::No,
            Match::No => Match::Yes,
            Match::Open => Match::Open,
        }
    }
}

impl From<bool> for Match {
    fn from(holds: bool) -> Self {
        if holds { Match::Yes } else { Match::No }
    }
}

/// A value or a list of values, as texts. Anything else makes the entry open.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        other => one(other).map(|text| vec![text]),
    }
}

/// Whether every entry of a `Condition` element holds.
pub(super) fn holds(condition: Option<&Value>, puller: &Puller<'_>) -> Match {
    let Some(condition) = condition else { return Match::Yes };
    let Some(operators) = condition.as_object() else { return Match::Open };
    let mut all = Match::Yes;
    for (operator, keys) in operators {
        let Some(keys) = keys.as_object() else { return Match::Open };
        for (key, values) in keys {
            let entry = texts(values).map_or(Match::Open, |values| entry(operator, key, &values, puller));
            all = all.and(entry);
        }
    }
    all
}

fn entry(operator: &str, key: &str, values: &[String], puller: &Puller<'_>) -> Match {
    let operator = operator.to_ascii_lowercase();
    let (set, operator) = match operator.split_once(':') {
        Some((set, operator)) => (Some(set), operator),
        None => (None, operator.as_str()),
    };
    let (operator, if_exists) = match operator.strip_suffix("ifexists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let fact = puller.fact(key);
    if operator == "null" {
        let wants_absent = values.iter().any(|value| value.eq_ignore_ascii_case("true"));
        return match fact {
            Fact::Unknown => Match::Open,
            Fact::Absent => wants_absent.into(),
            Fact::Known(_) => (!wants_absent).into(),
        };
    }
    let negated = operator.contains("not");
    match fact {
        Fact::Unknown => Match::Open,
        Fact::Absent if if_exists => Match::Yes,
        Fact::Absent => match set {
            Some("forallvalues") => Match::Yes,
            Some("foranyvalue") => Match::No,
            _ => negated.into(),
        },
        Fact::Known(fact) => {
            let found =
                values.iter().fold(Match::No, |found, value| found.or(compare(operator, value, &fact)));
            if negated { !found } else { found }
        }
    }
}

/// Whether one value fits, the operator's negation left aside.
fn compare(operator: &str, value: &str, fact: &str) -> Match {
    // A policy variable stands for something that only the real request knows.
    if value.contains("${") {
        return Match::Open;
    }
    match operator {
        "stringequals" | "stringnotequals" => (value == fact).into(),
        "stringequalsignorecase" | "stringnotequalsignorecase" => value.eq_ignore_ascii_case(fact).into(),
        "stringlike" | "stringnotlike" => fits(value, fact).into(),
        "arnequals" | "arnlike" | "arnnotequals" | "arnnotlike" => fits_arn(value, fact).into(),
        "bool" => value.eq_ignore_ascii_case(fact).into(),
        _ => Match::Open,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FUNCTION: Puller<'static> = Puller::Service {
        function_arn: "arn:aws:lambda:eu-west-1:111122223333:function:app",
        account: "111122223333",
    };

    #[test]
    fn operators_follow_iam() {
        use Match::{No, Open, Yes};
        for (condition, expected) in [
            (json!({}), Yes),
            (json!({"StringEquals": {"AWS:sourceACCOUNT": "111122223333"}}), Yes),
            (json!({"StringEquals": {"aws:SourceAccount": ["1", "111122223333"]}}), Yes),
            (json!({"StringNotEquals": {"aws:SourceAccount": ["1", "111122223333"]}}), No),
            (
                json!({"StringEquals": {"aws:SourceArn": "arn:aws:lambda:eu-west-1:111122223333:function:*"}}),
                No,
            ),
            (json!({"StringLike": {"aws:SourceArn": "arn:aws:lambda:*:app"}}), Yes),
            (json!({"ArnEquals": {"aws:SourceArn": "arn:aws:lambda:*:111122223333:function:*"}}), Yes),
            (json!({"ArnLike": {"aws:SourceArn": "arn:aws:lambda:*:app"}}), No),
            (
                json!({"StringEqualsIgnoreCase": {"aws:SourceArn": "ARN:aws:lambda:eu-west-1:111122223333:function:APP"}}),
                Yes,
            ),
            (json!({"Bool": {"aws:SecureTransport": true}}), Yes),
            (json!({"Bool": {"aws:SecureTransport": "false"}}), No),
            (json!({"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}), No),
            (json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), No),
            (json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}), Yes),
            (json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}), Yes),
            (json!({"Null": {"aws:PrincipalOrgID": "true"}}), Yes),
            (json!({"Null": {"aws:SourceArn": "true"}}), No),
            (json!({"Null": {"aws:SourceArn": false}}), Yes),
            (json!({"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1"}}), Yes),
            (json!({"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-1"}}), No),
            (json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), Open),
            (json!({"StringEquals": {"aws:SourceOrgID": "o-1"}}), Open),
            (json!({"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}), Open),
            (json!({"StringResembles": {"aws:SourceAccount": "1"}}), Open),
            (json!({"StringEquals": {"aws:SourceAccount": {"a": 1}}}), Open),
            (json!([]), Open),
            (json!({"StringEquals": {"aws:SourceOrgID": "o-1", "aws:SourceAccount": "2"}}), No),
        ] {
            assert_eq!(holds(Some(&condition), &FUNCTION), expected, "{condition}");
        }
    }
}
