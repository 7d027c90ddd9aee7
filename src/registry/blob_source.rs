//! Where the bytes of a blob come from, part by part.

use std::collections::VecDeque;

use bytes::Bytes;

use super::part::Part;
use crate::image::Layer;
use crate::layer::{Compressors, LayerError, LayerPass, LayerSummary, PassSettings, Piece};
use crate::name::{Digest, DigestHasher};

/// The image is larger than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OverLimit;

/// Is shown a pass whenever it has come further; may stop it.
pub(super) type Observe<'a> = dyn Fn(&LayerPass) -> Result<(), OverLimit> + Sync + 'a;

/// Something to upload.
pub(super) enum BlobSource<'a> {
    /// A layer, read, verified and compressed on the way.
    Layer { layer: &'a Layer, compressors: &'a Compressors, settings: PassSettings, observe: &'a Observe<'a> },
    /// Bytes in memory, with their digest.
    Bytes { bytes: Bytes, digest: Digest },
}

/// Why no further part comes.
#[derive(Debug)]
pub(super) enum SourceFailure {
    Layer(LayerError),
    OverLimit,
}

/// A part, and the end of the blob when it is the last.
pub(super) struct FilledPart {
    pub(super) part: Part,
    pub(super) end: Option<BlobEnd>,
}

/// What is known once all bytes were read.
pub(super) struct BlobEnd {
    pub(super) digest: Digest,
    /// For a layer, what the pass found out.
    pub(super) summary: Option<LayerSummary>,
}

/// Reads a source from its beginning.
pub(super) enum BlobReader<'a> {
    Pass { pass: Box<LayerPass>, observe: &'a Observe<'a>, rest: Option<Bytes> },
    Bytes { bytes: VecDeque<Bytes>, digest: Digest },
}

impl BlobSource<'_> {
    pub(super) fn open(&self) -> BlobReader<'_> {
        match self {
            Self::Layer { layer, compressors, settings, observe } => BlobReader::Pass {
                pass: Box::new(LayerPass::start(compressors, layer, *settings)),
                observe: *observe,
                rest: None,
            },
            Self::Bytes { bytes, digest } => {
                BlobReader::Bytes { bytes: VecDeque::from([bytes.clone()]), digest: *digest }
            }
        }
    }
}

impl BlobReader<'_> {
    /// Passes over the next `length` bytes, and hashes them; false when the blob ends before.
    pub(super) async fn pass_over(
        &mut self,
        length: u64,
        hasher: &mut DigestHasher,
    ) -> Result<bool, SourceFailure> {
        let Self::Pass { pass, observe, rest } = self else { return Ok(false) };
        let mut left = length;
        while left > 0 {
            let mut bytes = match rest.take() {
                Some(bytes) => bytes,
                None => match pass.next().await.map_err(SourceFailure::Layer)? {
                    Piece::Bytes(bytes) => bytes,
                    Piece::Summary(_) => return Ok(false),
                },
            };
            observe(pass).map_err(|OverLimit| SourceFailure::OverLimit)?;
            let room = usize::try_from(left).unwrap_or(usize::MAX);
            if bytes.len() > room {
                *rest = Some(bytes.split_off(room));
            }
            hasher.update(&bytes);
            left -= bytes.len() as u64;
        }
        Ok(true)
    }

    /// The next part: of exactly `size` bytes, or the last, which may be empty.
    pub(super) async fn next_part(&mut self, size: u64) -> Result<FilledPart, SourceFailure> {
        match self {
            Self::Pass { pass, observe, rest } => next_of_pass(pass, *observe, rest, size).await,
            Self::Bytes { bytes, digest } => {
                let end = BlobEnd { digest: *digest, summary: None };
                Ok(FilledPart { part: Part::new(bytes.drain(..).collect()), end: Some(end) })
            }
        }
    }
}

async fn next_of_pass(
    pass: &mut LayerPass,
    observe: &Observe<'_>,
    rest: &mut Option<Bytes>,
    size: u64,
) -> Result<FilledPart, SourceFailure> {
    let mut frames = Vec::new();
    let mut room = usize::try_from(size).unwrap_or(usize::MAX);
    while room > 0 {
        let mut bytes = match rest.take() {
            Some(bytes) => bytes,
            None => match pass.next().await.map_err(SourceFailure::Layer)? {
                Piece::Bytes(bytes) => bytes,
                Piece::Summary(summary) => return last_part(frames, summary),
            },
        };
        observe(pass).map_err(|OverLimit| SourceFailure::OverLimit)?;
        if bytes.len() > room {
            *rest = Some(bytes.split_off(room));
        }
        room -= bytes.len();
        frames.push(bytes);
    }
    Ok(FilledPart { part: Part::new(frames), end: None })
}

fn last_part(frames: Vec<Bytes>, summary: LayerSummary) -> Result<FilledPart, SourceFailure> {
    // Before the blob is completed: a layer that no unpacker takes must not reach the registry.
    summary.sound().map_err(SourceFailure::Layer)?;
    let end = BlobEnd { digest: summary.digest, summary: Some(summary) };
    Ok(FilledPart { part: Part::new(frames), end: Some(end) })
}
