//! Laying a layer over those below, as every unpacker does (OCI image specification, "Applying Changesets").

use crate::layer::{Entry, EntryKind, FileContent, Listing, Oddity, OddityKind, Whiteout};

use super::resolve::Effort;
use super::tree::{Defect, FileSystem, NodeKind, ROOT};

/// How many names are followed for all entries together. Honest archives need a few for each; links that lead through
/// links could keep us busy for hours.
const MOST_STEPS: u64 = 100_000_000;

impl FileSystem {
    /// The file system that these layers make, the base first.
    pub fn merged<'a>(layers: impl IntoIterator<Item = &'a Listing>) -> Self {
        let mut system = Self::new();
        for layer in layers {
            system.apply(layer);
        }
        system
    }

    /// Lays a layer over what is there.
    pub fn apply(&mut self, layer: &Listing) {
        self.cut_short |= layer.is_cut_short();
        for Oddity { name, kind } in layer.oddities() {
            self.note(Defect::Odd { name: name.clone(), what: told(*kind) });
        }
        self.note_more(layer.odd_entries() - layer.oddities().len() as u64);
        // Whiteouts are for the layers below only, wherever in the archive they stand.
        if layer.has_whiteouts() {
            layer.for_each(|entry| self.white_out(&entry));
        }
        layer.for_each(|entry| self.add(entry));
    }

    fn white_out(&mut self, entry: &Entry<'_>) {
        let (folder, name) = split(entry.path);
        let Some(whiteout) = Whiteout::of(name) else { return };
        let Ok(found) = self.find_folder(folder) else { return };
        match whiteout {
            Whiteout::Folder => self.empty(found),
            Whiteout::Name(gone) => self.remove(found, gone),
            Whiteout::Nothing => {}
        }
    }

    fn add(&mut self, entry: Entry<'_>) {
        let (folder, name) = split(entry.path);
        if Whiteout::of(name).is_some() {
            return;
        }
        if entry.path.is_empty() {
            self.nodes[ROOT as usize].mode = entry.mode;
            return;
        }
        let parent = match self.make_folder(folder) {
            Ok(parent) => parent,
            Err(Misplaced::NoRoom) => return,
            Err(_) => return self.note(Defect::NotAFolder { path: entry.path.to_vec() }),
        };
        match entry.kind {
            EntryKind::Directory => self.add_folder(parent, name, entry.mode),
            EntryKind::File { size, content } => self.add_file(parent, name, entry.mode, size, content),
            EntryKind::Symlink { target } => {
                if let Some(place) = self.put(parent, name, entry.mode, NodeKind::Symlink) {
                    self.set_target(place, target);
                }
            }
            EntryKind::HardLink { target } => self.add_link(parent, name, target, entry.path),
            EntryKind::Special => {
                self.put(parent, name, entry.mode, NodeKind::Special);
            }
        }
    }

    fn add_folder(&mut self, parent: u32, name: &[u8], mode: u16) {
        match self.child(parent, name) {
            Some(place) if self.nodes[place as usize].kind == NodeKind::Folder => {
                self.nodes[place as usize].mode = mode;
            }
            _ => {
                self.put(parent, name, mode, NodeKind::Folder);
            }
        }
    }

    fn add_file(&mut self, parent: u32, name: &[u8], mode: u16, size: u64, content: Option<FileContent>) {
        let Some(place) = self.put(parent, name, mode, NodeKind::File) else { return };
        let detail = content.map_or(0, |content| self.keep_content(content));
        self.set_file(place, size, detail);
    }

    /// A hard link is the file itself under one more name.
    fn add_link(&mut self, parent: u32, name: &[u8], target: &[u8], path: &[u8]) {
        let found = self.find_folder(split(target).0).ok();
        let found = found.and_then(|folder| self.child(folder, split(target).1));
        let Some(found) = found.filter(|found| self.nodes[*found as usize].kind != NodeKind::Folder) else {
            return self.note(Defect::LinkToNothing { path: path.to_vec(), target: target.to_vec() });
        };
        let (original, size) = (self.nodes[found as usize], self.size(found));
        if let Some(place) = self.put(parent, name, original.mode, original.kind) {
            self.set_file(place, size, original.detail);
        }
    }

    /// The folder at `path`, made where it is missing, as unpackers do.
    fn make_folder(&mut self, path: &[u8]) -> Result<u32, Misplaced> {
        if let Some((_, place)) = self.last_folder.as_ref().filter(|(last, _)| last == path) {
            return Ok(*place);
        }
        let mut made = self.find_folder(path);
        if let Err(Misplaced::Missing { within, name_at }) = made {
            let mut names = path[name_at..].split(|byte| *byte == b'/').filter(|name| !name.is_empty());
            let place = names.try_fold(within, |place, name| self.put(place, name, 0o755, NodeKind::Folder));
            made = place.ok_or(Misplaced::NoRoom);
            self.note(Defect::NoFolder { path: path.to_vec() });
        }
        if let Ok(place) = made {
            let mut last = self.last_folder.take().unwrap_or_default().0;
            last.clear();
            last.extend_from_slice(path);
            self.last_folder = Some((last, place));
        }
        made
    }

    /// The folder at `path`; links on the way are followed.
    fn find_folder(&mut self, path: &[u8]) -> Result<u32, Misplaced> {
        if self.steps > MOST_STEPS {
            self.cut_short = true;
            return Err(Misplaced::NoRoom);
        }
        let mut effort = Effort::default();
        let found = self.follow_folder(path, &mut effort);
        self.steps += effort.steps;
        found
    }

    fn follow_folder(&self, path: &[u8], effort: &mut Effort) -> Result<u32, Misplaced> {
        let mut place = ROOT;
        let mut name_at = 0;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            effort.steps += 1;
            let Some(child) = self.child(place, name) else {
                return Err(Misplaced::Missing { within: place, name_at });
            };
            place = match self.nodes[child as usize].kind {
                NodeKind::Folder => child,
                // Of the target alone: what leads to the link was followed already.
                NodeKind::Symlink => {
                    self.walk(place, name, effort).map_err(|_| Misplaced::NotAFolder)?.node.place
                }
                NodeKind::File | NodeKind::Special => return Err(Misplaced::NotAFolder),
            };
            if self.nodes[place as usize].kind != NodeKind::Folder {
                return Err(Misplaced::NotAFolder);
            }
            name_at += name.len() + 1;
        }
        Ok(place)
    }
}

