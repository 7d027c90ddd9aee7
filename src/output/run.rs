//! How an image did when it was run: as JSON, and for a person.

use std::time::Duration;

use serde_json::{Value, json};

use super::Style;
use super::printable::{indented, one_line};
use crate::report::{FunctionError, InvocationReport, Report, RunReport, RunStatus, ServedReport, sizes};

/// The most paths and lines of a log that a person is shown.
const MOST_PATHS: usize = 10;
const MOST_LINES: usize = 20;
/// The most of an answer that a person is shown, in characters.
const LONGEST_ANSWER: usize = 400;

/// The key `run` of the document.
pub(super) fn value(run: &RunReport) -> Value {
    json!({
        "status": status(run.status),
        "reason": run.reason,
        "init_milliseconds": run.init.map(milliseconds),
        "peak_memory_bytes": run.peak_memory,
        "denied_writes": run.denied_writes,
        "denied_reads": run.denied_reads,
        "served": run.served.as_ref().map(served),
        "invocations": run.invocations.iter().map(invocation).collect::<Vec<_>>(),
        "log": run.log,
        "notes": run.notes,
    })
}

/// Whether the image was run, and did well.
pub(super) fn is_proven(report: &Report) -> bool {
    report.run.as_ref().is_some_and(|run| run.status == RunStatus::Ok)
}

fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Ok => "ok",
        RunStatus::Error => "error",
        RunStatus::Timeout => "timeout",
        RunStatus::Unavailable => "unavailable",
    }
}

fn served(served: &ServedReport) -> Value {
    json!({ "address": served.address.to_string(), "events": served.events, "errors": served.errors })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn invocation(invocation: &InvocationReport) -> Value {
    json!({
        "milliseconds": milliseconds(invocation.elapsed),
        "payload": invocation.payload.as_deref().map(payload),
        "error": invocation.error.as_ref().map(error),
    })
}

/// An answer as the JSON that it is, or as a text where it is none.
fn payload(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
}

fn error(error: &FunctionError) -> Value {
    json!({ "type": error.kind, "message": error.message, "stack": error.stack })
}

/// What a person is told, beside the finding.
pub(super) fn lines(run: &RunReport, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    let mut fact = |name: &str, text: String| lines.push(format!("  {:<13} {text}", format!("{name}:")));
    if let Some(init) = run.init {
        fact("ready after", format!("{} ms", milliseconds(init)));
    }
    if let Some(bytes) = run.peak_memory.filter(|bytes| *bytes > 0) {
        fact("memory", sizes::bytes(bytes));
    }
    for (number, invocation) in (1..).zip(&run.invocations) {
        fact(&format!("event {number}"), answer(invocation, style));
    }
    if let Some(ServedReport { events, errors, .. }) = run.served {
        fact("served", format!("{events} events, {errors} of them answered with an error"));
    }
    for (name, paths) in [("not written", &run.denied_writes), ("not read", &run.denied_reads)] {
        for path in paths.iter().take(MOST_PATHS) {
            fact(name, one_line(path));
        }
        if paths.len() > MOST_PATHS {
            fact(name, format!("and {} more", paths.len() - MOST_PATHS));
        }
    }
    for note in &run.notes {
        fact("note", one_line(note));
    }
    if run.status != RunStatus::Ok && !run.log.is_empty() {
        let log: Vec<&str> = run.log.lines().collect();
        let shown = log[log.len().saturating_sub(MOST_LINES)..].join("\n");
        fact("log", indented(&shown, "                "));
    }
    lines
}

fn answer(invocation: &InvocationReport, style: Style) -> String {
    let elapsed = milliseconds(invocation.elapsed);
    let what = match (&invocation.payload, &invocation.error) {
        (_, Some(error)) => {
            let message = format!("{}: {}", error.kind, error.message);
            let stack = error.stack.iter().map(|frame| format!("\n{frame}"));
            let whole = message + &stack.collect::<String>();
            style.bad(&indented(&whole, "                "))
        }
        (Some(payload), None) => {
            let text = String::from_utf8_lossy(payload);
            let cut: String = text.chars().take(LONGEST_ANSWER).collect();
            let more = if cut.len() < text.len() { "…" } else { "" };
            format!("{}{more}", one_line(&cut))
        }
        (None, None) => String::new(),
    };
    format!("{what} ({elapsed} ms)")
}
