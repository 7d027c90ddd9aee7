//! A tar archive as a table of the files in it: where each lies, nothing unpacked.
//!
//! An uncompressed archive is indexed by its headers alone, seeking over the bodies. A compressed one takes one
//! decompressing pass over the whole of it: an entry that is there twice, or that is missing, is only known at the end.
//! Nothing here knows what an image is; hostile archives are refused here.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::blob::HEAD;
use super::entry_name;
use super::error::Problem;
use super::files::{Seen, StoredFile};
use super::{BlobLocation, CompressedFile, Compression};

/// More entries than any archive of images has; bounds the memory of the table.
const MAX_ENTRIES: usize = 65_536;

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
    Plain { file: Arc<File>, path: PathBuf },
    Compressed(Arc<CompressedFile>),
}

#[derive(Debug)]
enum Entry {
    File(FileEntry),
    Directory,
    /// A symbolic link's target counts from the link's directory, a hard link's from the top of the archive.
    Link {
        target: String,
        hard: bool,
    },
    Other(&'static str),
}

#[derive(Debug)]
struct FileEntry {
    offset: u64,
    size: u64,
    /// What a compressed archive's pass has seen already; none in an uncompressed one, where reading is cheap.
    seen: Option<Seen>,
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
            table.fill_by_reading(compressed.stream().map_err(unreadable)?)?;
            Body::Compressed(Arc::new(compressed))
        };
        if table.entries.is_empty() {
            return Err(Problem::NotAnImageStore { why: "the archive is empty" });
        }
        Ok(Self { body, entries: table.entries })
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

