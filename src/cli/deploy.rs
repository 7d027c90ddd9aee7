//! `deploy`, `plan` and `push`: one pipeline. `plan` stops before `apply`; `push` has no function.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::apply::{Applier, Judgement};
use crate::aws::{Clients, Ecr};
use crate::cloud::{Identity, LambdaReader};
use crate::event::Event;
use crate::image::{self, ImageError, ImageErrorKind, LocalImage, RemoteAccess};
use crate::name::{Architecture, Digest};
use crate::observe::{Facts, Observation, Observer, SeenContents};
use crate::plan::{self, DeploySpec, Plan, Step};
use crate::preflight::{self, Finding, Wanted};
use crate::private_folder::Distrust;
use crate::registry::Registry;
use crate::release::{self, CodeDeployAccess, Engine, TrafficSpec};
use crate::report::{Failure, Outcome, Report, Stage, image_report};

use super::arguments::{DeployArguments, FunctionArguments, ImageArguments, ProofArguments, PushArguments};
use super::proof::Proof;
use super::remote::remote_access;
use super::session::{Connected, Session};
use super::settings::{self, Resolved};

/// `deploy`
pub(super) async fn deploy(session: Session, arguments: DeployArguments) -> Report {
    run(session, "deploy", Asked::of(arguments), Mode::Apply).await
}

/// `plan`
pub(super) async fn plan(session: Session, arguments: DeployArguments) -> Report {
    run(session, "plan", Asked::of(arguments), Mode::Show).await
}

/// `push`
pub(super) async fn push(session: Session, arguments: PushArguments) -> Report {
    let PushArguments { image, proof } = arguments;
    run(session, "push", Asked { image, function: None, proof }, Mode::Apply).await
}

/// What was asked for: an image, what becomes of it, and whether it has to prove itself first.
pub(super) struct Asked {
    image: ImageArguments,
    function: Option<FunctionArguments>,
    proof: ProofArguments,
}

impl Asked {
    pub(super) fn of(DeployArguments { image, function, proof, .. }: DeployArguments) -> Self {
        Self { image, function: Some(function), proof }
    }
}

/// Whether the plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Apply,
    Show,
}

/// Runs the pipeline and turns whatever ended it into the report.
async fn run(session: Session, command: &'static str, asked: Asked, mode: Mode) -> Report {
    let mut report = Report::new(command);
    let ended = pipeline(&session, asked, mode, &mut report).await;
    report.closed(ended)
}

async fn pipeline(
    session: &Session,
    asked: Asked,
    mode: Mode,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let prepared = Prepared::new(session, asked, report).await?;
    let images = Images::default();
    let Some(local) = prepared.image(session, &images, report).await? else { return Ok(Outcome::Refused) };
    let Observation { facts, registry } = prepared.observe(session, &prepared.spec, local, &[], mode).await?;
    let (plan, judgement) = match prepared.judge(session, &facts, mode, report).await? {
        Judged::Ends(outcome) => return Ok(outcome),
        Judged::Work { plan, judgement } => (plan, judgement),
    };
    tell_findings(session, &report.findings);
    let work = Work { spec: &prepared.spec, facts: &facts, registry: &registry, plan: &plan };
    let judgements: Vec<&Judgement> = judgement.iter().map(Box::as_ref).collect();
    let ended = prepared.carry_out(session, work, &judgements, report).await;
    report.findings.extend(judgement.iter().flat_map(|judgement| judgement.findings()));
    ended
}

/// A deploy or push whose arguments are resolved, with its ways to AWS.
pub(super) struct Prepared {
    pub(super) resolved: Resolved,
    pub(super) connected: Connected,
    pub(super) spec: DeploySpec,
    /// In the function's Region.
    pub(super) clients: Clients,
    /// In the repository's Region, with its identity.
    pub(super) ecr: Ecr,
    /// How the image proves itself before it is sent.
    pub(super) proof: Proof,
    /// What is in layers that were read or remembered.
    pub(super) contents: SeenContents,
}

/// A plan, and what it was made for.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    /// That of the whole deploy, or one without its function.
    pub(super) spec: &'a DeploySpec,
    pub(super) facts: &'a Facts,
    pub(super) registry: &'a Registry,
    pub(super) plan: &'a Plan,
}

