//! The Lambda runtime API: take the next event, send its answer or its failure.
//!
//! Paths and headers are those of <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. What an event
//! means is none of its business.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::http::{self, Answer};

/// The version of the runtime API in each path.
const ROOT: &str = "/2018-06-01/runtime";

/// The runtime API of the environment that this process runs in.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    /// `host:port`
    authority: String,
}

/// One event, and what Lambda says about it.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// Names this invocation in the log and in the answer.
    pub(crate) request_id: String,
    /// When Lambda will end it.
    pub(crate) deadline: Option<SystemTime>,
    /// The ARN that was invoked, qualifier included.
    pub(crate) function_arn: Option<String>,
    /// The event itself.
    pub(crate) event: Vec<u8>,
}

/// A failure of the function, in the words of the runtime API.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A short stable name, such as `InvalidEvent`.
    pub(crate) kind: &'static str,
    /// A sentence for a person.
    pub(crate) message: String,
}

/// The runtime API could not be used.
#[derive(Debug)]
pub(crate) enum RuntimeApiError {
    /// There is no runtime API: the process was not started by Lambda.
    NotInLambda,
    /// The function could not get ready; Lambda was told.
    Initialization(String),
    /// No answer, or one that is not HTTP.
    Transport(&'static str, io::Error),
    /// An answer other than the documented one.
    Unexpected(&'static str, u16),
    /// An event without a request id cannot be answered.
    NoRequestId,
}

impl fmt::Display for RuntimeApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInLambda => formatter.write_str(
                "AWS_LAMBDA_RUNTIME_API is not set; this program runs inside AWS Lambda or an emulator of it",
            ),
            Self::Initialization(message) => write!(formatter, "cannot start: {message}"),
            Self::Transport(call, error) => write!(formatter, "the runtime API failed at {call}: {error}"),
            Self::Unexpected(call, status) => {
                write!(formatter, "the runtime API answered {status} to {call}")
            }
            Self::NoRequestId => formatter.write_str("the runtime API sent an event without a request id"),
        }
    }
}

impl RuntimeApi {
    /// The runtime API that `AWS_LAMBDA_RUNTIME_API` names.
    pub(crate) fn from_environment() -> Result<Self, RuntimeApiError> {
        match std::env::var("AWS_LAMBDA_RUNTIME_API") {
            Ok(authority) if !authority.is_empty() => Ok(Self { authority }),
            _ => Err(RuntimeApiError::NotInLambda),
        }
    }

    /// Waits for the next event.
    pub(crate) fn next(&self) -> Result<Invocation, RuntimeApiError> {
        let answer = self.call("next", "GET", "/invocation/next", &[], b"")?;
        let request_id =
            answer.header("lambda-runtime-aws-request-id").ok_or(RuntimeApiError::NoRequestId)?;
        Ok(Invocation {
            request_id: request_id.to_owned(),
            deadline: answer
                .header("lambda-runtime-deadline-ms")
                .and_then(|text| text.parse().ok())
                .and_then(|milliseconds| UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))),
            function_arn: answer.header("lambda-runtime-invoked-function-arn").map(str::to_owned),
            event: answer.body,
        })
    }

    /// Sends the answer to an event.
    pub(crate) fn respond(&self, invocation: &Invocation, answer: &Value) -> Result<(), RuntimeApiError> {
        let path = format!("/invocation/{}/response", invocation.request_id);
        self.call("response", "POST", &path, &[], answer.to_string().as_bytes()).map(drop)
    }

    /// Says that an event could not be handled.
    pub(crate) fn failed(&self, invocation: &Invocation, failure: &Failure) -> Result<(), RuntimeApiError> {
        self.report("error", &format!("/invocation/{}/error", invocation.request_id), failure)
    }

    /// Says that the function could not get ready.
    pub(crate) fn initialization_failed(&self, failure: &Failure) -> Result<(), RuntimeApiError> {
        self.report("initialization error", "/init/error", failure)
    }

    fn report(&self, call: &'static str, path: &str, failure: &Failure) -> Result<(), RuntimeApiError> {
        let kind = format!("Function.{}", failure.kind);
        let headers =
            [("Content-Type", "application/json"), ("Lambda-Runtime-Function-Error-Type", kind.as_str())];
        let body = json!({ "errorType": failure.kind, "errorMessage": failure.message, "stackTrace": [] });
        self.call(call, "POST", path, &headers, body.to_string().as_bytes()).map(drop)
    }

    /// Every call answers 200 (next) or 202 (the rest).
    fn call(
        &self,
        call: &'static str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, RuntimeApiError> {
        let answer = http::send(&self.authority, method, &format!("{ROOT}{path}"), headers, body)
            .map_err(|error| RuntimeApiError::Transport(call, error))?;
        match answer.status {
            200 | 202 => Ok(answer),
            status => Err(RuntimeApiError::Unexpected(call, status)),
        }
    }
}
