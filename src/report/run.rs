//! How an image did when it was run, as plain data.

use std::net::SocketAddr;
use std::time::Duration;

use crate::preflight::{Finding, RUN};

/// The id of the findings of a run.
const CHECK: &str = RUN;

/// How a run ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// It started, and answered every event.
    Ok,
    /// It did not start, or did not answer.
    Error,
    /// It took too long.
    Timeout,
    /// It could not be run here.
    Unavailable,
}

/// What came of running the image under Lambda's constraints. Texts are the image's own: bounded, without control characters.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// In one word.
    pub status: RunStatus,
    /// Why it is not `ok`.
    pub reason: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// How long it took to be ready for the first event; none when it never was.
    pub init: Option<Duration>,
    /// The most memory that its processes had together, in bytes; none when it did not run.
    pub peak_memory: Option<u64>,
    /// Paths outside /tmp that it wanted to write, create or remove, and was not allowed to.
    pub denied_writes: Vec<String>,
    /// Paths that it wanted to read or execute, and was not allowed to.
    pub denied_reads: Vec<String>,
    /// What it answered, an event each.
    pub invocations: Vec<InvocationReport>,
    /// How it was served after that; none where it was not.
    pub served: Option<ServedReport>,
    /// The end of what it wrote.
    pub log: String,
    /// What a person should know of how it was run.
    pub notes: Vec<String>,
}

/// How a function was kept up for invocations of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedReport {
    /// Where.
    pub address: SocketAddr,
    /// How many events it was given.
    pub events: u64,
    /// How many of them ended in an error.
    pub errors: u64,
}

/// What came of one event.
#[derive(Debug, Clone, PartialEq)]
pub struct InvocationReport {
    /// From the event's delivery to the answer.
    pub elapsed: Duration,
    /// The answer; none when there was none.
    pub payload: Option<Vec<u8>>,
    /// The error instead of an answer.
    pub error: Option<FunctionError>,
}

/// An error as the function's runtime, or Lambda itself, reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionError {
    /// Its type: a class of the function's language, or Lambda's own such as `Runtime.ExitError`.
    pub kind: String,
    /// Its message.
    pub message: String,
    /// Its stack, a frame each.
    pub stack: Vec<String>,
}

impl RunReport {
    /// A run that could not be.
    pub fn unavailable(reason: String, hint: Option<String>) -> Self {
        Self {
            status: RunStatus::Unavailable,
            reason: Some(reason),
            hint,
            init: None,
            peak_memory: None,
            denied_writes: Vec::new(),
            denied_reads: Vec::new(),
            invocations: Vec::new(),
            served: None,
            log: String::new(),
            notes: Vec::new(),
        }
    }

    /// What it says about the image.
    pub fn findings(&self) -> Vec<Finding> {
        let reason = self.reason.clone().unwrap_or_default();
        let hint = |otherwise: &str| self.hint.clone().unwrap_or_else(|| otherwise.to_owned());
        match self.status {
            RunStatus::Ok => Vec::new(),
            RunStatus::Error | RunStatus::Timeout => {
                let message = format!("run here, it fails: {reason}");
                vec![Finding::refuse(CHECK, message, hint("see the end of its log"))]
            }
            RunStatus::Unavailable => {
                let message = format!("it could not be run here: {reason}");
                vec![Finding::unknown(CHECK, message, hint("run the check on another machine"))]
            }
        }
    }
}
