//! The layers' archives are such as every unpacker takes.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{Defect, ImageContents, printable_path};

pub(super) const CHECK: Check = Check {
    id: "layer-entries",
    requirement: "A layer is an archive of files, folders, links and devices with names below the root. Links to files that are nowhere, files whose folders are nowhere, \
                  names that lead out of the root and entries of unknown types make some unpackers fail. What Lambda's does is not documented.",
    evidence: "The headers of the archives.",
    remedy: "Build the image with a builder (docker, buildah, kaniko, …) instead of putting layers together by hand.",
    may_be_allowed: true,
    judge: Judge::Files(judge),
};

fn judge(_: &LocalImage, _: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let mut findings: Vec<Finding> = files
        .defects()
        .iter()
        .map(|defect| {
            let message = match defect {
                Defect::LinkToNothing { path, target } => format!(
                    "the hard link {} leads to {}, which is in no layer",
                    printable_path(path),
                    printable_path(target)
                ),
                Defect::NoFolder { path } => format!(
                    "the folder {} is in no layer, only what lies in it; Lambda has refused images for that (MissingParentDirectory)",
                    printable_path(path)
                ),
                Defect::NotAFolder { path } => {
                    format!("{} lies within something that is not a folder", printable_path(path))
                }
                Defect::Odd { name, what } => format!("the entry {} {what}", printable_path(name)),
            };
            Finding::warn(CHECK.id, message, "build the image anew with a builder such as docker or buildah")
        })
        .collect();
    let more = files.defect_count() - findings.len() as u64;
    if more > 0 {
        findings.push(Finding::warn(
            CHECK.id,
            format!("{more} more entries are such that an unpacker may refuse them"),
            "build the image anew with a builder such as docker or buildah",
        ));
    }
    if files.is_cut_short() {
        findings.push(Finding::unknown(
            CHECK.id,
            "the image has too many files to look at all of them; what follows is about the first millions",
            "make the image smaller",
        ));
    }
    findings
}
