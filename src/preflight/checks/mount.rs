//! Repositories to mount from must be in the registry that is pushed to.

use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "mount",
    requirement: "Amazon ECR takes a layer over from another repository only within one registry: one account, one Region.",
    evidence: "The account and the Region in each --mount-from, beside those of the repository.",
    remedy: "Name repositories of the same registry; layers of others are sent.",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(_: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let told = |source: &crate::name::RepositoryRef| {
        let host = source.registry.as_ref().map(ToString::to_string).unwrap_or_default();
        Finding::warn(
            CHECK.id,
            format!(
                "nothing can be mounted from {} of {host}: the image goes to {}",
                source.name, facts.registry
            ),
            "leave it out, or name a repository of the same account and Region",
        )
    };
    facts.image.mount.elsewhere.iter().map(told).collect()
}
