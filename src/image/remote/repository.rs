//! A connection to one repository of a source's registry: one request and its answer, credentials, redirects, and the
//! same again when that can help.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE,
};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::authorization::{Authorization, Lease, TokenAnswer, TokenRequest, TokenService, basic};
use super::challenge::Challenge;
use super::error::{Refusal, RemoteError};
use super::{Credential, RemoteReference};
use crate::event::{Event, Reporter};
use crate::http::client_for;
use crate::http::endpoint::{check_endpoint, is_loopback, redacted};
use crate::http::refusal_body::read_refusal;
use crate::http::retry::{RetryPolicy, retry_after};
use crate::image::SourceAccess;

/// How much of an error's body is read.
const LONGEST_REFUSAL: usize = 64 << 10;
/// How large a token service's answer may be.
const LONGEST_TOKEN: usize = 1 << 20;
/// How many redirects are followed.
const MOST_REDIRECTS: u32 = 5;
/// One repository of a registry.
pub(super) struct Repository {
    http: reqwest::Client,
    endpoint: Url,
    reference: RemoteReference,
    authorization: Authorization,
    retry: RetryPolicy,
    reporter: Arc<dyn Reporter>,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Below the repository: `manifests/TAG`, `blobs/sha256:…`.
    pub(super) path: String,
    pub(super) accept: Option<&'static str>,
    /// The first byte that is wanted, when it is not the very first.
    pub(super) from: Option<u64>,
    /// What it is, for messages: `team/app:v1`.
    pub(super) what: String,
}

/// A whole answer that was success.
#[derive(Debug)]
pub(super) struct Document {
    /// The address that answered, as it may be shown.
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
}

impl Request {
    pub(super) fn get(path: String, what: String) -> Self {
        Self { method: Method::GET, path, accept: None, from: None, what }
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Repository").field("reference", &self.reference).finish_non_exhaustive()
    }
}

