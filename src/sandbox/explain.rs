//! What the usual failures mean, and what to do about them. Pure.

use nix::libc;

use super::environment::{Seen, Trouble};
use super::host::without_controls;
use super::order::RunOrder;
use super::runtime_api::Reported;
use super::wire::{Ending, Refusal};
use crate::report::{FunctionError, RunStatus};

/// Trouble in the words of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Explanation {
    pub(super) status: RunStatus,
    /// The error as Lambda would report it.
    pub(super) error: FunctionError,
    pub(super) hint: Option<String>,
}

const NO_CLIENT: &str = "an image needs a runtime interface client that asks Lambda for events, such as awslambdaric (Python), aws-lambda-ric \
                         (Node.js), the lambda_runtime crate (Rust) or aws-lambda-go, or the Lambda Web Adapter in /opt/extensions for a web server: see docs/guide/check-run.md";

/// Explains what went wrong. `starting` tells whether that was before the first event.
pub(super) fn explain(trouble: &Trouble, order: &RunOrder, seen: &Seen, starting: bool) -> Explanation {
    let mut status = RunStatus::Error;
    let (kind, message, hint) = match trouble {
        Trouble::Timeout => {
            status = RunStatus::Timeout;
            timeout(order, seen, starting)
        }
        Trouble::Exited(name, ending) => exited(name, *ending, seen),
        Trouble::NotStarted(name, refusal) => {
            if !is_of_the_image(refusal) {
                // What our own stage could not do says nothing about the image.
                status = RunStatus::Unavailable;
            }
            not_started(name, refusal, order)
        }
        Trouble::InitFailed(reported) | Trouble::Failed(reported) => {
            let error = function_error(reported);
            let hint = named_in(&error.message, seen);
            return Explanation { status, error, hint };
        }
        Trouble::Extension(name, kind) => {
            (kind.as_str(), format!("the extension {name} could not go on"), denied(seen, |_| true))
        }
        Trouble::Memory => (
            "Runtime.OutOfMemory",
            format!("it used more than its {} MB of memory, and was ended", order.memory_bytes() >> 20),
            Some("give the function more memory: MemorySize in the function file".to_owned()),
        ),
        Trouble::Gone => ("Sandbox.Failure", "the sandbox ended without saying why".to_owned(), None),
    };
    let error = FunctionError { kind: kind.to_owned(), message, stack: Vec::new() };
    Explanation { status, error, hint }
}

/// What was refused of that which an error's message names.
pub(super) fn named_in(message: &str, seen: &Seen) -> Option<String> {
    denied(seen, |path| message.contains(path))
}

type Words<'a> = (&'a str, String, Option<String>);

fn timeout<'a>(order: &RunOrder, seen: &Seen, starting: bool) -> Words<'a> {
    let seconds = order.timeout.as_secs_f64();
    if !starting {
        let hint = "let it do less, or give the function a longer Timeout (--timeout for this check)";
        return (
            "Sandbox.Timedout",
            format!("Task timed out after {seconds:.2} seconds"),
            Some(hint.to_owned()),
        );
    }
    let message = "it was not ready for an event after the 10 seconds that Lambda gives it";
    if let Some(name) = seen.awaited.first() {
        let hint = "an extension has to register under the name of its file, and Lambda starts the runtime when all have: see docs/guide/check-run.md";
        let message = format!("{message}: the extension {} did not register", without_controls(name));
        return ("Sandbox.Timedout", message, Some(hint.to_owned()));
    }
    if seen.connected {
        let who = match seen.unready.first() {
            Some(name) => format!("the extension {}", without_controls(name)),
            None => "an extension".to_owned(),
        };
        return ("Sandbox.Timedout", format!("{message}: {who} did not ask for its first event"), None);
    }
    let hint = unreadable(seen, |_| true).unwrap_or_else(|| NO_CLIENT.to_owned());
    ("Sandbox.Timedout", format!("{message}: it never asked the runtime API for one"), Some(hint))
}

fn exited<'a>(name: &str, ending: Ending, seen: &Seen) -> Words<'a> {
    let how = match ending {
        Ending::Status(status) => format!("exit status {status}"),
        Ending::Signal(signal) => format!("signal {signal}{}", signal_name(signal)),
    };
    let when = if seen.connected { "" } else { " without ever asking the runtime API for an event" };
    let message = format!("{name} ended with {how}{when}");
    let hint = match ending {
        Ending::Status(127) => {
            Some("status 127 of a shell says that it found a command not: the log names it".to_owned())
        }
        _ => unreadable(seen, |_| true)
            .or_else(|| (!seen.connected).then(|| NO_CLIENT.to_owned()))
            .or_else(|| denied(seen, |_| true)),
    };
    ("Runtime.ExitError", message, hint)
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGILL => " (SIGILL: built for another processor)",
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGKILL => " (SIGKILL)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGSYS => " (SIGSYS: a system call that is not allowed)",
        _ => "",
    }
}

