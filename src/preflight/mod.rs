//! Everything that can be known before the function is touched: checks turn facts into findings.
//!
//! Checks are pure and synchronous, and collect every finding instead of stopping at the first.
//! "Cannot prove" is a finding of its own severity and never reported as passed.
//!
//! To add a check: one file in `checks/`, one line in its table, and `docs/checks.md` made anew.

mod allowed;
mod check;
mod checks;
mod finding;
mod start;
#[cfg(test)]
mod test_checks;
#[cfg(test)]
mod test_files;
#[cfg(test)]
mod test_handlers;
#[cfg(test)]
mod test_unread;

pub use allowed::{Allowed, IMAGE, NotAllowed, RUN};
pub use check::{Check, Day, Judge, Wanted};
pub use checks::CHECKS;
pub use finding::{Finding, Severity};

use crate::image::LocalImage;
use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::rootfs::ImageContents;

/// Judges what the arguments alone decide. Nothing was asked of AWS yet.
pub fn check_arguments(spec: &DeploySpec) -> Vec<Finding> {
    run(|judge| match judge {
        Judge::Arguments(judge) => judge(spec),
        Judge::Image(_) | Judge::Files(_) | Judge::Entries(_) | Judge::Facts(_) => Vec::new(),
    })
}

/// Judges the image alone. `wanted` is what the function file or the flags say about it.
pub fn check_image(image: &LocalImage, wanted: &Wanted) -> Vec<Finding> {
    run(|judge| match judge {
        Judge::Image(judge) => judge(image, wanted),
        Judge::Arguments(_) | Judge::Files(_) | Judge::Entries(_) | Judge::Facts(_) => Vec::new(),
    })
}

/// Judges the file system that the image's layers make, as far as it is known.
pub fn check_files(image: &LocalImage, wanted: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    run(|judge| match judge {
        Judge::Files(judge) if contents.is_whole() => judge(image, wanted, contents),
        Judge::Entries(judge) => judge(image, wanted, contents),
        Judge::Files(_) | Judge::Arguments(_) | Judge::Image(_) | Judge::Facts(_) => Vec::new(),
    })
}

/// Judges what both sides together decide.
pub fn check_facts(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    run(|judge| match judge {
        Judge::Facts(judge) => judge(spec, facts),
        Judge::Arguments(_) | Judge::Image(_) | Judge::Files(_) | Judge::Entries(_) => Vec::new(),
    })
}

/// Whether any of the findings refuses.
pub fn refused(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Refuse)
}

fn run(judge: impl Fn(&Judge) -> Vec<Finding>) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| judge(&check.judge)).collect()
}