    fn fill_by_reading(&mut self, stream: impl Read) -> Result<(), Problem> {
        let meter = Rc::new(Meter::default());
        let mut archive = tar::Archive::new(Metered { inner: stream, meter: Rc::clone(&meter) });
        for entry in archive.entries().map_err(|error| self.damaged(error, &meter))? {
            let mut entry = entry.map_err(|error| self.damaged(error, &meter))?;
            refuse_sparse(&mut entry)?;
            meter.lift();
            let (seen, found) = self.read_body(&mut entry).map_err(|error| self.damaged(error, &meter))?;
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
        let mut head = Vec::with_capacity(HEAD);
        entry.take(HEAD as u64).read_to_end(&mut head)?;
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
        match &self.last {
            Some(last) => Problem::DamagedArchive { after: format!("the entry {last:?}"), reason },
            None if meter.failed.get() => Problem::DamagedArchive { after: "its start".to_owned(), reason },
            None => Problem::NotAnArchive { why: "its first block is not a tar header" },
        }
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

#[cfg(test)]
mod tests {
    use tar::EntryType;

    use super::super::fixture::{Place, TarFile, compress, docker_tree, gzip};
    use super::*;

    /// The archive of one ordinary image, then spoilt.
    fn spoilt(spoil: impl FnOnce(&mut TarFile)) -> Vec<u8> {
        let mut archive = TarFile::of(&docker_tree(&["app:v1"]));
        spoil(&mut archive);
        archive.finish()
    }

    /// What opening says, for the plain archive and for compressed ones alike.
    fn refusal(archive: &[u8]) -> String {
        let place = Place::new();
        let plain = place.open(archive).unwrap_err();
        assert!(plain.hint().is_some(), "{plain}");
        for compression in [Compression::Gzip, Compression::Zstd] {
            let compressed = place.open(&compress(archive, compression)).unwrap_err();
            assert_eq!(compressed.kind(), plain.kind(), "{plain} / {compressed}");
        }
        plain.to_string()
    }

    fn pax(archive: &mut TarFile, records: &[(&str, &str)], name: &str, content: &[u8]) {
        let mut body = String::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let length = (1..).find(|digits| (rest.len() + digits).to_string().len() == *digits).unwrap();
            body.push_str(&format!("{}{rest}", rest.len() + length));
        }
        archive.entry("PaxHeaders.0/x", EntryType::XHeader, "", body.as_bytes()).file(name, content);
    }

    #[test]
    fn names_that_lead_out_of_the_archive_are_refused() {
        for name in ["../evil", "/etc/passwd", "a/../../evil", "blobs/.."] {
            let message = refusal(&spoilt(|archive| {
                archive.file(name, b"x");
            }));
            assert!(message.contains(&format!("{name:?}")), "{message}");
        }
    }

    #[test]
    fn an_entry_that_is_there_twice_is_refused() {
        let message = refusal(&spoilt(|archive| {
            archive.file("./manifest.json", b"[]");
        }));
        assert!(message.contains("more than one entry \"manifest.json\""), "{message}");
        refusal(&spoilt(|archive| {
            archive.entry("manifest.json/", EntryType::Directory, "", b"");
        }));
        let twice_a_directory = spoilt(|archive| {
            archive.entry("d/", EntryType::Directory, "", b"").entry("./d/", EntryType::Directory, "", b"");
        });
        assert!(Place::new().open(&twice_a_directory).is_ok());
    }

    #[test]
    fn a_control_sequence_in_a_name_is_not_printed() {
        let message = refusal(&spoilt(|archive| {
            archive.file("../\u{1b}[2Jx", b"x");
        }));
        assert!(!message.contains('\u{1b}'), "{message}");
    }

    #[test]
    fn sparse_entries_are_refused_before_their_holes_are_read() {
        let mut header = tar::Header::new_gnu();
        header.set_path("sparse").unwrap();
        header.set_entry_type(EntryType::GNUSparse);
        header.set_size(0);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.realsize.copy_from_slice(b"777777777777");
        gnu.sparse[0].offset.copy_from_slice(b"777777777777");
        gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
        header.set_cksum();
        let by_type = spoilt(|archive| {
            archive.raw(&header, b"");
        });
        assert!(refusal(&by_type).contains("sparse"));
        let by_extension = spoilt(|archive| {
            pax(archive, &[("GNU.sparse.major", "1"), ("GNU.sparse.name", "x")], "GNUSparseFile.0/x", b"1");
        });
        assert!(refusal(&by_extension).contains("sparse"));
    }

    #[test]
    fn sizes_beyond_the_end_are_refused() {
        for stated in [1_000_000, 8_000_000_000, 1 << 62, u64::MAX] {
            let message = refusal(&spoilt(|archive| {
                archive.lying("big", stated, b"x");
            }));
            assert!(message.contains("\"big\"") || message.contains("damaged"), "{message}");
        }
        let message =
            refusal(&spoilt(|archive| pax(archive, &[("size", "9000000000000000000")], "big", b"x")));
        assert!(message.contains("9000000000000000000") || message.contains("damaged"), "{message}");
    }

    #[test]
    fn a_size_in_an_extended_header_counts() {
        let archive = spoilt(|archive| pax(archive, &[("size", "3"), ("path", "there")], "else", b"abc"));
        let place = Place::new();
        let path = place.write("archive", &archive);
        let index = Archive::index(File::open(&path).unwrap(), &path, archive.len() as u64).unwrap();
        assert_eq!(index.find("there").unwrap().unwrap().location.size(), 3);
        assert!(index.find("else").unwrap().is_none());
    }

    #[test]
    fn extended_headers_of_many_megabytes_are_not_read_into_memory() {
        for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
            let message = refusal(&spoilt(|archive| {
                archive.entry("long", kind, "", &vec![b'a'; 3_000_000]);
            }));
            assert!(message.contains("headers are longer than 1 MiB"), "{message}");
        }
        let long_name = spoilt(|archive| {
            archive.entry("long", EntryType::GNULongName, "", &vec![b'a'; 100_000]).file("a", b"");
        });
        assert!(refusal(&long_name).contains("longer than 4096"));
    }

    #[test]
    fn links_are_followed_inside_the_archive_only() {
        let place = Place::new();
        let tree = docker_tree(&["app:v1"]);
        let layer = tree.keys().find(|name| name.ends_with("/layer.tar")).unwrap().clone();
        let linked = |kind, target: &str| {
            let mut archive = TarFile::default();
            for (name, content) in tree.iter().filter(|(name, _)| **name != layer) {
                archive.file(name, content);
            }
            archive.file("elsewhere.tar", &tree[&layer]).symlink("hop", "elsewhere.tar");
            archive.entry("empty/", EntryType::Directory, "", b"").entry("pipe", EntryType::Fifo, "", b"");
            archive.entry(&layer, kind, target, b"").finish()
        };
        for (kind, target, opens) in [
            (EntryType::Symlink, "../elsewhere.tar", true),
            (EntryType::Symlink, "../hop", true),
            (EntryType::Link, "elsewhere.tar", true),
            (EntryType::Link, "../elsewhere.tar", false),
            (EntryType::Symlink, "../../elsewhere.tar", false),
            (EntryType::Symlink, "/etc/passwd", false),
            (EntryType::Symlink, "layer.tar", false),
            (EntryType::Symlink, "../nowhere", false),
            (EntryType::Symlink, "../empty", false),
            (EntryType::Symlink, "../pipe", false),
            (EntryType::Char, "", false),
        ] {
            let opened = place.open(&linked(kind, target));
            assert_eq!(opened.is_ok(), opens, "{kind:?} {target}: {opened:?}");
        }
    }

    #[test]
    fn what_is_no_archive_is_said_to_be_none() {
        let place = Place::new();
        for (content, says) in [
            (b"".to_vec(), "empty"),
            (b"hello".to_vec(), "not a tar archive"),
            (vec![b'x'; 5000], "not a tar archive"),
            (vec![0; 10_240], "empty"),
            (gzip(b"hello"), "not a tar archive"),
            (gzip(b""), "empty"),
            (gzip(&spoilt(|_| ()))[..100].to_vec(), "damaged or truncated"),
            (b"\x1f\x8b".to_vec(), "damaged or truncated"),
            (b"\x28\xb5\x2f\xfdgarbage".to_vec(), "damaged or truncated"),
            (b"\xfd7zXZ\0\0".to_vec(), "compressed with xz"),
            (b"BZh91AY&SY".to_vec(), "compressed with bzip2"),
        ] {
            let error = place.open(&content).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn entries_without_end_are_refused() {
        let mut archive = TarFile::default();
        for number in 0..=MAX_ENTRIES {
            archive.file(&number.to_string(), b"");
        }
        assert!(refusal(&archive.finish()).contains("more than 65536 entries"));
    }

    #[test]
    fn global_headers_are_passed_over() {
        let archive = spoilt(|archive| {
            archive.entry("g1", EntryType::XGlobalHeader, "", b"14 comment=ab\n");
            archive.entry("g1", EntryType::XGlobalHeader, "", b"14 comment=cd\n");
        });
        assert!(Place::new().open(&archive).is_ok());
        assert!(Place::new().open(&gzip(&archive)).is_ok());
    }
}
