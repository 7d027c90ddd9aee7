//! How a wire step fails, and what a person can do about it.
//!
//! Messages keep the method, the address without its query, the status and the registry's own code and
//! words. They never carry a token, a signature or a header.

use std::time::Duration;

use url::Url;

use super::endpoint::{EndpointError, redacted};
use super::operation::Operation;
use crate::cloud::CloudError;
use crate::name::Digest;

/// A request as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// The step it belongs to.
    pub operation: Operation,
    /// The HTTP method.
    pub method: String,
    /// The address, without query and credentials.
    pub url: String,
}

impl RequestLine {
    pub(super) fn new(operation: Operation, method: &reqwest::Method, url: &Url) -> Self {
        Self { operation, method: method.to_string(), url: redacted(url) }
    }
}

impl std::fmt::Display for RequestLine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.url)
    }
}

/// An answer that is not success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The request.
    pub request: RequestLine,
    /// The HTTP status.
    pub status: u16,
    /// The registry's error code, such as `NAME_UNKNOWN`; none when the body is not the protocol's JSON.
    pub code: Option<String>,
    /// The registry's own words, or the beginning of a body that is not JSON. May be empty.
    pub message: String,
    /// How long the registry asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether it was turned away while others were in flight beside it: fewer at a time may help.
    pub crowded: bool,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} was answered with {}", self.request, self.status)?;
        if let Some(code) = &self.code {
            write!(formatter, " {code}")?;
        }
        if !self.message.is_empty() {
            write!(formatter, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// How no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportFailure {
    /// No connection: name, address, time-out.
    Unreachable,
    /// The certificate is not trusted, or is not this host's.
    Untrusted,
    /// The connection broke before the whole answer was there.
    Broken,
    /// Nothing moved for too long.
    Stalled,
}

/// A wire step that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryError {
    /// The registry said no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// No answer came.
    #[error("{request} got no answer: {message}")]
    Transport {
        /// The request.
        request: RequestLine,
        /// In which way.
        failure: TransportFailure,
        /// What the transport said.
        message: String,
    },
    /// An answer came that the protocol does not allow.
    #[error("{request} was answered with something unexpected: {problem}")]
    Protocol {
        /// The request.
        request: RequestLine,
        /// What is wrong with the answer.
        problem: String,
    },
    /// Content does not have the digest that it was asked for by.
    #[error("{request} gave content with digest {found}, not {expected}")]
    Digest {
        /// The request.
        request: RequestLine,
        /// The digest that was asked for.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// No credentials for the registry.
    #[error("no credentials for the registry: {0}")]
    Credential(CloudError),
    /// The registry's address cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

impl RegistryError {
    /// The answer, when one came and it was no.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The status of the answer, when one came and it was no.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// Whether the registry's code is one of `codes`.
    pub fn has_code(&self, codes: &[&str]) -> bool {
        self.refusal().and_then(|refusal| refusal.code.as_deref()).is_some_and(|code| codes.contains(&code))
    }

    /// Whether trying the same again can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(refusal.status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::Transport { failure, .. } => *failure != TransportFailure::Untrusted,
            Self::Protocol { .. }
            | Self::Digest { .. }
            | Self::Credential(_)
            | Self::Endpoint(_)
            | Self::Client(_) => false,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::Transport { request, failure, .. } => transport_hint(request, *failure),
            Self::Credential(_) => Some(
                "allow ecr:GetAuthorizationToken on resource * for this identity, and check its credentials"
                    .to_owned(),
            ),
            Self::Client(_) => Some(crate::http::CLIENT_HINT.to_owned()),
            Self::Protocol { .. } | Self::Digest { .. } | Self::Endpoint(_) => None,
        }
    }
}

impl Refusal {
    /// Whether the token that was sent is no longer valid. ECR says so with 403 and words, others with 401;
    /// an answer to HEAD has no words.
    pub(super) fn is_expired_credential(&self) -> bool {
        let expired = self.message.contains("authorization token has expired");
        self.status == 401 || (self.status == 403 && (expired || self.request.method == "HEAD"))
    }

    /// Whether the registry has too much to do at the moment, and did not look at the request.
    pub(super) fn is_turned_away(&self) -> bool {
        matches!(self.status, 429 | 503)
    }

    fn hint(&self) -> Option<String> {
        let code = self.code.as_deref().unwrap_or_default();
        if code == "NAME_UNKNOWN" {
            return Some(
                "create the repository with --create-repository, or with: \
                 aws ecr create-repository --repository-name NAME"
                    .to_owned(),
            );
        }
        if code == "TAG_INVALID" && self.message.contains("immutable") {
            return Some("push under another tag: the repository's tags are immutable".to_owned());
        }
        match self.status {
            403 if self.message.contains("authorization token has expired") => None,
            403 => Some(format!("allow {} on the repository for this identity", self.denied_action())),
            401 => Some(
                "the registry does not accept the credentials: their Region and account must be those of the \
                 registry"
                    .to_owned(),
            ),
            429 => Some("run again later, or with fewer --jobs: the registry limits the rate".to_owned()),
            _ => None,
        }
    }

    /// The action that is missing: as the message names it, else the one that the step needs.
    fn denied_action(&self) -> &str {
        let named = self.message.split_once("not authorized to perform: ").map(|(_, rest)| rest);
        named
            .and_then(|rest| rest.split_whitespace().next())
            .filter(|action| action.starts_with("ecr:"))
            .unwrap_or(self.request.operation.action())
    }
}

fn transport_hint(request: &RequestLine, failure: TransportFailure) -> Option<String> {
    match failure {
        // https://github.com/docker/cli/issues/3396: ECR closes the connection instead of answering.
        TransportFailure::Broken
            if matches!(request.operation, Operation::StartUpload | Operation::Mount) =>
        {
            Some(format!(
                "Amazon ECR closes the connection here when the repository does not exist or {} is missing: \
                 create it with --create-repository, or allow the action",
                request.operation.action()
            ))
        }
        TransportFailure::Unreachable => Some(
            "check the network, HTTPS_PROXY and NO_PROXY, or give another address with --registry-endpoint"
                .to_owned(),
        ),
        TransportFailure::Untrusted => Some(
            "a proxy or another host answers in the registry's place; add its certificate authority to the \
             system's trust store if that is meant to be"
                .to_owned(),
        ),
        TransportFailure::Broken | TransportFailure::Stalled => None,
    }
}
