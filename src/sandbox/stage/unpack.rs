//! Unpacks the layers into the empty folder that becomes the root, one over the other.
//!
//! Before the first byte of a layer is looked at, this process has made that folder its own root. So there is no path, no link and no
//! `..` that could lead out of it: what is called `/etc/passwd` is the image's.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, FileTimes, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chroot, lchown, symlink,
};
use std::os::unix::net::UnixStream;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tar::{Archive, Entry, EntryType};

use super::permissions::as_seen_by_others;
use super::sparse::SparseFile;
use super::{StageError, Tried as _, blueprint, mounts};
use crate::image::Compression;
use crate::layer::Whiteout;
use crate::sandbox::wire::{self, Blueprint, Identity, Notice, Unpacked};

/// Owners beyond what is mapped become nobody's. The sandbox's user is none of them either way.
const NOBODY: u32 = 65534;
const LAST_MAPPED: u64 = 65535;

/// Unpacks all layers and mounts what belongs into a running system.
pub(super) fn run(socket: &mut UnixStream) -> Result<(), StageError> {
    let blueprint = blueprint(socket)?;
    // Looked up while the host's folders can still be seen.
    let devices = mounts::Devices::open().tried("open the devices of this machine")?;
    chroot(&blueprint.root).tried("make the image's folder the root")?;
    std::env::set_current_dir("/").tried("make the image's folder the root")?;
    rustix::process::umask(Mode::empty());
    let mut unpacking = Unpacking::new(&blueprint);
    for _ in 0..blueprint.layers {
        unpacking.layer(LayerBytes::new(socket))?;
    }
    let mut unpacked = unpacking.unpacked;
    unpacked.extensions = extensions();
    mounts::furnish(&blueprint, &devices)?;
    wire::send(socket, &Notice::Unpacked(unpacked)).tried("talk to the tool")
}

/// The executable files that Lambda starts beside the runtime, by name.
fn extensions() -> Vec<String> {
    let Ok(folder) = fs::read_dir("/opt/extensions") else { return Vec::new() };
    // `metadata` follows links, as the start of one does.
    let is_file = |path: &Path| fs::metadata(path).is_ok_and(|found| found.is_file());
    let files = folder.flatten().filter(|entry| is_file(&entry.path()));
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    // Lambda starts no more than ten.
    names.truncate(10);
    names
}

/// The stored bytes of one layer: frames up to an empty one.
struct LayerBytes<'a> {
    socket: &'a mut UnixStream,
    frame: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl<'a> LayerBytes<'a> {
    fn new(socket: &'a mut UnixStream) -> Self {
        Self { socket, frame: io::Cursor::default(), ended: false }
    }
}

impl Read for LayerBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.frame.read(buffer)?;
            if count > 0 || self.ended || buffer.is_empty() {
                return Ok(count);
            }
            let frame = wire::read_frame(self.socket)?;
            // The tool goes away when a layer is not what it claims to be, and has told the user why.
            let frame = frame.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))?;
            self.ended = frame.is_empty();
            self.frame = io::Cursor::new(frame);
        }
    }
}

/// The state over all layers.
struct Unpacking<'a> {
    blueprint: &'a Blueprint,
    unpacked: Unpacked,
    /// What this layer has made, as hashes of paths: an opaque folder keeps that, whatever the order of entries.
    made: HashSet<u64>,
    hasher: RandomState,
}

impl<'a> Unpacking<'a> {
    fn new(blueprint: &'a Blueprint) -> Self {
        let (unpacked, made, hasher) = (Unpacked::default(), HashSet::new(), RandomState::new());
        Self { blueprint, unpacked, made, hasher }
    }