impl Repository {
    /// Decides where to connect. Nothing is sent yet.
    pub(super) fn connect(reference: RemoteReference, access: &SourceAccess) -> Result<Self, RemoteError> {
        let SourceAccess { remote: access, reporter, .. } = access;
        let endpoint = match &access.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => own_endpoint(&reference)?,
        };
        check_endpoint(&endpoint, access.allow_plain_http)?;
        let http = client_for(&endpoint).map_err(RemoteError::Client)?;
        let credentials = Arc::clone(&access.credentials);
        let authorization = Authorization::new(credentials, reference.clone(), endpoint.clone());
        let (retry, reporter) = (access.retry, Arc::clone(reporter));
        Ok(Self { http, endpoint, reference, authorization, retry, reporter })
    }

    pub(super) fn reference(&self) -> &RemoteReference {
        &self.reference
    }

    pub(super) fn retry(&self) -> &RetryPolicy {
        &self.retry
    }

    /// Asks, again and again while that can help, and reads the whole answer.
    pub(super) async fn read(&self, request: &Request, limit: usize) -> Result<Document, RemoteError> {
        let mut failures = 0;
        loop {
            let error = match self.read_once(request, limit).await {
                Ok(document) => return Ok(document),
                Err(error) => error,
            };
            failures += 1;
            if !error.is_transient() || failures >= self.retry.attempts {
                return Err(error);
            }
            self.pause(failures, &error, &request.what).await;
        }
    }

    async fn read_once(&self, request: &Request, limit: usize) -> Result<Document, RemoteError> {
        let (url, response) = self.open(request).await?;
        let (shown, headers) = (redacted(&url), response.headers().clone());
        match self.body(&url, response, limit).await? {
            (bytes, true) => Ok(Document { url: shown, headers, bytes }),
            (_, false) => Err(RemoteError::TooLarge { url: shown, limit }),
        }
    }

    /// Waits before trying again, and says so.
    pub(super) async fn pause(&self, failures: u32, error: &RemoteError, what: &str) {
        let wait = self.retry.delay(failures, error.retry_after());
        let what = format!("reading {what}");
        self.reporter.report(Event::Retrying { what, reason: error.to_string(), wait });
        tokio::time::sleep(wait).await;
    }

    /// Asks once, with credentials where the registry wants them, and follows redirects without. The answer is
    /// success, and its body is still to be read.
    pub(super) async fn open(&self, request: &Request) -> Result<(Url, Response), RemoteError> {
        let mut url = self.url(&request.path);
        for _ in 0..=MOST_REDIRECTS {
            let response = if url.origin() == self.endpoint.origin() {
                self.ask_registry(request, &url).await?
            } else {
                self.send(request, &url, None).await?
            };
            if response.status().is_success() {
                return Ok((url, response));
            }
            if !response.status().is_redirection() {
                return Err(self.refused(request, &url, response).await);
            }
            url = self.redirected(&url, &response)?;
        }
        let problem = "too many redirects".to_owned();
        Err(RemoteError::Protocol { url: redacted(&self.url(&request.path)), problem })
    }

    /// Asks with the current credential; where the registry wants another one, once more with that.
    async fn ask_registry(&self, request: &Request, url: &Url) -> Result<Response, RemoteError> {
        let lease = self.authorization.lease(self).await?;
        let response = self.send(request, url, Some(&lease)).await?;
        let challenge = match response.status() {
            StatusCode::UNAUTHORIZED => Challenge::of(response.headers()),
            // ECR tells an expired token from a missing permission in words only, which HEAD has not.
            StatusCode::FORBIDDEN if lease.header.is_some() => {
                let refusal = self.refusal(url, response).await;
                if !refusal.words.contains("authorization token has expired") {
                    return Err(self.denied(request, refusal).await);
                }
                None
            }
            _ => return Ok(response),
        };
        let next = self.authorization.replace(&lease, challenge, self).await?;
        // Without anything better to offer, the same again only brings the refusal's words back.
        self.send(request, url, Some(next.as_ref().unwrap_or(&lease))).await
    }

    async fn send(
        &self,
        request: &Request,
        url: &Url,
        lease: Option<&Lease>,
    ) -> Result<Response, RemoteError> {
        let mut builder = self.http.request(request.method.clone(), url.clone());
        // Whatever comes is hashed as it comes.
        builder = builder.header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(accept) = request.accept {
            builder = builder.header(ACCEPT, accept);
        }
        if let Some(from) = request.from {
            builder = builder.header(RANGE, format!("bytes={from}-"));
        }
        if let Some(header) = lease.and_then(|lease| lease.header.as_ref()) {
            builder = builder.header(AUTHORIZATION, header.clone());
        }
        self.answer(url, builder).await
    }

    async fn answer(&self, url: &Url, builder: reqwest::RequestBuilder) -> Result<Response, RemoteError> {
        match tokio::time::timeout(self.retry.stall, builder.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(no_answer(url, &error)),
            Err(_) => Err(self.stalled(url)),
        }
    }

    /// The next piece of a body; none at its end.
    pub(super) async fn chunk(
        &self,
        url: &Url,
        response: &mut Response,
    ) -> Result<Option<Bytes>, RemoteError> {
        match tokio::time::timeout(self.retry.stall, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(no_answer(url, &error)),
            Err(_) => Err(self.stalled(url)),
        }
    }

    /// At most `limit` bytes of a body, and whether that is all of it.
    async fn body(
        &self,
        url: &Url,
        mut response: Response,
        limit: usize,
    ) -> Result<(Bytes, bool), RemoteError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk(url, &mut response).await? {
            let room = limit - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                return Ok((body.freeze(), false));
            }
        }
        Ok((body.freeze(), true))
    }

    fn stalled(&self, url: &Url) -> RemoteError {
        let message = format!("nothing moved for {} s", self.retry.stall.as_secs_f32());
        RemoteError::NoAnswer { url: redacted(url), message, untrusted: false }
    }

    /// Where a redirect leads. To plain http only from a registry that is itself reached so.
    fn redirected(&self, url: &Url, response: &Response) -> Result<Url, RemoteError> {
        let protocol =
            |problem: &str| RemoteError::Protocol { url: redacted(url), problem: problem.to_owned() };
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let target = location.and_then(|location| url.join(location).ok());
        let target = target.ok_or_else(|| protocol("a redirect without an address"))?;
        let from_this_machine = is_loopback(&self.endpoint) || !is_loopback(&target);
        match target.scheme() {
            "https" => Ok(target),
            "http" if self.endpoint.scheme() == "http" && from_this_machine => Ok(target),
            _ => Err(protocol(&format!("a redirect to {}, which is not https", redacted(&target)))),
        }
    }

    async fn refusal(&self, url: &Url, response: Response) -> Refusal {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A body that breaks off says less, and the status is what counts.
        let body = self.body(url, response, LONGEST_REFUSAL).await.map(|(body, _)| body).unwrap_or_default();
        let (code, words) = read_refusal(&body);
        Refusal { url: redacted(url), status, code, words, retry_after: retry_after(&headers) }
    }

    /// The error for an answer that is not success.
    async fn refused(&self, request: &Request, url: &Url, response: Response) -> RemoteError {
        let html = is_html(response.headers());
        let own = url.origin() == self.endpoint.origin();
        let refusal = self.refusal(url, response).await;
        match refusal.status {
            401 | 403 if own && !html => self.denied(request, refusal).await,
            429 => RemoteError::RateLimited(Box::new(refusal)),
            404 | 401 | 403 if html => RemoteError::NotARegistry {
                url: refusal.url,
                what: format!("it is a web page ({})", refusal.status),
            },
            404 => RemoteError::NotFound { what: request.what.clone(), refusal: Box::new(refusal) },
            _ => RemoteError::Refused(Box::new(refusal)),
        }
    }

    async fn denied(&self, request: &Request, refusal: Refusal) -> RemoteError {
        let hint = self.authorization.hint().await;
        RemoteError::Denied { what: request.what.clone(), refusal: Box::new(refusal), hint }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.endpoint.clone();
        let prefix = self.endpoint.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/v2/{}/{path}", self.reference.repository));
        url
    }
}

