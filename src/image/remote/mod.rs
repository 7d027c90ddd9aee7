//! Images in a registry: `docker://HOST/REPOSITORY[:TAG][@DIGEST]`.
//!
//! Opening one reads its manifest and its configuration. Layers are read later, straight from the registry: an
//! asynchronous download feeds a blocking reader through a bounded channel, so that nothing touches the disk and memory
//! does not grow. A download that breaks goes on where it was.
//!
//! This is the reading half of the distribution protocol as any registry speaks it, with the logins of `docker login`;
//! the writing half, as Amazon ECR speaks it, is `registry/`, and neither knows the other. That is why a client of our own
//! is here and not oci-client: it reads documents of any size into memory, sends passwords to whatever address a
//! challenge names, keeps no `Retry-After`, and cannot continue a download.

mod auth_file;
mod authorization;
mod challenge;
mod credential;
mod documents;
mod download;
mod error;
mod helper;
mod open;
mod reference;
mod repository;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use url::Url;

use crate::http::retry::RetryPolicy;

pub use auth_file::AuthFiles;
pub use credential::{Credential, CredentialError, Credentials};
pub(super) use error::RemoteError;
pub use helper::StoredCredentials;
pub(super) use open::open;
pub use reference::{Pin, RemoteReference};

/// How a source's registry is reached.
#[derive(Clone)]
pub struct RemoteAccess {
    /// Where to connect; none for the registry's own host.
    pub endpoint: Option<Url>,
    /// Whether a plain http endpoint on another machine may be used.
    pub allow_plain_http: bool,
    /// Who we are there.
    pub credentials: Arc<dyn Credentials>,
    /// How failures are answered.
    pub retry: RetryPolicy,
}

impl Default for RemoteAccess {
    /// The registry's own host, as nobody in particular.
    fn default() -> Self {
        Self {
            endpoint: None,
            allow_plain_http: false,
            credentials: credential::anonymous(),
            retry: RetryPolicy::default(),
        }
    }
}

impl std::fmt::Debug for RemoteAccess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let endpoint = self.endpoint.as_ref().map(crate::http::endpoint::redacted);
        formatter.debug_struct("RemoteAccess").field("endpoint", &endpoint).finish_non_exhaustive()
    }
}
