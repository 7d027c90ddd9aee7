//! The credentials are for the function's account.

use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "account",
    requirement: "Lambda's calls go to the account of the credentials, so a function ARN of another account cannot be deployed \
                  with them.",
    evidence: "The account in the function's ARN and the answer of STS GetCallerIdentity.",
    remedy: "Use credentials of the function's account (`--profile`); the repository may stay in another account \
             (`--repository` with its full URI).",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let wanted = spec.function.as_ref().and_then(|function| function.account.as_ref());
    match wanted {
        Some(account) if *account != facts.caller.account => vec![Finding::refuse(
            CHECK.id,
            format!(
                "the function is in account {account}, the credentials are for account {}",
                facts.caller.account
            ),
            format!("use credentials of account {account} (--profile NAME, or an assumed role)"),
        )],
        _ => Vec::new(),
    }
}
