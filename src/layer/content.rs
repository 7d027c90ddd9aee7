//! The uncompressed content of a layer as it goes by: hashed, counted, bounded and scanned.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::LayerError;
use super::listing::Listing;
use super::stored::Progress;
use super::tar_scan::{TarContents, TarDefect, TarScan};
use crate::image::Compression;
use crate::name::{Digest, DigestHasher};

/// Watches the content go by.
pub(super) struct ContentCheck {
    layer: Digest,
    limit: u64,
    length: u64,
    hasher: DigestHasher,
    scan: TarScan,
    progress: Arc<Progress>,
}

/// What the content turned out to be.
pub(super) struct Content {
    pub(super) length: u64,
    pub(super) contents: Result<TarContents, TarDefect>,
    pub(super) listing: Option<Arc<Listing>>,
}

impl ContentCheck {
    pub(super) fn new(layer: Digest, limit: u64, progress: Arc<Progress>) -> Self {
        Self { layer, limit, length: 0, hasher: DigestHasher::default(), scan: TarScan::new(), progress }
    }

    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), LayerError> {
        self.length += piece.len() as u64;
        if self.length > self.limit {
            return Err(LayerError::TooLarge { layer: self.layer, limit: self.limit });
        }
        self.progress.uncompressed.store(self.length, Ordering::Relaxed);
        self.hasher.update(piece);
        self.scan.feed(piece);
        Ok(())
    }

    /// Holds the digest of all pieces against the diff id.
    pub(super) fn finish(self) -> Result<Content, LayerError> {
        let found = self.hasher.finish();
        if found != self.layer {
            return Err(LayerError::DiffId { layer: self.layer, found });
        }
        let (contents, listing) = match self.scan.finish() {
            Ok((contents, listing)) => (Ok(contents), Some(Arc::new(listing))),
            Err(defect) => (Err(defect), None),
        };
        Ok(Content { length: self.length, contents, listing })
    }
}

/// Decompresses `stored` as it is read. gzip may have several members (RFC 1952, 2.2), Zstandard several
/// frames.
pub(super) fn decompressed<'a>(
    compression: Compression,
    stored: impl BufRead + 'a,
) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(stored),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(stored)),
        Compression::Zstd => Box::new(zstd::Decoder::with_buffer(stored)?),
    })
}
