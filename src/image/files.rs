//! The files of an image, wherever they are kept: in a directory or in an archive.
//!
//! What is read into memory is bounded and checked here; what is large is only located. Nothing here knows what the
//! files mean.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::name::Digest;

use super::archive::Archive;
use super::candidates::Documents;
use super::descriptor::Descriptor;
use super::error::Problem;
use super::{BlobLocation, Compression, entry_name};

/// A manifest or index may have 4 MiB: ECR takes no more.
pub(super) const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

/// A configuration may have as much; real ones have a few KiB.
pub(super) const MAX_CONFIG: u64 = 4 * 1024 * 1024;

/// Where an image's files are.
#[derive(Debug)]
pub(super) enum Files {
    /// A directory, by its canonical path.
    Directory(PathBuf),
    /// An archive's table of entries.
    Archive(Archive),
}

/// One file among [`Files`].
pub(super) struct StoredFile<'a> {
    pub(super) location: BlobLocation,
    /// What the pass over a compressed archive has seen of it already; none where reading it is cheap.
    pub(super) seen: Option<&'a Seen>,
}

/// What the pass over a compressed archive keeps of a file.
#[derive(Debug)]
pub(super) struct Seen {
    /// The first bytes.
    pub(super) head: Vec<u8>,
    /// The whole content, of small documents.
    pub(super) whole: Option<Vec<u8>>,
}

impl Files {
    pub(super) fn in_directory(path: &Path) -> Result<Self, Problem> {
        let canonical =
            path.canonicalize().map_err(|reason| Problem::Unreadable { path: path.to_owned(), reason })?;
        Ok(Self::Directory(canonical))
    }

    pub(super) fn in_archive(path: &Path) -> Result<Self, Problem> {
        let (file, size) = open_regular(path)?;
        Ok(Self::Archive(Archive::index(file, path, size)?))
    }

    /// Whether there is a file of this name, or at least something that stands in its place.
    pub(super) fn has(&self, name: &str) -> bool {
        !matches!(self.find(name), Ok(None))
    }

    /// The file of this name; none when there is none. The name is one from a manifest and may be hostile.
    pub(super) fn find(&self, name: &str) -> Result<Option<StoredFile<'_>>, Problem> {
        let name = entry_name::normal(name.as_bytes())
            .map_err(|why| Problem::invalid(format!("the file name {name:?}"), format!("a name {why}")))?;
        match self {
            Self::Archive(archive) => archive.find(&name),
            Self::Directory(root) => find_in_directory(root, &name),
        }
    }

    /// The file of this name, which has to be there. `what` it is, for errors.
    pub(super) fn require(&self, name: &str, what: &str) -> Result<StoredFile<'_>, Problem> {
        self.find(name)?.ok_or_else(|| Problem::Missing { what: what.to_owned(), name: name.to_owned() })
    }

    /// Whether the blob that a descriptor names is there.
    pub(super) fn has_blob(&self, descriptor: &Descriptor) -> bool {
        self.has(&blob_name(&descriptor.digest))
    }

    /// The blob that a descriptor names, which has to be there and of the stated size. Its content is not read.
    pub(super) fn require_blob(
        &self,
        descriptor: &Descriptor,
        what: &str,
    ) -> Result<StoredFile<'_>, Problem> {
        let file = self.require(&blob_name(&descriptor.digest), what)?;
        let found = file.location.size();
        if found != descriptor.size {
            return Err(Problem::WrongSize { what: what.to_owned(), stated: descriptor.size, found });
        }
        Ok(file)
    }

    /// The content of a blob, checked against size and digest.
    pub(super) fn read_blob(
        &self,
        descriptor: &Descriptor,
        what: &str,
        limit: u64,
    ) -> Result<Vec<u8>, Problem> {
        let content = self.require_blob(descriptor, what)?.read(what, limit)?;
        check_digest(&content, descriptor.digest, what)?;
        Ok(content)
    }
}

