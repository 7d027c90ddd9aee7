//! How the stand-in's Lambda behaves where the real one's behaviour varies: times, limits and mishaps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::Doubt;

use super::runner::Runner;

/// What [`Lambda::new`](super::Lambda::new) needs to know. `LambdaSettings::default()` is a good start.
#[derive(Debug, Clone)]
pub struct LambdaSettings {
    /// From CreateFunction until the function is Active or Failed.
    pub create_settle: Duration,
    /// From an update of code or configuration until it is Successful or Failed.
    pub update_settle: Duration,
    /// From the publication of a version until it is Active. Zero: the version is Active at once, as it often
    /// is when the function itself has settled.
    pub publish_settle: Duration,
    /// From PutProvisionedConcurrencyConfig until READY.
    pub provision_settle: Duration,
    /// How long a role that was not seen before cannot be assumed by Lambda. Zero: never.
    pub role_propagation: Duration,
    /// Roles (ARNs) that Lambda can never assume.
    pub unassumable_roles: Vec<String>,
    /// Whether Lambda adds the missing statement to the repository's policy itself, as it does for a caller of
    /// the same account who may set the policy.
    pub patch_policy: bool,
    /// What happens where a policy's condition cannot be decided.
    pub doubt: Doubt,
    /// Whether layers compressed with zstd are taken. Nobody has seen whether AWS takes them.
    pub zstd_layers: bool,
    /// Calls a second; none by default.
    pub rate_limits: Option<RateLimits>,
    /// The account's concurrent executions.
    pub concurrency_limit: u64,
    /// What Invoke answers, by function name; nothing is run then.
    pub answers: BTreeMap<String, CannedAnswer>,
    /// Who runs functions whose answer is not written down. Without one Invoke answers the payload.
    pub runner: Option<Arc<dyn Runner>>,
    /// What goes wrong, in order: each is used up by the first calls that it fits.
    pub inject: Vec<Injection>,
}

impl Default for LambdaSettings {
    fn default() -> Self {
        LambdaSettings {
            create_settle: Duration::from_millis(40),
            update_settle: Duration::from_millis(30),
            publish_settle: Duration::from_millis(20),
            provision_settle: Duration::from_millis(20),
            role_propagation: Duration::ZERO,
            unassumable_roles: Vec::new(),
            patch_policy: false,
            doubt: Doubt::default(),
            zstd_layers: false,
            rate_limits: None,
            concurrency_limit: 1000,
            answers: BTreeMap::new(),
            runner: None,
            inject: Vec::new(),
        }
    }
}

/// How many calls of an account in a Region are let through each second. Invoke is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimits {
    /// GetFunction alone.
    pub get_function: u32,
    /// All other calls together.
    pub others: u32,
}

impl RateLimits {
    /// AWS's quotas.
    pub const AWS: RateLimits = RateLimits { get_function: 100, others: 15 };
}

/// What Invoke answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CannedAnswer {
    /// The payload, any JSON.
    pub payload: serde_json::Value,
    /// Whether the payload is a function's error: the answer says `X-Amz-Function-Error: Unhandled`.
    #[serde(default)]
    pub error: bool,
}

/// Something that goes wrong with a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    /// The function's name; `*` is any.
    pub function: String,
    /// What goes wrong.
    pub mishap: Mishap,
    /// How many calls it goes wrong for.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// What can go wrong with a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mishap {
    /// The next CreateFunction ends Failed.
    CreateFails(Reason),
    /// The next update of code or configuration ends Failed.
    UpdateFails(Reason),
    /// The next version that is published ends Failed.
    PublishFails(Reason),
    /// The function is found Inactive, as after weeks without an invocation.
    GoesIdle,
}

/// Why a function, version or update is not well: a reason code of the API, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Such as `InvalidImage`.
    pub code: String,
    /// What AWS says.
    pub text: String,
}

impl Reason {
    pub(super) fn new(code: &str, text: impl Into<String>) -> Self {
        Reason { code: code.to_owned(), text: text.into() }
    }

    /// What Lambda says while it prepares a function or an update.
    pub(super) fn creating() -> Self {
        Reason::new("Creating", "The function is being created.")
    }
}
