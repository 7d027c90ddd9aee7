//! Files and folders as a tree in flat arrays: a million of them take some seventy megabytes.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::layer::{FileContent, Program};

/// How many defects are kept; the rest is only counted.
const KEPT_DEFECTS: usize = 8;

/// The merged file system.
#[derive(Debug)]
pub struct FileSystem {
    pub(super) nodes: Vec<Record>,
    /// All names and all targets of symbolic links, one after the other.
    pub(super) texts: Vec<u8>,
    pub(super) contents: Vec<FileContent>,
    /// From parent and name to the node that is there now.
    index: HashTable<u32>,
    hasher: RandomState,
    defects: Vec<Defect>,
    defect_count: u64,
    pub(super) cut_short: bool,
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
    /// Bytes of a file.
    pub(super) size: u64,
    pub(super) parent: u32,
    name_at: u32,
    /// For a folder its first child, for a link where its target begins, for a file one more than the place of what
    /// is known of its content.
    pub(super) detail: u32,
    /// The next child of the same folder.
    next: u32,
    name_length: u16,
    /// The length of a link's target.
    pub(super) target_length: u16,
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
pub(super) const ROOT: u32 = 0;

impl FileSystem {
    /// An empty one: its root, readable for all.
    pub fn new() -> Self {
        let root = Record {
            size: 0,
            parent: ROOT,
            name_at: 0,
            detail: NONE,
            next: NONE,
            name_length: 0,
            target_length: 0,
            mode: 0o755,
            kind: NodeKind::Folder,
            removed: false,
        };
        Self {
            nodes: vec![root],
            texts: Vec::new(),
            contents: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::new(),
            defects: Vec::new(),
            defect_count: 0,
            cut_short: false,
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

    /// The root.
    pub fn root(&self) -> Node<'_> {
        Node { system: self, place: ROOT }
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
        let same = |place: &u32| self.is_named(*place, parent, name);
        self.index.find(self.hash(parent, name), same).copied()
    }

    /// Puts a node in a folder, in the place of what has that name there. None when there is no room for more.
    pub(super) fn put(&mut self, parent: u32, name: &[u8], mode: u16, kind: NodeKind) -> Option<u32> {
        let place = u32::try_from(self.nodes.len()).ok().filter(|place| *place < NONE)?;
        let record = Record {
            size: 0,
            parent,
            name_at: self.keep_text(name)?,
            detail: if kind == NodeKind::File { 0 } else { NONE },
            next: self.nodes[parent as usize].detail,
            name_length: u16::try_from(name.len()).ok()?,
            target_length: 0,
            mode,
            kind,
            removed: false,
        };
        self.remove(parent, name);
        self.nodes.push(record);
        self.nodes[parent as usize].detail = place;
        let (nodes, texts, hasher) = (&self.nodes, &self.texts, &self.hasher);
        let rehash = |place: &u32| {
            let record = &nodes[*place as usize];
            hasher.hash_one((record.parent, name_of(texts, record)))
        };
        self.index.insert_unique(hasher.hash_one((parent, name)), place, rehash);
        Some(place)
    }

    /// Takes a node away, with all that is in it.
    pub(super) fn remove(&mut self, parent: u32, name: &[u8]) {
        let hash = self.hash(parent, name);
        let (nodes, texts) = (&self.nodes, &self.texts);
        let same = |place: &u32| {
            let record = &nodes[*place as usize];
            record.parent == parent && name_of(texts, record) == name
        };
        if let Ok(entry) = self.index.find_entry(hash, same) {
            // What was in it cannot be reached any more: a new folder of this name is another node.
            let (place, _) = entry.remove();
            self.nodes[place as usize].removed = true;
        }
    }

    /// Keeps the target of a link.
    pub(super) fn set_target(&mut self, place: u32, target: &[u8]) {
        if let (Some(at), Ok(length)) = (self.keep_text(target), u16::try_from(target.len())) {
            let record = &mut self.nodes[place as usize];
            (record.detail, record.target_length) = (at, length);
        }
    }

    pub(super) fn children(&self, folder: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.nodes[folder as usize].detail;
        let is_node = |place: u32| (place != NONE).then_some(place);
        let next = move |place: &u32| is_node(self.nodes[*place as usize].next);
        std::iter::successors(is_node(first), next).filter(|place| !self.nodes[*place as usize].removed)
    }

    pub(super) fn name(&self, place: u32) -> &[u8] {
        name_of(&self.texts, &self.nodes[place as usize])
    }

    fn keep_text(&mut self, text: &[u8]) -> Option<u32> {
        let at = u32::try_from(self.texts.len()).ok()?;
        self.texts.extend_from_slice(text);
        Some(at)
    }

    fn is_named(&self, place: u32, parent: u32, name: &[u8]) -> bool {
        self.nodes[place as usize].parent == parent && self.name(place) == name
    }

    fn hash(&self, parent: u32, name: &[u8]) -> u64 {
        self.hasher.hash_one((parent, name))
    }
}

impl Default for FileSystem {
    fn default() -> Self {
        Self::new()
    }
}

fn name_of<'a>(texts: &'a [u8], record: &Record) -> &'a [u8] {
    let start = record.name_at as usize;
    &texts[start..start + usize::from(record.name_length)]
}

/// One file or folder.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    pub(super) system: &'a FileSystem,
    pub(super) place: u32,
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
        self.record().size
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
        let is_folder = self.kind() == NodeKind::Folder;
        let places = is_folder.then(|| self.system.children(self.place));
        places.into_iter().flatten().map(move |place| Node { place, ..self })
    }

    /// The child of this name.
    pub fn child(self, name: &[u8]) -> Option<Node<'a>> {
        Some(Node { place: self.system.child(self.place, name)?, ..self })
    }

    /// Everything below, each folder before what is in it.
    pub fn descendants(self) -> impl Iterator<Item = Node<'a>> {
        let mut waiting: Vec<Node<'a>> = self.children().collect();
        std::iter::from_fn(move || {
            let node = waiting.pop()?;
            waiting.extend(node.children());
            Some(node)
        })
    }

    /// What was seen of a file's content.
    pub fn content(self) -> Option<&'a FileContent> {
        let record = self.record();
        let place = (record.kind == NodeKind::File).then_some(record.detail)?.checked_sub(1)?;
        self.system.contents.get(place as usize)
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
        let record = self.record();
        let start = (record.kind == NodeKind::Symlink).then_some(record.detail as usize)?;
        self.system.texts.get(start..start + usize::from(record.target_length))
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