impl Documents for Files {
    fn has(&self, descriptor: &Descriptor) -> bool {
        self.has_blob(descriptor)
    }

    fn manifest(&self, descriptor: &Descriptor, what: &str) -> Result<Vec<u8>, Problem> {
        self.read_blob(descriptor, what, MAX_MANIFEST)
    }

    fn config(&self, descriptor: &Descriptor, what: &str) -> Result<Vec<u8>, Problem> {
        self.read_blob(descriptor, what, MAX_CONFIG)
    }
}

/// Where an OCI layout keeps a blob.
pub(super) fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Checks bytes against the digest that something else states for them.
pub(super) fn check_digest(content: &[u8], stated: Digest, what: &str) -> Result<(), Problem> {
    let found = Digest::of(content);
    if found == stated {
        return Ok(());
    }
    Err(Problem::WrongDigest { what: what.to_owned(), stated, found })
}

impl StoredFile<'_> {
    /// The whole content, at most `limit` bytes.
    pub(super) fn read(&self, what: &str, limit: u64) -> Result<Vec<u8>, Problem> {
        let size = self.location.size();
        if size > limit {
            return Err(Problem::TooLarge { what: what.to_owned(), size, limit });
        }
        if let Some(whole) = self.seen.and_then(|seen| seen.whole.as_ref()) {
            return Ok(whole.clone());
        }
        let mut content = Vec::new();
        let reader = self.location.open(0).map_err(|source| self.unreadable(source))?;
        reader.take(size).read_to_end(&mut content).map_err(|source| self.unreadable(source))?;
        let found = content.len() as u64;
        if found != size {
            return Err(Problem::Truncated { what: what.to_owned(), stated: size, found });
        }
        Ok(content)
    }

    /// How the content is compressed; the error names a format that images do not use.
    pub(super) fn compression(&self) -> Result<Result<Compression, &'static str>, Problem> {
        Ok(match self.seen {
            Some(seen) => Compression::of_head(&seen.head),
            None => {
                let head = self.location.head().map_err(|source| self.unreadable(source))?;
                Compression::of_head(&head)
            }
        })
    }

    fn unreadable(&self, reason: io::Error) -> Problem {
        Problem::Unreadable { path: self.location.path().to_owned(), reason }
    }
}

/// A file below `root`. Symbolic links are followed as long as they stay inside: a layout may come from anybody, and
/// must not make us read (and push) other files of this machine.
fn find_in_directory(root: &Path, name: &str) -> Result<Option<StoredFile<'static>>, Problem> {
    let path = root.join(name);
    let canonical = match path.canonicalize() {
        Ok(canonical) => canonical,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(reason) => return Err(Problem::Unreadable { path, reason }),
    };
    if !canonical.starts_with(root) {
        return Err(Problem::FileOutside { path, target: canonical });
    }
    let (file, size) = open_regular(&canonical)?;
    let location = BlobLocation::InFile { file: Arc::new(file), path: canonical, offset: 0, size };
    Ok(Some(StoredFile { location, seen: None }))
}

/// Opens a regular file, and gives its size. Anything else is refused before it is opened, since opening a pipe waits
/// for somebody to write into it.
fn open_regular(path: &Path) -> Result<(File, u64), Problem> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => Problem::NoSuchFile { path: path.to_owned() },
        _ => Problem::Unreadable { path: path.to_owned(), reason: source },
    };
    check_regular(path, &std::fs::metadata(path).map_err(unreadable)?)?;
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    check_regular(path, &metadata)?;
    Ok((file, metadata.len()))
}

fn check_regular(path: &Path, metadata: &std::fs::Metadata) -> Result<(), Problem> {
    if metadata.is_file() {
        return Ok(());
    }
    let found = if metadata.is_dir() { "a directory" } else { "a pipe, socket or device" };
    Err(Problem::WrongFileType { path: path.to_owned(), found, expected: "a regular file" })
}
