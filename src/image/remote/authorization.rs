//! The `Authorization` header for one repository: none at first, then whatever the registry asks for, renewed in time.
//! (<https://distribution.github.io/distribution/spec/auth/token/>)

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::challenge::Challenge;
use super::error::RemoteError;
use super::{Credential, Credentials, RemoteReference};
use crate::http::endpoint::{is_loopback, redacted};

/// How long a token lives when nobody says so (the specification's own default).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// A token is renewed this long before its end, or a tenth of its life before when that is shorter.
const LONGEST_MARGIN: Duration = Duration::from_secs(60);

/// Holds the current header.
pub(super) struct Authorization {
    credentials: Arc<dyn Credentials>,
    reference: RemoteReference,
    endpoint: Url,
    // Held while a new header is made, so that tasks that need one at the same time share it.
    current: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    header: Option<HeaderValue>,
    /// What the registry asked for last.
    challenge: Option<Challenge>,
    generation: u64,
    renew_at: Option<Instant>,
    /// Whether there was a credential, for hints.
    had_credential: bool,
}

/// A header as one request uses it.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) header: Option<HeaderValue>,
    /// Tells a header from the one that replaces it.
    generation: u64,
}

/// What the token service is asked, and by whom.
pub(super) struct TokenRequest<'a> {
    pub(super) realm: &'a Url,
    pub(super) service: Option<&'a str>,
    pub(super) scope: String,
    pub(super) credential: Option<&'a Credential>,
}

/// What a token service answers.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    /// Seconds.
    #[serde(default)]
    expires_in: Option<u64>,
}

/// Whoever can send a request to a token service.
pub(super) trait TokenService {
    async fn token(&self, request: TokenRequest<'_>) -> Result<TokenAnswer, RemoteError>;
}

impl Authorization {
    pub(super) fn new(credentials: Arc<dyn Credentials>, reference: RemoteReference, endpoint: Url) -> Self {
        let challenge = credentials.is_always_basic().then_some(Challenge::Basic);
        let current = Mutex::new(Held { challenge, ..Held::default() });
        Self { credentials, reference, endpoint, current }
    }

    /// The current header, renewed when it is about to end.
    pub(super) async fn lease(&self, service: &impl TokenService) -> Result<Lease, RemoteError> {
        let mut held = self.current.lock().await;
        let ending = held.renew_at.is_some_and(|at| Instant::now() >= at);
        let missing = held.header.is_none() && held.challenge.is_some();
        if let Some(challenge) = held.challenge.clone().filter(|_| ending || missing) {
            match self.answer(&challenge, service).await {
                Ok(fresh) => held.take(fresh),
                // The old one may be valid still: what the registry says counts, not our clock.
                Err(_) if held.header.is_some() => held.renew_at = None,
                Err(error) => return Err(error),
            }
        }
        Ok(held.lease())
    }

    /// A header that is not the one that the registry just refused. Another task may have made it. None when the
    /// registry does not say what it wants, or when there is nothing more to give.
    pub(super) async fn replace(
        &self,
        refused: &Lease,
        challenge: Option<Challenge>,
        service: &impl TokenService,
    ) -> Result<Option<Lease>, RemoteError> {
        let mut held = self.current.lock().await;
        if held.generation != refused.generation {
            return Ok(Some(held.lease()));
        }
        let Some(challenge) = challenge.or(held.challenge.clone()) else { return Ok(None) };
        let fresh = self.answer(&challenge, service).await?;
        if fresh.header.is_none() {
            return Ok(None);
        }
        held.take(fresh);
        Ok(Some(held.lease()))
    }

    /// What a person can do when the registry refuses all the same.
    pub(super) async fn hint(&self) -> String {
        self.hint_with(self.current.lock().await.had_credential)
    }

    /// The same, where it is known whether there was a credential.
    pub(super) fn hint_with(&self, had_credential: bool) -> String {
        self.credentials.hint(&self.reference, had_credential)
    }

    async fn answer(&self, challenge: &Challenge, service: &impl TokenService) -> Result<Held, RemoteError> {
        let credential = self.credentials.credential(&self.reference).await?;
        let had_credential = credential.is_some();
        let held = Held { challenge: Some(challenge.clone()), had_credential, ..Held::default() };
        match challenge {
            Challenge::Basic => {
                let header = credential.as_ref().and_then(basic);
                Ok(Held { header, ..held })
            }
            Challenge::Bearer { realm, service: name } => {
                self.check_realm(realm)?;
                let request = TokenRequest {
                    realm,
                    service: name.as_deref(),
                    scope: format!("repository:{}:pull", self.reference.repository),
                    credential: credential.as_ref(),
                };
                let asked_at = Instant::now();
                let answer = service.token(request).await?;
                let life = answer
                    .expires_in
                    .filter(|seconds| *seconds > 0)
                    .map_or(DEFAULT_LIFE, Duration::from_secs);
                let margin = LONGEST_MARGIN.min(life / 10);
                let header = answer.header().ok_or_else(|| RemoteError::Protocol {
                    url: redacted(realm),
                    problem: "a token service's answer without a token".to_owned(),
                })?;
                Ok(Held { header: Some(header), renew_at: asked_at.checked_add(life - margin), ..held })
            }
        }
    }

    /// Credentials go to the token service that the registry names, by https. Plain http is for a service beside a
    /// registry that is itself reached by plain http: the same host, or both on this machine.
    fn check_realm(&self, realm: &Url) -> Result<(), RemoteError> {
        let same_host = realm.host() == self.endpoint.host();
        let beside = same_host || (is_loopback(realm) && is_loopback(&self.endpoint));
        match realm.scheme() {
            "https" => Ok(()),
            "http" if self.endpoint.scheme() == "http" && beside => Ok(()),
            _ => Err(RemoteError::Realm { realm: redacted(realm) }),
        }
    }
}

impl Held {
    fn take(&mut self, fresh: Held) {
        *self = Held { generation: self.generation + 1, ..fresh };
    }

