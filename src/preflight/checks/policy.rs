//! The repository's policy lets Lambda pull.

use crate::observe::{Facts, PolicyFacts};
use crate::plan::{DeploySpec, GrantDecision, decide_grant};
use crate::policy::owner_command;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "policy",
    requirement: "The repository's policy must allow the service lambda.amazonaws.com, and for a function in another account that \
                  account too, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer.",
    evidence: "The policy, evaluated as IAM does. What hangs on a condition that cannot be decided is reported as unknown.",
    remedy: "What is missing is added by `deploy` and `lambda-lift policy ensure`. A statement that denies must be changed by its owner.",
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let Some(function) = &facts.function else {
        return Vec::new();
    };
    if let PolicyFacts::Unreadable(error) = &facts.policy {
        let scope = spec.function.as_ref().map(|function| function.policy_scope).unwrap_or_default();
        return vec![Finding::unknown(
            CHECK.id,
            format!("whether the repository's policy lets Lambda pull could not be read: {error}"),
            format!(
                "if the deploy fails for lack of permission, the repository's owner runs: {}",
                owner_command(&facts.registry, &spec.repository.name, &function.account, &function.region, scope)
            ),
        )];
    }
    match decide_grant(spec, facts) {
        GrantDecision::None | GrantDecision::Granted | GrantDecision::Add(_) => Vec::new(),
        GrantDecision::Refused(finding) | GrantDecision::Undecided(finding) => vec![finding],
    }
}
