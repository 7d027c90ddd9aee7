//! The view itself: one image for one platform.

use crate::name::{Architecture, Digest};

use super::{BlobLocation, Compression};

/// Lambda's limit for the uncompressed image, all layers included, in bytes. AWS writes "10 GB".
pub const UNCOMPRESSED_LIMIT: u64 = 10 * 1024 * 1024 * 1024;

/// One image for one platform, found in some source.
#[derive(Debug, Clone)]
pub struct LocalImage {
    /// The source as the user named it.
    pub source: String,
    /// The configuration exactly as stored: its digest is the image's id.
    pub config_bytes: Vec<u8>,
    /// The digest of `config_bytes`.
    pub config_digest: Digest,
    /// What the configuration says.
    pub config: Config,
    /// Base layer first, as in the manifest; as many as the configuration has diff ids.
    pub layers: Vec<Layer>,
    /// Which family of media types a manifest built for this image uses.
    pub flavor: MediaFlavor,
    /// The stored manifest, when the source has one.
    pub original: Option<OriginalManifest>,
    /// How the image was chosen among several, for an info finding.
    pub choice: Option<Choice>,
}

/// The parts of an image configuration that Lambda looks at, or that a person should hear about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `os`, such as `linux`; empty when the configuration has none.
    pub os: String,
    /// `architecture` as written (Go's names); empty when the configuration has none.
    pub architecture_name: String,
    /// The same, when it is one that Lambda has.
    pub architecture: Option<Architecture>,
    /// `variant` of the architecture, such as `v8`; empty when the configuration has none.
    pub variant: String,
    /// ENTRYPOINT
    pub entrypoint: Vec<String>,
    /// CMD
    pub command: Vec<String>,
    /// WORKDIR; empty when none.
    pub working_directory: String,
    /// ENV as `NAME=value`. Values may be secrets: never print them.
    pub environment: Vec<String>,
    /// USER; empty when none. Lambda ignores it.
    pub user: String,
    /// Dockerfile instructions whose effect the configuration carries and Lambda ignores, such as `VOLUME`; USER is
    /// not among them, since it has its own field.
    pub ignored_instructions: Vec<&'static str>,
}

/// One layer: the identity of its uncompressed content, and its bytes as stored.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Digest of the uncompressed tar (`rootfs.diff_ids`).
    pub diff_id: Digest,
    /// The media type under which the source has it; none when the source does not say (docker-archive).
    pub media_type: Option<String>,
    /// Where its bytes lie as stored.
    pub location: BlobLocation,
    /// Size of the stored bytes.
    pub stored_size: u64,
    /// Digest of the stored bytes, when the source states it.
    pub stored_digest: Option<Digest>,
    /// How the stored bytes are compressed, by their first bytes.
    pub compression: Compression,
}

impl Layer {
    /// The size of the uncompressed tar, when it is known without reading it: an uncompressed layer is stored as it is.
    pub fn known_uncompressed_size(&self) -> Option<u64> {
        (self.compression == Compression::None).then_some(self.stored_size)
    }
}

/// The two families of media types. They are never mixed in what is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaFlavor {
    /// `application/vnd.docker.…`: image manifest version 2, schema 2.
    Docker,
    /// `application/vnd.oci.image.…`
    Oci,
}

/// A manifest as the source stores it.
#[derive(Debug, Clone)]
pub struct OriginalManifest {
    /// Its media type.
    pub media_type: String,
    /// The bytes, never serialised again.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
    /// Whether it can be pushed as it is: one flavor throughout, every layer gzip and distributable.
    pub pushable: bool,
}

/// How the image was chosen among several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What was chosen, for a person: `linux/arm64 of 2 platforms`.
    pub chosen: String,
    /// What was left out: other platforms, attestation manifests.
    pub left_out: Vec<String>,
}
