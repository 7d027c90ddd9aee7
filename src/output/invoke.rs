//! The answer of a function: byte for byte for a program, harmless for a terminal and a CI log.

use std::fs::File;
use std::io::{self, IsTerminal as _, Stdout, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::cloud::InvocationMode;
use crate::report::{InvokeReport, Report};

use super::printable::{one_line, printable_json};
use super::standard::written;
use super::{Style, print_drawn, print_result, printable, text::report_text};

/// Writes a function's answer to stdout, and everything else to stderr. Says whether who was to have the answer could have it.
///
/// A pipe and a file get the answer as it is. A terminal, and in a GitHub job everything but a file (a runner takes lines of a step's
/// output for commands), get it with what does more than be read written out.
pub fn print_answer(report: &Report, style: Style, in_github: bool) -> bool {
    let told = match &report.invoke {
        Some(answer) if answer.mode == InvocationMode::Wait => print_payload(&answer.payload, in_github),
        Some(_) if report.error.is_none() => return print_result(&report_text(report, style)),
        _ => true,
    };
    if report.error.is_some() {
        print_drawn(&report_text(report, Style::new(false)));
    }
    told
}

fn print_payload(payload: &[u8], in_github: bool) -> bool {
    let stdout = io::stdout();
    if stdout.is_terminal() || (in_github && !is_file(&stdout)) {
        return print_result(&harmless(payload));
    }
    let mut stdout = stdout.lock();
    written(stdout.write_all(payload).and_then(|()| stdout.flush()))
}

fn is_file(stdout: &Stdout) -> bool {
    duplicate(stdout).and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_file())
}

#[cfg(unix)]
fn duplicate(stdout: &Stdout) -> io::Result<File> {
    use std::os::fd::AsFd as _;
    stdout.as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn duplicate(stdout: &Stdout) -> io::Result<File> {
    use std::os::windows::io::AsHandle as _;
    stdout.as_handle().try_clone_to_owned().map(File::from)
}

/// The answer as it can be shown, with a line feed at its end. JSON says the same as before.
fn harmless(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    let shown = match serde_json::from_slice::<serde::de::IgnoredAny>(payload) {
        Ok(_) => printable_json(&text),
        Err(_) => {
            let lines: Vec<String> = text.lines().map(one_line).collect();
            printable(&lines.join("\n"), Style::new(false))
        }
    };
    format!("{}\n", shown.trim_end_matches('\n'))
}

/// `invoke` of the document.
pub(super) fn value(answer: &InvokeReport) -> Value {
    let (encoding, payload) = payload(&answer.payload);
    json!({
        "function": answer.function.as_str(),
        "qualifier": answer.qualifier,
        "mode": match answer.mode {
            InvocationMode::Wait => "sync",
            InvocationMode::Queue => "async",
            InvocationMode::DryRun => "dry_run",
        },
        "status": answer.status,
        "function_error": answer.function_error,
        "executed_version": answer.executed_version,
        "payload_encoding": encoding,
        "payload": payload,
        "log_tail": answer.log_tail,
        "milliseconds": u64::try_from(answer.elapsed.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The answer as a document can hold it: as the JSON that it is, else as a text, else in base64.
fn payload(bytes: &[u8]) -> (Option<&'static str>, Value) {
    if bytes.is_empty() {
        return (None, Value::Null);
    }
    if let Ok(value) = serde_json::from_slice(bytes) {
        return (Some("json"), value);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some("text"), text.into()),
        Err(_) => (Some("base64"), BASE64.encode(bytes).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_holds_an_answer_as_json_as_text_or_in_base64() {
        for (bytes, encoding, value) in [
            (&b""[..], None, Value::Null),
            (b"{\"a\": [1]}", Some("json"), json!({"a": [1]})),
            (b"null", Some("json"), Value::Null),
            (b"plain", Some("text"), json!("plain")),
            (b"\xff\x00", Some("base64"), json!("/wA=")),
        ] {
            assert_eq!(payload(bytes), (encoding, value), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_shown_moves_no_cursor_and_commands_no_runner() {
        for (answer, shown) in [
            (&b"{\"a\": 1}"[..], "{\"a\": 1}\n"),
            (b"\"\xc2\x9b31m ##[error]x\"", "\"\\u009b31m #\\u0023[error]x\"\n"),
            (b"::error::x\nsecond\x1b[2J", ": :error::x\nsecond\\u{1b}[2J\n"),
            (b"", "\n"),
        ] {
            assert_eq!(harmless(answer), shown, "{answer:?}");
        }
        let escape = harmless(b"\"\x7f\"");
        assert_eq!(serde_json::from_str::<String>(&escape).unwrap(), "\u{7f}");
    }
}
