//! Files and folders as a tree in flat arrays: a million of them take some forty megabytes.
//!
//! What is kept is bounded, whatever the layers say: beyond the bounds the tree is cut short, and says so.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::layer::FileContent;

use super::texts::Texts;

/// How many defects are kept; the rest is only counted.
const KEPT_DEFECTS: usize = 8;
/// More files and folders than any image has: some two hundred megabytes of them.
const MOST_NODES: usize = 4 << 20;
/// How many bytes of what is known of files' contents are kept.
const MOST_CONTENT: usize = 64 << 20;

/// The merged file system.
#[derive(Debug)]
pub struct FileSystem {
    pub(super) nodes: Vec<Record>,
    /// All names and all targets of symbolic links.
    pub(super) texts: Texts,
    contents: Vec<FileContent>,
    content_bytes: usize,
    /// Sizes that a record has no room for, in the order of their nodes.
    large_sizes: Vec<(u32, u64)>,
    /// From parent and name to the node that is there now.
    index: HashTable<u32>,
    hasher: RandomState,
    defects: Vec<Defect>,
    defect_count: u64,
    pub(super) cut_short: bool,
    /// The folder of the last entry, since the next one is likely to be in it.
    pub(super) last_folder: Option<(Vec<u8>, u32)>,
    /// Names followed so far.
    pub(super) steps: u64,
}

/// What a layer's archive asks for and cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defect {
    /// A hard link to a file that is neither in this layer nor below.
    LinkToNothing {
        /// The link.
        path: Vec<u8>,
        /// What it should be another name of.
        target: Vec<u8>,
    },
    /// A name or a type that an honest archive does not have.
    Odd {
        /// The name.
        name: Vec<u8>,
        /// What is wrong with it, to follow the name in a sentence.
        what: &'static str,
    },
    /// A folder that no archive has, made for what lies in it.
    NoFolder {
        /// The folder.
        path: Vec<u8>,
    },
    /// Something within what is not a folder.
    NotAFolder {
        /// The name that has no place.
        path: Vec<u8>,
    },
}

/// One node, as it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) parent: u32,
    /// Where its name is.
    pub(super) name: u32,
    /// For a folder its first child, for a link where its target is, for a file one more than the place of what is known of
    /// its content.
    pub(super) detail: u32,
    /// The next child of the same folder.
    next: u32,
    /// Bytes of a file, or [`LARGE`].
    size: u32,
    pub(super) mode: u16,
    pub(super) kind: NodeKind,
    /// A later layer took it away.
    removed: bool,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A device or a pipe.
    Special,
}

const NONE: u32 = u32::MAX;
/// Stands for a size that is among the large ones.
const LARGE: u32 = u32::MAX;
pub(super) const ROOT: u32 = 0;

impl FileSystem {
    /// An empty one: its root, readable for all.
    pub fn new() -> Self {
        let mut texts = Texts::default();
        let name = texts.keep(b"").unwrap_or_default();
        let kind = NodeKind::Folder;
        let root = Record {
            parent: ROOT,
            name,
            detail: NONE,
            next: NONE,
            size: 0,
            mode: 0o755,
            kind,
            removed: false,
        };
        Self {
            nodes: vec![root],
            texts,
            contents: Vec::new(),
            content_bytes: 0,
            large_sizes: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::new(),
            defects: Vec::new(),
            defect_count: 0,
            cut_short: false,
            last_folder: None,
            steps: 0,
        }
    }

    /// The first defects of the layers.
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// How many defects there are.
    pub fn defect_count(&self) -> u64 {
        self.defect_count
    }

    /// Whether files are missing here because there are too many of them.
    pub fn is_cut_short(&self) -> bool {
        self.cut_short
    }

    pub(super) fn note(&mut self, defect: Defect) {
        self.defect_count += 1;
        if self.defects.len() < KEPT_DEFECTS {
            self.defects.push(defect);
        }
    }

    /// Notes defects of which only some are told.
    pub(super) fn note_more(&mut self, count: u64) {
        self.defect_count += count;
    }

    pub(super) fn child(&self, parent: u32, name: &[u8]) -> Option<u32> {
        let same = |place: &u32| is_named(&self.nodes, &self.texts, *place, parent, name);
        self.index.find(self.hasher.hash_one((parent, name)), same).copied()
    }

    /// Puts a node in a folder, in the place of what has that name there. None when there is no room for more.
    pub(super) fn put(&mut self, parent: u32, name: &[u8], mode: u16, kind: NodeKind) -> Option<u32> {
        let place = u32::try_from(self.nodes.len()).ok().filter(|_| self.nodes.len() < MOST_NODES);
        let (Some(place), Some(kept)) = (place, self.texts.keep(name)) else {
            self.cut_short = true;
            return None;
        };
        let (nodes, texts, hasher) = (&self.nodes, &self.texts, &self.hasher);
        let same = |other: &u32| is_named(nodes, texts, *other, parent, name);
        let rehash = |other: &u32| {
            let record = &nodes[*other as usize];
            hasher.hash_one((record.parent, texts.get(record.name)))
        };
        match self.index.entry(hasher.hash_one((parent, name)), same, rehash) {
            Entry::Occupied(mut known) => {
                // What was in it cannot be reached any more: a new folder of this name is another node.
                let before = std::mem::replace(known.get_mut(), place);
                self.nodes[before as usize].removed = true;
                self.last_folder = None;
            }
            Entry::Vacant(free) => {
                free.insert(place);
            }
        }
        let next = std::mem::replace(&mut self.nodes[parent as usize].detail, place);
        let detail = if kind == NodeKind::File { 0 } else { NONE };
        self.nodes.push(Record { parent, name: kept, detail, next, size: 0, mode, kind, removed: false });
        Some(place)
    }

