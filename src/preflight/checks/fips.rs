//! Lambda does not take FIPS image URIs.

use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "fips",
    requirement: "Lambda does not support the FIPS endpoints of ECR (`ecr-fips`) in an image URI.",
    evidence: "The host in the repository's URI.",
    remedy: "Write the repository with the registry's ordinary host. To push through a FIPS endpoint all the same, give it \
             with `--registry-endpoint`.",
    may_be_allowed: false,
    judge: Judge::Arguments(judge),
};

fn judge(spec: &DeploySpec) -> Vec<Finding> {
    let Some(registry) = spec.repository.registry.as_ref().filter(|registry| registry.fips) else {
        return Vec::new();
    };
    if spec.function.is_none() {
        return Vec::new();
    }
    let ordinary = registry.as_str().replacen("ecr-fips", "ecr", 1);
    vec![Finding::refuse(
        CHECK.id,
        format!("{registry} is a FIPS endpoint, and Lambda does not take FIPS image URIs"),
        format!(
            "use --repository {ordinary}/{name}; to send the bytes through the FIPS endpoint add \
             --registry-endpoint https://{registry}",
            name = spec.repository.name
        ),
    )]
}
