//! The live function is in a state that can be updated.

use crate::function::{Settled, judge as settled};
use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "function-state",
    requirement: "The function is Active with its last update Successful. While it is Pending or InProgress changes wait; a \
                  failed or idle function can be updated, and is reported.",
    evidence: "State and LastUpdateStatus of the live function.",
    remedy: "As the reason code says.",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(_: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let Some(live) = facts.function.as_ref().and_then(|function| function.live.as_ref()) else {
        return Vec::new();
    };
    match settled(&live.state) {
        Settled::Ready => Vec::new(),
        Settled::Busy { state } => {
            vec![Finding::info(
                CHECK.id,
                format!("the function is busy ({state}); changes wait until it is not"),
            )]
        }
        Settled::Inactive { state } => {
            let message = format!(
                "the function is idle ({state}); its first invocation will be refused while it wakes up"
            );
            vec![Finding::info(CHECK.id, message)]
        }
        Settled::Failed(failure) => {
            let hint = failure.hint.clone().unwrap_or_else(|| "this deploy may mend it".to_owned());
            vec![Finding::warn(CHECK.id, failure.to_string(), hint)]
        }
    }
}
