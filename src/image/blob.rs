//! Where the bytes of a blob lie, and how to read them in place.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

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
}

impl BlobLocation {
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
        }
    }
}

/// Reads part of a file without moving the file's own position, so that many readers can share it.
struct FileRegion {
    file: Arc<File>,
    position: u64,
    end: u64,
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
