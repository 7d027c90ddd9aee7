//! `invoke`: runs a function once, and gives its answer back as it is.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crate::apply::cloud_kind;
use crate::cloud::{CloudError, CloudErrorKind, Invocation, InvocationMode, InvocationRequest};
use crate::event::Event;
use crate::invoke::{InvokeError, Invoking, plain_tail};
use crate::name::{AliasName, FunctionName, FunctionRef, Version};
use crate::release::{Clock as _, SystemClock};
use crate::report::{Failure, InvokeReport, Outcome, Report, Stage};

use super::arguments::InvokeArguments;
use super::session::{Session, usage};
use super::settings::{duration, parse};

/// The version that is not published.
const LATEST: &str = "$LATEST";

/// `invoke`
pub(super) async fn invoke(session: Session, arguments: InvokeArguments) -> Report {
    let mut report = Report::new("invoke");
    let ended = run(&session, &arguments, &mut report).await;
    report.closed(ended)
}

async fn run(
    session: &Session,
    arguments: &InvokeArguments,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let function: FunctionRef = parse(&arguments.function)?;
    let qualifier = qualifier(arguments)?;
    let mode = match (arguments.queue, arguments.dry_run) {
        (true, _) => InvocationMode::Queue,
        (false, true) => InvocationMode::DryRun,
        (false, false) => InvocationMode::Wait,
    };
    let patience = duration(&arguments.wait_timeout)?;
    let payload = payload(arguments, mode)?;
    let connected = session.or_stopped(session.connect()).await??;
    connected.refuse_another_account(session, &function).await?;
    let region = function.region.as_ref().unwrap_or(&connected.region);
    let clients = session.or_stopped(connected.clients_in(region, None)).await??;
    let clients = clients.unwrap_or_else(|| connected.clients.clone());
    let invoking = Invoking {
        lambda: &clients.lambda,
        reporter: session.reporter.as_ref(),
        clock: &SystemClock,
        interrupt: &session.interrupt,
        patience,
        // Nobody knows what the event does.
        may_run_twice: false,
    };
    let request =
        InvocationRequest { function: &function.name, qualifier: &qualifier, payload: &payload, mode };
    let what = format!("function {}:{qualifier}", function.name);
    let begun = SystemClock.now();
    let answered = invoking.invoke(request, &what).await;
    let elapsed = SystemClock.now().duration_since(begun).unwrap_or_default();
    let invocation = answered.map_err(|error| failed(&error, &function.name, &qualifier))?;
    let told = told(request, invocation, elapsed);
    tell(session, &told);
    let failure = told.function_error.as_ref().map(|kind| function_failed(&told, kind));
    report.invoke = Some(told);
    match failure {
        Some(failure) => Err(failure),
        None if mode == InvocationMode::DryRun => Ok(Outcome::Checked),
        None => Ok(Outcome::Invoked),
    }
}

/// What of the function is invoked. A name that is neither a version nor an alias never reaches AWS.
fn qualifier(arguments: &InvokeArguments) -> Result<String, Failure> {
    let Some(given) = arguments.qualifier.as_deref().or(arguments.alias.as_deref()) else {
        return Ok(LATEST.to_owned());
    };
    let is_version = arguments.qualifier.is_some() && (given == LATEST || given.parse::<Version>().is_ok());
    if !is_version {
        parse::<AliasName>(given)?;
    }
    Ok(given.to_owned())
}

/// The event, held against what Lambda takes.
fn payload(arguments: &InvokeArguments, mode: InvocationMode) -> Result<Vec<u8>, Failure> {
    let most = mode.most_bytes();
    let (whence, bytes) = match arguments.payload.as_str() {
        "-" => ("standard input".to_owned(), read(std::io::stdin().lock(), most, "standard input")?),
        text => match text.strip_prefix('@') {
            Some(path) => (path.to_owned(), read_file(Path::new(path), most)?),
            None => ("--payload".to_owned(), text.as_bytes().to_vec()),
        },
    };
    if bytes.len() > most {
        let hint = match mode {
            InvocationMode::Queue => {
                "Lambda queues 1 MB at most: put the rest into Amazon S3, and send where it lies"
            }
            _ => "Lambda takes 6 MB at most: put the rest into Amazon S3, and send where it lies",
        };
        let message = format!("{whence} has more than {most} bytes, and Lambda takes no larger event");
        return Err(usage(message, Some(hint.to_owned())));
    }
    if !arguments.raw {
        // What is wrong is told by its place: the event itself is the user's own.
        serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).map_err(|error| {
            let hint = "an event is JSON, and a text in it stands in double quotes; @FILE reads a file; --raw sends it as it is";
            usage(format!("{whence} is not JSON: {error}"), Some(hint.to_owned()))
        })?;
    }
    Ok(bytes)
}

