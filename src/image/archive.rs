//! A tar archive as a table of the files in it: where each lies, nothing unpacked.
//!
//! An uncompressed archive is indexed by its headers alone, seeking over the bodies. A compressed one takes one
//! decompressing pass over the whole of it: an entry that is there twice, or that is missing, is only known at the end.
//! One that arrives as a stream is indexed as it goes by, while somebody else keeps what is worth it.
//! Nothing here knows what an image is; hostile archives are refused here.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::entry_name;
use super::error::Problem;
use super::files::{Seen, StoredFile};
use super::{BlobLocation, BlobStore, CompressedFile, Compression};
use crate::name::Digest;

/// More entries than any archive of images has; bounds the memory of the table.
pub(super) const MAX_ENTRIES: usize = 65_536;

/// The bytes that an entry's headers may take, extended headers and long names included: the tar library reads those
/// into memory, however long they say they are.
const MAX_HEADERS: u64 = 1024 * 1024;

/// What is kept in memory of a compressed archive's small JSON files, so that reading them costs no second pass.
const MAX_KEPT: u64 = 16 * 1024 * 1024;

/// How many links are followed from one name.
const MAX_LINKS: usize = 16;

/// The table of an archive's entries.
#[derive(Debug)]
pub(super) struct Archive {
    body: Body,
    entries: HashMap<String, Entry>,
}

/// Where the decompressed tar comes from.
#[derive(Debug)]
enum Body {
    Plain {
        file: Arc<File>,
        path: PathBuf,
    },
    Compressed(Arc<CompressedFile>),
    /// The table alone is known: everything that opening an image reads is in it.
    Absent(Arc<dyn BlobStore>),
}

/// An entry of the table.
#[derive(Debug)]
pub(super) enum Entry {
    File(FileEntry),
    Directory,
    /// A symbolic link's target counts from the link's directory, a hard link's from the top of the archive.
    Link {
        target: String,
        hard: bool,
    },
    Other(&'static str),
}

/// A regular file of the archive.
#[derive(Debug)]
pub(super) struct FileEntry {
    pub(super) offset: u64,
    pub(super) size: u64,
    /// What the pass over an archive has seen already; none where it was only indexed, and reading is cheap.
    pub(super) seen: Option<Seen>,
}

impl Archive {
    /// Indexes the archive in `file`, whose size is `size`.
    pub(super) fn index(file: File, path: &Path, size: u64) -> Result<Self, Problem> {
        let unreadable = |reason| Problem::Unreadable { path: path.to_owned(), reason };
        if size == 0 {
            return Err(Problem::EmptyFile);
        }
        let file = Arc::new(file);
        let whole = BlobLocation::InFile { file: Arc::clone(&file), path: path.to_owned(), offset: 0, size };
        let head = whole.head().map_err(unreadable)?;
        let compression =
            Compression::of_head(&head).map_err(|format| Problem::ArchiveCompression { format })?;
        let mut table = Table::default();
        let body = if compression == Compression::None {
            table.fill_by_seeking(&file, size)?;
            Body::Plain { file, path: path.to_owned() }
        } else {
            let compressed = CompressedFile::new(file, path.to_owned(), size, compression);
            table.fill_by_reading(compressed.stream().map_err(unreadable)?, |_| {})?;
            Body::Compressed(Arc::new(compressed))
        };
        table.over(body)
    }

    /// Indexes an uncompressed archive as its `stream` goes by. `file` holds, at the same offsets, those bodies that will
    /// be asked for. `body` is told the size of an entry where its body begins, and none where it ends.
    pub(super) fn index_stream(
        stream: impl Read,
        file: Arc<File>,
        path: &Path,
        body: impl FnMut(Option<u64>),
    ) -> Result<Self, Problem> {
        let mut table = Table::default();
        table.fill_by_reading(stream, body)?;
        table.over(Body::Plain { file, path: path.to_owned() })
    }

    /// An archive whose table is remembered from an earlier pass. `absent` stands for its bodies.
    pub(super) fn remembered(entries: HashMap<String, Entry>, absent: Arc<dyn BlobStore>) -> Self {
        Self { body: Body::Absent(absent), entries }
    }

    /// The whole table, by name.
    pub(super) fn entries(&self) -> &HashMap<String, Entry> {
        &self.entries
    }

    /// The file of this name, links followed; none when there is no such name.
    pub(super) fn find(&self, name: &str) -> Result<Option<StoredFile<'_>>, Problem> {
        let Some(entry) = self.follow(name)? else { return Ok(None) };
        let (offset, size) = (entry.offset, entry.size);
        let location = match &self.body {
            Body::Plain { file, path } => {
                BlobLocation::InFile { file: Arc::clone(file), path: path.clone(), offset, size }
            }
            Body::Compressed(file) => BlobLocation::InCompressedFile { file: Arc::clone(file), offset, size },
            Body::Absent(store) => {
                let digest = Digest::of(name.as_bytes());
                BlobLocation::InStore { store: Arc::clone(store), digest, size }
            }
        };
        Ok(Some(StoredFile { location, seen: entry.seen.as_ref() }))
    }

