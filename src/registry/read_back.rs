//! Reads a manifest back after it was put.
//!
//! With our own client, which bounds what it reads and keeps the credential to itself: oci-client reads a manifest of
//! any length into memory, and answers a challenge by taking the credential wherever that points.

use super::Registry;
use super::error::RegistryError;
use super::image_manifest::ImageManifest;
use super::manifest::Reference;
use super::push_error::PushError;

/// Makes sure that the registry gives out `manifest` under its digest.
pub(super) async fn read_back(registry: &Registry, manifest: &ImageManifest) -> Result<(), PushError> {
    match registry.get_manifest(Reference::Digest(&manifest.digest)).await {
        Ok(_) => Ok(()),
        Err(RegistryError::Digest { expected, found, .. }) => {
            Err(PushError::NotVerified { expected, found: found.to_string() })
        }
        // A role that may push but not read: the registry took the manifest under the digest of its bytes.
        Err(error) if error.status() == Some(403) => Ok(()),
        Err(error) => Err(PushError::registry("the pushed manifest could not be read back", error)),
    }
}