fn read_file(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let name = path.display().to_string();
    let unreadable = |error| usage(format!("{name} cannot be read: {error}"), None);
    read(std::fs::File::open(path).map_err(unreadable)?, most, &name)
}

/// Reads one byte more than is taken, and no further.
fn read(from: impl Read, most: usize, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = from.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| usage(format!("{name} cannot be read: {error}"), None))?;
    Ok(bytes)
}

fn told(request: InvocationRequest<'_>, invocation: Invocation, elapsed: Duration) -> InvokeReport {
    InvokeReport {
        function: request.function.clone(),
        qualifier: request.qualifier.to_owned(),
        mode: request.mode,
        status: invocation.status,
        function_error: invocation.function_error,
        executed_version: invocation.executed_version,
        log_tail: plain_tail(&invocation.log_tail),
        payload: invocation.payload,
        elapsed,
    }
}

/// Log and time go to stderr: standard output is for the answer.
fn tell(session: &Session, told: &InvokeReport) {
    if !told.log_tail.is_empty() {
        session.reporter.report(Event::FunctionLog { text: told.log_tail.clone() });
    }
    let InvokeReport { function, qualifier, elapsed, .. } = told;
    let which = match &told.executed_version {
        Some(version) if version != qualifier => format!(" (version {version})"),
        _ => String::new(),
    };
    let detail = match told.mode {
        InvocationMode::Wait => format!("invoke {function}:{qualifier}{which}"),
        InvocationMode::Queue => format!("queue an event for {function}:{qualifier}"),
        InvocationMode::DryRun => format!("ask whether {function}:{qualifier} may be invoked"),
    };
    if told.function_error.is_none() {
        session.reporter.report(Event::StepDone { step: "invoke", detail, elapsed: *elapsed });
    }
}

fn function_failed(told: &InvokeReport, kind: &str) -> Failure {
    let InvokeReport { function, qualifier, .. } = told;
    let why = match kind {
        "Handled" => "the function answered with an error of its own (Handled)".to_owned(),
        "Unhandled" => {
            "it crashed, ran out of time or memory, or threw what nobody caught (Unhandled)".to_owned()
        }
        other => other.to_owned(),
    };
    Failure {
        kind: "function_error",
        stage: Stage::BeforeChange,
        message: format!("function {function}:{qualifier} failed: {why}"),
        hint: Some("its answer says what, and the end of its log why".to_owned()),
    }
}

fn failed(error: &InvokeError, function: &FunctionName, qualifier: &str) -> Failure {
    let failure = |kind, stage, hint| Failure { kind, stage, message: error.to_string(), hint };
    let InvokeError::Call(call) = error else {
        return failure("interrupted", Stage::BeforeChange, None);
    };
    match call.kind {
        CloudErrorKind::NotFound => failure("not_found", Stage::Refused, Some(missing(function, qualifier))),
        CloudErrorKind::Credentials => failure(cloud_kind(call.kind), Stage::Usage, call.hint()),
        _ => failure(cloud_kind(call.kind), Stage::BeforeChange, hint(call, function)),
    }
}

fn missing(function: &FunctionName, qualifier: &str) -> String {
    let name = "check the name, --region and the account of the credentials";
    match qualifier {
        LATEST => name.to_owned(),
        _ => format!("{name}; what versions and aliases there are: lambda-lift status --function {function}"),
    }
}

fn hint(call: &CloudError, function: &FunctionName) -> Option<String> {
    let code = call.code.as_deref().unwrap_or_default();
    match code {
        "CodeArtifactUserDeletedException" => {
            Some("its image is gone from the repository: deploy it again".to_owned())
        }
        "CodeArtifactUserFailedException" => {
            Some(format!("its image does not start; why: lambda-lift status --function {function}"))
        }
        "CodeArtifactUserPendingException" => Some(
            "Lambda is still preparing a function that was idle: wait longer with --wait-timeout 10m"
                .to_owned(),
        ),
        "InvalidRequestContentException" => Some("the event must be JSON".to_owned()),
        _ if call.is_answer_lost() => Some(
            "the function may have run all the same: look at its log before you invoke it again".to_owned(),
        ),
        _ => call.hint(),
    }
}