    /// The file that a name stands for, links followed within the archive. Archives of Docker before 25 have links
    /// where two images share a layer.
    fn follow(&self, name: &str) -> Result<Option<&FileEntry>, Problem> {
        let mut current = name.to_owned();
        for _ in 0..MAX_LINKS {
            match self.entries.get(&current) {
                None => return Ok(None),
                Some(Entry::File(entry)) => return Ok(Some(entry)),
                Some(Entry::Directory) => {
                    return Err(Problem::NotRegular { name: current, found: "a directory" });
                }
                Some(Entry::Other(found)) => return Err(Problem::NotRegular { name: current, found }),
                Some(Entry::Link { target, hard }) => {
                    let base =
                        if *hard { "" } else { current.rsplit_once('/').map_or("", |(parent, _)| parent) };
                    current = entry_name::resolve(base, target).ok_or_else(|| Problem::BadLink {
                        name: current.clone(),
                        target: target.clone(),
                        why: "which leads out of the archive",
                    })?;
                }
            }
        }
        Err(Problem::BadLink { name: name.to_owned(), target: current, why: "and the links never end" })
    }
}

/// The table while it is filled.
#[derive(Default)]
struct Table {
    entries: HashMap<String, Entry>,
    last: Option<String>,
    kept: u64,
}

impl Table {
    fn over(self, body: Body) -> Result<Archive, Problem> {
        if self.entries.is_empty() {
            return Err(Problem::NotAnImageStore { why: "the archive is empty" });
        }
        Ok(Archive { body, entries: self.entries })
    }

    fn fill_by_seeking(&mut self, file: &Arc<File>, file_size: u64) -> Result<(), Problem> {
        let meter = Rc::new(Meter::default());
        let mut archive = tar::Archive::new(Metered { inner: &**file, meter: Rc::clone(&meter) });
        for entry in archive.entries_with_seek().map_err(|error| self.damaged(error, &meter))? {
            let mut entry = entry.map_err(|error| self.damaged(error, &meter))?;
            meter.renew();
            refuse_sparse(&mut entry)?;
            let (offset, size) = (entry.raw_file_position(), entry.size());
            let found = file_size.saturating_sub(offset);
            if size > found {
                return Err(truncated(&entry, found));
            }
            self.add(&mut entry, None)?;
        }
        Ok(())
    }

    fn fill_by_reading(
        &mut self,
        stream: impl Read,
        mut body: impl FnMut(Option<u64>),
    ) -> Result<(), Problem> {
        let meter = Rc::new(Meter::default());
        let mut archive = tar::Archive::new(Metered { inner: stream, meter: Rc::clone(&meter) });
        for entry in archive.entries().map_err(|error| self.damaged(error, &meter))? {
            let mut entry = entry.map_err(|error| self.damaged(error, &meter))?;
            refuse_sparse(&mut entry)?;
            meter.lift();
            body(Some(entry.size()));
            let (seen, found) = self.read_body(&mut entry).map_err(|error| self.damaged(error, &meter))?;
            body(None);
            meter.renew();
            if found != entry.size() {
                return Err(truncated(&entry, found));
            }
            self.add(&mut entry, Some(seen))?;
        }
        Ok(())
    }

