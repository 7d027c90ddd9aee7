//! One file or folder of the merged file system, as its readers see it.

use crate::layer::{FileContent, Program};

use super::tree::{FileSystem, NodeKind, ROOT, Record};

/// One file or folder.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    pub(super) system: &'a FileSystem,
    pub(super) place: u32,
}

impl FileSystem {
    /// The root.
    pub fn root(&self) -> Node<'_> {
        Node { system: self, place: ROOT }
    }
}

impl<'a> Node<'a> {
    fn record(self) -> &'a Record {
        &self.system.nodes[self.place as usize]
    }

    /// What it is.
    pub fn kind(self) -> NodeKind {
        self.record().kind
    }

    /// Its permissions, `0o7777` at most.
    pub fn mode(self) -> u16 {
        self.record().mode
    }

    /// Bytes of a file.
    pub fn size(self) -> u64 {
        self.system.size(self.place)
    }

    /// Its name in its folder.
    pub fn name(self) -> &'a [u8] {
        self.system.name(self.place)
    }

    /// Its absolute path, for a person: what is not UTF-8 or not printable is escaped.
    pub fn path(self) -> String {
        printable_path(&self.raw_path())
    }

    /// Its absolute path.
    pub fn raw_path(self) -> Vec<u8> {
        let mut names = Vec::new();
        let mut place = self.place;
        while place != ROOT {
            names.push(self.system.name(place));
            place = self.system.nodes[place as usize].parent;
        }
        let mut path = Vec::new();
        for name in names.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() { b"/".to_vec() } else { path }
    }

    /// What is in a folder.
    pub fn children(self) -> impl Iterator<Item = Node<'a>> {
        self.system.children(self.place).map(move |place| Node { place, ..self })
    }

    /// The child of this name.
    pub fn child(self, name: &[u8]) -> Option<Node<'a>> {
        Some(Node { place: self.system.child(self.place, name)?, ..self })
    }

    /// Everything below, each folder before what is in it.
    pub fn descendants(self) -> impl Iterator<Item = Node<'a>> {
        let (system, top) = (self.system, self.place);
        let mut next = system.first_child(top);
        std::iter::from_fn(move || {
            let place = next?;
            // Down where there is a way down, else to the next one beside it, or beside what it is in.
            let mut above = place;
            next = system.first_child(place).or_else(|| {
                while above != top {
                    match system.sibling(above) {
                        Some(sibling) => return Some(sibling),
                        None => above = system.nodes[above as usize].parent,
                    }
                }
                None
            });
            Some(Node { system, place })
        })
    }

    /// What was seen of a file's content.
    pub fn content(self) -> Option<&'a FileContent> {
        self.system.content(self.record())
    }

    /// The program that a file is.
    pub fn program(self) -> Option<&'a Program> {
        match self.content()? {
            FileContent::Program(program) => Some(program),
            FileContent::Text(_) | FileContent::PrivateKey => None,
        }
    }

    /// Where a symbolic link leads.
    pub fn target(self) -> Option<&'a [u8]> {
        self.system.target(self.record())
    }

    /// Whether a user who owns nothing may read it, and in a folder see the names.
    pub fn is_readable(self) -> bool {
        self.mode() & 0o004 != 0
    }

    /// Whether a user who owns nothing may start it, or in a folder reach what is in it.
    pub fn is_executable(self) -> bool {
        self.mode() & 0o001 != 0
    }
}

/// A path for a person: what is not UTF-8 or not printable is escaped.
pub(crate) fn printable_path(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    if text.contains(char::is_control) { text.escape_debug().to_string() } else { text.into_owned() }
}
