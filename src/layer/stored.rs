//! The stored bytes of a layer, read once: counted, hashed where that is worth it, and stoppable.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::LayerError;
use crate::image::{Compression, Layer};
use crate::name::{Digest, DigestHasher};

/// How far a pass has come, shared between its threads and whoever takes its bytes.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Stored bytes read so far.
    pub(super) read: AtomicU64,
    /// Bytes of content seen so far.
    pub(super) uncompressed: AtomicU64,
    /// Set when nobody wants the bytes any more.
    pub(super) stopped: AtomicBool,
}

impl Progress {
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// A layer's stored bytes, of which the first were looked at.
pub(super) struct Source(io::Chain<io::Cursor<Vec<u8>>, Box<dyn Read + Send>>);

impl Source {
    /// Opens the layer, and tells by its first bytes how it is compressed.
    pub(super) fn open(layer: &Layer, progress: &Progress) -> Result<(Self, Compression), LayerError> {
        let failed = |source| LayerError::Read { layer: layer.diff_id, source };
        let mut rest = layer.location.open(0).map_err(failed)?;
        let mut head = vec![0; Compression::HEAD];
        let mut length = 0;
        while length < head.len() {
            if progress.is_stopped() {
                return Err(LayerError::Stopped { layer: layer.diff_id });
            }
            match rest.read(&mut head[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                // A source that waits for its bytes says so every now and then.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        head.truncate(length);
        let compression = Compression::of_head(&head)
            .map_err(|format| LayerError::Compression { layer: layer.diff_id, format })?;
        Ok((Self(io::Cursor::new(head).chain(rest)), compression))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// Reads a layer's stored bytes. Ends early, with an error, when the pass is stopped.
pub(super) struct StoredReader {
    layer: Digest,
    expected_size: u64,
    source: Source,
    hasher: Option<DigestHasher>,
    count: u64,
    progress: Arc<Progress>,
    /// Set when the source itself failed, to tell that apart from a decoder's complaint.
    failed: bool,
}

impl StoredReader {
    /// Reads the layer from its source; `hash` says whether the digest of the stored bytes is wanted.
    pub(super) fn new(layer: &Layer, source: Source, hash: bool, progress: Arc<Progress>) -> Self {
        Self {
            layer: layer.diff_id,
            expected_size: layer.stored_size,
            source,
            hasher: hash.then(DigestHasher::default),
            count: 0,
            progress,
            failed: false,
        }
    }

    /// Reads what is left, checks the size, and gives the digest of the stored bytes if it was wanted.
    pub(super) fn finish(mut self) -> Result<Option<Digest>, LayerError> {
        if let Err(error) = io::copy(&mut self, &mut io::sink()) {
            return Err(self.explain(error));
        }
        if !self.is_whole() {
            return Err(self.truncated());
        }
        Ok(self.hasher.map(DigestHasher::finish))
    }

    /// What `error`, which a read gave (possibly through a decoder), means.
    pub(super) fn explain(&self, error: io::Error) -> LayerError {
        let layer = self.layer;
        if self.progress.is_stopped() {
            LayerError::Stopped { layer }
        } else if self.failed {
            LayerError::Read { layer, source: error }
        } else if error.kind() == io::ErrorKind::UnexpectedEof && !self.is_whole() {
            // The decoder says in its own words that the end came too early; the size says why.
            self.truncated()
        } else {
            LayerError::Decompress { layer, source: error }
        }
    }

    fn truncated(&self) -> LayerError {
        LayerError::Truncated { layer: self.layer, expected: self.expected_size, found: self.count }
    }

    fn is_whole(&self) -> bool {
        self.count == self.expected_size
    }
}

impl Read for StoredReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_stopped() {
            return Err(io::Error::other("stopped"));
        }
        let count = self.source.read(buffer).inspect_err(|error| {
            self.failed |= error.kind() != io::ErrorKind::Interrupted;
        })?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        self.count += count as u64;
        self.progress.read.store(self.count, Ordering::Relaxed);
        Ok(count)
    }
}

/// Reads until `buffer` is full or the source ends.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