    /// Reads over an entry's body, keeps what will be asked for later, and counts the bytes.
    fn read_body(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> io::Result<(Seen, u64)> {
        let stated = entry.size();
        let mut head = Vec::with_capacity(Compression::HEAD);
        entry.take(Compression::HEAD as u64).read_to_end(&mut head)?;
        let document = matches!(head.first(), Some(b'{' | b'[' | b' ' | b'\n'));
        if !document || stated > MAX_KEPT - self.kept {
            let rest = io::copy(entry, &mut io::sink())?;
            let found = head.len() as u64 + rest;
            return Ok((Seen { head, whole: None }, found));
        }
        let mut whole = head.clone();
        entry.read_to_end(&mut whole)?;
        let found = whole.len() as u64;
        self.kept += found;
        Ok((Seen { head, whole: Some(whole) }, found))
    }

    fn add(&mut self, entry: &mut tar::Entry<'_, impl Read>, seen: Option<Seen>) -> Result<(), Problem> {
        if entry.header().entry_type().is_pax_global_extensions() {
            return Ok(());
        }
        let raw = entry.path_bytes().into_owned();
        let name = entry_name::normal(&raw)
            .map_err(|why| Problem::HostileEntry { name: String::from_utf8_lossy(&raw).into_owned(), why })?;
        let kind = kind_of(entry, raw.ends_with(b"/"), seen);
        self.last = Some(name.clone());
        if name.is_empty() && matches!(kind, Entry::Directory) {
            return Ok(());
        }
        if self.entries.len() == MAX_ENTRIES {
            return Err(Problem::TooManyEntries { limit: MAX_ENTRIES });
        }
        match self.entries.insert(name.clone(), kind) {
            None => Ok(()),
            Some(Entry::Directory) if matches!(self.entries.get(&name), Some(Entry::Directory)) => Ok(()),
            Some(_) => Err(Problem::DuplicateEntry { name }),
        }
    }

    /// What an error of the tar library means, by how far the archive could be read before.
    fn damaged(&self, reason: io::Error, meter: &Meter) -> Problem {
        let reason = without_controls(reason);
        match &self.last {
            Some(last) => Problem::DamagedArchive { after: format!("the entry {last:?}"), reason },
            None if meter.failed.get() => Problem::DamagedArchive { after: "its start".to_owned(), reason },
            None => Problem::NotAnArchive { why: "its first block is not a tar header" },
        }
    }
}

/// The tar library quotes what is in a header as it is there.
fn without_controls(reason: io::Error) -> io::Error {
    let told = reason.to_string();
    match told.contains(char::is_control) {
        true => io::Error::new(reason.kind(), told.escape_debug().to_string()),
        false => reason,
    }
}

fn truncated(entry: &tar::Entry<'_, impl Read>, found: u64) -> Problem {
    let what = format!("the entry {:?}", String::from_utf8_lossy(&entry.path_bytes()));
    Problem::Truncated { what, stated: entry.size(), found }
}

fn kind_of(entry: &tar::Entry<'_, impl Read>, named_as_directory: bool, seen: Option<Seen>) -> Entry {
    let file = FileEntry { offset: entry.raw_file_position(), size: entry.size(), seen };
    let link = |hard| match entry.link_name_bytes() {
        Some(target) => Entry::Link { target: String::from_utf8_lossy(&target).into_owned(), hard },
        None => Entry::Other("a link to nowhere"),
    };
    match entry.header().entry_type() {
        tar::EntryType::Regular | tar::EntryType::Continuous if named_as_directory => Entry::Directory,
        tar::EntryType::Regular | tar::EntryType::Continuous => Entry::File(file),
        tar::EntryType::Directory => Entry::Directory,
        tar::EntryType::Symlink => link(false),
        tar::EntryType::Link => link(true),
        tar::EntryType::Fifo => Entry::Other("a pipe"),
        tar::EntryType::Char | tar::EntryType::Block => Entry::Other("a device"),
        _ => Entry::Other("an entry of unknown type"),
    }
}

/// A sparse entry's bytes do not lie in one piece, and its holes can say that they are larger than any disk. GNU tar
/// writes them only when asked to (`--sparse`); no image tool does.
fn refuse_sparse(entry: &mut tar::Entry<'_, impl Read>) -> Result<(), Problem> {
    let kind = entry.header().entry_type();
    // Of an extended header itself, the library would read the body here.
    if kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
        return Ok(());
    }
    let by_type = kind.is_gnu_sparse();
    let by_extension = match entry.pax_extensions() {
        Ok(Some(extensions)) => {
            extensions.flatten().any(|extension| extension.key_bytes().starts_with(b"GNU.sparse."))
        }
        _ => false,
    };
    if by_type || by_extension {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        return Err(Problem::HostileEntry {
            name,
            why: "that is stored sparse, which no image archive needs",
        });
    }
    Ok(())
}

/// Bounds how much is read before the next entry; shared between the reader and the loop over it.
struct Meter {
    left: Cell<u64>,
    /// Whether the reader itself failed, and not what the tar library made of its bytes.
    failed: Cell<bool>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { left: Cell::new(MAX_HEADERS), failed: Cell::new(false) }
    }
}

impl Meter {
    fn renew(&self) {
        self.left.set(MAX_HEADERS);
    }

    fn lift(&self) {
        self.left.set(u64::MAX);
    }
}

/// A reader that fails when more is read than its meter allows.
struct Metered<R> {
    inner: R,
    meter: Rc<Meter>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.meter.left.get();
        if left == 0 {
            self.meter.failed.set(true);
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "an entry's headers are longer than 1 MiB",
            ));
        }
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.inner.read(&mut buffer[..wanted]).inspect_err(|_| self.meter.failed.set(true))?;
        self.meter.left.set(left - count as u64);
        Ok(count)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
