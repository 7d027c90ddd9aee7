//! How reading from a registry fails, and what a person can do about it.
//!
//! Messages keep the address without its query, the status, and the registry's own code and words. They never carry a
//! token, a signature or a header.

use std::time::Duration;

use super::CredentialError;
use crate::http::endpoint::EndpointError;
use crate::image::ImageErrorKind;
use crate::name::Digest;

/// An answer that is not success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::image) struct Refusal {
    /// The address, without query and credentials.
    pub(super) url: String,
    pub(super) status: u16,
    /// The registry's error code, such as `MANIFEST_UNKNOWN`.
    pub(super) code: Option<String>,
    /// The registry's words; may be empty.
    pub(super) words: String,
    /// How long the registry asks to wait.
    pub(super) retry_after: Option<Duration>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} was answered with {}", self.url, self.status)?;
        if let Some(code) = &self.code {
            write!(formatter, " {code}")?;
        }
        if self.words.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.words) }
    }
}

/// Something that could not be had from a registry.
#[derive(Debug, Clone, thiserror::Error)]
pub(in crate::image) enum RemoteError {
    /// There is no such image, or blob.
    #[error("the registry has no {what}: {refusal}")]
    NotFound { what: String, refusal: Box<Refusal> },
    /// The registry does not let us.
    #[error("the registry does not give out {what}: {refusal}")]
    Denied { what: String, refusal: Box<Refusal>, hint: String },
    /// Too many requests, also after waiting.
    #[error("the registry limits the rate: {0}")]
    RateLimited(Box<Refusal>),
    /// The registry said no in another way.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// No answer, or half of one.
    #[error("{url} got no answer: {message}")]
    NoAnswer {
        url: String,
        message: String,
        /// Whether it is the certificate, which does not get better by trying again.
        untrusted: bool,
    },
    /// Something else answers in the registry's place.
    #[error("{url} is not a registry's answer: {what}")]
    NotARegistry { url: String, what: String },
    /// An answer that the protocol does not allow.
    #[error("{url} was answered with something unexpected: {problem}")]
    Protocol { url: String, problem: String },
    /// Other content than was asked for.
    #[error("{url} gave content with digest {found}, not {expected}")]
    Digest { url: String, expected: Digest, found: Digest },
    /// More or less than the manifest says.
    #[error("{url} has {found} bytes, and the manifest states {stated}")]
    Size { url: String, stated: u64, found: u64 },
    /// More than is read into memory.
    #[error("{url} has more than the {limit} bytes that are read of such a document")]
    TooLarge { url: String, limit: usize },
    /// The credential that should be there cannot be had.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The registry sends its visitors somewhere that credentials must not go to.
    #[error("the registry wants credentials to be sent to {realm}, which is not https")]
    Realm { realm: String },
    /// The source's address cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
    /// The program is ending.
    #[error("the download was stopped")]
    Stopped,
}

impl RemoteError {
    /// Whether trying the same again can help.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(refusal.status, 408 | 425 | 500 | 502 | 503 | 504),
            // A quota of many hours is told in words (Docker Hub); waiting some seconds does not help.
            Self::RateLimited(refusal) => !refusal.words.contains("pull rate limit"),
            Self::NoAnswer { untrusted, .. } => !untrusted,
            _ => false,
        }
    }

    /// How long the registry asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) | Self::RateLimited(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    pub(in crate::image) fn kind(&self) -> ImageErrorKind {
        match self {
            Self::NotFound { .. } => ImageErrorKind::NotFound,
            Self::Credential(error) if error.is_unavailable => ImageErrorKind::Unavailable,
            Self::Denied { .. } | Self::Credential(_) => ImageErrorKind::Unreadable,
            Self::Endpoint(_) => ImageErrorKind::Usage,
            Self::RateLimited(_)
            | Self::Refused(_)
            | Self::NoAnswer { .. }
            | Self::NotARegistry { .. }
            | Self::Client(_)
            | Self::Stopped => ImageErrorKind::Unavailable,
            Self::Protocol { .. }
            | Self::Digest { .. }
            | Self::Size { .. }
            | Self::TooLarge { .. }
            | Self::Realm { .. } => ImageErrorKind::Malformed,
        }
    }

    /// What a person can do about it.
    pub(in crate::image) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotFound { .. } => {
                "check the name, the tag or the digest: skopeo list-tags docker://HOST/REPOSITORY"
            }
            Self::Denied { hint, .. } => return Some(hint.clone()),
            Self::Credential(error) => return error.hint.clone(),
            Self::RateLimited(_) => {
                "sign in with docker login, which raises the limit of Docker Hub, or wait and run it again"
            }
            Self::NoAnswer { untrusted: true, .. } => {
                "a proxy or another host answers in the registry's place; add its certificate authority to the \
                 system's trust store if that is meant to be"
            }
            Self::NoAnswer { .. } => {
                "check the host's name, the network, HTTPS_PROXY and NO_PROXY, or give another address with \
                 --source-endpoint"
            }
            Self::NotARegistry { .. } => {
                "check the host's name; a proxy, or a site that wants a browser, may answer in the registry's place"
            }
            Self::Digest { .. } | Self::Size { .. } => {
                "the registry's copy is damaged, or something on the way changes it: push the image there again, and check \
                 proxies"
            }
            Self::TooLarge { .. } => "no real manifest or configuration is that large: check the name",
            Self::Realm { .. } => "the registry has to name a token service that is reached by https",
            Self::Refused(_) => "run it again later; the registry has a problem of its own",
            Self::Client(_) => crate::http::CLIENT_HINT,
            Self::Protocol { .. } | Self::Endpoint(_) | Self::Stopped => return None,
        };
        Some(hint.to_owned())
    }
}
