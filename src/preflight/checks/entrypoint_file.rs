//! What ENTRYPOINT names is there, and may be started.

use crate::image::LocalImage;
use crate::preflight::start::{Start, Started};
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{ImageContents, NodeKind};

/// An EFS file system appears below it, which no image shows.
const MOUNTED: &str = "/mnt/";

pub(super) const CHECK: Check = Check {
    id: "entrypoint-file",
    requirement: "What ENTRYPOINT names must exist, and Lambda's user, who owns nothing, must be allowed to start it; so must the \
                  interpreter of a script. Otherwise every invocation fails with `Runtime.InvalidEntrypoint`.",
    evidence: "The merged file system of all layers: the path is followed through links and `#!` lines, and the permission \
               bits for others are looked at on the way.",
    remedy: "Correct the path in ENTRYPOINT, copy the file into the image, or `chmod 755` it.",
    may_be_allowed: true,
    judge: Judge::Entries(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let Some(start) = Start::of(image, wanted) else { return Vec::new() };
    let programs = start.programs(files);
    let told = programs.iter().take_while(|started| started.is_told_by(contents));
    told.filter_map(|started| Some(unfit(started)?.about(path_of(started)))).take(1).collect()
}

/// Where it is, or should be.
fn path_of(started: &Started<'_>) -> Option<String> {
    match &started.found {
        Ok(found) => Some(found.node.path()),
        Err(_) => started.name.starts_with('/').then(|| started.name.clone()),
    }
}

fn unfit(started: &Started<'_>) -> Option<Finding> {
    let Started { name, by, found } = started;
    let what = match by {
        None => format!("the entry point {name}"),
        Some(script) => format!("{name}, which {script} is started by,"),
    };
    let refuse = |message: String, hint: &str| Some(Finding::refuse(CHECK.id, message, hint));
    let found = match found {
        Ok(found) => found,
        Err(_) if name.starts_with(MOUNTED) => {
            return Some(Finding::unknown(
                CHECK.id,
                format!("{what} lies on a mounted file system"),
                "see that the function's file system has it",
            ));
        }
        Err(why) => {
            return refuse(
                format!("{what} cannot be started: {why}"),
                "correct the path, or COPY the file into the image",
            );
        }
    };
    let path = found.node.path();
    if found.node.kind() != NodeKind::File {
        return refuse(format!("{what} is not a file: {path}"), "name a program in ENTRYPOINT");
    }
    if let Some(folder) = found.closed {
        let folder = folder.path();
        return refuse(
            format!("{what} lies in {folder}, which only its owner may search"),
            "RUN chmod 755 that folder: Lambda's user owns nothing",
        );
    }
    if !found.node.is_executable() {
        let mode = found.node.mode();
        return refuse(
            format!("{what} has mode {mode:04o}: Lambda's user may not start it"),
            "RUN chmod 755 it in the Dockerfile, or COPY --chmod=755",
        );
    }
    if found.node.program().is_none() {
        return Some(Finding::unknown(
            CHECK.id,
            format!("{what} is neither an ELF program nor a script with a #! line"),
            "see that it starts: lambda-lift check --run, or docker run",
        ));
    }
    // The kernel starts what may not be read; an interpreter has to read its script.
    let is_script = matches!(
        found.node.program().map(|program| &program.form),
        Some(crate::layer::ProgramForm::Script { .. })
    );
    if is_script && !found.node.is_readable() {
        let mode = found.node.mode();
        return refuse(
            format!("{what} has mode {mode:04o}: Lambda's user may not read it"),
            "RUN chmod 755 it in the Dockerfile, or COPY --chmod=755",
        );
    }
    None
}
