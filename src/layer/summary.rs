//! What a pass over a layer found out.

use std::sync::Arc;

use super::encoder::Encoder;
use super::error::LayerError;
use super::listing::Listing;
use super::scan::LayerContent;
use super::tar_scan::{TarContents, TarDefect};
use crate::image::Compression;
use crate::name::Digest;

/// What a pass over a layer found out. Everything in it was computed from bytes that were read and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSummary {
    /// The digest of the uncompressed content.
    pub diff_id: Digest,
    /// The digest of the bytes to push.
    pub digest: Digest,
    /// How many bytes that is.
    pub size: u64,
    /// How the bytes to push are compressed.
    pub compression: Compression,
    /// Bytes of the uncompressed content.
    pub uncompressed_bytes: u64,
    /// What the archive contains, or why it is not one that an unpacker would accept.
    pub contents: Result<TarContents, TarDefect>,
    /// The entries of the archive; none when it is not a sound one, or when its content did not go by in this pass.
    pub listing: Option<Arc<Listing>>,
    /// The encoder that made the bytes; none when they are pushed as stored.
    pub encoder: Option<Encoder>,
}

impl LayerSummary {
    /// Whether the content is an archive that unpackers take.
    ///
    /// # Errors
    /// Fails with what is wrong with it.
    pub fn sound(&self) -> Result<(), LayerError> {
        let layer = self.diff_id;
        self.contents
            .as_ref()
            .map(drop)
            .map_err(|source| LayerError::NotTar { layer, source: source.clone() })
    }

    /// What is in the layer; none where its content did not go by.
    pub fn content(&self) -> Option<LayerContent> {
        let (diff_id, uncompressed_bytes) = (self.diff_id, self.uncompressed_bytes);
        Some(LayerContent { diff_id, uncompressed_bytes, listing: Arc::clone(self.listing.as_ref()?) })
    }
}
