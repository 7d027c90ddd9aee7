//! `deploy`, `plan` and `push`: one pipeline. `plan` stops before `apply`; `push` has no function.

use std::sync::Arc;

use crate::apply::Applier;
use crate::aws::Clients;
use crate::cloud::LambdaReader;
use crate::event::Event;
use crate::image::{self, ImageError, ImageErrorKind, LocalImage, RemoteAccess};
use crate::observe::{Observation, Observer};
use crate::plan::{self, DeploySpec, Step};
use crate::preflight::{self, Finding, Wanted};
use crate::private_folder::Distrust;
use crate::release::{self, CodeDeployAccess, Engine, TrafficSpec};
use crate::report::{Failure, Outcome, Report, Stage, image_report};

use super::arguments::{DeployArguments, FunctionArguments, ImageArguments};
use super::remote::remote_access;
use super::session::{Connected, Session};
use super::settings::{self, Resolved};

/// `deploy`
pub(super) async fn deploy(session: Session, arguments: DeployArguments) -> Report {
    run(session, "deploy", arguments.image, Some(arguments.function), Mode::Apply).await
}

/// `plan`
pub(super) async fn plan(session: Session, arguments: DeployArguments) -> Report {
    run(session, "plan", arguments.image, Some(arguments.function), Mode::Show).await
}

/// `push`
pub(super) async fn push(session: Session, arguments: ImageArguments) -> Report {
    run(session, "push", arguments, None, Mode::Apply).await
}

/// Whether the plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Apply,
    Show,
}

/// Runs the pipeline and turns whatever ended it into the report.
async fn run(
    session: Session,
    command: &'static str,
    image: ImageArguments,
    function: Option<FunctionArguments>,
    mode: Mode,
) -> Report {
    let mut report = Report::new(command);
    let ended = async {
        let mut resolved = settings::resolve(image, function, Arc::clone(&session.reporter))?;
        let connected = session.or_stopped(session.connect()).await??;
        let Resolved { from, source, retry, .. } = &resolved;
        let remote = remote_access(&session, from, source, Some(&connected)).await?;
        resolved.access.remote = RemoteAccess { retry: *retry, ..remote };
        pipeline(&session, &resolved, &connected, mode, &mut report).await
    };
    let ended = ended.await;
    report.closed(ended)
}

async fn pipeline(
    session: &Session,
    resolved: &Resolved,
    connected: &Connected,
    mode: Mode,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let spec = resolved.spec(connected.region.clone());
    report.findings = preflight::check_arguments(&spec);
    report.findings.extend(resolved.distrust.as_ref().map(distrusted_memory));
    // An ARN may name another Region than the configuration does.
    let function_clients = session.or_stopped(connected.clients_in(spec.function_region(), None)).await??;
    let lambda = &function_clients.as_ref().unwrap_or(&connected.clients).lambda;
    let Some(local) = open_image(session, resolved, &spec, lambda, report).await? else {
        return Ok(Outcome::Refused);
    };
    report.findings.extend(preflight::check_image(&local, &Wanted::of(&spec)));
    report.image = Some(image_report(&local));
    if preflight::refused(&report.findings) {
        return Ok(Outcome::Refused);
    }

    let profile = session.common.repository_profile.as_deref();
    let repository_clients =
        session.or_stopped(connected.clients_in(spec.repository_region(), profile)).await??;
    let ecr = repository_clients.as_ref().unwrap_or(&connected.clients).ecr.clone();
    let codedeploy = &function_clients.as_ref().unwrap_or(&connected.clients).codedeploy;
    let observer = Observer {
        codedeploy,
        identity: &connected.clients.identity,
        ecr: Arc::new(ecr.clone()),
        lambda,
        reporter: Arc::clone(&session.reporter),
        memory: resolved.apply.memory.clone(),
        endpoint: connected.registry_endpoint.clone(),
        allow_plain_http: session.common.allow_plain_http,
        compute_digests: mode == Mode::Show,
        retry: resolved.retry,
    };
    let observed = session.or_stopped(observer.observe(&spec, local)).await?;
    let Observation { facts, registry } = observed.map_err(|error| error.failure())?;

    report.findings.extend(preflight::check_facts(&spec, &facts));
    report.take_facts(&spec, &facts);
    if preflight::refused(&report.findings) {
        return Ok(Outcome::Refused);
    }
    let plan = plan::plan(&spec, &facts);
    report.take_plan(&spec, &facts, &plan);
    if plan.steps.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    if mode == Mode::Show {
        return Ok(Outcome::Planned);
    }
    if let Some(function) = spec.function.as_ref().filter(|_| plan.steps.iter().any(is_move)) {
        let clients = function_clients.as_ref().unwrap_or(&connected.clients);
        let looked = session.or_stopped(before_traffic(clients, &function.traffic)).await?;
        report.findings.extend(looked?);
        if preflight::refused(&report.findings) {
            return Ok(Outcome::Refused);
        }
    }
    tell_findings(session, &report.findings);
    let applier = Applier {
        ecr_reader: &ecr,
        ecr_writer: &ecr,
        lambda_reader: lambda,
        lambda_writer: lambda,
        monitor: &function_clients.as_ref().unwrap_or(&connected.clients).monitor,
        codedeploy: CodeDeployAccess { reader: codedeploy, writer: codedeploy },
        registry: &registry,
        reporter: session.reporter.as_ref(),
        interrupt: &session.interrupt,
        settings: resolved.apply.clone(),
    };
    applier.apply(&spec, &facts, &plan, report).await;
    match report.error.take() {
        Some(failure) => Err(failure),
        None if report.deployment.as_ref().is_some_and(|deployment| deployment.is_running) => {
            Ok(Outcome::Started)
        }
        None if spec.function.is_some() => Ok(Outcome::Deployed),
        None => Ok(Outcome::Pushed),
    }
}

