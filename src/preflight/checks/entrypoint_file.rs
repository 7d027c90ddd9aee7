//! What ENTRYPOINT names is there, and may be started.

use crate::image::LocalImage;
use crate::preflight::start::{Hidden, MOUNTED, Start, Started, is_script};
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{ImageContents, NodeKind, NotFound, printable_path};

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
        Err(_) => started.name.starts_with('/').then(|| printable_path(started.name.as_bytes())),
    }
}

fn unfit(started: &Started<'_>) -> Option<Finding> {
    let Started { name, by, found, hidden } = started;
    let name = &printable_path(name.as_bytes());
    let what = match by {
        None => format!("the entry point {name}"),
        Some(script) => format!("{name}, which {script} is started by,"),
    };
    let refuse = |message: String, hint: &str| Some(Finding::refuse(CHECK.id, message, hint));
    let found = match found {
        Ok(_) if *hidden == Some(Hidden::Temporary) => {
            return Some(Finding::warn(
                CHECK.id,
                format!("{what} lies in /tmp, where nothing of the image is left when Lambda runs it"),
                "COPY it to another folder: Lambda mounts an empty one at /tmp",
            ));
        }
        Ok(found) => found,
        Err(_) if name.starts_with(MOUNTED) => {
            return Some(Finding::unknown(
                CHECK.id,
                format!("{what} lies on a mounted file system"),
                "see that the function's file system has it",
            ));
        }
        Err(why) => return Some(missing(started, &what, why)),
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
    if is_script(found.node) && !found.node.is_readable() {
        let mode = found.node.mode();
        return refuse(
            format!("{what} has mode {mode:04o}: Lambda's user may not read it"),
            "RUN chmod 755 it in the Dockerfile, or COPY --chmod=755",
        );
    }
    None
}

fn missing(started: &Started<'_>, what: &str, why: &NotFound) -> Finding {
    let script = started.by.as_deref();
    let hint = match script {
        Some(script) if started.name.ends_with('\r') => format!(
            "{script} has Windows line endings (CRLF): sed -i 's/\\r$//' it, and see that git leaves it so (core.autocrlf)"
        ),
        // Only what env is told has blanks in it.
        Some(_) if started.name.contains([' ', '\t']) => {
            let line = printable_path(started.name.as_bytes());
            format!("env takes all of it for one name: write #!/usr/bin/env -S {line}")
        }
        _ => "correct the path, or COPY the file into the image".to_owned(),
    };
    Finding::refuse(CHECK.id, format!("{what} cannot be started: {why}"), hint)
}
