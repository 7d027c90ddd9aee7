//! One plain line a step on stderr, when it is done: for logs, pipes and CI systems. What takes long says so before.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::event::{Event, Reporter};
use crate::preflight::{Finding, Severity};
use crate::report::sizes;

use super::printable::{block, indented};
use super::{Style, document, printable};

/// Writes events as lines.
pub struct Lines {
    style: Style,
    detail: Detail,
    state: Mutex<State>,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What checks warn of, and nothing else.
    Warnings,
    /// Every step.
    Steps,
    /// Every layer too.
    Layers,
}

struct State {
    sink: Box<dyn Write + Send>,
    /// The wait that was told last, of each target.
    waiting: HashMap<Option<Arc<str>>, (String, Instant)>,
}

/// A wait that does not change is told again after this long.
const WAIT_REMINDER: Duration = Duration::from_secs(15);

impl Lines {
    /// Lines to `sink`, which is stderr outside tests.
    pub fn new(sink: Box<dyn Write + Send>, style: Style, detail: Detail) -> Self {
        Self { style, detail, state: Mutex::new(State { sink, waiting: HashMap::new() }) }
    }

    /// The line of an event; none when it is not told.
    fn line(&self, event: &Event) -> Option<String> {
        if let Event::Of { target, event } = event {
            // Of many, what is done is worth a line, and what each of them waits for is not.
            let is_told = !matches!(**event, Event::Waiting { .. }) || self.detail == Detail::Layers;
            let line = is_told.then(|| self.line(event)).flatten()?;
            return Some(format!("{}: {line}", self.style.strong(target)));
        }
        if self.detail == Detail::Warnings {
            return match event {
                Event::Found(finding) if finding.severity != Severity::Info => {
                    Some(finding_line(finding, self.style))
                }
                _ => None,
            };
        }
        let every_layer = self.detail == Detail::Layers;
        Some(match event {
            Event::Found(finding) => finding_line(finding, self.style),
            // Only the push is long by itself; the other long steps tell that they wait.
            Event::StepStarted { step, detail } if *step == "push_image" || every_layer => {
                format!("start: {}", block(detail))
            }
            Event::StepDone { detail, elapsed, .. } => {
                let text = format!("{detail} ({})", sizes::duration(*elapsed));
                format!("{} {}", self.style.good("done:"), block(&text))
            }
            Event::LayerResumed { diff_id, from } => {
                format!("resume: layer {} goes on after {}", diff_id.short(), sizes::bytes(*from))
            }
            Event::LayerDone { diff_id, action, sent } if every_layer => {
                format!(
                    "layer: {} {}, {} sent",
                    diff_id.short(),
                    document::action(*action),
                    sizes::bytes(*sent)
                )
            }
            Event::Retrying { what, reason, wait } => {
                let word = self.style.notice("retry:");
                let text = format!("{what} failed ({reason}); trying again in {}", sizes::duration(*wait));
                format!("{word} {}", block(&text))
            }
            Event::Serving { address } => format!("serve: {}", serving(*address)),
            Event::Served { what, error: None, elapsed } => {
                format!("{} {} ({})", self.style.good("done:"), block(what), sizes::duration(*elapsed))
            }
            Event::Served { what, error: Some(error), elapsed } => {
                let text = format!("{what} ({}): {error}", sizes::duration(*elapsed));
                format!("{} {}", self.style.bad("failed:"), block(&text))
            }
            Event::FunctionLog { text } => format!("log: {}", indented(text, "log: ")),
            Event::Waiting { what, state } => format!("wait: {}", block(&format!("{what}: {state}"))),
            Event::Note { text } if every_layer => format!("note: {}", block(text)),
            Event::StepStarted { .. }
            | Event::Of { .. }
            | Event::Traffic(_)
            | Event::LayerStarted { .. }
            | Event::LayerProgress { .. }
            | Event::LayerDone { .. }
            | Event::Note { .. } => return None,
        })
    }
}

/// Where a function is, and how it is asked.
pub(super) fn serving(address: SocketAddr) -> String {
    format!("http://{address}/2015-03-31/functions/function/invocations answers events; Ctrl-C ends it")
}

/// `refuse: message [region]`, with the hint on a line of its own.
pub(super) fn finding_line(finding: &Finding, style: Style) -> String {
    let word = if finding.allowed { "allowed" } else { document::severity(finding.severity) };
    let marked = match finding.severity {
        Severity::Refuse => style.bad(word),
        Severity::Warn | Severity::Unknown => style.notice(word),
        Severity::Info => style.faint(word),
    };
    let mut line =
        format!("{marked}: {} {}", block(&finding.message), style.faint(&format!("[{}]", finding.check)));
    if let Some(hint) = &finding.hint {
        line.push_str(&format!("\n  {} {}", style.strong("hint:"), block(hint)));
    }
    line
}

impl Reporter for Lines {
    fn report(&self, event: Event) {
        let Ok(mut state) = self.state.lock() else { return };
        let (target, inner) = match &event {
            Event::Of { target, event } => (Some(Arc::clone(target)), event.as_ref()),
            event => (None, event),
        };
        if let Event::Waiting { state: now, .. } = inner {
            let told = state.waiting.get(&target);
            if told.is_some_and(|(before, at)| before == now && at.elapsed() < WAIT_REMINDER) {
                return;
            }
            state.waiting.insert(target, (now.clone(), Instant::now()));
        }
        if let Some(line) = self.line(&event) {
            // A log that cannot be written must not end a deploy.
            let _ = writeln!(state.sink, "{}", printable(&line, self.style));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn told(detail: Detail) -> String {
        let sink = Sink::default();
        let lines = Lines::new(Box::new(sink.clone()), Style::new(false), detail);
        let step = |step, detail: &str| {
            let detail = detail.to_owned();
            [
                Event::StepStarted { step, detail: detail.clone() },
                Event::StepDone { step, detail, elapsed: Duration::ZERO },
            ]
        };
        let busy = Event::Waiting { what: "function app".to_owned(), state: "Pending".to_owned() };
        lines.report(Event::Found(Finding::info("image", "linux/amd64 was chosen")));
        lines.report(Event::Found(Finding::warn("tag", "the tag moves", "add another")));
        step("push_image", "push app").into_iter().for_each(|event| lines.report(event));
        lines.report(busy.clone());
        lines.report(busy);
        step("create_function", "create function app").into_iter().for_each(|event| lines.report(event));
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_step_is_one_line_and_only_what_takes_long_says_that_it_begins() {
        let expected = "info: linux/amd64 was chosen [image]\n\
                        warn: the tag moves [tag]\n  hint: add another\n\
                        start: push app\ndone: push app (0 ms)\n\
                        wait: function app: Pending\n\
                        done: create function app (0 ms)\n";
        assert_eq!(told(Detail::Steps), expected);
    }

    #[test]
    fn a_quiet_run_still_warns() {
        assert_eq!(told(Detail::Warnings), "warn: the tag moves [tag]\n  hint: add another\n");
    }
}
