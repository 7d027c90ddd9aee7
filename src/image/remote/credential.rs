//! Who we are to a source's registry: the credential itself, and whoever hands it out.

use std::sync::Arc;

use async_trait::async_trait;

use super::RemoteReference;

/// What proves to a registry who asks. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user name and a password or an access token.
    Basic {
        /// The user's name.
        user: String,
        /// Secret: it never enters an event, a log line or an error.
        password: String,
    },
    /// A refresh token, which the registry's token service takes in the place of a password.
    IdentityToken(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Basic { .. } => "Basic(hidden)",
            Self::IdentityToken(_) => "IdentityToken(hidden)",
        })
    }
}

/// A credential that should be there and cannot be had. The message carries no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CredentialError {
    /// What went wrong, where.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether nobody could be asked, rather than somebody having to mend something.
    pub is_unavailable: bool,
}

impl CredentialError {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()), is_unavailable: false }
    }
}

/// Hands out credentials: auth files and helpers, or AWS. Asked again when the registry refuses what it got.
#[async_trait]
pub trait Credentials: Send + Sync + std::fmt::Debug {
    /// The credential for a repository; none to go on without.
    async fn credential(&self, reference: &RemoteReference) -> Result<Option<Credential>, CredentialError>;

    /// Whether the registry always wants `Basic` credentials, so that it need not be asked how first.
    fn is_always_basic(&self) -> bool {
        false
    }

    /// What a person can do when the registry does not accept what it got, or wants some and there are none.
    fn hint(&self, reference: &RemoteReference, had_some: bool) -> String;
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Anonymous;

#[async_trait]
impl Credentials for Anonymous {
    async fn credential(&self, _: &RemoteReference) -> Result<Option<Credential>, CredentialError> {
        Ok(None)
    }

    fn hint(&self, reference: &RemoteReference, _: bool) -> String {
        login_hint(reference, false)
    }
}

pub(super) fn anonymous() -> Arc<dyn Credentials> {
    Arc::new(Anonymous)
}

/// The way to credentials that Docker's users know.
pub(super) fn login_hint(reference: &RemoteReference, had_some: bool) -> String {
    let host = match reference.host.as_str() {
        "docker.io" => "",
        host => host,
    };
    let login = format!("docker login {host}");
    let login = login.trim_end();
    if had_some {
        format!(
            "sign in again with {login}: the name of the image, or the credentials that are stored, are wrong"
        )
    } else {
        format!(
            "sign in with {login}, or correct the image's name: many registries say the same of what is not there"
        )
    }
}
