//! An image that is kept up: it answers whoever invokes it on this machine, until it is told to stop.

use std::path::Path;

use tokio::sync::mpsc::UnboundedReceiver;

use super::delivery::Answered;
use super::environment::HASTE;
use super::host::without_controls;
use super::invoke_api::Kind;
use super::invoke_api::server::{Job, Server};
use super::local_function::LocalFunction;
use super::order::RunOrder;
use super::run::Run;
use super::serving::Serving;
use crate::event::{Event, Reporter};
use crate::image::LocalImage;
use crate::report::{RunReport, ServedReport};

/// Runs the image as the order says, and then answers invocations until `stop` ends. Nothing stays behind. An image that does not start is
/// not served.
pub async fn serve_image(
    image: &LocalImage,
    order: RunOrder,
    temporary: &Path,
    serving: Serving,
    stop: impl Future<Output = ()>,
) -> RunReport {
    tokio::pin!(stop);
    let begun = Run::begin(image, order, temporary);
    let mut run = tokio::select! {
        biased;
        () = &mut stop => return stopped_before(),
        begun = begun => match begun {
            Ok(run) => run,
            Err(report) => return *report,
        },
    };
    if !run.may_answer() {
        return run.end(HASTE).await;
    }
    let Serving { listener, address, reporter } = serving;
    let mut served = ServedReport { address, events: 0, errors: 0 };
    let mut server = None;
    match Server::start(listener, run.function.order.version.clone()) {
        Ok((started, jobs)) => {
            server = Some(started);
            reporter.report(Event::Serving { address });
            tokio::select! {
                biased;
                () = &mut stop => {}
                () = answer_all(&mut run.function, jobs, &mut served, reporter.as_ref()) => run.note_gone(),
            }
        }
        Err(error) => run.report.notes.push(format!("it could not be served: {error}")),
    }
    run.report.served = Some(served);
    let report = run.end(HASTE).await;
    // Until now it has told those who waited that nobody answers them.
    drop(server);
    report
}

/// Answers one event after the other. Comes back only when the sandbox is gone.
async fn answer_all(
    function: &mut LocalFunction,
    mut jobs: UnboundedReceiver<Job>,
    served: &mut ServedReport,
    reporter: &dyn Reporter,
) {
    while let Some(mut job) = jobs.recv().await {
        if job.is_given_up() {
            continue;
        }
        let name = std::mem::take(&mut job.function);
        let answered = function.answer(job.delivery.clone()).await;
        served.events += 1;
        served.errors += u64::from(answered.outcome.is_err());
        tell(reporter, served.events, &name, job.kind, &answered);
        job.answer(answered);
        function.rest().await;
        if function.is_gone() {
            return;
        }
    }
}

fn tell(reporter: &dyn Reporter, number: u64, function: &str, kind: Kind, answered: &Answered) {
    let how = if kind == Kind::Queue { " (queued)" } else { "" };
    let error = answered.outcome.as_ref().err().map(|unanswered| {
        let hint = unanswered.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}: {}{hint}", unanswered.error.kind, unanswered.error.message)
    });
    reporter.report(Event::FunctionLog { text: without_controls(&String::from_utf8_lossy(&answered.log)) });
    reporter.report(Event::Served {
        what: format!("event {number} for {}{how}", function.escape_debug()),
        error,
        elapsed: answered.elapsed,
    });
}

fn stopped_before() -> RunReport {
    RunReport::unavailable("stopped on request, before it had started".to_owned(), None)
}
