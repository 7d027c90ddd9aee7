//! One streaming pass over a layer: the handle that gives out its bytes, and what decides how it is made.
//!
//! The work is done on blocking threads; the channel between is bounded, so the source is read no faster
//! than its bytes are taken. Dropping the handle stops the threads within a block's time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::compressors::Compressors;
use super::content::ContentCheck;
use super::encoder::{Encoder, Level};
use super::error::LayerError;
use super::stored::{Progress, Source, StoredReader};
use super::summary::LayerSummary;
use super::tar_scan::TarContents;
use super::{pass_through, recompress};
use crate::image::{Compression, Layer};
use crate::name::Digest;

/// How many pieces (of at most a mebibyte) wait for their taker.
const WAITING_PIECES: usize = 2;

/// In which form a layer is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As gzip. A layer that is gzip already goes through unchanged, whatever the level.
    Gzip(Level),
    /// As it is stored.
    Keep,
}

impl Default for Encoding {
    fn default() -> Self {
        Self::Gzip(Level::default())
    }
}

impl Encoding {
    /// The encoder that a layer stored so goes through; none when it is pushed as stored.
    pub fn encoder_for(self, stored: Compression) -> Option<Encoder> {
        match self {
            Self::Gzip(level) if stored != Compression::Gzip => Some(Encoder { level }),
            Self::Gzip(_) | Self::Keep => None,
        }
    }
}

/// How a pass is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassSettings {
    /// The form in which the layer is pushed.
    pub encoding: Encoding,
    /// A layer whose content is longer than this, in bytes, ends in [`LayerError::TooLarge`].
    pub uncompressed_limit: u64,
    /// What an earlier pass verified of the content behind the layer's stored digest. A layer that goes through as
    /// stored is not decompressed again then; that its bytes have that digest is checked all the same.
    pub verified: Option<VerifiedContent>,
}

/// What a pass on this machine found in the content of a layer that it gave out as stored: see
/// [`LayerCache::verified`](super::LayerCache::verified).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedContent {
    /// Bytes of the uncompressed content.
    pub uncompressed_bytes: u64,
    /// What the archive contains.
    pub contents: TarContents,
}

/// What a pass gives.
#[derive(Debug)]
pub enum Piece {
    /// The next bytes to push.
    Bytes(Bytes),
    /// The end: all bytes were given, and everything was verified.
    Summary(LayerSummary),
}

/// A pass under way. Dropping it stops it.
#[derive(Debug)]
pub struct LayerPass {
    layer: Digest,
    pieces: mpsc::Receiver<Result<Piece, LayerError>>,
    pub(super) progress: Arc<Progress>,
}

impl LayerPass {
    /// Starts a pass whose bytes are wanted. Must be called within a Tokio runtime.
    pub fn start(compressors: &Compressors, layer: &Layer, settings: PassSettings) -> Self {
        Self::spawn(compressors, layer, settings, true)
    }

    pub(super) fn spawn(
        compressors: &Compressors,
        layer: &Layer,
        settings: PassSettings,
        deliver: bool,
    ) -> Self {
        let (sender, pieces) = mpsc::channel(WAITING_PIECES);
        let progress = Arc::new(Progress::default());
        let run = PassRun {
            layer: layer.clone(),
            compressors: compressors.clone(),
            settings,
            progress: Arc::clone(&progress),
            output: deliver.then(|| sender.clone()),
        };
        tokio::task::spawn_blocking(move || {
            let end = run.run().map(Piece::Summary);
            // Fails only when nobody waits for the end any more.
            let _ = sender.blocking_send(end);
        });
        Self { layer: layer.diff_id, pieces, progress }
    }

    /// The next piece. The summary is the last one.
    ///
    /// # Errors
    /// Fails when the layer cannot be read or is not what it claims to be; whatever was given before is
    /// then worth nothing.
    pub async fn next(&mut self) -> Result<Piece, LayerError> {
        self.pieces.recv().await.unwrap_or(Err(LayerError::Stopped { layer: self.layer }))
    }

    /// Stored bytes read so far.
    pub fn read_bytes(&self) -> u64 {
        self.progress.read.load(Ordering::Relaxed)
    }

    /// Bytes of uncompressed content seen so far.
    pub fn uncompressed_bytes(&self) -> u64 {
        self.progress.uncompressed.load(Ordering::Relaxed)
    }
}

impl Drop for LayerPass {
    fn drop(&mut self) {
        self.progress.stopped.store(true, Ordering::Relaxed);
    }
}

/// Makes a pass for its summary only: what the digest and the size of the pushed bytes will be.
///
/// # Errors
/// As [`LayerPass::next`].
pub async fn summarize(
    compressors: &Compressors,
    layer: &Layer,
    settings: PassSettings,
) -> Result<LayerSummary, LayerError> {
    let mut pass = LayerPass::spawn(compressors, layer, settings, false);
    loop {
        if let Piece::Summary(summary) = pass.next().await? {
            return Ok(summary);
        }
    }
}

/// The blocking side of a pass.
pub(super) struct PassRun {
    pub(super) layer: Layer,
    pub(super) compressors: Compressors,
    settings: PassSettings,
    pub(super) progress: Arc<Progress>,
    output: Option<mpsc::Sender<Result<Piece, LayerError>>>,
}

impl PassRun {
    fn run(mut self) -> Result<LayerSummary, LayerError> {
        let (source, compression) = Source::open(&self.layer, &self.progress)?;
        // What was known before may come from a media type, which need not be true.
        self.layer.compression = compression;
        match self.settings.encoding.encoder_for(compression) {
            Some(encoder) => recompress::recompress(&self, source, encoder),
            None => match self.settings.verified {
                // What was verified is bound to that digest, so there must be one to check.
                Some(verified) if self.layer.stored_digest.is_some() => {
                    pass_through::pass_verified(&self, source, verified)
                }
                _ => pass_through::pass_through(&self, source),
            },
        }
    }

    /// Hands out the next bytes, waiting until there is room for them.
    pub(super) fn deliver(&self, bytes: Bytes) -> Result<(), LayerError> {
        let stopped = LayerError::Stopped { layer: self.layer.diff_id };
        match &self.output {
            _ if self.progress.is_stopped() => Err(stopped),
            Some(output) => output.blocking_send(Ok(Piece::Bytes(bytes))).map_err(|_| stopped),
            None => Ok(()),
        }
    }

    pub(super) fn stored(&self, source: Source, hash: bool) -> StoredReader {
        StoredReader::new(&self.layer, source, hash, Arc::clone(&self.progress))
    }

    /// Notes the length of content that is not read; fails when it is beyond the limit.
    pub(super) fn note_content(&self, length: u64) -> Result<(), LayerError> {
        let limit = self.settings.uncompressed_limit;
        if length > limit {
            return Err(LayerError::TooLarge { layer: self.layer.diff_id, limit });
        }
        self.progress.uncompressed.store(length, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn content_check(&self) -> ContentCheck {
        let limit = self.settings.uncompressed_limit;
        ContentCheck::new(self.layer.diff_id, limit, Arc::clone(&self.progress))
    }

    /// Holds the digest of the stored bytes against the one that the source states.
    pub(super) fn verify_stored(&self, found: Digest) -> Result<(), LayerError> {
        match self.layer.stored_digest {
            Some(expected) if expected != found => {
                Err(LayerError::StoredDigest { layer: self.layer.diff_id, expected, found })
            }
            _ => Ok(()),
        }
    }
}
