//! Following a path as the kernel does, and noting what an unprivileged user may not pass.

use super::node::{Node, printable_path};
use super::tree::{FileSystem, NodeKind, ROOT};

/// The kernel follows no more links than that in one path (`MAXSYMLINKS`).
const MOST_LINKS: u32 = 40;

/// Where a path leads.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// What is there; never a link.
    pub node: Node<'a>,
    /// The first folder on the way that a user who owns nothing may not search.
    pub closed: Option<Node<'a>>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// A name does not exist.
    #[error("{at} does not exist")]
    Missing {
        /// The first path that does not.
        at: String,
    },
    /// Something else than a folder stands in the way.
    #[error("{at} is not a folder")]
    NotAFolder {
        /// What stands there.
        at: String,
    },
    /// Links lead in a circle.
    #[error("{at} is a link that leads in a circle")]
    Circle {
        /// The link at which the kernel gives up.
        at: String,
    },
}

impl FileSystem {
    /// Follows `path` from the root; a path without a leading slash is taken from there as well.
    ///
    /// # Errors
    /// Fails when it leads nowhere.
    pub fn resolve(&self, path: &[u8]) -> Result<Found<'_>, NotFound> {
        self.walk(ROOT, path, &mut Effort::default())
    }

    /// Follows `path` from the folder `place`. What was spent before on the same path counts, and so does what this spends.
    pub(super) fn walk(
        &self,
        mut place: u32,
        path: &[u8],
        effort: &mut Effort,
    ) -> Result<Found<'_>, NotFound> {
        let mut closed = None;
        // The components that are still to be followed, the next one last.
        let mut waiting: Vec<&[u8]> = components(path).collect();
        if path.starts_with(b"/") {
            place = ROOT;
        }
        while let Some(name) = waiting.pop() {
            effort.steps += 1;
            let node = Node { system: self, place };
            if node.kind() != NodeKind::Folder {
                return Err(NotFound::NotAFolder { at: node.path() });
            }
            if !node.is_executable() && closed.is_none() {
                closed = Some(node);
            }
            if name == b".." {
                place = self.nodes[place as usize].parent;
                continue;
            }
            let Some(child) = node.child(name) else {
                let mut at = node.raw_path();
                if at != b"/" {
                    at.push(b'/');
                }
                at.extend_from_slice(name);
                return Err(NotFound::Missing { at: printable_path(&at) });
            };
            match child.target() {
                None => place = child.place,
                Some(target) => {
                    effort.links += 1;
                    if effort.links > MOST_LINKS {
                        return Err(NotFound::Circle { at: child.path() });
                    }
                    if target.starts_with(b"/") {
                        place = ROOT;
                    }
                    waiting.extend(components(target));
                    effort.steps += target.len() as u64 / 64;
                }
            }
        }
        Ok(Found { node: Node { system: self, place }, closed })
    }
}

/// What following a path has cost.
#[derive(Debug, Default)]
pub(super) struct Effort {
    /// Links followed, of which the kernel allows so many in one path.
    pub(super) links: u32,
    /// Names looked up.
    pub(super) steps: u64,
}

/// The components of a path, the last one first.
fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').rev().filter(|name| !matches!(*name, b"" | b"."))
}