    fn layer(&mut self, stored: LayerBytes<'_>) -> Result<(), StageError> {
        self.made.clear();
        let mut stored = BufReader::with_capacity(64 << 10, stored);
        let mut head = Vec::with_capacity(Compression::HEAD);
        stored.by_ref().take(Compression::HEAD as u64).read_to_end(&mut head).tried("read a layer")?;
        let compression = Compression::of_head(&head).map_err(io::Error::other).tried("read a layer")?;
        let mut whole = io::Cursor::new(head).chain(stored);
        match compression {
            Compression::None => self.entries(&mut whole)?,
            Compression::Gzip => self.entries(&mut flate2::bufread::MultiGzDecoder::new(&mut whole))?,
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(&mut whole).tried("decompress a layer")?;
                self.entries(&mut decoder)?;
            }
        }
        // Up to the frame that says that the layer was verified.
        io::copy(&mut whole, &mut io::sink()).tried("read a layer")?;
        Ok(())
    }

    fn entries(&mut self, content: &mut dyn Read) -> Result<(), StageError> {
        let mut archive = Archive::new(content);
        for entry in archive.entries().tried("read a layer")? {
            let mut entry = entry.tried("read a layer")?;
            self.unpacked.entries += 1;
            if self.unpacked.entries > self.blueprint.entry_limit {
                let limit = self.blueprint.entry_limit;
                return Err(too_much(format!("the layers have more than {limit} entries")));
            }
            let mut sparse = sparse(&mut entry).tried("read a layer")?;
            let name = sparse.as_mut().and_then(|file| file.name.take());
            let name = name.unwrap_or_else(|| entry.path_bytes().into_owned());
            let Some(path) = inner_path(&name) else {
                let name = String::from_utf8_lossy(&name).escape_debug().to_string();
                let source = io::Error::other("its name leads out of the image");
                return Err(StageError::Step { what: format!("unpack {name}"), source });
            };
            let shown = format!("unpack {}", path.to_string_lossy().escape_debug());
            self.entry(&mut entry, sparse, &path).tried(shown)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        entry: &mut Entry<'_, &mut dyn Read>,
        sparse: Option<SparseFile>,
        path: &Path,
    ) -> io::Result<()> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let Some(name) = path.file_name() else {
            // The root itself: its permissions count, and its kind cannot change.
            return if kind.is_dir() { self.dress(entry, Path::new("/")) } else { Ok(()) };
        };
        let folder = path.parent().unwrap_or(Path::new("/"));
        make_folders(folder)?;
        match Whiteout::of(name.as_bytes()) {
            Some(Whiteout::Folder) => return self.clear(folder),
            Some(Whiteout::Name(hidden)) => {
                return self.hide(&folder.join(std::ffi::OsStr::from_bytes(hidden)));
            }
            Some(Whiteout::Nothing) => return Ok(()),
            None => {}
        }
        let stays = kind.is_dir() && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
        if !stays {
            remove(path)?;
        }
        self.note_made(path);
        match kind {
            EntryType::Directory if stays => {}
            EntryType::Directory => fs::create_dir(path)?,
            EntryType::Symlink => symlink(target(entry)?, path)?,
            EntryType::Link => {
                // As in the archive: from the root, whether or not it begins with a slash.
                let existing = inner_path(target(entry)?.as_os_str().as_bytes())
                    .ok_or_else(|| io::Error::other("its link leads out of the image"))?;
                return fs::hard_link(existing, path);
            }
            EntryType::Fifo => mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0)?,
            // No user of a sandbox, and none of Lambda's, may make a device; Lambda has a /dev of its own.
            EntryType::Char | EntryType::Block => return Ok(()),
            _ => return self.file(entry, sparse, path),
        }
        self.dress(entry, path)
    }

    fn file(
        &mut self,
        entry: &mut Entry<'_, &mut dyn Read>,
        sparse: Option<SparseFile>,
        path: &Path,
    ) -> io::Result<()> {
        let room = self.blueprint.room_bytes.saturating_sub(self.unpacked.bytes);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        // A sparse file may claim any length; what it takes is bounded all the same.
        let written = match sparse {
            Some(sparse) => sparse.lay_out(entry, &mut file, room)?,
            None => io::copy(&mut entry.by_ref().take(room.saturating_add(1)), &mut file)?,
        };
        self.unpacked.bytes += written;
        if written > room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // Python holds the time of a source against that in its compiled form, and compiles it again where they differ.
        let modified = entry.header().mtime().unwrap_or_default().min(u64::from(u32::MAX));
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(modified);
        file.set_times(FileTimes::new().set_modified(modified))?;
        drop(file);
        self.dress(entry, path)
    }

    /// Gives what was made its owner and its permissions.
    fn dress(&self, entry: &Entry<'_, &mut dyn Read>, path: &Path) -> io::Result<()> {
        let header = entry.header();
        let mode = header.mode()? & 0o7777;
        let single = self.blueprint.identity == Identity::Single;
        if !single {
            let id = |found: io::Result<u64>| match found {
                Ok(id) if id <= LAST_MAPPED => id as u32,
                _ => NOBODY,
            };
            lchown(path, Some(id(header.uid())), Some(id(header.gid())))?;
        }
        if header.entry_type().is_symlink() {
            return Ok(());
        }
        let mode = if single { as_seen_by_others(mode) } else { mode };
        fs::set_permissions(path, Permissions::from_mode(mode))
    }

    /// Takes away what lower layers have in `folder`.
    fn clear(&self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            self.hide(&entry?.path())?;
        }
        Ok(())
    }

    /// Takes away what lower layers have at `path` and in it: what this layer has there stays, wherever in the archive it stands.
    fn hide(&self, path: &Path) -> io::Result<()> {
        if !self.made.contains(&self.hasher.hash_one(path)) {
            return remove(path);
        }
        if fs::symlink_metadata(path)?.is_dir() { self.clear(path) } else { Ok(()) }
    }

    /// Remembers what is of this layer, and that its folders hold something that is.
    fn note_made(&mut self, path: &Path) {
        for place in path.ancestors() {
            if !self.made.insert(self.hasher.hash_one(place)) {
                return;
            }
        }
    }
}

/// What a pax header says of a file's holes.
fn sparse(entry: &mut Entry<'_, &mut dyn Read>) -> io::Result<Option<SparseFile>> {
    let Some(records) = entry.pax_extensions()? else { return Ok(None) };
    SparseFile::of(records.map(|record| record.map(|record| (record.key_bytes(), record.value_bytes()))))
}

/// Makes a folder and those above it, as an archive that leaves them out means them.
pub(super) fn make_folders(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)
}

/// Takes away what is there, if anything is.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(())
        }
        other => other,
    }
}

fn target<'a>(entry: &'a Entry<'_, &mut dyn Read>) -> io::Result<std::borrow::Cow<'a, Path>> {
    entry.link_name()?.ok_or_else(|| io::Error::other("it is a link to nothing"))
}

/// The absolute path of an entry; none where it names a parent.
fn inner_path(name: &[u8]) -> Option<PathBuf> {
    let mut path = PathBuf::from("/");
    for part in Path::new(std::ffi::OsStr::from_bytes(name)).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

fn too_much(reason: String) -> StageError {
    StageError::Step { what: "unpack the image".to_owned(), source: io::Error::other(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_from_the_root_and_parents_are_refused() {
        let table: [(&[u8], Option<&str>); 7] = [
            (b"etc/passwd", Some("/etc/passwd")),
            (b"./etc//passwd/", Some("/etc/passwd")),
            (b"/etc/passwd", Some("/etc/passwd")),
            (b"./", Some("/")),
            (b"../etc/passwd", None),
            (b"a/../../b", None),
            (b"a/..", None),
        ];
        for (name, expected) in table {
            assert_eq!(inner_path(name).as_deref(), expected.map(Path::new));
        }
    }
}
