//! A zip function stays a zip function.

use crate::cloud::PackageType;
use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "package-type",
    requirement: "The deployment package type (.zip or container image) of an existing function cannot be changed.",
    evidence: "PackageType of the live function (Lambda GetFunction).",
    remedy: "Deploy the image as a new function, move the triggers or the caller to it, then delete the zip function.",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let live = facts.function.as_ref().and_then(|function| function.live.as_ref());
    let (Some(function), Some(live)) = (&spec.function, live) else {
        return Vec::new();
    };
    if live.package_type == PackageType::Image {
        return Vec::new();
    }
    let name = &function.name;
    vec![Finding::refuse(
        CHECK.id,
        format!(
            "function {name} is a zip function (PackageType Zip); AWS cannot convert it to a container image"
        ),
        format!(
            "deploy to a new function, for example --function {name}-image --role ROLE_ARN; then point its triggers (event source \
             mappings, API integrations, permissions) at the new function and delete {name} when nothing calls it"
        ),
    )]
}
