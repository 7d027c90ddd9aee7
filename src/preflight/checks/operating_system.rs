//! Lambda runs Linux images only.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};

pub(super) const CHECK: Check = Check {
    id: "operating-system",
    requirement: "Lambda supports only Linux-based container images.",
    evidence: "`os` in the image's configuration.",
    remedy: "Build the image for Linux (`docker build --platform linux/amd64` or `linux/arm64`).",
    may_be_allowed: false,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, _: &Wanted) -> Vec<Finding> {
    match image.config.os.as_str() {
        "linux" => Vec::new(),
        "" => vec![Finding::unknown(
            CHECK.id,
            "the image's configuration does not say for which operating system it is; Lambda runs Linux images only",
            "build it with a tool that sets \"os\": \"linux\" in the configuration",
        )],
        other => vec![Finding::refuse(
            CHECK.id,
            format!("the image is for {other}, and Lambda runs Linux images only"),
            "build it with docker build --platform linux/amd64 (or linux/arm64)",
        )],
    }
}
