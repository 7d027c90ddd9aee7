//! WORKDIR exists.

use crate::image::LocalImage;
use crate::preflight::start::{Hidden, Start};
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{ImageContents, NodeKind};

pub(super) const CHECK: Check = Check {
    id: "working-directory",
    requirement: "WORKDIR should be a folder of the image that Lambda's user may enter. Docker makes a missing one when it starts a container; \
                  on Lambda the file system is read-only.",
    evidence: "The merged file system of all layers.",
    remedy: "Make the folder in the Dockerfile: WORKDIR does so when it stands before the last COPY.",
    may_be_allowed: true,
    judge: Judge::Files(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let Some(start) = Start::of(image, wanted) else { return Vec::new() };
    let folder = &start.folder;
    let warn =
        |message: String, hint: &str| vec![Finding::warn(CHECK.id, message, hint).about([folder.clone()])];
    let found = files.resolve(folder.as_bytes());
    let hidden = Hidden::of(folder, &found);
    // Lambda has both, whatever the image has.
    if hidden == Some(Hidden::Untold) || folder.trim_end_matches('/') == "/tmp" {
        return Vec::new();
    }
    match found {
        Ok(_) if hidden == Some(Hidden::Temporary) => warn(
            format!("WORKDIR {folder} lies in /tmp, where nothing of the image is left when Lambda runs it"),
            "name another folder in WORKDIR: Lambda mounts an empty one at /tmp",
        ),
        Err(why) => {
            warn(format!("WORKDIR {folder} is not in the image: {why}"), "RUN mkdir it, or correct WORKDIR")
        }
        Ok(found) if found.node.kind() != NodeKind::Folder => {
            warn(format!("WORKDIR {folder} is not a folder"), "name a folder in WORKDIR")
        }
        Ok(found) => match found.closed.or((!found.node.is_executable()).then_some(found.node)) {
            Some(closed) => warn(
                format!(
                    "Lambda's user may not enter WORKDIR {folder}: {} has mode {:04o}",
                    closed.path(),
                    closed.mode()
                ),
                "RUN chmod 755 that folder",
            ),
            None => Vec::new(),
        },
    }
}