impl TokenService for Repository {
    async fn token(&self, request: TokenRequest<'_>) -> Result<TokenAnswer, RemoteError> {
        let mut failures = 0;
        loop {
            let error = match self.token_once(&request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failures += 1;
            if !error.is_transient() || failures >= self.retry.attempts {
                return Err(error);
            }
            self.pause(failures, &error, "a token for the registry").await;
        }
    }
}

impl Repository {
    async fn token_once(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, RemoteError> {
        let TokenRequest { realm, service, scope, credential } = request;
        let mut url = (*realm).clone();
        let mut fields = vec![("scope", scope.as_str())];
        fields.extend(service.map(|service| ("service", service)));
        let builder = match credential {
            // https://distribution.github.io/distribution/spec/auth/oauth/
            Some(Credential::IdentityToken(token)) => {
                fields.extend([("grant_type", "refresh_token"), ("client_id", "lambda-lift")]);
                fields.push(("refresh_token", token));
                let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                self.http.post(url.clone()).header(CONTENT_TYPE, kind).body(form)
            }
            _ => {
                url.query_pairs_mut().extend_pairs(fields);
                let builder = self.http.get(url.clone());
                match credential.and_then(basic) {
                    Some(header) => builder.header(AUTHORIZATION, header),
                    None => builder,
                }
            }
        };
        let response = self.answer(&url, builder).await?;
        let status = response.status();
        if status.is_success() {
            let (body, _) = self.body(&url, response, LONGEST_TOKEN).await?;
            return serde_json::from_slice(&body).map_err(|_| RemoteError::Protocol {
                url: redacted(&url),
                problem: "a token service's answer that is not JSON with a token".to_owned(),
            });
        }
        let refusal = Box::new(self.refusal(&url, response).await);
        Err(match status.as_u16() {
            // Not through the current header, whose lock is held while a token is fetched.
            400 | 401 | 403 => RemoteError::Denied {
                what: self.reference.place(),
                hint: self.authorization.hint_with(credential.is_some()),
                refusal,
            },
            429 => RemoteError::RateLimited(refusal),
            _ => RemoteError::Refused(refusal),
        })
    }
}

/// The registry's own address: https, but plain http on this machine.
fn own_endpoint(reference: &RemoteReference) -> Result<Url, RemoteError> {
    let not_one =
        |error: url::ParseError| RemoteError::Client(format!("{} is no host: {error}", reference.host));
    let plain: Url = format!("http://{}", reference.address()).parse().map_err(not_one)?;
    if is_loopback(&plain) {
        return Ok(plain);
    }
    format!("https://{}", reference.address()).parse().map_err(not_one)
}

/// Whether an answer is a page for people.
pub(super) fn is_html(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.to_ascii_lowercase().starts_with("text/html")
}

/// What the HTTP client's error means. Its own text would repeat the address with its query.
fn no_answer(url: &Url, error: &reqwest::Error) -> RemoteError {
    use std::error::Error as _;
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let message = match error.source() {
        Some(_) => innermost.to_string(),
        None => "the connection failed".to_owned(),
    };
    let untrusted = message.contains("certificate");
    RemoteError::NoAnswer { url: redacted(url), message, untrusted }
}
