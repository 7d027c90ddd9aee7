//! The repository's policy lets Lambda pull.

use crate::observe::{Facts, PolicyFacts};
use crate::plan::{DeploySpec, GrantDecision, decide_grant, owner_instructions};
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "policy",
    requirement: "The repository's policy must allow the service lambda.amazonaws.com, and for a function in another account that \
                  account too, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer.",
    evidence: "The policy, evaluated as IAM does. What hangs on a condition that cannot be decided is reported as unknown.",
    remedy: "What is missing is added by `deploy` and `lambda-lift policy ensure`. A statement that denies must be changed by its owner.",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    if let (PolicyFacts::Unreadable(error), Some(instructions)) =
        (&facts.policy, owner_instructions(spec, facts))
    {
        let message = format!("whether the repository's policy lets Lambda pull could not be read: {error}");
        let hint = format!("if the deploy fails for lack of permission, {instructions}");
        return vec![Finding::unknown(CHECK.id, message, hint)];
    }
    match decide_grant(spec, facts) {
        GrantDecision::None | GrantDecision::Granted | GrantDecision::Add(_) => Vec::new(),
        GrantDecision::Refused(why) => vec![Finding::refuse(CHECK.id, why.message, why.hint)],
        GrantDecision::Undecided(why) => vec![Finding::unknown(CHECK.id, why.message, why.hint)],
    }
}
