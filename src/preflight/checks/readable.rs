//! The function's own files may be read by Lambda's user.

use crate::image::LocalImage;
use crate::preflight::start::{Start, variable};
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{ImageContents, Node, NodeKind};

/// Where the function's code lies unless the image says otherwise.
const TASK_ROOT: &str = "/var/task";
/// Where Lambda looks for extensions.
const EXTENSIONS: &str = "/opt";
const SHOWN: usize = 3;

pub(super) const CHECK: Check = Check {
    id: "readable",
    requirement: "The default Lambda user must be able to read all the files required to run your function code: files 644, folders and \
                  programs 755. Files that other users may not read fail with `permission denied`, at the first invocation that needs them.",
    evidence: "The permission bits for others of all that lies in LAMBDA_TASK_ROOT (/var/task), in WORKDIR and in /opt.",
    remedy: "`RUN chmod -R a+rX /var/task`, or `COPY --chmod=755`. Files that were private where the image was built stay so.",
    may_be_allowed: true,
    judge: Judge::Entries(judge),
};

fn judge(image: &LocalImage, wanted: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let task_root = variable(image, "LAMBDA_TASK_ROOT").unwrap_or(TASK_ROOT).to_owned();
    let start = Start::of(image, wanted);
    let folder = start.map(|start| start.folder).filter(|folder| folder != "/");
    let mut unreadable: Vec<(String, u16)> = Vec::new();
    let mut count = 0_u64;
    let mut roots: Vec<String> = folder.into_iter().chain([task_root, EXTENSIONS.to_owned()]).collect();
    roots.dedup();
    for root in roots {
        let Ok(found) = files.resolve(root.as_bytes()) else { continue };
        for node in found.node.descendants().filter(|node| is_closed(*node)) {
            count += 1;
            if unreadable.len() < SHOWN {
                unreadable.push((node.path(), node.mode()));
            }
        }
    }
    if count == 0 {
        return Vec::new();
    }
    let shown: Vec<String> = unreadable.iter().map(|(path, mode)| format!("{path} ({mode:04o})")).collect();
    let (is, more) = if count == 1 { ("file", String::new()) } else { ("files", others(count)) };
    vec![
        Finding::warn(
            CHECK.id,
            format!("Lambda's user may not read {count} {is}: {}{more}", shown.join(", ")),
            "RUN chmod -R a+rX that folder in the Dockerfile, or COPY --chmod=755",
        )
        .about(unreadable.into_iter().map(|(path, _)| path)),
    ]
}

fn others(count: u64) -> String {
    if count > SHOWN as u64 { ", …".to_owned() } else { String::new() }
}

fn is_closed(node: Node<'_>) -> bool {
    match node.kind() {
        NodeKind::File => !node.is_readable(),
        NodeKind::Folder => !node.is_executable(),
        NodeKind::Symlink | NodeKind::Special => false,
    }
}
