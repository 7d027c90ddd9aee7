//! What a caller of Lambda gets in the place of an answer, and what Lambda puts around a function's log. Pure.
//!
//! Types and sentences are those of AWS's emulator (github.com/aws/aws-lambda-runtime-interface-emulator), which shares its core with Lambda.

use std::time::Duration;

use nix::libc;
use serde_json::{Value, json};

use super::environment::Trouble;
use super::order::RunOrder;
use super::wire::{Ending, Refusal};

/// How much of a log `LogType=Tail` gives (facts: versions, aliases, traffic).
const LOG_TAIL: usize = 4096;

/// An error as the payload of an answer.
pub(super) fn error_payload(trouble: &Trouble, request: &str, order: &RunOrder) -> Vec<u8> {
    let (kind, message) = match trouble {
        Trouble::InitFailed(reported) | Trouble::Failed(reported) => {
            // What the runtime says is handed on as it is, where it is what callers can read.
            if serde_json::from_slice::<Value>(&reported.body).is_ok_and(|value| value.is_object()) {
                return reported.body.clone();
            }
            let error = json!({ "errorType": reported.kind, "errorMessage": reported.message });
            return error.to_string().into_bytes();
        }
        Trouble::Timeout => {
            let seconds = order.timeout.as_secs_f64();
            ("Sandbox.Timedout".to_owned(), format!("Task timed out after {seconds:.2} seconds"))
        }
        Trouble::Exited(name, ending) if order.arguments.first() == Some(name) => {
            ("Runtime.ExitError".to_owned(), runtime_exited(*ending))
        }
        Trouble::Exited(_, ending) => ("Extension.Crash".to_owned(), how(*ending)),
        Trouble::NotStarted(name, refusal) => not_started(name, refusal, order),
        Trouble::Extension(_, kind) => (kind.clone(), "an extension could not go on".to_owned()),
        Trouble::Memory => ("Runtime.OutOfMemory".to_owned(), runtime_exited(Ending::Signal(libc::SIGKILL))),
        Trouble::Gone => ("Sandbox.Failure".to_owned(), "the sandbox ended".to_owned()),
    };
    json!({ "errorType": kind, "errorMessage": format!("RequestId: {request} Error: {message}") })
        .to_string()
        .into_bytes()
}

fn runtime_exited(ending: Ending) -> String {
    match ending {
        Ending::Status(0) => "Runtime exited without providing a reason".to_owned(),
        other => format!("Runtime exited with error: {}", how(other)),
    }
}

/// As Go tells it.
fn how(ending: Ending) -> String {
    let signal = match ending {
        Ending::Status(status) => return format!("exit status {status}"),
        Ending::Signal(signal) => signal,
    };
    let name = match signal {
        libc::SIGABRT => "aborted",
        libc::SIGBUS => "bus error",
        libc::SIGFPE => "floating point exception",
        libc::SIGILL => "illegal instruction",
        libc::SIGKILL => "killed",
        libc::SIGSEGV => "segmentation fault",
        libc::SIGSYS => "bad system call",
        libc::SIGTERM => "terminated",
        libc::SIGTRAP => "trace/breakpoint trap",
        _ => return format!("signal: signal {signal}"),
    };
    format!("signal: {name}")
}

fn not_started(name: &str, refusal: &Refusal, order: &RunOrder) -> (String, String) {
    let why = match refusal.errno {
        libc::ENOENT => "no such file or directory".to_owned(),
        libc::EACCES => "permission denied".to_owned(),
        libc::ENOEXEC => "exec format error".to_owned(),
        0 => refusal.step.clone(),
        errno => std::io::Error::from_raw_os_error(errno).to_string(),
    };
    match refusal.step.as_str() {
        step if step.contains("working directory") => {
            ("Runtime.InvalidWorkingDir".to_owned(), format!("chdir {}: {why}", order.directory))
        }
        "execute" => ("Runtime.InvalidEntrypoint".to_owned(), format!("fork/exec {name}: {why}")),
        step => ("Sandbox.Failure".to_owned(), format!("{step}: {why}")),
    }
}

/// What Lambda says of an invocation, around what the function said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) request: &'a str,
    pub(super) elapsed: Duration,
    pub(super) init: Option<Duration>,
    pub(super) peak_memory: u64,
}

