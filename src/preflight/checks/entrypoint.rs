//! There is something to start.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};

pub(super) const CHECK: Check = Check {
    id: "entrypoint",
    requirement: "Lambda starts ENTRYPOINT with CMD as its arguments; ENTRYPOINT should be an absolute path, and so should WORKDIR.",
    evidence: "The image's configuration, and EntryPoint and Command in the function's ImageConfig.",
    remedy: "Set ENTRYPOINT in the Dockerfile, or `--entrypoint` for this function.",
    may_be_allowed: true,
    judge: Judge::Image(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted) -> Vec<Finding> {
    let config = &image.config;
    let mut findings = Vec::new();
    let started = config.entrypoint.first().or(config.command.first());
    match started {
        None if !wanted.overrides_entrypoint() => findings.push(Finding::warn(
            CHECK.id,
            "the image has neither ENTRYPOINT nor CMD, so Lambda has nothing to start",
            "set ENTRYPOINT in the Dockerfile, or give --entrypoint for this function",
        )),
        Some(program) if !program.starts_with('/') && !wanted.overrides_entrypoint() => {
            findings.push(Finding::warn(
                CHECK.id,
                format!("the image starts {program:?}, which is not an absolute path"),
                "write the absolute path in ENTRYPOINT",
            ));
        }
        _ => {}
    }
    if !config.working_directory.is_empty() && !config.working_directory.starts_with('/') {
        findings.push(Finding::warn(
            CHECK.id,
            format!("WORKDIR is {:?}, which is not an absolute path", config.working_directory),
            "write an absolute path in WORKDIR",
        ));
    }
    findings
}
