//! Following a path as the kernel does, and noting what an unprivileged user may not pass.

use super::tree::{FileSystem, Node, NodeKind, ROOT};

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
        let mut place = ROOT;
        let mut closed = None;
        let mut links = 0;
        // The components that are still to be followed, the next one last.
        let mut waiting: Vec<&[u8]> = components(path).collect();
        while let Some(name) = waiting.pop() {
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
                return Err(NotFound::Missing { at: super::tree::printable_path(&at) });
            };
            match child.target() {
                None => place = child.place,
                Some(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(NotFound::Circle { at: child.path() });
                    }
                    if target.starts_with(b"/") {
                        place = ROOT;
                    }
                    waiting.extend(components(target));
                }
            }
        }
        Ok(Found { node: Node { system: self, place }, closed })
    }
}

/// The components of a path, the last one first.
fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').rev().filter(|name| !matches!(*name, b"" | b"."))
}
