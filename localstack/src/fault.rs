//! Faults on demand: which calls go wrong, and how.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use crate::calls::CallStart;
use crate::text::matches_wildcard;

/// One rule. The first rule that fits a call and whose turn it is decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The operation's name; `*` and `?` are wildcards.
    pub operation: String,
    /// Only calls of this service, as the log of calls names it: `registry`, `ecr`, `lambda`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only calls of this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only calls about this repository or function; wildcards as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Which of the calls that fit.
    #[serde(default)]
    pub calls: Turn,
    /// How long to wait first.
    #[serde(default)]
    pub delay_milliseconds: u64,
    /// Hold each call until so many of this rule's are held, then let them go on: who asks for one thing after the other
    /// where they could be asked for at once waits forever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<usize>,
    /// What goes wrong; nothing does when there is only a delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
}

impl FaultRule {
    fn fits(&self, call: &CallStart) -> bool {
        let is_about = |wanted: &String| {
            call.resource.as_ref().is_some_and(|resource| matches_wildcard(wanted, resource))
        };
        matches_wildcard(&self.operation, &call.operation)
            && self.service.as_ref().is_none_or(|wanted| *wanted == call.service)
            && self.account.as_ref().is_none_or(|wanted| *wanted == call.account)
            && self.resource.as_ref().is_none_or(is_about)
    }
}

/// Which of the calls that fit a rule it applies to, counted from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// All of them.
    #[default]
    Every,
    /// Only the n-th.
    Nth(u64),
    /// The first n.
    First(u64),
    /// All after the first n.
    After(u64),
    /// From the first of these to the last, both included.
    Between(u64, u64),
}

impl Turn {
    fn includes(&self, count: u64) -> bool {
        match *self {
            Turn::Every => true,
            Turn::Nth(nth) => count == nth,
            Turn::First(first) => count <= first,
            Turn::After(after) => count > after,
            Turn::Between(first, last) => (first..=last).contains(&count),
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The operation is not performed; this error is the answer.
    Error(ErrorAnswer),
    /// The operation is not performed; the service's own throttling error is the answer.
    Throttle,
    /// The operation is not performed; the service's own access-denied error is the answer.
    Deny,
    /// The operation is not performed; the answer says that the token has expired.
    ExpiredToken,
    /// Neither performed nor ever answered. The connection stays open.
    Stall,
    /// The connection is closed in good order, but without an answer; nothing is performed.
    Close,
    /// The connection is reset.
    Reset(ResetMoment),
    /// The operation is performed, but only half of the answer's body is sent.
    HalfResponse,
}

impl Effect {
    /// The name under which the call log mentions it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Effect::Error(_) => "error",
            Effect::Throttle => "throttle",
            Effect::Deny => "deny",
            Effect::ExpiredToken => "expired_token",
            Effect::Stall => "stall",
            Effect::Close => "close",
            Effect::Reset(ResetMoment::BeforeBody) => "reset_before_body",
            Effect::Reset(ResetMoment::MidBody) => "reset_mid_body",
            Effect::Reset(ResetMoment::After) => "reset_after",
            Effect::HalfResponse => "half_response",
        }
    }
}

/// When a connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetMoment {
    /// Before the body is read; nothing is performed.
    BeforeBody,
    /// In the middle of the body; what an upload had received by then may stay.
    MidBody,
    /// After the operation was performed: a timeout after success.
    After,
}

/// An error that a fault answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorAnswer {
    /// HTTP status.
    pub status: u16,
    /// The error's code, in the service's own shape.
    #[serde(default)]
    pub code: String,
    /// The error's message.
    #[serde(default)]
    pub message: String,
    /// Further headers, such as `Retry-After`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A body to send as it is, in the place of code and message: proxies answer with HTML, for example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl ErrorAnswer {
    /// An error with nothing beside its status, code and message.
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            headers: BTreeMap::new(),
            body: None,
        }
    }
}

/// What a rule decided for one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) delay_milliseconds: u64,
    pub(crate) together: Option<Gathering>,
    pub(crate) effect: Option<Effect>,
}

/// Where calls of a rule wait for each other.
#[derive(Debug, Clone)]
pub(crate) struct Gathering(Arc<Barrier>);

impl Gathering {
    fn of(rule: &FaultRule) -> Option<Self> {
        rule.together.map(|calls| Self(Arc::new(Barrier::new(calls))))
    }

    /// Waits for the others.
    pub(crate) async fn wait(&self) {
        self.0.wait().await;
    }
}

impl PartialEq for Gathering {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gathering {}

/// A rule, how many calls it has seen, and where they wait for each other.
type Kept = (FaultRule, u64, Option<Gathering>);

/// The rules, with how many calls each has seen.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    rules: Mutex<Vec<Kept>>,
}

