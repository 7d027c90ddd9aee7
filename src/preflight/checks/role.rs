//! A new function needs an execution role of its own account.

use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "role",
    requirement: "A function is created with an execution role, and the role is in the function's account.",
    evidence: "`--role` or Role in the function file, and the account of the credentials.",
    remedy: "Give `--role arn:aws:iam::ACCOUNT:role/NAME`.",
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let (Some(wanted), Some(function)) = (&spec.function, &facts.function) else {
        return Vec::new();
    };
    match wanted.role() {
        None if function.live.is_none() => vec![Finding::refuse(
            CHECK.id,
            format!("function {} does not exist, and no execution role was given to create it with", wanted.name),
            "add --role arn:aws:iam::ACCOUNT:role/NAME; the role must trust lambda.amazonaws.com, and you need iam:PassRole on it",
        )],
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
