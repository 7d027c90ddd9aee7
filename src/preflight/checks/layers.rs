//! The number of layers.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};

/// Docker's own limit. Whether Lambda has one of its own is not documented.
const USUAL_LIMIT: usize = 127;

pub(super) const CHECK: Check = Check {
    id: "layers",
    requirement: "An image has at least one layer, and not more than the 127 that Docker itself allows. AWS documents no \
                  limit of Lambda's own, so more is a warning only.",
    evidence: "The image's configuration.",
    remedy: "Build with fewer instructions, or squash the image.",
    may_be_allowed: true,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, _: &Wanted) -> Vec<Finding> {
    match image.layers.len() {
        0 => vec![Finding::refuse(
            CHECK.id,
            "the image has no layer, so there is nothing that Lambda could run",
            "add your function's code to the image (COPY or ADD in the Dockerfile)",
        )],
        count if count > USUAL_LIMIT => vec![Finding::warn(
            CHECK.id,
            format!("the image has {count} layers, more than the {USUAL_LIMIT} that Docker allows"),
            "squash it, for example with a final FROM scratch stage that copies everything",
        )],
        _ => Vec::new(),
    }
}