/// What comes of the facts.
pub(super) enum Judged {
    /// There is nothing to carry out.
    Ends(Outcome),
    Work {
        plan: Plan,
        /// What can be judged only when layers were sent; none where all is judged.
        judgement: Option<Box<Judgement>>,
    },
}

impl Prepared {
    /// Resolves the arguments, and opens the ways to AWS.
    pub(super) async fn new(
        session: &Session,
        Asked { image, function, proof }: Asked,
        report: &mut Report,
    ) -> Result<Self, Failure> {
        let proof = Proof::of(&proof)?;
        let mut resolved = settings::resolve(image, function, Arc::clone(&session.reporter))?;
        let connected = session.or_stopped(session.connect()).await??;
        let Resolved { from, source, retry, .. } = &resolved;
        let remote = remote_access(session, from, source, Some(&connected)).await?;
        resolved.access.remote = RemoteAccess { retry: *retry, ..remote };
        let spec = resolved.spec(connected.region.clone());
        report.findings = preflight::check_arguments(&spec);
        report.findings.extend(resolved.distrust.as_ref().map(distrusted_memory));
        // An ARN may name another Region than the configuration does.
        let clients = session.or_stopped(connected.clients_in(spec.function_region(), None)).await??;
        let clients = clients.unwrap_or_else(|| connected.clients.clone());
        let profile = session.common.repository_profile.as_deref();
        let registry = spec.repository.registry.as_ref();
        let of_repository = connected.clients_of_repository(registry, spec.repository_region(), profile);
        let of_repository = session.or_stopped(of_repository).await??;
        let ecr = of_repository.as_ref().unwrap_or(&connected.clients).ecr.clone();
        let contents = SeenContents::default();
        Ok(Self { resolved, connected, spec, clients, ecr, proof, contents })
    }

    /// Opens the image, and checks it. None where it cannot be deployed; a finding says why.
    pub(super) async fn image(
        &self,
        session: &Session,
        images: &Images,
        report: &mut Report,
    ) -> Result<Option<LocalImage>, Failure> {
        let of_target = (&self.resolved, &self.spec, &self.clients.lambda as &dyn LambdaReader);
        let opened = open_once(session, of_target, images, report).await?;
        let Some(local) = opened else { return Ok(None) };
        let found = preflight::check_image(&local, &Wanted::of(&self.spec));
        report.findings.extend(self.resolved.allowed.weigh(found));
        report.image = Some(image_report(&local));
        Ok((!preflight::refused(&report.findings)).then_some(local))
    }

    /// Looks at both sides of `spec`: this one, or this one without its function. `running` are further digests that the image may be
    /// known by.
    pub(super) async fn observe(
        &self,
        session: &Session,
        spec: &DeploySpec,
        local: LocalImage,
        running: &[Digest],
        mode: Mode,
    ) -> Result<Observation, Failure> {
        let observer = self.observer(session, running, mode);
        let observed = session.or_stopped(observer.observe(spec, local)).await?;
        observed.map_err(|error| error.failure())
    }

