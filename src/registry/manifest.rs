//! Manifests by tag and by digest: look, read, put.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};

use super::Registry;
use super::error::RegistryError;
use super::exchange::Request;
use super::operation::Operation;
use crate::name::{Digest, Tag};

/// The largest manifest that ECR takes (`imageManifest`), in bytes.
pub const LARGEST_MANIFEST: usize = 4 << 20;

/// Every type there is: a pull by tag converts between Docker's and OCI's when the stored one is missing.
const EVERY_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json";

/// How a manifest is named in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// By a tag, which may move.
    Tag(&'a Tag),
    /// By its digest.
    Digest(&'a Digest),
}

impl std::fmt::Display for Reference<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

/// A manifest as a registry stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// Its media type, as the registry states it.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
    /// The digest of the bytes.
    pub digest: Digest,
}

impl Registry {
    /// HEAD `manifests/<reference>`: the digest that the registry has there; none when there is nothing.
    ///
    /// # Errors
    /// Fails when the registry cannot be asked, or refuses.
    pub async fn head_manifest(&self, reference: Reference<'_>) -> Result<Option<Digest>, RegistryError> {
        let request = self.manifest_request(Operation::HeadManifest, Method::HEAD, reference);
        let answer = match self.persist(&request).await {
            Err(error) if error.status() == Some(404) => return Ok(None),
            outcome => outcome?,
        };
        match (answer.header("docker-content-digest").map(str::parse), reference) {
            (Some(Ok(digest)), _) => Ok(Some(digest)),
            (None, Reference::Digest(digest)) => Ok(Some(*digest)),
            (None, Reference::Tag(_)) => Ok(Some(self.get_manifest(reference).await?.digest)),
            (Some(Err(_)), _) => Err(answer.unexpected("a digest that is not sha256")),
        }
    }

    /// GET `manifests/<reference>`, hashed; by digest also verified.
    ///
    /// # Errors
    /// Fails when the manifest is not there, has more than 4 MiB, or does not have its digest.
    pub async fn get_manifest(&self, reference: Reference<'_>) -> Result<StoredManifest, RegistryError> {
        let mut request = self.manifest_request(Operation::GetManifest, Method::GET, reference);
        request.answer_limit = LARGEST_MANIFEST;
        let answer = self.persist(&request).await?;
        let media_type = answer.header(CONTENT_TYPE).unwrap_or_default().to_owned();
        // ECR's GET has no Docker-Content-Digest, so the bytes themselves are hashed.
        let digest = Digest::of(&answer.body);
        match reference {
            Reference::Digest(expected) if *expected != digest => {
                Err(RegistryError::Digest { request: answer.request, expected: *expected, found: digest })
            }
            _ => Ok(StoredManifest { media_type, bytes: answer.body, digest }),
        }
    }

    /// PUT `manifests/<reference>`. Tried again for some seconds while the registry says that it misses
    /// blobs: its validator can lag behind commits.
    ///
    /// # Errors
    /// Fails when the registry cannot be asked, or refuses the manifest or the tag.
    pub async fn put_manifest(
        &self,
        reference: Reference<'_>,
        media_type: &str,
        bytes: &Bytes,
    ) -> Result<(), RegistryError> {
        let mut request = self.manifest_request(Operation::PutManifest, Method::PUT, reference);
        request.body = bytes.clone().into();
        if let Ok(media_type) = HeaderValue::from_str(media_type) {
            request.headers.insert(CONTENT_TYPE, media_type);
        }
        let deadline = tokio::time::Instant::now() + self.retry.validator_patience;
        let mut failures = 0;
        loop {
            match self.persist(&request).await {
                Err(error) if is_lag(&error) && tokio::time::Instant::now() < deadline => {
                    failures += 1;
                    self.pause(failures, &error, request.operation.to_string()).await;
                }
                Err(error) => return Err(error),
                // ECR sends no Location here, and nothing else is needed.
                Ok(answer) if answer.status.is_success() => return Ok(()),
                Ok(answer) => return Err(answer.unexpected("a redirect of the manifest")),
            }
        }
    }

    fn manifest_request(&self, operation: Operation, method: Method, reference: Reference<'_>) -> Request {
        let mut request = Request::new(operation, method, self.url(&format!("manifests/{reference}")));
        if request.method != Method::PUT {
            request.headers.insert(ACCEPT, HeaderValue::from_static(EVERY_TYPE));
        }
        request
    }
}

/// Whether the registry says that blobs of the manifest are missing, all of which were seen there before.
fn is_lag(error: &RegistryError) -> bool {
    let codes = ["LAYERS_NOT_FOUND", "BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"];
    let words = |message: &str| message.contains("LayersNotFound") || message.contains("layers with digests");
    error.has_code(&codes)
        || error.refusal().is_some_and(|refusal| refusal.status < 500 && words(&refusal.message))
}
