//! Canned answers for the tests of this module, and a look at what was asked.
//!
//! The SDK has a replay client of its own, behind a feature that would have every SDK crate compiled twice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use serde_json::Value;

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    content_type: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

impl Answer {
    /// The same with one more header.
    pub(crate) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

pub(crate) fn json(status: u16, body: Value) -> Answer {
    Answer { status, content_type: "application/json", headers: Vec::new(), body: body.to_string() }
}

pub(crate) fn xml(status: u16, body: &str) -> Answer {
    Answer { status, content_type: "text/xml", headers: Vec::new(), body: body.to_owned() }
}

/// A server that gives its answers in order, and fails to connect when it has none left.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Replay {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        Self { answers, requests: Arc::default() }
    }

    pub(crate) fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIATEST", "secret", None, None, "test");
        let connector = SharedHttpConnector::new(self.clone());
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    /// Each request as `METHOD /path?query`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }

    /// The JSON body of each request; null where it is none.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.uri().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        self.requests.lock().unwrap().push((format!("{} /{target}", request.method()), body));
        let response = match self.answers.lock().unwrap().pop_front() {
            None => Err(ConnectorError::io("connection refused".into())),
            Some(answer) => {
                let status = answer.status.try_into().unwrap();
                let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
                response.headers_mut().insert("content-type", answer.content_type);
                response.headers_mut().insert("x-amzn-requestid", "request-1");
                for (name, value) in answer.headers {
                    response.headers_mut().insert(name, value);
                }
                Ok(response)
            }
        };
        HttpConnectorFuture::ready(response)
    }
}
