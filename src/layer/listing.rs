//! The list of a layer's entries, kept small: a million of them take some twenty megabytes.
//!
//! Archives are written folder by folder, so a path is kept as what it does not share with the one before it.

use std::fmt;

use super::entry::{Entry, EntryKind, FileContent};
use super::whiteout::Whiteout;

/// How many odd names are kept; the rest is only counted.
const KEPT_ODDITIES: usize = 8;
/// A list that grows beyond that is cut short: some three million files of ordinary names.
pub(super) const LARGEST: usize = 64 << 20;
/// No path of Linux is longer (`PATH_MAX`).
const LONGEST_PATH: usize = 4096;
/// No name of Linux's file systems is longer (`NAME_MAX`).
const LONGEST_NAME: usize = 255;

/// The entries of one layer in the order of its archive.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Listing {
    bytes: Vec<u8>,
    entries: u64,
    oddities: Vec<Oddity>,
    odd_entries: u64,
    cut_short: bool,
    whiteouts: bool,
}

/// A name that an honest archive does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// The name as the archive has it, at most 256 bytes of it.
    pub name: Vec<u8>,
    /// What is odd about it.
    pub kind: OddityKind,
}

/// What is odd about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddityKind {
    /// It begins with a slash; it is taken as relative to the root.
    Absolute,
    /// It, or what it links to, is longer than any path of Linux, or one of its parts than any name; the entry is left out.
    TooLong,
    /// It, or what it links to, has a NUL, with which names end; the entry is left out.
    HasNul,
    /// `..` leads out of the root; the entry is left out.
    Escapes,
    /// It is of a type that unpackers do not know, by its type flag; the entry is left out.
    UnknownType(u8),
}

const FILE: u8 = 0;
const DIRECTORY: u8 = 1;
const SYMLINK: u8 = 2;
const HARD_LINK: u8 = 3;
const SPECIAL: u8 = 4;
const KIND: u8 = 0b0111;
/// The mode is that of the entry before.
const SAME_MODE: u8 = 0b1000;
const HAS_CONTENT: u8 = 0b1_0000;

impl Listing {
    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.entries
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The odd names, the first few of them.
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// How many odd names there are.
    pub fn odd_entries(&self) -> u64 {
        self.odd_entries
    }

    /// Whether entries are missing because there were too many of them.
    pub fn is_cut_short(&self) -> bool {
        self.cut_short
    }

    /// Whether any of the names may take something away from the layers below.
    pub fn has_whiteouts(&self) -> bool {
        self.whiteouts
    }

    /// The list as it is remembered: without what is odd, which is not. None when there is something odd about it.
    pub(super) fn stored(&self) -> Option<&[u8]> {
        (self.odd_entries == 0 && !self.cut_short).then_some(&self.bytes)
    }

    /// A list that was stored with so many entries; none when it is not whole.
    pub(super) fn from_stored(bytes: Vec<u8>, entries: u64) -> Option<Self> {
        let mut listing = Self { bytes, entries, ..Self::default() };
        let (mut found, mut whiteouts) = (0, false);
        let mut reader = Reader { skips_content: true, ..Reader::new(&listing.bytes) };
        while let Some(entry) = reader.next() {
            found += 1;
            whiteouts |= is_whiteout(entry.path);
        }
        listing.whiteouts = whiteouts;
        (found == entries).then_some(listing)
    }

    /// Goes through the entries. `visit` is given each one in turn.
    pub fn for_each(&self, mut visit: impl FnMut(Entry<'_>)) {
        let mut reader = Reader::new(&self.bytes);
        while let Some(entry) = reader.next() {
            visit(entry);
        }
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Listing({} entries in {} bytes)", self.entries, self.bytes.len())
    }
}

/// Writes a [`Listing`].
#[derive(Debug, Default)]
pub(super) struct ListingWriter {
    listing: Listing,
    path: Vec<u8>,
    mode: u16,
}

impl ListingWriter {
    /// Adds an entry.
    pub(super) fn push(&mut self, entry: &Entry<'_>) {
        let target = match entry.kind {
            EntryKind::Symlink { target } | EntryKind::HardLink { target } => target,
            _ => b"",
        };
        let has_long_name = || entry.path.split(|byte| *byte == b'/').any(|name| name.len() > LONGEST_NAME);
        if entry.path.len().max(target.len()) > LONGEST_PATH || has_long_name() {
            return self.note(entry.path, OddityKind::TooLong);
        }
        if memchr::memchr(0, entry.path).is_some() || target.contains(&0) {
            return self.note(entry.path, OddityKind::HasNul);
        }
        if self.listing.bytes.len() > LARGEST {
            self.listing.cut_short = true;
            return;
        }
        let shared = self.path.iter().zip(entry.path).take_while(|(a, b)| a == b).count();
        self.number(shared as u64);
        self.text(&entry.path[shared..]);
        let (kind, content) = match &entry.kind {
            EntryKind::File { content, .. } => (FILE, content.as_ref()),
            EntryKind::Directory => (DIRECTORY, None),
            EntryKind::Symlink { .. } => (SYMLINK, None),
            EntryKind::HardLink { .. } => (HARD_LINK, None),
            EntryKind::Special => (SPECIAL, None),
        };
        let same_mode = self.mode == entry.mode;
        let flags = if same_mode { SAME_MODE } else { 0 } | if content.is_some() { HAS_CONTENT } else { 0 };
        self.listing.bytes.push(kind | flags);
        if !same_mode {
            self.number(u64::from(entry.mode));
        }
        match entry.kind {
            EntryKind::File { size, .. } => self.number(size),
            EntryKind::Symlink { target } | EntryKind::HardLink { target } => self.text(target),
            EntryKind::Directory | EntryKind::Special => {}
        }
        if let Some(content) = content {
            // Few files have any, so a self-describing form costs little.
            let text = serde_json::to_vec(content).unwrap_or_default();
            self.text(&text);
        }
        self.path.truncate(shared);
        self.path.extend_from_slice(&entry.path[shared..]);
        self.mode = entry.mode;
        self.listing.entries += 1;
        self.listing.whiteouts |= is_whiteout(entry.path);
    }

