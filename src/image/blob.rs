//! Where the bytes of a blob lie, and how to read them in place.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::name::Digest;

use super::{CompressedFile, Layer};

/// How stored bytes are compressed, told by their first bytes and never by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952)
    Gzip,
    /// Zstandard (RFC 8878)
    Zstd,
}

impl Compression {
    /// How many first bytes tell how something is compressed.
    pub(crate) const HEAD: usize = 10;

    /// Tells by the first bytes of stored content; fewer than [`Self::HEAD`] when there are no more. The error names a
    /// format that images do not use.
    pub(crate) fn of_head(head: &[u8]) -> Result<Self, &'static str> {
        match head {
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Self::Zstd),
            // RFC 8878 §3.1.2: a skippable frame, with which pzstd and seekable files begin. LZ4 knows it too, but
            // no image has LZ4 layers.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err("xz"),
            // The block magic is looked at too, since a tar may begin with a file named "BZh…".
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Err("bzip2"),
            _ => Ok(Self::None),
        }
    }
}

/// A run of bytes in a file, or in the decompressed content of a file.
#[derive(Debug, Clone)]
pub enum BlobLocation {
    /// Bytes `offset .. offset + size` of an open file; read in place with positioned reads.
    InFile {
        /// The open file, shared between the blobs in it.
        file: Arc<File>,
        /// Its path, for messages.
        path: PathBuf,
        /// Where the blob begins.
        offset: u64,
        /// How long it is.
        size: u64,
    },
    /// Bytes `offset .. offset + size` of what a compressed file decompresses to. See [`CompressedFile`] for what
    /// reading costs.
    InCompressedFile {
        /// The file, shared between the blobs in it.
        file: Arc<CompressedFile>,
        /// Where the blob begins in the decompressed content.
        offset: u64,
        /// How long it is.
        size: u64,
    },
    /// Bytes that are not in a file of this machine: a blob of another registry, a layer in a daemon's export.
    InStore {
        /// Who gives them out.
        store: Arc<dyn BlobStore>,
        /// What they are called there: the digest of the stored bytes.
        digest: Digest,
        /// How long they are.
        size: u64,
    },
}

/// A place that gives out blobs as streams. Readers are used on blocking threads.
pub trait BlobStore: std::fmt::Debug + Send + Sync {
    /// A reader over the blob's bytes, from `skip` to the end. It checks neither size nor digest: whoever reads does.
    ///
    /// # Errors
    /// Fails when the blob cannot be reached.
    fn open(&self, digest: &Digest, skip: u64) -> io::Result<Box<dyn Read + Send>>;

    /// Says which blobs will be read, to a store that can bring several at once. One that was announced need not be
    /// read, and one that was not may be.
    fn announce(&self, _digests: &[Digest]) {}

    /// The place, for messages.
    fn place(&self) -> &Path;
}

/// Says to the stores that these layers lie in that they, and perhaps no others, will be read.
pub fn announce<'a>(layers: impl IntoIterator<Item = &'a Layer>) {
    let mut stores: Vec<(&Arc<dyn BlobStore>, Vec<Digest>)> = Vec::new();
    for layer in layers {
        let BlobLocation::InStore { store, digest, .. } = &layer.location else { continue };
        match stores.iter_mut().find(|(known, _)| Arc::ptr_eq(known, store)) {
            Some((_, digests)) => digests.push(*digest),
            None => stores.push((store, vec![*digest])),
        }
    }
    for (store, digests) in stores {
        store.announce(&digests);
    }
}

impl BlobLocation {
    /// How many bytes there are, as stored.
    pub fn size(&self) -> u64 {
        match self {
            Self::InFile { size, .. } | Self::InCompressedFile { size, .. } | Self::InStore { size, .. } => {
                *size
            }
        }
    }

    /// The file or the place that the bytes lie in, for messages.
    pub fn path(&self) -> &Path {
        match self {
            Self::InFile { path, .. } => path,
            Self::InCompressedFile { file, .. } => file.path(),
            Self::InStore { store, .. } => store.place(),
        }
    }

    /// A reader over the stored bytes, from `skip` to the end. Ends early, without an error, when the file
    /// is shorter than it should be: whoever reads checks size and digest.
    ///
    /// # Errors
    /// Fails when the bytes cannot be reached.
    pub fn open(&self, skip: u64) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::InFile { file, offset, size, .. } => Ok(Box::new(FileRegion {
                file: Arc::clone(file),
                position: offset + skip.min(*size),
                end: offset + size,
            })),
            Self::InCompressedFile { file, offset, size } => {
                Ok(Box::new(file.read_range(offset + skip.min(*size), offset + size)))
            }
            Self::InStore { store, digest, .. } => store.open(digest, skip),
        }
    }

    /// The first bytes, at most [`Compression::HEAD`] of them.
    pub(super) fn head(&self) -> io::Result<Vec<u8>> {
        let mut head = Vec::with_capacity(Compression::HEAD);
        self.open(0)?.take(Compression::HEAD as u64).read_to_end(&mut head)?;
        Ok(head)
    }
}

/// Reads part of a file without moving the file's own position, so that many readers can share it.
pub(super) struct FileRegion {
    pub(super) file: Arc<File>,
    pub(super) position: u64,
    pub(super) end: u64,
}

impl Read for FileRegion {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = read_at(&self.file, &mut buffer[..wanted], self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_told_by_the_first_bytes() {
        let table: &[(&[u8], Result<Compression, &str>)] = &[
            (b"", Ok(Compression::None)),
            (b"\x1f", Ok(Compression::None)),
            (b"\x1f\x8b\x08\0", Ok(Compression::Gzip)),
            (b"\x28\xb5\x2f\xfd", Ok(Compression::Zstd)),
            (b"\x28\xb5\x2f", Ok(Compression::None)),
            (b"\x50\x2a\x4d\x18\x04\0\0\0", Ok(Compression::Zstd)),
            (b"\x5f\x2a\x4d\x18", Ok(Compression::Zstd)),
            (b"\x60\x2a\x4d\x18", Ok(Compression::None)),
            (b"\xfd7zXZ\0\0", Err("xz")),
            (b"BZh91AY&SY", Err("bzip2")),
            (b"BZh9/hello", Ok(Compression::None)),
            (b"etc/passwd", Ok(Compression::None)),
        ];
        for (head, expected) in table {
            assert_eq!(Compression::of_head(head), *expected, "{head:?}");
        }
    }
}
