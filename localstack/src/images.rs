//! What Lambda may ask of ECR: the one border between the two halves of the stand-in.
//!
//! Lambda resolves an image, reads its manifest and reads (or writes) the repository's policy; whoever runs functions for it reads
//! blobs. It knows nothing of uploads or tags.

use std::path::PathBuf;

/// What Lambda may ask of ECR.
pub trait Images: Send + Sync {
    /// The image that `reference` (a tag, or a digest `sha256:…`) names, or none.
    fn find(&self, account: &str, region: &str, repository: &str, reference: &str) -> Option<StoredImage>;

    /// The repository's policy text. `None`: no such repository; `Some(None)`: it has no policy.
    fn policy(&self, account: &str, region: &str, repository: &str) -> Option<Option<String>>;

    /// The file with a layer or a configuration; none where it is not kept in one.
    fn blob(&self, _digest: &str) -> Option<PathBuf> {
        None
    }

    /// Replaces the policy, as Lambda itself does for a caller who may set it.
    fn set_policy(&self, account: &str, region: &str, repository: &str, text: &str);
}

/// An image as the registry holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// `sha256:…` of the manifest's bytes.
    pub digest: String,
    /// The media type under which the manifest was put.
    pub media_type: String,
    /// The manifest, byte for byte as it was put.
    pub manifest: Vec<u8>,
}
