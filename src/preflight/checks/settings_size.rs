//! The image's settings fit into what Lambda takes.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};

/// "Container image settings: 16 KB" (Lambda quotas): ENTRYPOINT, CMD, WORKDIR and ENV together.
const LIMIT: usize = 16 << 10;
/// What AWS recommends for a manifest.
const MANIFEST: usize = 25_400;

pub(super) const CHECK: Check = Check {
    id: "settings-size",
    requirement: "ENTRYPOINT, CMD, WORKDIR and ENV of an image have at most 16 KB together, and AWS recommends a manifest of less than 25,400 bytes.",
    evidence: "The image's configuration, and the manifest that it has, if it has one.",
    remedy: "Move large values out of ENV, and build with fewer layers.",
    may_be_allowed: true,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, _: &Wanted) -> Vec<Finding> {
    let config = &image.config;
    let lists = [&config.entrypoint, &config.command, &config.environment];
    let settings = lists.iter().flat_map(|list| list.iter()).map(String::len).sum::<usize>()
        + config.working_directory.len();
    let mut findings = Vec::new();
    if settings > LIMIT {
        findings.push(Finding::refuse(
            CHECK.id,
            format!("the image's ENTRYPOINT, CMD, WORKDIR and ENV have {settings} bytes; Lambda's limit is {LIMIT}"),
            "move large values out of ENV, into files or a parameter store",
        ));
    }
    let manifest = image.original.as_ref().map_or(0, |manifest| manifest.bytes.len());
    if manifest >= MANIFEST {
        findings.push(Finding::warn(
            CHECK.id,
            format!("the image's manifest has {manifest} bytes; AWS recommends less than {MANIFEST}"),
            "build with fewer layers and annotations",
        ));
    }
    findings
}