    pub(super) fn observer<'a>(
        &'a self,
        session: &Session,
        running: &'a [Digest],
        mode: Mode,
    ) -> Observer<'a> {
        let identity: &dyn Identity = match &self.connected.caller {
            Some(caller) => caller,
            None => &self.connected.clients.identity,
        };
        Observer {
            codedeploy: &self.clients.codedeploy,
            identity,
            ecr: Arc::new(self.ecr.clone()),
            lambda: &self.clients.lambda,
            reporter: Arc::clone(&session.reporter),
            memory: self.resolved.apply.memory.clone(),
            endpoint: self.connected.registry_endpoint.clone(),
            allow_plain_http: session.common.allow_plain_http,
            running,
            compute_digests: mode == Mode::Show,
            retry: self.resolved.retry,
        }
    }

    /// Checks the facts and plans. What is known to keep a new version from traffic is looked at before anything is changed.
    pub(super) async fn judge(
        &self,
        session: &Session,
        facts: &Facts,
        mode: Mode,
        report: &mut Report,
    ) -> Result<Judged, Failure> {
        let spec = &self.spec;
        report.findings.extend(preflight::check_facts(spec, facts));
        report.take_facts(spec, facts);
        if preflight::refused(&report.findings) {
            return Ok(Judged::Ends(Outcome::Refused));
        }
        let plan = plan::plan(spec, facts);
        if plan.steps.is_empty() {
            report.take_plan(spec, facts, &plan);
            return Ok(Judged::Ends(Outcome::Unchanged));
        }
        let judgement = self.judge_contents(session, facts, &plan, mode, report).await?;
        if preflight::refused(&report.findings) {
            return Ok(Judged::Ends(Outcome::Refused));
        }
        report.take_plan(spec, facts, &plan);
        if mode == Mode::Show {
            let proven = self.prove(session, facts, report).await?;
            return Ok(Judged::Ends(if proven { Outcome::Planned } else { Outcome::Refused }));
        }
        if let Some(function) = spec.function.as_ref().filter(|_| plan.steps.iter().any(is_move)) {
            let looked = session.or_stopped(before_traffic(&self.clients, &function.traffic)).await?;
            report.findings.extend(looked?);
            if preflight::refused(&report.findings) {
                return Ok(Judged::Ends(Outcome::Refused));
            }
        }
        match self.prove(session, facts, report).await? {
            true => Ok(Judged::Work { plan, judgement }),
            false => Ok(Judged::Ends(Outcome::Refused)),
        }
    }

    /// Carries a plan out. Its image is published unless all of the judgements refuse when its layers have gone by.
    pub(super) async fn carry_out(
        &self,
        session: &Session,
        Work { spec, facts, registry, plan }: Work<'_>,
        judgements: &[&Judgement],
        report: &mut Report,
    ) -> Result<Outcome, Failure> {
        let Clients { lambda, codedeploy, monitor, .. } = &self.clients;
        let applier = Applier {
            ecr_reader: &self.ecr,
            ecr_writer: &self.ecr,
            lambda_reader: lambda,
            lambda_writer: lambda,
            monitor,
            codedeploy: CodeDeployAccess { reader: codedeploy, writer: codedeploy },
            registry,
            reporter: session.reporter.as_ref(),
            interrupt: &session.interrupt,
            settings: self.resolved.apply.clone(),
            judgements,
        };
        applier.apply(spec, facts, plan, report).await;
        match report.error.take() {
            Some(failure) => Err(failure),
            None if report.deployment.as_ref().is_some_and(|deployment| deployment.is_running) => {
                Ok(Outcome::Started)
            }
            None if spec.function.is_some() => Ok(Outcome::Deployed),
            None => Ok(Outcome::Pushed),
        }
    }
}

/// Images that were opened, each once, whoever asks for it.
#[derive(Default)]
pub(super) struct Images(Mutex<HashMap<SourceFor, Arc<OnceCell<Opened>>>>);

/// A source, and the architecture that is wanted of it.
type SourceFor = (String, Option<Architecture>);

type Opened = Result<LocalImage, Arc<ImageError>>;

impl Images {
    async fn open(&self, resolved: &Resolved, wanted: Option<Architecture>) -> Opened {
        let cell = {
            let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(opened.entry((resolved.source.as_str().to_owned(), wanted)).or_default())
        };
        let open = async || image::open(&resolved.source, wanted, &resolved.access).await.map_err(Arc::new);
        cell.get_or_init(open).await.clone()
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
    open_once(session, (resolved, spec, lambda), &Images::default(), report).await
}

/// The same, unless it was opened already.
async fn open_once(
    session: &Session,
    (resolved, spec, lambda): (&Resolved, &DeploySpec, &dyn LambdaReader),
    images: &Images,
    report: &mut Report,
) -> Result<Option<LocalImage>, Failure> {
    let open = |wanted| session.or_stopped(images.open(resolved, wanted));
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
            Ok(Finding::refuse(preflight::IMAGE, message, hint.unwrap_or_else(again)))
        }
    }
}

/// A memory that is not used, as a finding: everything works without it.
fn distrusted_memory(distrust: &Distrust) -> Finding {
    let message = format!("nothing is remembered, since the cache is not safe: {distrust}");
    Finding::warn("cache", message, distrust.hint())
}

pub(super) fn tell_findings(session: &Session, findings: &[Finding]) {
    for finding in findings {
        session.reporter.report(Event::Found(finding.clone()));
    }
}
