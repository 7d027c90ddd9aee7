//! What `fuzz/` reaches of the parsers of an image's documents. Only there where cargo-fuzz builds: it sets `cfg(fuzzing)`.

use crate::name::Digest;

use super::blob::Compression;
use super::descriptor::{self, Descriptor, Parsed};
use super::{Config, config};

/// A manifest or an index, as far as the fuzzer compares it with the JSON that it was read from.
#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    /// Whether it is an index.
    pub is_index: bool,
    /// Digest and size of the configuration and the layers of a manifest, or of what an index lists.
    pub blobs: Vec<(Digest, u64)>,
    /// For whom each of them was built, as a person reads it.
    pub platforms: Vec<String>,
}

/// Whether these bytes are taken for what they are, and not for something compressed.
pub fn is_plain(bytes: &[u8]) -> bool {
    Compression::of_head(&bytes[..bytes.len().min(Compression::HEAD)]) == Ok(Compression::None)
}

/// Reads a manifest or index to which a descriptor with the media type `stated` leads. The error is what a person is told.
///
/// # Errors
/// Fails when it is neither.
pub fn document(bytes: &[u8], stated: &str) -> Result<Document, String> {
    let parsed = descriptor::parse(bytes, stated, "the document").map_err(|problem| problem.to_string())?;
    let (is_index, descriptors) = match parsed {
        Parsed::Index(entries) => (true, entries),
        Parsed::Manifest(manifest) => (false, [vec![manifest.config], manifest.layers].concat()),
    };
    let platform = |descriptor: &Descriptor| descriptor.platform.as_ref().map(ToString::to_string);
    Ok(Document {
        is_index,
        blobs: descriptors.iter().map(|descriptor| (descriptor.digest, descriptor.size)).collect(),
        platforms: descriptors.iter().filter_map(platform).collect(),
    })
}

/// Reads an image configuration. The error is what a person is told.
///
/// # Errors
/// Fails when it is none.
pub fn configuration(bytes: &[u8]) -> Result<(Config, Vec<Digest>), String> {
    let parsed = config::parse(bytes).map_err(|problem| problem.to_string())?;
    Ok((parsed.config, parsed.diff_ids))
}
