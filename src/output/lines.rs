//! One plain line a step on stderr: for logs, pipes and CI systems.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::event::{Event, Reporter};
use crate::preflight::{Finding, Severity};

use super::{Style, document, printable, sizes};

/// Writes events as lines.
pub struct Lines {
    style: Style,
    /// Whether layers and waits are told too.
    verbose: bool,
    state: Mutex<State>,
}

struct State {
    sink: Box<dyn Write + Send>,
    waiting: Option<(String, Instant)>,
}

/// A wait that does not change is told again after this long.
const WAIT_REMINDER: Duration = Duration::from_secs(15);

impl Lines {
    /// Lines to `sink`, which is stderr outside tests.
    pub fn new(sink: Box<dyn Write + Send>, style: Style, verbose: bool) -> Self {
        Self { style, verbose, state: Mutex::new(State { sink, waiting: None }) }
    }

    /// The line of an event; none when it is not told.
    fn line(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::Found(finding) => finding_line(finding, self.style),
            Event::StepStarted { step, detail } => format!("{} {detail}", self.style.strong(&format!("{step}:"))),
            Event::StepDone { step, detail, elapsed } => {
                format!("{} {detail} ({})", self.style.good(&format!("{step}:")), sizes::duration(*elapsed))
            }
            Event::LayerDone { diff_id, action, sent } if self.verbose => {
                format!("  layer {}: {}, {} sent", diff_id.short(), document::action(*action), sizes::bytes(*sent))
            }
            Event::Retrying { what, reason, wait } => {
                let notice = format!("{what} failed ({reason}); trying again in {}", sizes::duration(*wait));
                self.style.notice(&notice)
            }
            Event::Waiting { what, state } => format!("  waiting for {what}: {state}"),
            Event::LayerStarted { .. } | Event::LayerProgress { .. } | Event::LayerDone { .. } => return None,
        })
    }
}

/// `refuse [region] message`, with the hint on a line of its own.
pub(super) fn finding_line(finding: &Finding, style: Style) -> String {
    let word = document::severity(finding.severity);
    let marked = match finding.severity {
        Severity::Refuse => style.bad(word),
        Severity::Warn | Severity::Unknown => style.notice(word),
        Severity::Info => style.faint(word),
    };
    let mut line = format!("{marked} [{}] {}", finding.check, finding.message);
    if let Some(hint) = &finding.hint {
        line.push_str(&format!("\n  {} {hint}", style.strong("hint:")));
    }
    line
}

impl Reporter for Lines {
    fn report(&self, event: Event) {
        let Ok(mut state) = self.state.lock() else { return };
        if let Event::Waiting { state: now, .. } = &event {
            let told = state.waiting.as_ref();
            if told.is_some_and(|(before, at)| before == now && at.elapsed() < WAIT_REMINDER) {
                return;
            }
            state.waiting = Some((now.clone(), Instant::now()));
        }
        if let Some(line) = self.line(&event) {
            // A log that cannot be written must not end a deploy.
            let _ = writeln!(state.sink, "{}", printable(&line));
        }
    }
}