/// The end of an invocation's log.
pub(super) fn log(written: &[u8], told: Told<'_>, order: &RunOrder) -> Vec<u8> {
    let Told { request, elapsed, init, peak_memory } = told;
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let init = init.map_or_else(String::new, |init| format!("Init Duration: {:.2} ms\t", milliseconds(init)));
    let mut log = format!("START RequestId: {request} Version: {}\n", order.version).into_bytes();
    log.extend(written);
    if !log.ends_with(b"\n") {
        log.push(b'\n');
    }
    let report = format!(
        "END RequestId: {request}\nREPORT RequestId: {request}\tDuration: {:.2} ms\tBilled Duration: {:.0} ms\t\
         Memory Size: {} MB\tMax Memory Used: {} MB\t{init}\n",
        milliseconds(elapsed),
        milliseconds(elapsed).ceil(),
        order.shown_megabytes(),
        peak_memory.div_ceil(1 << 20),
    );
    log.extend(report.into_bytes());
    log.split_off(log.len().saturating_sub(LOG_TAIL))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::super::runtime_api::Reported;
    use super::*;
    use crate::image::Config;

    fn order() -> RunOrder {
        let config = Config { entrypoint: vec!["/run".to_owned()], ..Config::default() };
        RunOrder::new(&config, Some("hello"), &Map::new())
    }

    #[test]
    fn accidents_have_lambdas_types_and_sentences() {
        let refusal = |step: &str, errno| Refusal { step: step.to_owned(), errno };
        let run = || "/run".to_owned();
        let table = [
            (Trouble::Timeout, "Sandbox.Timedout", "Task timed out after 3.00 seconds"),
            (
                Trouble::Exited(run(), Ending::Status(3)),
                "Runtime.ExitError",
                "Runtime exited with error: exit status 3",
            ),
            (
                Trouble::Exited(run(), Ending::Status(0)),
                "Runtime.ExitError",
                "Runtime exited without providing a reason",
            ),
            (
                Trouble::Exited(run(), Ending::Signal(libc::SIGSEGV)),
                "Runtime.ExitError",
                "Runtime exited with error: signal: segmentation fault",
            ),
            (Trouble::Exited("watcher".to_owned(), Ending::Status(1)), "Extension.Crash", "exit status 1"),
            (
                Trouble::NotStarted(run(), refusal("execute", libc::ENOEXEC)),
                "Runtime.InvalidEntrypoint",
                "fork/exec /run: exec format error",
            ),
            (
                Trouble::NotStarted(run(), refusal("change into the working directory", libc::ENOENT)),
                "Runtime.InvalidWorkingDir",
                "chdir /: no such file or directory",
            ),
            (Trouble::Memory, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
        ];
        for (trouble, kind, message) in table {
            let payload: Value = serde_json::from_slice(&error_payload(&trouble, "id", &order())).unwrap();
            let expected =
                json!({ "errorType": kind, "errorMessage": format!("RequestId: id Error: {message}") });
            assert_eq!(payload, expected, "{trouble:?}");
        }
    }

    #[test]
    fn what_a_runtime_reports_is_handed_on_as_it_is() {
        let body = br#"{ "errorType": "KeyError", "errorMessage": "'a'", "stackTrace": [], "cause": 1 }"#;
        let reported = Reported { body: body.to_vec(), ..Reported::default() };
        assert_eq!(error_payload(&Trouble::Failed(reported), "id", &order()), body);
        let plain = Reported { kind: "E".to_owned(), message: "m".to_owned(), ..Reported::default() };
        let payload: Value =
            serde_json::from_slice(&error_payload(&Trouble::Failed(plain), "id", &order())).unwrap();
        assert_eq!(payload, json!({ "errorType": "E", "errorMessage": "m" }));
    }

    #[test]
    fn a_log_is_four_kilobytes_that_end_with_the_report() {
        let told = Told {
            request: "id",
            elapsed: Duration::from_micros(1_500),
            init: Some(Duration::from_millis(7)),
            peak_memory: (5 << 20) + 1,
        };
        let text = |written: &[u8]| String::from_utf8(log(written, told, &order())).unwrap();
        let expected = "START RequestId: id Version: $LATEST\nhello\nEND RequestId: id\n\
             REPORT RequestId: id\tDuration: 1.50 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 6 MB\tInit Duration: 7.00 ms\t\n";
        assert_eq!(text(b"hello"), expected);
        let long = text(&[b'x'; 10_000]);
        assert!(long.len() == 4096 && long.ends_with("ms\t\n"));
    }
}
