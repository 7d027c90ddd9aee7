//! Which shared libraries a program needs and lacks: the search of `ld.so(8)`, glibc's and musl's.
//!
//! The search has corners that no list of files tells (hardware capabilities, what the program opens by itself), so
//! a library counts as missing only when no folder that could be searched has it.

use std::collections::{HashSet, VecDeque};

use crate::layer::{ElfProgram, FileContent, ProgramForm};

use super::tree::{FileSystem, Node, NodeKind};

/// No program needs more libraries than that, directly or not.
const MOST_LIBRARIES: usize = 2000;

/// A library that a program needs and that no searched folder has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingLibrary {
    /// Its name.
    pub name: String,
    /// The absolute path of what needs it.
    pub needed_by: String,
}

impl FileSystem {
    /// The libraries that the program at `node` needs and that are not there, directly and through others.
    /// `search_path` is what LD_LIBRARY_PATH will be. None when what it needs cannot be told.
    pub fn missing_libraries(&self, node: Node<'_>, search_path: &[u8]) -> Option<Vec<MissingLibrary>> {
        let folders = self.library_folders();
        let mut missing = Vec::new();
        let mut seen: HashSet<Vec<u8>> = HashSet::new();
        let mut waiting = VecDeque::from([node]);
        let mut is_known = true;
        while let Some(node) = waiting.pop_front() {
            let Some(elf) = elf_of(node) else { continue };
            let Some(needed) = &elf.needed else {
                is_known = false;
                continue;
            };
            let own = own_folders(node, elf);
            for name in needed {
                if seen.len() == MOST_LIBRARIES || !seen.insert(name.clone()) {
                    continue;
                }
                let searched = own.iter().chain(&folders).map(Vec::as_slice);
                let searched = searched.chain(search_path.split(|byte| *byte == b':'));
                match self.library(name, searched) {
                    Some(library) => waiting.push_back(library),
                    None => missing.push(MissingLibrary {
                        name: super::tree::printable_path(name),
                        needed_by: node.path(),
                    }),
                }
            }
        }
        (is_known || !missing.is_empty()).then_some(missing)
    }

    fn library<'a>(&self, name: &[u8], mut folders: impl Iterator<Item = &'a [u8]>) -> Option<Node<'_>> {
        let file = |path: &[u8]| {
            let found = self.resolve(path).ok()?.node;
            (found.kind() == NodeKind::File).then_some(found)
        };
        if name.contains(&b'/') {
            return file(name);
        }
        folders.find_map(|folder| {
            let folder = self.resolve(folder).ok()?.node;
            let path = [&folder.raw_path(), b"/".as_slice(), name].concat();
            // The best library for a processor lies in a folder of its own below.
            file(&path).or_else(|| self.capable(folder, name))
        })
    }

    /// The library in one of the folders that are for some processors only.
    fn capable(&self, folder: Node<'_>, name: &[u8]) -> Option<Node<'_>> {
        let folder = self.resolve(&folder.raw_path()).ok()?.node;
        let capable = folder.child(b"glibc-hwcaps")?;
        capable.children().find_map(|level| level.child(name))
    }

    /// The folders that every program's search ends with, and those that the system's own lists name.
    fn library_folders(&self) -> Vec<Vec<u8>> {
        let mut folders: Vec<Vec<u8>> = ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"]
            .iter()
            .map(|folder| folder.as_bytes().to_vec())
            .collect();
        for parent in ["/lib", "/usr/lib"] {
            if let Ok(found) = self.resolve(parent.as_bytes()) {
                // Debian has a folder for each architecture: x86_64-linux-gnu.
                let own = found
                    .node
                    .children()
                    .filter(|child| child.name().windows(7).any(|part| part == b"-linux-"));
                folders.extend(own.map(Node::raw_path));
            }
        }
        if let Ok(etc) = self.resolve(b"/etc") {
            folders.extend(etc.node.children().flat_map(listed_folders));
            let more = etc.node.child(b"ld.so.conf.d").into_iter().flat_map(Node::children);
            folders.extend(more.flat_map(listed_folders));
        }
        folders
    }
}

/// The folders that a configuration of the loader names: `ld.so.conf` one a line, musl's `ld-musl-ARCH.path` with colons too.
fn listed_folders(node: Node<'_>) -> Vec<Vec<u8>> {
    let Some(FileContent::Text(text)) = node.content() else { return Vec::new() };
    let lines = text.split(|byte| matches!(byte, b'\n' | b':')).map(<[u8]>::trim_ascii);
    lines.filter(|line| line.starts_with(b"/")).map(<[u8]>::to_vec).collect()
}

/// The folders that a program names itself, with `$ORIGIN` for its own.
fn own_folders(node: Node<'_>, elf: &ElfProgram) -> Vec<Vec<u8>> {
    let Some(list) = &elf.search_path else { return Vec::new() };
    let path = node.raw_path();
    let own = &path[..path.iter().rposition(|byte| *byte == b'/').unwrap_or(0)];
    let folder = |entry: &[u8]| {
        let rest =
            [b"$ORIGIN".as_slice(), b"${ORIGIN}"].iter().find_map(|origin| entry.strip_prefix(*origin));
        rest.map_or_else(|| entry.to_vec(), |rest| [own, rest].concat())
    };
    list.split(|byte| *byte == b':').filter(|entry| !entry.is_empty()).map(folder).collect()
}

fn elf_of(node: Node<'_>) -> Option<&ElfProgram> {
    match &node.program()?.form {
        ProgramForm::Elf(elf) => Some(elf),
        ProgramForm::Script { .. } => None,
    }
}
