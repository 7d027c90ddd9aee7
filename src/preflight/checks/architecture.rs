//! The image is for an architecture that Lambda has, and for the one that was asked for.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};

pub(super) const CHECK: Check = Check {
    id: "architecture",
    requirement: "The image must be for x86_64 or arm64, and for the architecture that `--arch` or the function file \
                  names. Lambda does not notice a mismatch at deploy: the first invocation fails with `exec format error`.",
    evidence: "`architecture` in the image's configuration.",
    remedy: "Build for the right platform, or correct `--arch`.",
    may_be_allowed: false,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted) -> Vec<Finding> {
    let named = &image.config.architecture_name;
    let Some(actual) = image.config.architecture else {
        let what =
            if named.is_empty() { "no architecture".to_owned() } else { format!("architecture {named}") };
        return vec![Finding::refuse(
            CHECK.id,
            format!("the image's configuration names {what}; Lambda runs x86_64 (amd64) and arm64"),
            "build it with docker build --platform linux/amd64 or linux/arm64",
        )];
    };
    match wanted.architecture {
        Some(wanted) if wanted != actual => vec![Finding::refuse(
            CHECK.id,
            format!("the image is for {actual}, but {wanted} was asked for"),
            format!(
                "build it with docker build --platform linux/{}, or use --arch {actual}",
                wanted.oci_name()
            ),
        )],
        _ => Vec::new(),
    }
}
