//! What an invocation came to.

use std::time::Duration;

use crate::cloud::InvocationMode;
use crate::name::FunctionName;

/// An invocation in a report. Its `Debug` does not show the answer: it is the user's own.
#[derive(Clone)]
pub struct InvokeReport {
    /// The function.
    pub function: FunctionName,
    /// What of it was invoked: a version's number, an alias, or `$LATEST`.
    pub qualifier: String,
    /// Whether the answer was waited for.
    pub mode: InvocationMode,
    /// The HTTP status.
    pub status: u16,
    /// Handled or Unhandled; none when the function answered.
    pub function_error: Option<String>,
    /// The version that ran; none where nothing ran yet.
    pub executed_version: Option<String>,
    /// The answer, byte for byte.
    pub payload: Vec<u8>,
    /// The end of its log, without control characters.
    pub log_tail: String,
    /// From the request to its answer, without the waiting before.
    pub elapsed: Duration,
}

impl std::fmt::Debug for InvokeReport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { function, qualifier, mode, status, payload, .. } = self;
        write!(formatter, "InvokeReport({function}:{qualifier}, {mode:?}, {status}, {} bytes)", payload.len())
    }
}
