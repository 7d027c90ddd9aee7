//! How a pass over a layer fails. Every message names the layer by its diff id.

use std::io;

use super::tar_scan::TarDefect;
use crate::image::ImageError;
use crate::name::Digest;

/// A layer that cannot be read, or that is not what it claims to be.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The source cannot be read.
    #[error("layer {layer} cannot be read")]
    Read {
        /// The layer's diff id.
        layer: Digest,
        /// What the operating system said.
        source: io::Error,
    },
    /// The stored bytes end early.
    #[error("layer {layer} is truncated: {found} of {expected} bytes are there")]
    Truncated {
        /// The layer's diff id.
        layer: Digest,
        /// The size that the source states.
        expected: u64,
        /// The bytes that are there.
        found: u64,
    },
    /// The stored bytes are not those that the source's manifest names.
    #[error("layer {layer} is damaged: its stored bytes have digest {found}, the manifest says {expected}")]
    StoredDigest {
        /// The layer's diff id.
        layer: Digest,
        /// The digest that the source states.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The stored bytes do not decompress.
    #[error("layer {layer} cannot be decompressed")]
    Decompress {
        /// The layer's diff id.
        layer: Digest,
        /// What the decoder said.
        source: io::Error,
    },
    /// The stored bytes are compressed in a way that images do not use.
    #[error("layer {layer} is compressed with {format}, which container images do not use")]
    Compression {
        /// The layer's diff id.
        layer: Digest,
        /// The format's name.
        format: &'static str,
    },
    /// The content is not what the configuration names.
    #[error(
        "the content of layer {layer} has digest {found}: the image's configuration and its layers do not \
         belong together"
    )]
    DiffId {
        /// The diff id that the configuration states.
        layer: Digest,
        /// The digest of the content.
        found: Digest,
    },
    /// The content goes on beyond the limit. What it would be in full is not known.
    #[error("layer {layer} holds more than {limit} bytes uncompressed")]
    TooLarge {
        /// The layer's diff id.
        layer: Digest,
        /// The limit that the caller set, in bytes.
        limit: u64,
    },
    /// The content is not a tar archive that an unpacker would accept.
    #[error("layer {layer} is not a well-formed tar archive")]
    NotTar {
        /// The layer's diff id.
        layer: Digest,
        /// What is wrong with it, and where.
        source: TarDefect,
    },
    /// The encoder failed. It never should.
    #[error("layer {layer} could not be compressed")]
    Encoder {
        /// The layer's diff id.
        layer: Digest,
    },
    /// The pass was stopped because nobody wants its bytes any more, or its thread died.
    #[error("the pass over layer {layer} was stopped")]
    Stopped {
        /// The layer's diff id.
        layer: Digest,
    },
}

impl LayerError {
    /// What a person can do about it, where it is not in the message.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } => ImageError::hint_for(source),
            Self::Truncated { .. }
            | Self::StoredDigest { .. }
            | Self::Decompress { .. }
            | Self::DiffId { .. } => Some(
                "the image is damaged where it comes from: save it, build it or push it there again"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// The diff id of the layer that failed.
    pub fn layer(&self) -> Digest {
        match self {
            Self::Read { layer, .. }
            | Self::Truncated { layer, .. }
            | Self::StoredDigest { layer, .. }
            | Self::Decompress { layer, .. }
            | Self::Compression { layer, .. }
            | Self::DiffId { layer, .. }
            | Self::TooLarge { layer, .. }
            | Self::NotTar { layer, .. }
            | Self::Encoder { layer }
            | Self::Stopped { layer } => *layer,
        }
    }
}
