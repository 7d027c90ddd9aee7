//! One request and its answer: credentials, redirects, time-outs, and the same again when that can help.
//!
//! Everything the wire steps share. It knows HTTP and how the registry refuses; what is asked is the steps'
//! affair.

use std::error::Error as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, LOCATION};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::Registry;
use super::endpoint::{EndpointError, is_private, redacted};
use super::error::{Refusal, RegistryError, RequestLine, TransportFailure};
use super::operation::Operation;
use super::part::Part;
use super::pulse::Pulse;
use super::refusal_body::read_refusal;
use super::retry::retry_after;
use super::tries::Tries;
use crate::event::Event;

/// How much of an error's body is read.
const LONGEST_REFUSAL: usize = 64 << 10;
/// How many redirects are followed.
const MOST_REDIRECTS: u32 = 5;

/// A request, as often as it may have to be sent.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) operation: Operation,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Part,
    /// The longest body that an answer may have.
    pub(super) answer_limit: usize,
}

/// An answer that is success or a redirect.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) request: RequestLine,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) url: Url,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn new(operation: Operation, method: Method, url: Url) -> Self {
        let headers = HeaderMap::new();
        Self { operation, method, url, headers, body: Part::default(), answer_limit: LONGEST_REFUSAL }
    }

    fn line(&self) -> RequestLine {
        RequestLine::new(self.operation, &self.method, &self.url)
    }
}

impl Answer {
    /// The text of a header; none when it is not there or not text.
    pub(super) fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the answer points to, made absolute.
    pub(super) fn location(&self) -> Option<Url> {
        self.url.join(self.header(LOCATION)?).ok()
    }

    /// The error for an answer that the protocol does not allow.
    pub(super) fn unexpected(self, problem: impl Into<String>) -> RegistryError {
        RegistryError::Protocol { request: self.request, problem: problem.into() }
    }
}

impl Registry {
    /// Sends `request`, again and again while that can help.
    pub(super) async fn persist(&self, request: &Request) -> Result<Answer, RegistryError> {
        let mut tries = Tries::default();
        loop {
            let error = match self.follow(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !error.is_transient() || tries.are_over(&self.retry, &error) {
                return Err(error);
            }
            self.pause(tries.failed(), &error, request.operation.to_string()).await;
        }
    }

    /// Waits before trying again, and says so.
    pub(super) async fn pause(&self, failures: u32, error: &RegistryError, what: String) {
        let asked = error.refusal().and_then(|refusal| refusal.retry_after);
        let wait = self.retry.delay(failures, asked);
        self.reporter.report(Event::Retrying { what, reason: error.to_string(), wait });
        tokio::time::sleep(wait).await;
    }

    /// Sends `request` once, and a GET on to where it is redirected.
    async fn follow(&self, request: &Request) -> Result<Answer, RegistryError> {
        let mut answer = self.exchange(request).await?;
        let mut left = MOST_REDIRECTS;
        while request.method == Method::GET && answer.status.is_redirection() {
            let Some(url) = answer.location() else {
                return Err(answer.unexpected("a redirect without an address"));
            };
            left -= 1;
            if left == 0 {
                return Err(answer.unexpected("too many redirects"));
            }
            answer = self.exchange(&Request { url, ..request.clone() }).await?;
        }
        Ok(answer)
    }

    /// Sends `request` once, when the registry is not too busy for it. The credential goes to the endpoint
    /// only; it is replaced once when the registry says that it has expired.
    pub(super) async fn exchange(&self, request: &Request) -> Result<Answer, RegistryError> {
        if !is_private(&request.url) && !self.allow_plain_http {
            return Err(EndpointError::PlainHttp(redacted(&request.url)).into());
        }
        if request.url.origin() != self.endpoint.origin() {
            return self.send(request, None).await;
        }
        let passage = self.gate.admit(self.retry.base_delay).await;
        let outcome = self.exchange_with_credential(request).await;
        passage.ended(outcome, self.retry.longest_retry_after)
    }

    async fn exchange_with_credential(&self, request: &Request) -> Result<Answer, RegistryError> {
        let lease = self.authorization.lease().await?;
        match self.send(request, Some(&lease.header)).await {
            Err(RegistryError::Refused(refusal)) if refusal.is_expired_credential() => {
                let lease = self.authorization.replace(&lease).await?;
                self.send(request, Some(&lease.header)).await
            }
            outcome => outcome,
        }
    }

    async fn send(
        &self,
        request: &Request,
        credential: Option<&reqwest::header::HeaderValue>,
    ) -> Result<Answer, RegistryError> {
        let pulse = Arc::new(Pulse::new());
        let mut builder =
            self.http.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if let Some(credential) = credential {
            builder = builder.header(AUTHORIZATION, credential);
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            // Stated even when it is zero: some servers answer 411 otherwise.
            builder = builder.header(CONTENT_LENGTH, request.body.length());
        }
        if request.body.length() > 0 {
            builder = builder.body(request.body.body(Arc::clone(&pulse)));
        }
        let transfer = async {
            let response = builder.send().await?;
            pulse.beat();
            read_answer(request, response, &pulse).await
        };
        match pulse.watch(self.retry.stall, transfer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Err(transport_error(request, &error)),
            Err(_) => Err(RegistryError::Transport {
                request: request.line(),
                failure: TransportFailure::Stalled,
                message: format!("nothing moved for {} s", self.retry.stall.as_secs_f32()),
            }),
        }
    }
}

/// Reads the whole answer. The outer error is the connection's.
async fn read_answer(
    request: &Request,
    mut response: Response,
    pulse: &Pulse,
) -> Result<Result<Answer, RegistryError>, reqwest::Error> {
    let (status, headers) = (response.status(), response.headers().clone());
    let good = status.is_success() || status.is_redirection();
    let limit = if good { request.answer_limit } else { LONGEST_REFUSAL };
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        pulse.beat();
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            if good {
                let problem = format!("a body of more than {limit} bytes");
                return Ok(Err(RegistryError::Protocol { request: request.line(), problem }));
            }
            break;
        }
    }
    if good {
        let (request, url) = (request.line(), request.url.clone());
        return Ok(Ok(Answer { request, status, headers, url, body: body.freeze() }));
    }
    let (code, message) = read_refusal(&body);
    let refusal = Refusal {
        request: request.line(),
        status: status.as_u16(),
        code,
        message,
        retry_after: retry_after(&headers),
        crowded: false,
    };
    Ok(Err(RegistryError::Refused(Box::new(refusal))))
}

/// What the HTTP client's error means. Its own text would repeat the address with its query.
fn transport_error(request: &Request, error: &reqwest::Error) -> RegistryError {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let message = match error.source() {
        Some(_) => innermost.to_string(),
        None => "the connection failed".to_owned(),
    };
    let failure = if message.contains("certificate") {
        TransportFailure::Untrusted
    } else if error.is_connect() || error.is_timeout() {
        TransportFailure::Unreachable
    } else {
        TransportFailure::Broken
    };
    RegistryError::Transport { request: request.line(), failure, message }
}