impl FaultBook {
    pub(crate) fn new(rules: Vec<FaultRule>) -> Self {
        let book = FaultBook::default();
        book.replace(rules);
        book
    }

    /// Replaces all rules; counting begins anew.
    pub(crate) fn replace(&self, rules: Vec<FaultRule>) {
        let kept = |rule: FaultRule| {
            let together = Gathering::of(&rule);
            (rule, 0, together)
        };
        *self.lock() = rules.into_iter().map(kept).collect();
    }

    /// The rules as they are.
    pub(crate) fn rules(&self) -> Vec<FaultRule> {
        self.lock().iter().map(|(rule, ..)| rule.clone()).collect()
    }

    /// Counts a call, and says what goes wrong with it.
    ///
    /// Every rule that fits counts the call, also when an earlier rule decides.
    pub(crate) fn decide(&self, call: &CallStart) -> Option<Fault> {
        let mut decided = None;
        for (rule, count, together) in self.lock().iter_mut() {
            if !rule.fits(call) {
                continue;
            }
            *count += 1;
            if decided.is_none() && rule.calls.includes(*count) {
                decided = Some(Fault {
                    delay_milliseconds: rule.delay_milliseconds,
                    together: together.clone(),
                    effect: rule.effect.clone(),
                });
            }
        }
        decided
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(operation: &str, calls: Turn) -> FaultRule {
        FaultRule {
            operation: operation.to_owned(),
            calls,
            effect: Some(Effect::Throttle),
            ..FaultRule::default()
        }
    }

    fn call(operation: &str, account: &str, resource: Option<&str>) -> CallStart {
        CallStart {
            operation: operation.to_owned(),
            service: "registry".to_owned(),
            account: account.to_owned(),
            resource: resource.map(str::to_owned),
            ..CallStart::default()
        }
    }

    #[test]
    fn a_rule_takes_the_calls_whose_turn_it_is() {
        for (turn, expected) in [
            (Turn::Every, [true, true, true]),
            (Turn::Nth(2), [false, true, false]),
            (Turn::First(2), [true, true, false]),
            (Turn::After(1), [false, true, true]),
            (Turn::Between(2, 3), [false, true, true]),
        ] {
            let book = FaultBook::new(vec![rule("UploadPart", turn.clone())]);
            assert_eq!(book.decide(&call("HeadBlob", "1", None)), None);
            let found = expected.map(|_| book.decide(&call("UploadPart", "1", None)).is_some());
            assert_eq!(found, expected, "{turn:?}");
        }
    }

    #[test]
    fn account_and_resource_narrow_a_rule() {
        let mut narrow = rule("*", Turn::Every);
        narrow.account = Some("1".to_owned());
        narrow.resource = Some("team/*".to_owned());
        let book = FaultBook::new(vec![narrow]);
        assert!(book.decide(&call("PutManifest", "1", Some("team/app"))).is_some());
        assert!(book.decide(&call("PutManifest", "2", Some("team/app"))).is_none());
        assert!(book.decide(&call("PutManifest", "1", Some("app"))).is_none());
        assert!(book.decide(&call("PutManifest", "1", None)).is_none());
        let of_ecr = FaultRule { service: Some("ecr".to_owned()), ..rule("*", Turn::Every) };
        assert!(FaultBook::new(vec![of_ecr]).decide(&call("PutManifest", "1", None)).is_none());
    }

    #[test]
    fn rules_are_read_as_the_readme_writes_them() {
        let text = r#"[
            {"operation": "UploadPart", "calls": {"nth": 2}, "effect": {"reset": "mid_body"}},
            {"operation": "PutManifest", "calls": {"first": 3},
             "effect": {"error": {"status": 503, "code": "X", "message": "m", "headers": {"Retry-After": "1"}}}},
            {"operation": "*", "account": "111122223333", "effect": "deny"},
            {"operation": "UpdateFunctionCode", "delay_milliseconds": 20},
            {"operation": "*", "service": "registry", "calls": {"between": [4, 6]}, "effect": "close"}
        ]"#;
        let rules: Vec<FaultRule> = serde_json::from_str(text).unwrap();
        assert_eq!(rules[0].effect, Some(Effect::Reset(ResetMoment::MidBody)));
        assert_eq!(rules[2].effect, Some(Effect::Deny));
        assert_eq!(rules[3].effect, None);
        assert_eq!((&rules[4].calls, &rules[4].effect), (&Turn::Between(4, 6), &Some(Effect::Close)));
        let again: Vec<FaultRule> = serde_json::from_str(&serde_json::to_string(&rules).unwrap()).unwrap();
        assert_eq!(again, rules);
        assert!(serde_json::from_str::<Vec<FaultRule>>(r#"[{"operation": "A", "efect": "deny"}]"#).is_err());
    }
}
