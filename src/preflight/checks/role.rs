//! The execution role is in the function's account.

use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "role",
    requirement: "The execution role is in the function's account.",
    evidence: "`--role` or Role in the function file, and the account of the credentials.",
    remedy: "Give `--role arn:aws:iam::ACCOUNT:role/NAME`.",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let (Some(wanted), Some(function)) = (&spec.function, &facts.function) else {
        return Vec::new();
    };
    match wanted.role() {
        Some(role) if role.account().is_some_and(|account| account != function.account) => {
            vec![Finding::refuse(
                CHECK.id,
                format!("role {role} is in another account than the function ({})", function.account),
                format!("use a role of account {}", function.account),
            )]
        }
        _ => Vec::new(),
    }
}
