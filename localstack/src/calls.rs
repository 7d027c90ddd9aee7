//! The log of calls: what was asked, in order, and what came of it.
//!
//! It never holds a secret: no headers, no bodies, and of the query a function's qualifier only.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use crate::error::StartError;

/// One call, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// Its place in the order of arrival, from 1.
    pub sequence: u64,
    /// The operation: AWS's name (`UpdateFunctionCode`), or a readable one for the registry (`UploadPart`).
    pub operation: String,
    /// `ecr`, `registry`, `layers` (downloads behind a redirect), `lambda`, `sts`, `monitoring`, `ssm`, `s3`.
    pub service: String,
    /// The caller's account; empty when the caller could not be told.
    pub account: String,
    /// The Region; empty when it could not be told.
    pub region: String,
    /// The repository, function, parameter or object (`BUCKET/KEY`) it is about.
    pub resource: Option<String>,
    /// The version or alias of the function that the query names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<String>,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The HTTP status; none while it is under way, and for a connection that was cut.
    pub status: Option<u16>,
    /// Body bytes that arrived.
    pub request_bytes: u64,
    /// Body bytes that were sent.
    pub response_bytes: u64,
    /// How long it took until the answer began.
    pub milliseconds: Option<u64>,
    /// The fault that was played, if any.
    pub fault: Option<String>,
    /// When it arrived, by a clock that counts every arrival and every answer. A call that began before another was answered did
    /// not wait for it.
    pub began: u64,
    /// When its answer began, by the same clock; none while it is under way, and for a connection that was cut.
    pub answered: Option<u64>,
}

/// What is known of a call when it begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallStart {
    pub(crate) operation: String,
    pub(crate) service: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) resource: Option<String>,
    pub(crate) qualifier: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
}

/// A call that is under way. The log sees its numbers grow.
#[derive(Debug)]
pub(crate) struct OpenCall {
    sequence: u64,
    start: CallStart,
    began: Instant,
    began_tick: u64,
    ticks: Arc<AtomicU64>,
    outcome: Mutex<Outcome>,
    request_bytes: Arc<AtomicU64>,
    response_bytes: Arc<AtomicU64>,
    file: Option<Arc<Mutex<File>>>,
}

#[derive(Debug, Clone, Default)]
struct Outcome {
    status: Option<u16>,
    milliseconds: Option<u64>,
    fault: Option<String>,
    answered: Option<u64>,
}

impl OpenCall {
    /// The counter of body bytes that were sent.
    pub(crate) fn response_bytes(&self) -> Arc<AtomicU64> {
        self.response_bytes.clone()
    }

    /// Notes the fault that is played.
    pub(crate) fn note_fault(&self, name: &str) {
        self.outcome().fault = Some(name.to_owned());
    }

    /// Notes the status, before the answer is sent, so that whoever has the answer finds it in the log.
    pub(crate) fn answered(&self, status: u16) {
        let mut outcome = self.outcome();
        outcome.status = Some(status);
        outcome.answered = Some(self.ticks.fetch_add(1, Ordering::Relaxed));
        outcome.milliseconds = Some(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX));
    }

    fn outcome(&self) -> std::sync::MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> CallRecord {
        let outcome = self.outcome().clone();
        let start = self.start.clone();
        CallRecord {
            sequence: self.sequence,
            operation: start.operation,
            service: start.service,
            account: start.account,
            region: start.region,
            resource: start.resource,
            qualifier: start.qualifier,
            method: start.method,
            path: start.path,
            status: outcome.status,
            request_bytes: self.request_bytes.load(Ordering::Relaxed),
            response_bytes: self.response_bytes.load(Ordering::Relaxed),
            milliseconds: outcome.milliseconds,
            fault: outcome.fault,
            began: self.began_tick,
            answered: outcome.answered,
        }
    }

    /// Appends the call to the log file. Called once, when nothing about it changes any more.
    pub(crate) fn close(&self) {
        let Some(file) = &self.file else { return };
        let Ok(mut line) = serde_json::to_vec(&self.record()) else { return };
        line.push(b'\n');
        // A full disk must not fail the call that is being logged.
        let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line);
    }
}

/// All calls since the start, or since they were last cleared.
#[derive(Debug)]
pub(crate) struct CallLog {
    calls: Mutex<(u64, Vec<Arc<OpenCall>>)>,
    ticks: Arc<AtomicU64>,
    file: Option<Arc<Mutex<File>>>,
}

impl CallLog {
    /// A log that also appends to `path`.
    pub(crate) fn new(path: Option<&Path>) -> Result<Self, StartError> {
        let open = |path: &Path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|source| StartError::File { path: path.to_owned(), source })
        };
        let file = path.map(open).transpose()?.map(|file| Arc::new(Mutex::new(file)));
        Ok(CallLog { calls: Mutex::new((0, Vec::new())), ticks: Arc::default(), file })
    }

    /// A log that nobody reads.
    pub(crate) fn unread() -> Self {
        CallLog { calls: Mutex::default(), ticks: Arc::default(), file: None }
    }

    /// Notes that a call arrived; `request_bytes` counts its body.
    pub(crate) fn begin(&self, start: CallStart, request_bytes: Arc<AtomicU64>) -> Arc<OpenCall> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.0 += 1;
        let call = Arc::new(OpenCall {
            sequence: calls.0,
            start,
            began: Instant::now(),
            began_tick: self.ticks.fetch_add(1, Ordering::Relaxed),
            ticks: self.ticks.clone(),
            outcome: Mutex::default(),
            request_bytes,
            response_bytes: Arc::default(),
            file: self.file.clone(),
        });
        calls.1.push(call.clone());
        call
    }

    /// The calls so far, in order of arrival.
    pub(crate) fn records(&self) -> Vec<CallRecord> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.1.iter().map(|call| call.record()).collect()
    }

    /// Forgets the calls so far.
    pub(crate) fn clear(&self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).1.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_in_order_and_can_be_cleared() {
        let log = CallLog::new(None).unwrap();
        let first = log.begin(CallStart { operation: "A".into(), ..CallStart::default() }, Arc::default());
        log.begin(CallStart { operation: "B".into(), ..CallStart::default() }, Arc::default());
        first.answered(200);
        let records = log.records();
        assert_eq!(records.iter().map(|record| record.operation.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!((records[0].status, records[1].status), (Some(200), None));
        log.clear();
        assert!(log.records().is_empty());
    }
}
