//! A connection to one repository of one registry.

use std::sync::Arc;

use url::Url;

use super::authorization::Authorization;
use super::endpoint::check_endpoint;
use super::error::RegistryError;
use super::gate::Gate;
use super::inventory::{BlobInventory, Inventory};
use super::retry::RetryPolicy;
use crate::cloud::{RegistryAuthorizer, RegistryCredential};
use crate::event::{Reporter, Silence};
use crate::http::client_for;
use crate::name::RepositoryName;

/// The smallest part that ECR takes, but for the last: 5 MiB.
pub const SMALLEST_PART: u64 = 5 << 20;

/// How to speak to a registry.
#[derive(Clone)]
pub struct RegistrySettings {
    /// How failures are answered.
    pub retry: RetryPolicy,
    /// Whether plain http to another machine is accepted.
    pub allow_plain_http: bool,
    /// A credential that was fetched already; none to fetch one with the first request.
    pub credential: Option<RegistryCredential>,
    /// The smallest part of an upload, but for the last, in bytes. Smaller wishes are raised to it.
    pub smallest_part: u64,
    /// Who tells of many blobs of the repository at once; none to ask blob by blob.
    pub inventory: Option<Arc<dyn BlobInventory>>,
    /// Where [`crate::event::Event::Retrying`] goes.
    pub reporter: Arc<dyn Reporter>,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            allow_plain_http: false,
            credential: None,
            smallest_part: SMALLEST_PART,
            inventory: None,
            reporter: Arc::new(Silence),
        }
    }
}

impl std::fmt::Debug for RegistrySettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RegistrySettings").field("retry", &self.retry).finish_non_exhaustive()
    }
}

/// One repository of a registry. Its methods are the wire steps, each tried again where that is safe.
pub struct Registry {
    pub(super) http: reqwest::Client,
    pub(super) endpoint: Url,
    pub(super) repository: RepositoryName,
    pub(super) authorization: Authorization,
    pub(super) retry: RetryPolicy,
    /// What every request to the endpoint passes.
    pub(super) gate: Arc<Gate>,
    pub(super) allow_plain_http: bool,
    pub(super) smallest_part: u64,
    pub(super) inventory: Inventory,
    pub(super) reporter: Arc<dyn Reporter>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Registry")
            .field("endpoint", &self.endpoint.as_str())
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// A connection to `repository` behind `endpoint`: `https://<registry host>`, or where to connect
    /// instead. Nothing is sent yet.
    ///
    /// # Errors
    /// Fails when the endpoint may not be used ([`check_endpoint`]) or TLS cannot be set up.
    pub fn new(
        endpoint: Url,
        repository: RepositoryName,
        authorizer: Arc<dyn RegistryAuthorizer>,
        settings: RegistrySettings,
    ) -> Result<Self, RegistryError> {
        check_endpoint(&endpoint, settings.allow_plain_http)?;
        let http = client_for(&endpoint).map_err(RegistryError::Client)?;
        Ok(Self {
            http,
            endpoint,
            repository,
            authorization: match settings.credential {
                Some(credential) => Authorization::with(authorizer, credential)?,
                None => Authorization::new(authorizer),
            },
            retry: settings.retry,
            gate: Gate::new(),
            allow_plain_http: settings.allow_plain_http,
            smallest_part: settings.smallest_part,
            inventory: Inventory::new(settings.inventory),
            reporter: settings.reporter,
        })
    }

    /// The repository.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// Ends the use of the registry: nothing more is sent, and parts that are under way may arrive, so that a later
    /// run can go on behind them. Takes little more than a second at most.
    pub async fn wind_down(&self) {
        self.gate.close().await;
    }

    /// The address of something in the repository: `blobs/sha256:…`, `manifests/TAG`.
    pub(super) fn url(&self, rest: &str) -> Url {
        let mut url = self.endpoint.clone();
        let prefix = self.endpoint.path().trim_end_matches('/');
        let path = format!("{prefix}/v2/{}/{rest}", self.repository);
        url.set_path(&path);
        url
    }
}