/// What is known to keep a new version from traffic, before anything is changed.
async fn before_traffic(clients: &Clients, traffic: &TrafficSpec) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    if let Engine::CodeDeploy(spec) = &traffic.engine {
        let looked = release::codedeploy_before(&clients.codedeploy, spec, traffic).await;
        findings.extend(looked.map_err(|error| error.before_change())?.findings);
    }
    findings.extend(release::alarms_before(&clients.monitor, &traffic.watch).await);
    Ok(findings)
}

fn is_move(step: &Step) -> bool {
    matches!(step, Step::MoveAlias(_))
}

/// Opens the image for the architecture that was asked for, else the function's own, else the only one there. None when
/// it cannot be deployed; the finding says why.
pub(super) async fn open_image(
    session: &Session,
    resolved: &Resolved,
    spec: &DeploySpec,
    lambda: &dyn LambdaReader,
    report: &mut Report,
) -> Result<Option<LocalImage>, Failure> {
    let open = |wanted| session.or_stopped(image::open(&resolved.source, wanted, &resolved.access));
    let mut opened = open(spec.architecture).await?;
    if let (Err(error), Some(function)) = (&opened, &spec.function)
        && error.kind() == ImageErrorKind::Ambiguous
        && spec.architecture.is_none()
        // What is refused by the arguments alone asks nobody.
        && !preflight::refused(&report.findings)
    {
        let live = lambda.function(&function.name, None);
        if let Ok(Some(live)) = session.or_stopped(live).await? {
            opened = open(Some(live.architecture)).await?;
        }
    }
    match opened {
        Ok(local) => Ok(Some(local)),
        Err(error) => {
            report.findings.push(image_finding(&error)?);
            Ok(None)
        }
    }
}

/// An image that cannot be opened, as a finding that refuses; as a failure where that is because of what the user typed,
/// or because nobody could serve it, and not because of what is in it.
pub(super) fn image_finding(error: &ImageError) -> Result<Finding, Failure> {
    let (message, hint) = (error.to_string(), error.hint());
    match error.kind() {
        ImageErrorKind::Usage | ImageErrorKind::NotFound | ImageErrorKind::Unreadable => {
            Err(super::session::usage(message, hint))
        }
        ImageErrorKind::Unavailable => {
            Err(Failure { kind: error.kind().name(), stage: Stage::BeforeChange, message, hint })
        }
        ImageErrorKind::Unsupported | ImageErrorKind::Malformed | ImageErrorKind::Ambiguous => {
            let again = || "build or save the image again, and look at it with skopeo inspect".to_owned();
            Ok(Finding::refuse("image", message, hint.unwrap_or_else(again)))
        }
    }
}

/// A memory that is not used, as a finding: everything works without it.
fn distrusted_memory(distrust: &Distrust) -> Finding {
    let message = format!("nothing is remembered, since the cache is not safe: {distrust}");
    Finding::warn("cache", message, distrust.hint())
}

fn tell_findings(session: &Session, findings: &[Finding]) {
    for finding in findings {
        session.reporter.report(Event::Found(finding.clone()));
    }
}
