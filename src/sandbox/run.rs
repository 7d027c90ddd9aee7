//! A whole check by running: build, start, answer each event, end, report.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::environment::{Environment, Seen, Trouble};
use super::explain::{Explanation, explain};
use super::foreign;
use super::host::BuildError;
use super::order::RunOrder;
use crate::image::LocalImage;
use crate::report::{FunctionError, InvocationReport, RunReport, RunStatus, chain};

/// How long Lambda waits for a function to be ready before its first event is on the clock.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// Runs the image as the order says. Whatever comes of it is in the report; nothing stays behind.
pub async fn run_image(image: &LocalImage, order: RunOrder, temporary: &Path) -> RunReport {
    if let Some((reason, hint)) = foreign::obstacle(order.architecture) {
        return RunReport::unavailable(reason, Some(hint));
    }
    if order.arguments.is_empty() {
        let reason = "the image has neither ENTRYPOINT nor CMD: there is nothing to run".to_owned();
        return RunReport { status: RunStatus::Error, ..RunReport::unavailable(reason, None) };
    }
    let environment = match Environment::build(image, order.clone(), temporary).await {
        Ok(environment) => environment,
        Err(error) => return not_built(&error),
    };
    let mut run = Run { environment, order, report: RunReport::unavailable(String::new(), None) };
    run.report.status = RunStatus::Ok;
    run.report.reason = None;
    run.play().await;
    let Run { environment, mut report, order } = run;
    let log = environment.log();
    let seen = environment.shut_down().await;
    report.log = log.text();
    note(&mut report, &seen, &order);
    report
}

fn not_built(error: &BuildError) -> RunReport {
    let reason = chain(error);
    match error {
        BuildError::Unavailable(_) => RunReport::unavailable(reason, Some(NAMESPACES.to_owned())),
        BuildError::Full(_) => RunReport::unavailable(reason, Some(ROOM.to_owned())),
        BuildError::Gone => RunReport::unavailable(reason, None),
        BuildError::Layer(error) => {
            RunReport { status: RunStatus::Error, ..RunReport::unavailable(reason, error.hint()) }
        }
        BuildError::Image(_) => {
            RunReport { status: RunStatus::Error, ..RunReport::unavailable(reason, None) }
        }
    }
}

const NAMESPACES: &str = "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1 or \
                          kernel.apparmor_restrict_unprivileged_userns=0), run as root, or in a container that is started with --privileged";
const ROOM: &str = "make room in the folder for temporary files, or point TMPDIR to a larger one";

struct Run {
    environment: Environment,
    order: RunOrder,
    report: RunReport,
}

impl Run {
    async fn play(&mut self) {
        let begun = Instant::now();
        let mut started = match self.environment.initialise(begun + INIT_LIMIT).await {
            Ok(()) => {
                self.report.init = Some(begun.elapsed());
                true
            }
            // Lambda then begins anew with the first event, and counts that as part of the invocation.
            Err(Trouble::Timeout) if !self.order.events.is_empty() => {
                let note = "it was not ready after 10 seconds, so it was started again as part of its first event, as Lambda does";
                self.report.notes.push(note.to_owned());
                if self.environment.clear().await.is_err() {
                    return self.fail(&Trouble::Gone, true);
                }
                false
            }
            Err(trouble) => return self.fail(&trouble, true),
        };
        for event in std::mem::take(&mut self.order.events) {
            let begun = Instant::now();
            let deadline = begun + self.order.timeout;
            let answered = self.answer(event, deadline, &mut started).await;
            let elapsed = begun.elapsed();
            let (payload, error) = match answered {
                Ok(payload) => (Some(payload), None),
                Err(trouble) => {
                    let error = self.note_trouble(&trouble, false);
                    // What answers errors goes on; what ended or hangs is begun anew, as on Lambda.
                    if !matches!(trouble, Trouble::Failed(_)) {
                        started = false;
                    }
                    (None, Some(error))
                }
            };
            self.report.invocations.push(InvocationReport { elapsed, payload, error });
            started = started && self.environment.settle(deadline).await;
            if !started && self.environment.clear().await.is_err() {
                return self.fail(&Trouble::Gone, false);
            }
        }
    }

    async fn answer(
        &mut self,
        event: Vec<u8>,
        deadline: Instant,
        started: &mut bool,
    ) -> Result<Vec<u8>, Trouble> {
        if !*started {
            let begun = Instant::now();
            self.environment.initialise(deadline).await?;
            self.report.init.get_or_insert(begun.elapsed());
            *started = true;
        }
        self.environment.invoke(event, deadline).await
    }

    fn fail(&mut self, trouble: &Trouble, starting: bool) {
        self.note_trouble(trouble, starting);
    }

    /// Puts trouble into the report; the first counts.
    fn note_trouble(&mut self, trouble: &Trouble, starting: bool) -> FunctionError {
        let Explanation { status, error, hint } =
            explain(trouble, &self.order, &self.environment.seen, starting);
        if self.report.reason.is_none() {
            self.report.status = status;
            self.report.reason = Some(format!("{}: {}", error.kind, error.message));
            self.report.hint = hint;
        }
        error
    }
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
    report.notes.extend(seen.misbehaviour.iter().cloned());
    if order.memory_megabytes.is_none() && seen.peak_memory > 128 << 20 {
        report.notes.push(format!(
            "it used {} MB of memory; a function has 128 MB unless its MemorySize says otherwise",
            seen.peak_memory >> 20
        ));
    }
}
