//! Blobs: is it there, take it over from another repository, read a small one.

use bytes::Bytes;
use reqwest::Method;

use super::Registry;
use super::error::RegistryError;
use super::exchange::Request;
use super::operation::Operation;
use super::upload::UploadSession;
use crate::name::{Digest, RepositoryName};

/// What came of asking for a blob of another repository.
#[derive(Debug)]
pub enum MountOutcome {
    /// The blob is in this repository now.
    Mounted,
    /// The registry does not mount it, and opened an upload instead. ECR does so unless the account's
    /// `BLOB_MOUNTING` setting is enabled.
    Session(UploadSession),
}

impl Registry {
    /// HEAD `blobs/<digest>`: whether the repository has the blob.
    ///
    /// # Errors
    /// Fails when the registry cannot be asked; a repository that does not exist has no blob.
    pub async fn blob_exists(&self, digest: &Digest) -> Result<bool, RegistryError> {
        let url = self.url(&format!("blobs/{digest}"));
        // A redirect to where the bytes lie says that they are there; a signed GET address refuses HEAD.
        match self.persist(&Request::new(Operation::BlobExists, Method::HEAD, url)).await {
            Ok(_) => Ok(true),
            Err(error) if error.status() == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// POST `blobs/uploads/?mount=<digest>&from=<repository>`: takes a blob over from another repository
    /// of the same registry. Tried once: the blob can be uploaded instead.
    ///
    /// # Errors
    /// Fails when the registry cannot be asked or refuses.
    pub async fn mount(&self, digest: &Digest, from: &RepositoryName) -> Result<MountOutcome, RegistryError> {
        let mut url = self.url("blobs/uploads/");
        url.query_pairs_mut()
            .append_pair("mount", &digest.to_string())
            .append_pair("from", &from.to_string());
        let answer = self.exchange(&Request::new(Operation::Mount, Method::POST, url)).await?;
        match answer.status.as_u16() {
            201 => match answer.header("docker-content-digest") {
                Some(found) if found != digest.to_string() => {
                    let problem = format!("{found} was mounted");
                    Err(answer.unexpected(problem))
                }
                _ => Ok(MountOutcome::Mounted),
            },
            _ => UploadSession::opened_by(answer).map(MountOutcome::Session),
        }
    }

    /// GET `blobs/<digest>`, verified: for a small blob such as an image's configuration. Where the
    /// registry redirects to another host, the credential is not sent along.
    ///
    /// # Errors
    /// Fails when the blob is not there, has more than `limit` bytes, or does not have its digest.
    pub async fn get_blob(&self, digest: &Digest, limit: usize) -> Result<Bytes, RegistryError> {
        let url = self.url(&format!("blobs/{digest}"));
        let mut request = Request::new(Operation::GetBlob, Method::GET, url);
        request.answer_limit = limit;
        let answer = self.persist(&request).await?;
        match Digest::of(&answer.body) {
            found if found == *digest => Ok(answer.body),
            found => Err(RegistryError::Digest { request: answer.request, expected: *digest, found }),
        }
    }
}