/// Whether what could not be done is the image's affair.
fn is_of_the_image(refusal: &Refusal) -> bool {
    refusal.step == "execute" || refusal.step.contains("working directory")
}

fn not_started<'a>(name: &str, refusal: &Refusal, order: &RunOrder) -> Words<'a> {
    let in_directory = refusal.step.contains("working directory");
    if in_directory {
        let message =
            format!("the working directory {} cannot be entered{}", order.directory, because(refusal.errno));
        let hint =
            "set WORKDIR in the Dockerfile to a folder that exists and that every user may enter (mode 755)";
        return ("Runtime.InvalidWorkingDir", message, Some(hint.to_owned()));
    }
    if refusal.step != "execute" {
        let message =
            format!("{name} could not be started: to {} failed{}", refusal.step, because(refusal.errno));
        return ("Sandbox.Failure", message, None);
    }
    let (what, hint) = match refusal.errno {
        libc::ENOEXEC => (
            "exec format error",
            "it is a program for another architecture (build with --platform and --arch alike), or a script without its first line #!/bin/sh",
        ),
        libc::ENOENT => (
            "no such file or directory",
            "the file is not in the image, or the loader that it names (the interpreter of an ELF file or of its #! line) is not: link it statically, or build on the same \
             distribution as the base image",
        ),
        libc::EACCES => (
            "permission denied",
            "Lambda runs as a user who owns nothing: make it readable and executable for all, with its folders (chmod 755)",
        ),
        _ => ("", "the first word of ENTRYPOINT, or of CMD, must be a program in the image"),
    };
    let what = if what.is_empty() { because(refusal.errno) } else { format!(": {what}") };
    ("Runtime.InvalidEntrypoint", format!("{name} cannot be executed{what}"), Some(hint.to_owned()))
}

fn because(errno: i32) -> String {
    if errno == 0 { String::new() } else { format!(": {}", std::io::Error::from_raw_os_error(errno)) }
}

/// The likeliest reason among what was refused, if it `matters`.
fn denied(seen: &Seen, matters: impl Fn(&str) -> bool) -> Option<String> {
    unreadable(seen, &matters).or_else(|| {
        // Python would like to keep what it compiles, and goes on without.
        let written = |(writes, path, _): &&(bool, String, i32)| {
            *writes && !path.contains("__pycache__") && matters(path)
        };
        let (_, path, _) = seen.denials.iter().find(written)?;
        Some(format!("it wanted to write {path}, and only /tmp can be written on Lambda"))
    })
}

fn unreadable(seen: &Seen, matters: impl Fn(&str) -> bool) -> Option<String> {
    let is_one =
        |(writes, path, errno): &&(bool, String, i32)| !writes && *errno == libc::EACCES && matters(path);
    let (_, path, _) = seen.denials.iter().find(is_one)?;
    Some(format!(
        "{path} is not readable for the user that Lambda runs as: chmod 644 (folders and programs 755)"
    ))
}

fn function_error(reported: &Reported) -> FunctionError {
    FunctionError {
        kind: without_controls(&reported.kind),
        message: without_controls(&reported.message),
        stack: reported.stack.iter().map(|frame| without_controls(frame)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::image::Config;

    fn told(seen: &Seen) -> Explanation {
        let order = RunOrder::new(&Config::default(), None, &Map::new());
        explain(&Trouble::Timeout, &order, seen, true)
    }

    #[test]
    fn whoever_is_not_ready_in_time_is_named() {
        let absent = Seen { awaited: vec!["absent".to_owned()], ..Seen::default() };
        assert!(told(&absent).error.message.ends_with("the extension absent did not register"));
        let mute = Seen { connected: true, unready: vec!["mute".to_owned()], ..Seen::default() };
        assert!(told(&mute).error.message.ends_with("the extension mute did not ask for its first event"));
        assert!(told(&Seen::default()).error.message.ends_with("it never asked the runtime API for one"));
    }

    #[test]
    fn a_refusal_is_a_hint_where_the_error_names_its_path() {
        let denials = [(true, "/var/task/state".to_owned(), libc::EROFS)].into();
        let seen = Seen { denials, ..Seen::default() };
        let hint = named_in("Read-only file system: '/var/task/state'", &seen).unwrap();
        assert!(hint.contains("/var/task/state") && hint.contains("/tmp"), "{hint}");
        assert_eq!(named_in("division by zero", &seen), None);
    }
}
