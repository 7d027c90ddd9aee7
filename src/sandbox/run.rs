//! A whole check by running: build, start, answer each event, end, report.

use std::path::Path;
use std::time::Duration;

use super::delivery::{Answered, Delivery, Unanswered, Unbuilt};
use super::environment::{PATIENCE, Seen, Trouble};
use super::explain::{Explanation, named_in};
use super::local_function::LocalFunction;
use super::order::RunOrder;
use crate::image::LocalImage;
use crate::report::{InvocationReport, RunReport, RunStatus};

/// Runs the image as the order says. Whatever comes of it is in the report; nothing stays behind.
pub async fn run_image(image: &LocalImage, order: RunOrder, temporary: &Path) -> RunReport {
    match Run::begin(image, order, temporary).await {
        Ok(run) => run.end(PATIENCE).await,
        Err(report) => *report,
    }
}

/// A run: the function, and what is to be said of it.
pub(super) struct Run {
    pub(super) function: LocalFunction,
    pub(super) report: RunReport,
}

impl Run {
    /// Starts the image and has it answer the events of the order; an error is a report already.
    pub(super) async fn begin(
        image: &LocalImage,
        order: RunOrder,
        temporary: &Path,
    ) -> Result<Self, Box<RunReport>> {
        let function = LocalFunction::build(image, order, temporary).await;
        let function = function.map_err(|unbuilt| Box::new(not_built(unbuilt)))?;
        let mut run = Self { function, report: RunReport::unavailable(String::new(), None) };
        run.report.status = RunStatus::Ok;
        run.report.reason = None;
        run.play().await;
        Ok(run)
    }

    /// Ends it, and says what came of it.
    pub(super) async fn end(self, time: Duration) -> RunReport {
        let Self { function, mut report } = self;
        let order = function.order.clone();
        let (seen, log) = function.finish(time).await;
        report.log = log;
        // What was refused may be known only now.
        report.hint = report.hint.or_else(|| named_in(report.reason.as_deref()?, &seen));
        note(&mut report, &seen, &order);
        report
    }

    /// Whether it started, or may yet do so with an event.
    pub(super) fn may_answer(&self) -> bool {
        let has_played = self.report.status == RunStatus::Ok || !self.report.invocations.is_empty();
        has_played && !self.function.is_gone()
    }

    /// The sandbox is gone, and nobody knows why.
    pub(super) fn note_gone(&mut self) {
        let explanation = self.function.explain(&Trouble::Gone, false);
        self.note_trouble(explanation);
    }

    async fn play(&mut self) {
        match self.function.start().await {
            Ok(init) => self.report.init = Some(init),
            // Lambda then begins anew with the first event, and counts that as part of the invocation.
            Err(Trouble::Timeout) if !self.function.order.events.is_empty() => {
                let note = "it was not ready after 10 seconds, so it was started again as part of its first event, as Lambda does";
                self.report.notes.push(note.to_owned());
            }
            Err(trouble) => {
                let explanation = self.function.explain(&trouble, true);
                return self.note_trouble(explanation);
            }
        }
        for event in std::mem::take(&mut self.function.order.events) {
            let Answered { outcome, elapsed, init, .. } = self.function.answer(Delivery::new(event)).await;
            self.report.init = self.report.init.or(init);
            let (payload, error) = match outcome {
                Ok(payload) => (Some(payload), None),
                Err(Unanswered { status, error, hint, .. }) => {
                    self.note_trouble(Explanation { status, error: error.clone(), hint });
                    (None, Some(error))
                }
            };
            self.report.invocations.push(InvocationReport { elapsed, payload, error });
            self.function.rest().await;
            if self.function.is_gone() {
                return self.note_gone();
            }
        }
    }

    /// Puts trouble into the report; the first counts.
    fn note_trouble(&mut self, Explanation { status, error, hint }: Explanation) {
        if self.report.reason.is_none() {
            self.report.status = status;
            self.report.reason = Some(format!("{}: {}", error.kind, error.message));
            self.report.hint = hint;
        }
    }
}

fn not_built(Unbuilt { image_is_unfit, reason, hint }: Unbuilt) -> RunReport {
    let status = if image_is_unfit { RunStatus::Error } else { RunStatus::Unavailable };
    RunReport { status, ..RunReport::unavailable(reason, hint) }
}

fn note(report: &mut RunReport, seen: &Seen, order: &RunOrder) {
    report.peak_memory = Some(seen.peak_memory);
    for (writes, path, _) in &seen.denials {
        let list = if *writes { &mut report.denied_writes } else { &mut report.denied_reads };
        if !list.contains(path) {
            list.push(path.clone());
        }
    }
    if !seen.watched && seen.connected {
        report.notes.push(
            "system calls could not be watched here, so what it wanted to write is not known".to_owned(),
        );
    }
    if let Some(engine) = seen.engine {
        report.notes.push(format!(
            "it ran in a container of {engine}, since this user may not make the namespaces that it needs"
        ));
    }
    report.notes.extend(seen.misbehaviour.iter().cloned());
    if order.memory_megabytes.is_none() && seen.peak_memory > 128 << 20 {
        report.notes.push(format!(
            "it used {} MB of memory; a function has 128 MB unless its MemorySize says otherwise",
            seen.peak_memory >> 20
        ));
    }
}