/// Why there is no folder at a path.
#[derive(Debug, Clone, Copy)]
enum Misplaced {
    /// From there on, nothing exists.
    Missing {
        /// The last folder that does.
        within: u32,
        /// Where in the path the first missing name begins.
        name_at: usize,
    },
    /// Something else stands in the way.
    NotAFolder,
    /// The tree is full, or too much was followed.
    NoRoom,
}

fn told(oddity: OddityKind) -> &'static str {
    match oddity {
        OddityKind::Absolute => "has an absolute name",
        OddityKind::TooLong => "has a longer name or target than Linux takes",
        OddityKind::HasNul => "has a NUL in its name or target",
        OddityKind::Escapes => "leads out of the root",
        OddityKind::UnknownType(_) => "is of a type that unpackers do not know",
    }
}

/// The folder and the name in it.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Archive, contents};
    use super::*;
    use crate::layer::scan;
    use crate::samples::layer;

    #[test]
    fn names_that_were_followed_for_too_long_are_left_out_and_told() {
        let Archive(bytes) = Archive::default().file("b/later");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let top = runtime.block_on(scan(&[layer(&bytes)], u64::MAX, None)).unwrap();
        for (steps, is_cut_short) in [(0, false), (MOST_STEPS + 1, true)] {
            let mut system = contents(vec![Archive::default().file("a/first")]).files;
            system.steps = steps;
            system.apply(&top[0].listing);
            assert_eq!(system.is_cut_short(), is_cut_short);
            assert_eq!(system.resolve(b"b/later").is_err(), is_cut_short);
            assert!(system.resolve(b"a/first").is_ok());
        }
    }
}
