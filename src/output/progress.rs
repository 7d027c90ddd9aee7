//! Progress on a terminal: a bar for each layer that moves, with bytes and rate, and a line for each step that is done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Event, Reporter};
use crate::name::Digest;
use crate::report::sizes;

use super::lines::{finding_line, serving};
use super::printable::{indented, one_line};
use super::traffic::TrafficLine;
use super::{Detail, Style, document, printable};

/// Draws events on a terminal (stderr).
pub struct Progress {
    style: Style,
    detail: Detail,
    bars: MultiProgress,
    state: Mutex<State>,
}

/// What stands below a row's text.
const BELOW_ROW: &str = "             ";

#[derive(Default)]
struct State {
    layers: HashMap<(Option<Arc<str>>, Digest), ProgressBar>,
    step: Option<ProgressBar>,
    traffic: HashMap<Option<Arc<str>>, (ProgressBar, TrafficLine)>,
}

impl Progress {
    /// Bars on stderr.
    pub fn new(style: Style, detail: Detail) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { style, detail, bars, state: Mutex::default() }
    }

    fn say(&self, line: &str) {
        // A terminal that went away must not end a deploy.
        let _ = self.bars.println(printable(line, self.style));
    }

    /// A line with a mark, then a column for a time or a word, then what was done.
    fn row(&self, mark: &str, column: &str, text: &str) {
        let text = indented(text, BELOW_ROW);
        self.say(&format!("{mark} {}  {text}", self.style.faint(&format!("{column:>9}"))));
    }

    fn step_line(&self, detail: &str) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>9}  {wide_msg}") {
            bar.set_style(style);
        }
        // It is drawn again and again on its one line; what follows is told when the step is done.
        bar.set_message(one_line(detail.lines().next().unwrap_or_default()));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn traffic_bar(&self) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>9}  {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn layer_bar(&self, diff_id: Digest, stored_size: u64) -> ProgressBar {
        let template = "             {prefix} {bar:28} {bytes:>11} / {total_bytes:<11} {bytes_per_sec:>13}";
        let style = ProgressStyle::with_template(template)
            .map(|style| style.progress_chars("━━─"))
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.bars.add(ProgressBar::new(stored_size).with_style(style));
        bar.set_prefix(diff_id.short());
        bar
    }
}

impl Reporter for Progress {
    fn report(&self, event: Event) {
        let Ok(mut state) = self.state.lock() else { return };
        match event {
            Event::Of { target, event } => self.tell(&mut state, Some(&target), *event),
            event => self.tell(&mut state, None, event),
        }
    }
}

impl Progress {
    /// Draws what happened, to `target` if there are many.
    fn tell(&self, state: &mut State, target: Option<&Arc<str>>, event: Event) {
        let of = |text: &str| match target {
            Some(target) => format!("{target}: {text}"),
            None => text.to_owned(),
        };
        match event {
            // Nobody wraps one twice.
            Event::Of { .. } => {}
            Event::Found(finding) => self.say(&of(&finding_line(&finding, self.style))),
            Event::Traffic(view) => {
                let (bar, line) = state
                    .traffic
                    .entry(target.cloned())
                    .or_insert_with(|| (self.traffic_bar(), TrafficLine::default()));
                bar.set_message(printable(&of(&line.draw(&view, self.style)), self.style));
            }
            // Of many, what is done is told: so many lines that move could not be read.
            Event::StepStarted { .. } if target.is_some() => {}
            Event::StepStarted { detail, .. } => state.step = Some(self.step_line(&detail)),
            Event::StepDone { detail, elapsed, .. } => {
                if let Some(bar) = state.step.take() {
                    bar.finish_and_clear();
                }
                if let Some((bar, _)) = state.traffic.remove(&target.cloned()) {
                    bar.finish_and_clear();
                }
                self.row(&self.style.good("✓"), &sizes::duration(elapsed), &of(&detail));
            }
            Event::LayerStarted { diff_id, stored_size } => {
                let bar = self.layer_bar(diff_id, stored_size);
                state.layers.insert((target.cloned(), diff_id), bar);
            }
            Event::LayerProgress { diff_id, read } => {
                if let Some(bar) = state.layers.get(&(target.cloned(), diff_id)) {
                    bar.set_position(read);
                }
            }
            Event::LayerResumed { diff_id, from } => {
                let text = format!("layer {} goes on after {}", diff_id.short(), sizes::bytes(from));
                self.row(" ", "resume", &of(&text));
            }
            Event::LayerDone { diff_id, action, sent } => {
                if let Some(bar) = state.layers.remove(&(target.cloned(), diff_id)) {
                    bar.finish_and_clear();
                }
                if self.detail == Detail::Layers {
                    let text = format!("layer {}, {} sent", diff_id.short(), sizes::bytes(sent));
                    self.row(" ", document::action(action), &of(&text));
                }
            }
            Event::Retrying { what, reason, wait } => {
                let text = format!("{what} failed ({reason}); trying again in {}", sizes::duration(wait));
                self.row(&self.style.notice("!"), "retry", &of(&text));
            }
            Event::Serving { address } => self.row(" ", "serve", &serving(address)),
            Event::Served { what, error, elapsed } => match error {
                None => self.row(&self.style.good("✓"), &sizes::duration(elapsed), &what),
                Some(error) => {
                    let text = format!("{what}: {error}");
                    self.row(&self.style.bad("✗"), &sizes::duration(elapsed), &text);
                }
            },
            Event::FunctionLog { text } => text.lines().for_each(|line| self.row(" ", "log", &of(line))),
            Event::Note { text } => {
                if self.detail == Detail::Layers {
                    self.row(" ", "note", &of(&text));
                }
            }
            Event::Waiting { what, state: now } => {
                if let Some(bar) = &state.step {
                    bar.set_message(one_line(&format!("waiting for {what}: {now}")));
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Ok(state) = self.state.lock() {
            let traffic = state.traffic.values().map(|(bar, _)| bar);
            state.layers.values().chain(&state.step).chain(traffic).for_each(ProgressBar::finish_and_clear);
        }
    }
}