    fn lease(&self) -> Lease {
        Lease { header: self.header.clone(), generation: self.generation }
    }
}

impl TokenAnswer {
    fn header(&self) -> Option<HeaderValue> {
        let given =
            [&self.token, &self.access_token].into_iter().flatten().find(|token| !token.is_empty())?;
        sensitive(format!("Bearer {given}"))
    }
}

/// `Authorization: Basic`; none for a credential that is not a password.
pub(super) fn basic(credential: &Credential) -> Option<HeaderValue> {
    match credential {
        Credential::Basic { user, password } => {
            sensitive(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
        }
        Credential::IdentityToken(_) => None,
    }
}

fn sensitive(text: String) -> Option<HeaderValue> {
    let mut header = HeaderValue::try_from(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::image::remote::CredentialError;

    #[derive(Debug)]
    struct Fixed(Option<Credential>);

    #[async_trait::async_trait]
    impl Credentials for Fixed {
        async fn credential(&self, _: &RemoteReference) -> Result<Option<Credential>, CredentialError> {
            Ok(self.0.clone())
        }

        fn hint(&self, _: &RemoteReference, _: bool) -> String {
            String::new()
        }
    }

    /// Hands out `token-1`, `token-2`, …
    struct Counting {
        calls: AtomicU64,
        life: Option<u64>,
    }

    impl TokenService for Counting {
        async fn token(&self, request: TokenRequest<'_>) -> Result<TokenAnswer, RemoteError> {
            assert_eq!(request.scope, "repository:team/app:pull");
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            let token = Some(format!("token-{call}"));
            Ok(TokenAnswer { token, access_token: None, expires_in: self.life })
        }
    }

    fn authorization(endpoint: &str, credential: Option<Credential>) -> Authorization {
        let reference = RemoteReference::parse("host.example/team/app").unwrap();
        Authorization::new(Arc::new(Fixed(credential)), reference, endpoint.parse().unwrap())
    }

    fn bearer(realm: &str) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.parse().unwrap(), service: None })
    }

    fn shown(lease: &Lease) -> Option<&str> {
        lease.header.as_ref().map(|header| header.to_str().unwrap())
    }

    fn counting(life: Option<u64>) -> Counting {
        Counting { calls: AtomicU64::new(0), life }
    }

    #[tokio::test]
    async fn nothing_is_sent_until_the_registry_asks_and_a_token_near_its_end_is_renewed() {
        let (authorization, service) = (authorization("https://host.example", None), counting(Some(300)));
        let first = authorization.lease(&service).await.unwrap();
        assert_eq!(shown(&first), None);
        let challenge = bearer("https://auth.example/token");
        let second = authorization.replace(&first, challenge, &service).await.unwrap().unwrap();
        assert_eq!(shown(&second), Some("Bearer token-1"));
        assert_eq!(shown(&authorization.lease(&service).await.unwrap()), Some("Bearer token-1"));
        authorization.current.lock().await.renew_at = Some(Instant::now());
        assert_eq!(shown(&authorization.lease(&service).await.unwrap()), Some("Bearer token-2"));
        assert_eq!(format!("{:?}", second.header.unwrap()), "Sensitive");
    }

    #[tokio::test]
    async fn tasks_that_are_refused_together_fetch_one_token() {
        let (authorization, service) = (authorization("https://host.example", None), counting(None));
        let refused = authorization.lease(&service).await.unwrap();
        let renewals =
            (0..8).map(|_| authorization.replace(&refused, bearer("https://auth.example/token"), &service));
        for lease in futures_util::future::join_all(renewals).await {
            assert_eq!(shown(&lease.unwrap().unwrap()), Some("Bearer token-1"));
        }
    }

    #[tokio::test]
    async fn basic_credentials_answer_a_basic_challenge_and_without_any_there_is_nothing_to_give() {
        let credential = Credential::Basic { user: "me".to_owned(), password: "pw".to_owned() };
        let service = counting(None);
        let known = authorization("https://host.example", Some(credential));
        let refused = known.lease(&service).await.unwrap();
        let lease = known.replace(&refused, Some(Challenge::Basic), &service).await.unwrap().unwrap();
        assert_eq!(shown(&lease), Some("Basic bWU6cHc="));
        let anonymous = authorization("https://host.example", None);
        let refused = anonymous.lease(&service).await.unwrap();
        assert!(anonymous.replace(&refused, Some(Challenge::Basic), &service).await.unwrap().is_none());
        assert!(anonymous.replace(&refused, None, &service).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn credentials_go_to_a_token_service_by_https_only_but_for_one_beside_a_plain_registry() {
        for (endpoint, realm, good) in [
            ("https://host.example", "https://auth.example/token", true),
            ("https://host.example", "http://auth.example/token", false),
            ("https://host.example", "http://host.example/token", false),
            ("https://host.example", "http://127.0.0.1:1/token", false),
            ("https://host.example", "ftp://host.example/token", false),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", true),
            ("http://127.0.0.1:5000", "http://localhost:5001/token", true),
            ("http://127.0.0.1:5000", "http://auth.example/token", false),
            ("http://lan.example:5000", "http://lan.example/token", true),
            ("http://lan.example:5000", "http://other.example/token", false),
        ] {
            let authorization = authorization(endpoint, None);
            let refused = authorization.lease(&counting(None)).await.unwrap();
            let outcome = authorization.replace(&refused, bearer(realm), &counting(None)).await;
            assert_eq!(outcome.is_ok(), good, "{endpoint} {realm}");
        }
    }
}