    /// Notes an odd name.
    pub(super) fn note(&mut self, name: &[u8], kind: OddityKind) {
        self.listing.odd_entries += 1;
        if self.listing.oddities.len() < KEPT_ODDITIES {
            let name = name[..name.len().min(256)].to_vec();
            self.listing.oddities.push(Oddity { name, kind });
        }
    }

    pub(super) fn finish(mut self) -> Listing {
        self.listing.bytes.shrink_to_fit();
        self.listing
    }

    /// A number in groups of seven bits, the lowest first (LEB128).
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.listing.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.listing.bytes.push(number as u8);
    }

    fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        self.listing.bytes.extend_from_slice(text);
    }
}

/// Whether the last component of a path is a whiteout.
fn is_whiteout(path: &[u8]) -> bool {
    let name = memchr::memrchr(b'/', path).map_or(path, |slash| &path[slash + 1..]);
    Whiteout::of(name).is_some()
}

struct Reader<'a> {
    rest: &'a [u8],
    path: Vec<u8>,
    mode: u16,
    /// Whether it does not matter what is known of files' contents.
    skips_content: bool,
}

impl<'a> Reader<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self { rest, path: Vec::new(), mode: 0, skips_content: false }
    }

    /// The next entry; none at the end, or where the bytes are not such a list.
    fn next(&mut self) -> Option<Entry<'_>> {
        let shared = usize::try_from(self.number()?).ok()?;
        let suffix = self.text()?;
        self.path.truncate(shared);
        self.path.extend_from_slice(suffix);
        let tag = self.byte()?;
        if tag & SAME_MODE == 0 {
            self.mode = u16::try_from(self.number()?).ok()?;
        }
        let kind = match tag & KIND {
            FILE => EntryKind::File { size: self.number()?, content: None },
            DIRECTORY => EntryKind::Directory,
            SYMLINK => EntryKind::Symlink { target: self.text()? },
            HARD_LINK => EntryKind::HardLink { target: self.text()? },
            SPECIAL => EntryKind::Special,
            _ => return None,
        };
        let kind = match kind {
            EntryKind::File { size, .. } if tag & HAS_CONTENT != 0 => {
                EntryKind::File { size, content: self.content() }
            }
            kind => kind,
        };
        Some(Entry { path: &self.path, mode: self.mode, kind })
    }

    fn content(&mut self) -> Option<FileContent> {
        let text = self.text()?;
        (!self.skips_content).then(|| serde_json::from_slice(text).ok())?
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Program, ProgramForm};

    #[test]
    fn what_was_listed_is_read_back() {
        let script = ProgramForm::Script { interpreter: b"/bin/sh".to_vec(), argument: None };
        let program = FileContent::Program(Program { form: script, names_runtime_api: true });
        let mut long = [b'n'; 300];
        long[200] = b'/';
        let entries = [
            Entry { path: b"", mode: 0o755, kind: EntryKind::Directory },
            Entry {
                path: b"app/run",
                mode: 0o755,
                kind: EntryKind::File { size: 1 << 40, content: Some(program) },
            },
            Entry { path: b"app/run\xff.py", mode: 0o7644, kind: EntryKind::File { size: 0, content: None } },
            Entry { path: b"app", mode: 0o7644, kind: EntryKind::Symlink { target: b"../x" } },
            Entry { path: &long, mode: 0, kind: EntryKind::HardLink { target: b"app/run" } },
            Entry { path: b"dev/null", mode: 0o666, kind: EntryKind::Special },
        ];
        let mut writer = ListingWriter::default();
        entries.iter().for_each(|entry| writer.push(entry));
        let listing = writer.finish();
        let mut index = 0;
        listing.for_each(|entry| {
            assert_eq!(entry, entries[index]);
            index += 1;
        });
        assert_eq!((index, listing.len()), (entries.len(), entries.len() as u64));
    }

    #[test]
    fn a_path_beyond_what_linux_has_is_left_out_and_told() {
        let mut writer = ListingWriter::default();
        writer.push(&Entry { path: &[b'x'; 5000], mode: 0, kind: EntryKind::Directory });
        let listing = writer.finish();
        assert!(listing.is_empty());
        assert_eq!(listing.oddities(), [Oddity { name: vec![b'x'; 256], kind: OddityKind::TooLong }]);
    }

    #[test]
    fn a_name_that_no_file_system_takes_is_left_out_and_told() {
        let mut writer = ListingWriter::default();
        let long = [b"a/", &[b'x'; 256][..]].concat();
        writer.push(&Entry { path: &long, mode: 0, kind: EntryKind::Directory });
        writer.push(&Entry { path: b"a\0b", mode: 0, kind: EntryKind::Directory });
        writer.push(&Entry { path: b"a", mode: 0, kind: EntryKind::Symlink { target: b"\0" } });
        writer.push(&Entry { path: &long[..257], mode: 0, kind: EntryKind::Directory });
        let listing = writer.finish();
        let kinds: Vec<_> = listing.oddities().iter().map(|oddity| oddity.kind).collect();
        assert_eq!(kinds, [OddityKind::TooLong, OddityKind::HasNul, OddityKind::HasNul]);
        assert_eq!(listing.len(), 1);
    }
}
