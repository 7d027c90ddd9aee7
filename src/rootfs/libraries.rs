//! Which shared libraries a program needs and lacks: the search of `ld.so(8)`, glibc's and musl's.
//!
//! The search has corners that no list of files tells (hardware capabilities, what the program opens by itself), so
//! a library counts as missing only when no folder that could be searched has it.

use std::collections::{HashSet, VecDeque};

use crate::layer::{ElfProgram, FileContent, ProgramForm};

use super::node::{Node, printable_path};
use super::resolve::Effort;
use super::tree::{FileSystem, NodeKind};

/// No program needs more libraries than that, directly or not.
const MOST_LIBRARIES: usize = 2000;
/// More folders than any system's own lists name.
const MOST_LISTED: usize = 4096;
/// More names than any search follows, unless folders and links were made to keep us busy.
const MOST_STEPS: u64 = 20_000_000;

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
    /// `search_path` is what LD_LIBRARY_PATH will be, its folders from the root and with colons between; where it names none, it
    /// adds none. None when what it needs cannot be told.
    pub fn missing_libraries(&self, node: Node<'_>, search_path: &[u8]) -> Option<Vec<MissingLibrary>> {
        let mut search = Search { system: self, steps: 0 };
        let mut folders = search.library_folders();
        let named = search_path.split(|byte| *byte == b':').filter(|folder| !folder.is_empty());
        folders.extend(search.folders(named));
        let mut missing = Vec::new();
        let mut seen: HashSet<&[u8]> = HashSet::new();
        let mut waiting = VecDeque::from([node]);
        let mut is_known = true;
        while let Some(node) = waiting.pop_front() {
            let Some(elf) = elf_of(node) else { continue };
            let Some(needed) = &elf.needed else {
                is_known = false;
                continue;
            };
            let own = search.folders(own_folders(node, elf).iter().map(Vec::as_slice));
            for name in needed {
                if seen.len() == MOST_LIBRARIES || !seen.insert(name) {
                    continue;
                }
                match search.library(name, own.iter().chain(&folders)) {
                    Some(library) => waiting.push_back(library),
                    None if search.is_over() => return None,
                    None => {
                        let (name, needed_by) = (printable_path(name), node.path());
                        missing.push(MissingLibrary { name, needed_by });
                    }
                }
            }
        }
        (is_known || !missing.is_empty()).then_some(missing)
    }
}

/// A search, and what it has cost.
struct Search<'a> {
    system: &'a FileSystem,
    steps: u64,
}

impl<'a> Search<'a> {
    /// Whether it went on for longer than an honest one; it finds nothing more then.
    fn is_over(&self) -> bool {
        self.steps > MOST_STEPS
    }

    /// What is at a path that counts from `folder`.
    fn find(&mut self, folder: Node<'a>, path: &[u8]) -> Option<Node<'a>> {
        if self.is_over() {
            return None;
        }
        let mut effort = Effort::default();
        let found = self.system.walk(folder.place, path, &mut effort);
        self.steps += effort.steps + 1;
        Some(found.ok()?.node)
    }

    fn file(&mut self, folder: Node<'a>, path: &[u8]) -> Option<Node<'a>> {
        self.find(folder, path).filter(|found| found.kind() == NodeKind::File)
    }

    /// Those of these paths that are folders, each once.
    fn folders<'p>(&mut self, paths: impl Iterator<Item = &'p [u8]>) -> Vec<Node<'a>> {
        let mut seen = HashSet::new();
        let mut folders = Vec::new();
        for path in paths {
            let found = self.find(self.system.root(), path).filter(|found| found.kind() == NodeKind::Folder);
            folders.extend(found.filter(|found| seen.insert(found.place)));
        }
        folders
    }

    fn library<'f>(
        &mut self,
        name: &[u8],
        mut folders: impl Iterator<Item = &'f Node<'a>>,
    ) -> Option<Node<'a>>
    where
        'a: 'f,
    {
        if name.contains(&b'/') {
            return self.file(self.system.root(), name);
        }
        // The best library for a processor lies in a folder of its own below.
        folders.find_map(|folder| self.file(*folder, name).or_else(|| self.capable(*folder, name)))
    }

    /// The library in one of the folders that are for some processors only.
    fn capable(&mut self, folder: Node<'a>, name: &[u8]) -> Option<Node<'a>> {
        let capable = folder.child(b"glibc-hwcaps")?;
        capable.children().find_map(|level| {
            self.steps += 1;
            (!self.is_over()).then(|| level.child(name))?
        })
    }

    /// The folders that every program's search ends with, and those that the system's own lists name.
    fn library_folders(&mut self) -> Vec<Node<'a>> {
        let root = self.system.root();
        let mut folders: Vec<Vec<u8>> = ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"]
            .iter()
            .map(|folder| folder.as_bytes().to_vec())
            .collect();
        for parent in ["/lib", "/usr/lib"] {
            if let Some(found) = self.find(root, parent.as_bytes()) {
                // Debian has a folder for each architecture: x86_64-linux-gnu.
                let own =
                    found.children().filter(|child| child.name().windows(7).any(|part| part == b"-linux-"));
                folders.extend(own.map(Node::raw_path));
            }
        }
        if let Some(etc) = self.find(root, b"/etc") {
            folders.extend(etc.children().flat_map(listed_folders).take(MOST_LISTED));
            let more = etc.child(b"ld.so.conf.d").into_iter().flat_map(Node::children);
            folders.extend(more.flat_map(listed_folders).take(MOST_LISTED));
        }
        self.folders(folders.iter().map(Vec::as_slice))
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

#[cfg(test)]
mod tests {
    use super::super::samples::{Archive, contents};
    use super::*;

    #[test]
    fn a_search_ends_when_it_has_followed_more_than_an_honest_one_would() {
        let system =
            contents(vec![Archive::default().file("lib/libc.so").file("lib/glibc-hwcaps/v3/libm.so")]).files;
        let mut search = Search { system: &system, steps: 0 };
        let folders = search.library_folders();
        for name in [b"libc.so", b"libm.so"] {
            assert!(search.library(name, folders.iter()).is_some() && !search.is_over());
        }
        search.steps = MOST_STEPS + 1;
        for name in [b"libc.so", b"libm.so"] {
            assert!(search.library(name, folders.iter()).is_none() && search.is_over());
        }
    }
}
