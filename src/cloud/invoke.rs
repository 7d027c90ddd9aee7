//! Running a function: AWS Lambda's Invoke.
//!
//! It is a trait of its own beside readers and writers: it changes nothing of the function, and runs the user's code. Whoever can run a
//! function elsewhere than at AWS implements it as well.

use async_trait::async_trait;

use super::CloudError;
use crate::name::FunctionName;

/// What Invoke is given. `Debug` does not show the event: it is the user's own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvocationRequest<'a> {
    /// The function.
    pub function: &'a FunctionName,
    /// A version's number, an alias, or `$LATEST`.
    pub qualifier: &'a str,
    /// The event.
    pub payload: &'a [u8],
    /// Whether the answer is waited for.
    pub mode: InvocationMode,
}

impl std::fmt::Debug for InvocationRequest<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { function, qualifier, payload, mode } = self;
        write!(formatter, "InvocationRequest({function}:{qualifier}, {} bytes, {mode:?})", payload.len())
    }
}

/// Lambda's `InvocationType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvocationMode {
    /// RequestResponse: the answer is waited for, with the end of the log.
    Wait,
    /// Event: Lambda takes the event and runs the function later, up to three times.
    Queue,
    /// DryRun: nothing runs; Lambda says whether the caller may.
    DryRun,
}

impl InvocationMode {
    /// The most bytes that an event may have (Lambda quotas: 6 MB synchronous, 1 MB asynchronous).
    pub fn most_bytes(self) -> usize {
        match self {
            Self::Wait | Self::DryRun => 6 << 20,
            Self::Queue => 1 << 20,
        }
    }
}

/// What an invocation came to. `Debug` shows neither the answer nor the log: they are the user's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The HTTP status: 200, 202 for what is queued, 204 for a dry run.
    pub status: u16,
    /// `X-Amz-Function-Error`: Handled or Unhandled; none when the function answered.
    pub function_error: Option<String>,
    /// `X-Amz-Executed-Version`: which version ran, where an alias was named; none where nothing ran yet.
    pub executed_version: Option<String>,
    /// The answer.
    pub payload: Vec<u8>,
    /// The last 4 KiB of its log.
    pub log_tail: Vec<u8>,
}

impl std::fmt::Debug for Invocation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, function_error, payload, log_tail, .. } = self;
        let (payload, log) = (payload.len(), log_tail.len());
        write!(formatter, "Invocation({status}, {function_error:?}, {payload} bytes, log of {log} bytes)")
    }
}

/// Who runs functions.
#[async_trait]
pub trait LambdaInvoker: Send + Sync {
    /// Invoke. It is sent once: what is to be tried again is for the caller to decide.
    async fn invoke(&self, request: InvocationRequest<'_>) -> Result<Invocation, CloudError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_event_nor_answer_is_in_a_debug_output() {
        let function = "shop".parse().unwrap();
        let request = InvocationRequest {
            function: &function,
            qualifier: "live",
            payload: b"hunter2",
            mode: InvocationMode::Wait,
        };
        assert_eq!(format!("{request:?}"), "InvocationRequest(shop:live, 7 bytes, Wait)");
        let answer = Invocation {
            status: 200,
            function_error: None,
            executed_version: None,
            payload: b"hunter2".to_vec(),
            log_tail: b"hunter2".to_vec(),
        };
        assert!(!format!("{answer:?}").contains("hunter2"));
    }
}
