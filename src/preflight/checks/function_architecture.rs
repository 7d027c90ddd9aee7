//! The image fits the architecture of the live function.

use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};

pub(super) const CHECK: Check = Check {
    id: "function-architecture",
    requirement: "Image and live function are for the same architecture, unless `--arch` asks for the change: Lambda itself \
                  would accept the image and fail at the first invocation.",
    evidence: "Architectures of the live function and `architecture` in the image's configuration.",
    remedy: "Build for the function's architecture, or ask for the change with `--arch`.",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let live = facts.function.as_ref().and_then(|function| function.live.as_ref());
    let (Some(live), Some(image)) = (live, facts.image.local.config.architecture) else {
        return Vec::new();
    };
    if live.architecture == image {
        return Vec::new();
    }
    let function = live.architecture;
    match spec.architecture {
        Some(wanted) if wanted == image => vec![Finding::warn(
            CHECK.id,
            format!("the function's architecture changes from {function} to {image}, as --arch asks"),
            "extensions, native dependencies and provisioned capacity must fit the new architecture",
        )],
        _ => vec![Finding::refuse(
            CHECK.id,
            format!("the image is for {image}, the function is {function}"),
            format!(
                "build it with docker build --platform linux/{}, or add --arch {image} to change the function's architecture",
                function.oci_name()
            ),
        )],
    }
}
