//! The live function is in a state that can be updated.

use crate::function::{Settled, settled};
use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "function-state",
    requirement: "The function is Active with its last update Successful. While it is Pending or InProgress changes wait; a \
                  failed or idle function can be updated, and is reported.",
    evidence: "State and LastUpdateStatus of the live function.",
    remedy: "As the reason code says.",
    judge: Judge::Facts(judge),
};

fn judge(_: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let Some(live) = facts.function.as_ref().and_then(|function| function.live.as_ref()) else {
        return Vec::new();
    };
    match settled(&live.state) {
        Settled::Ready => Vec::new(),
        Settled::Busy { state } => {
            vec![Finding::info(CHECK.id, format!("the function is busy ({state}); changes wait until it is not"))]
        }
        Settled::Inactive { message, hint } | Settled::Failed { message, hint, .. } => {
            vec![Finding::warn(CHECK.id, message, hint)]
        }
    }
}
