//! Permission bits that mean nothing on Lambda, or less than they seem to.

use crate::image::LocalImage;
use crate::preflight::{Check, Finding, Judge, Wanted};
use crate::rootfs::{ImageContents, Node, NodeKind};

const SET_ID: u16 = 0o6000;
const WRITABLE_BY_ALL: u16 = 0o002;
const STICKY: u16 = 0o1000;
const SHOWN: usize = 3;

pub(super) const CHECK: Check = Check {
    id: "privileges",
    requirement: "Lambda runs everything as one unprivileged user on a read-only file system: set-user-id programs gain nothing there, and folders that \
                  all may write to are not writable. Outside of Lambda both are a risk.",
    evidence: "The permission bits in the merged file system; /tmp and what lies in it apart.",
    remedy: "Usually nothing. Write to /tmp only.",
    may_be_allowed: true,
    judge: Judge::Entries(judge),
};

fn judge(_: &LocalImage, _: &Wanted, contents: &ImageContents) -> Vec<Finding> {
    let files = &contents.files;
    let (mut raised, mut writable) = (Noted::default(), Noted::default());
    for node in files.root().descendants() {
        match node.kind() {
            NodeKind::File if node.mode() & SET_ID != 0 && node.program().is_some() => raised.add(node),
            NodeKind::File | NodeKind::Folder if is_writable(node) => writable.add(node),
            _ => {}
        }
    }
    let raised = raised.told("set-user-id or set-group-id, which has no effect on Lambda");
    let writable = writable.told("writable for all users in the image, and read-only on Lambda");
    [raised, writable]
        .into_iter()
        .flatten()
        .map(|(message, files)| Finding::info(CHECK.id, message).about(files))
        .collect()
}

fn is_writable(node: Node<'_>) -> bool {
    // A folder with the sticky bit is one for temporary files.
    node.mode() & WRITABLE_BY_ALL != 0 && node.mode() & STICKY == 0
}

#[derive(Default)]
struct Noted {
    count: u64,
    shown: Vec<String>,
}

impl Noted {
    fn add(&mut self, node: Node<'_>) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(node.path());
        }
    }

    fn told(self, what: &str) -> Option<(String, Vec<String>)> {
        let more = if self.count > SHOWN as u64 { ", …" } else { "" };
        let are = match self.count {
            0 => return None,
            1 => "1 file is".to_owned(),
            count => format!("{count} files are"),
        };
        Some((format!("{are} {what}: {}{more}", self.shown.join(", ")), self.shown))
    }
}
