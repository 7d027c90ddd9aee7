//! Reads a manifest back after it was put, with a client that shares nothing with the one that put it.

use std::time::Duration;

use oci_client::Reference as OciReference;
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;

use super::Registry;
use super::error::RegistryError;
use super::image_manifest::ImageManifest;
use super::manifest::Reference;
use super::push_error::PushError;
use crate::name::Digest;

/// The second client is an extra: it may not hold up a push for long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes sure that the registry gives out `manifest` under its digest.
pub(super) async fn read_back(registry: &Registry, manifest: &ImageManifest) -> Result<(), PushError> {
    match tokio::time::timeout(PATIENCE, independent_reading(registry, manifest)).await {
        Ok(Some(digest)) if digest == manifest.digest => Ok(()),
        Ok(Some(found)) => {
            Err(PushError::NotVerified { expected: manifest.digest, found: found.to_string() })
        }
        // It cannot do everything that our own client can (prefixes, retries, renewal), so ours decides.
        Ok(None) | Err(_) => own_reading(registry, manifest).await,
    }
}

async fn own_reading(registry: &Registry, manifest: &ImageManifest) -> Result<(), PushError> {
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

/// The digest of the manifest that oci-client reads; none when it cannot.
async fn independent_reading(registry: &Registry, manifest: &ImageManifest) -> Option<Digest> {
    let endpoint = &registry.endpoint;
    if endpoint.path() != "/" {
        return None;
    }
    let host = match endpoint.port() {
        Some(port) => format!("{}:{port}", endpoint.host_str()?),
        None => endpoint.host_str()?.to_owned(),
    };
    let plain = endpoint.scheme() == "http";
    let config = ClientConfig {
        protocol: if plain { ClientProtocol::Http } else { ClientProtocol::Https },
        connect_timeout: Some(PATIENCE),
        ..ClientConfig::default()
    };
    let client = Client::try_from(config).ok()?;
    let (user, password) = registry.authorization.user_and_password().await.ok()?;
    let reference =
        OciReference::with_digest(host, registry.repository.to_string(), manifest.digest.to_string());
    let accepted = [manifest.media_type.as_str()];
    let read = client.pull_manifest_raw(&reference, &RegistryAuth::Basic(user, password), &accepted).await;
    let (bytes, _) = read.ok()?;
    Some(Digest::of(&bytes))
}
