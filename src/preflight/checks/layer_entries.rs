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

const HINT: &str = "build the image anew with a builder such as docker or buildah";

fn judge(_: &LocalImage, _: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let mut told = 0;
    let mut findings = Vec::new();
    let mut folders = Vec::new();
    for defect in files.defects() {
        told += 1;
        let message = match defect {
            Defect::NoFolder { path } => {
                folders.push(printable_path(path));
                continue;
            }
            Defect::LinkToNothing { path, target } => format!(
                "the hard link {} leads to {}, which is in no layer",
                printable_path(path),
                printable_path(target)
            ),
            Defect::NotAFolder { path } => {
                format!("{} lies within something that is not a folder", printable_path(path))
            }
            Defect::Odd { name, what } => format!("the entry {} {what}", printable_path(name)),
        };
        findings.push(Finding::warn(CHECK.id, message, HINT));
    }
    if !folders.is_empty() {
        let message = format!(
            "in no layer, though something lies in them, are the folders {}; Lambda has refused images for that (MissingParentDirectory)",
            folders.join(", ")
        );
        findings.push(
            Finding::warn(CHECK.id, message, HINT).about(folders.iter().map(|path| format!("/{path}"))),
        );
    }
    let more = files.defect_count() - told;
    if more > 0 {
        findings.push(Finding::warn(
            CHECK.id,
            format!("{more} more entries are such that an unpacker may refuse them"),
            HINT,
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