    /// Takes a node away, with all that is in it.
    pub(super) fn remove(&mut self, parent: u32, name: &[u8]) {
        let hash = self.hasher.hash_one((parent, name));
        let same = |place: &u32| is_named(&self.nodes, &self.texts, *place, parent, name);
        if let Ok(entry) = self.index.find_entry(hash, same) {
            let (place, _) = entry.remove();
            self.nodes[place as usize].removed = true;
            self.last_folder = None;
        }
    }

    /// Takes away all that is in a folder.
    pub(super) fn empty(&mut self, folder: u32) {
        let children: Vec<u32> = self.children(folder).collect();
        for child in children {
            let name = self.name(child).to_vec();
            self.remove(folder, &name);
        }
        // Else it would be gone through again each time that the folder is emptied.
        self.nodes[folder as usize].detail = NONE;
    }

    /// Makes a hard link or a file with these bytes; what is known of its content is that of `detail`.
    pub(super) fn set_file(&mut self, place: u32, size: u64, detail: u32) {
        let record = &mut self.nodes[place as usize];
        record.detail = detail;
        record.size = u32::try_from(size).unwrap_or(LARGE);
        if record.size == LARGE {
            self.large_sizes.push((place, size));
        }
    }

    /// Bytes of a file.
    pub(super) fn size(&self, place: u32) -> u64 {
        match self.nodes[place as usize].size {
            LARGE => {
                let found = self.large_sizes.binary_search_by_key(&place, |(place, _)| *place);
                found.map_or(u64::from(LARGE), |index| self.large_sizes[index].1)
            }
            size => size.into(),
        }
    }

    /// Keeps what is known of a file's content; gives what its record holds.
    pub(super) fn keep_content(&mut self, content: FileContent) -> u32 {
        self.content_bytes += content.memory();
        if self.content_bytes > MOST_CONTENT {
            self.cut_short = true;
            return 0;
        }
        self.contents.push(content);
        u32::try_from(self.contents.len()).unwrap_or(0)
    }

    /// What is known of a file's content.
    pub(super) fn content(&self, record: &Record) -> Option<&FileContent> {
        let place = (record.kind == NodeKind::File).then_some(record.detail)?.checked_sub(1)?;
        self.contents.get(place as usize)
    }

    /// Keeps the target of a link.
    pub(super) fn set_target(&mut self, place: u32, target: &[u8]) {
        match self.texts.keep(target) {
            Some(kept) => self.nodes[place as usize].detail = kept,
            None => self.cut_short = true,
        }
    }

    /// Where a symbolic link leads.
    pub(super) fn target(&self, record: &Record) -> Option<&[u8]> {
        (record.kind == NodeKind::Symlink).then(|| match record.detail {
            // There was no room for it.
            NONE => b"",
            kept => self.texts.get(kept),
        })
    }

    /// The first child of a folder.
    pub(super) fn first_child(&self, folder: u32) -> Option<u32> {
        let record = &self.nodes[folder as usize];
        (record.kind == NodeKind::Folder).then(|| self.present(record.detail))?
    }

    /// The next child of the same folder.
    pub(super) fn sibling(&self, place: u32) -> Option<u32> {
        self.present(self.nodes[place as usize].next)
    }

    pub(super) fn children(&self, folder: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.first_child(folder), |place| self.sibling(*place))
    }

    pub(super) fn name(&self, place: u32) -> &[u8] {
        self.texts.get(self.nodes[place as usize].name)
    }

    /// The first node of a chain of siblings, beginning at `place`, that was not taken away.
    fn present(&self, mut place: u32) -> Option<u32> {
        while place != NONE {
            let record = &self.nodes[place as usize];
            if !record.removed {
                return Some(place);
            }
            place = record.next;
        }
        None
    }
}

impl Default for FileSystem {
    fn default() -> Self {
        Self::new()
    }
}

fn is_named(nodes: &[Record], texts: &Texts, place: u32, parent: u32, name: &[u8]) -> bool {
    let record = &nodes[place as usize];
    record.parent == parent && texts.get(record.name) == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_a_record_has_no_room_for_are_kept_too() {
        let mut system = FileSystem::new();
        let sizes = [0, 7, u64::from(u32::MAX) - 1, u64::from(u32::MAX), 1 << 40, 5];
        for (index, size) in sizes.into_iter().enumerate() {
            let place = system.put(ROOT, &[b'a' + index as u8], 0, NodeKind::File).unwrap();
            system.set_file(place, size, 0);
            assert_eq!(system.size(place), size);
        }
        assert_eq!(size_of::<Record>(), 24, "what a million files cost");
    }

    #[test]
    fn contents_beyond_the_bound_are_left_out_and_told() {
        let mut system = FileSystem::new();
        let content = FileContent::Text(vec![b'x'; 1 << 20]);
        let kept = (0..70).filter(|_| system.keep_content(content.clone()) != 0).count();
        assert!(kept < 64 && system.is_cut_short(), "{kept}");
    }
}
