//! The one match over the steps of a plan.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::cloud::{CloudErrorKind, EcrReader, EcrWriter, LambdaReader, LambdaWriter, LiveFunction, Monitor};
use crate::event::{Event, Reporter};
use crate::image::UNCOMPRESSED_LIMIT;
use crate::layer::LayerContent;
use crate::memory::Memory;
use crate::name::{Digest, FunctionName, ImageUri, Version};
use crate::observe::{Facts, ImageFacts, LayerFacts, LayerOrigin};
use crate::plan::{AliasStep, DeploySpec, FunctionSpec, Plan, PushStep, Step, default_tag};
use crate::preflight::{Finding, Severity};
use crate::registry::{
    ContentGate, KnownLayer, PushError, PushRequest, PushedImage, Registry, RememberedOrigins, Unfit,
    publish_manifest, push_image_within,
};
use crate::release::{
    Begun, CodeDeployAccess, Intent, Journal, JournalWriter, Place, ReleaseSpec, Releaser, Smoke, SmokeSpec,
    SystemClock, Target, actor_of, kept_digest, moved_and_noted, new_id, seconds,
};
use crate::report::{AliasReport, Failure, Outcome, PolicyOutcome, Report, Stage, StepStatus, describe_done};

use super::function::FunctionWriter;
use super::grant::write_policy;
use super::{ApplyError, Interrupt, Judgement};

/// How steps are carried out.
#[derive(Debug, Clone)]
pub struct ApplySettings {
    /// How long each change of the function may take to settle.
    pub wait_timeout: Duration,
    /// How many layers move at a time.
    pub jobs: usize,
    /// The size of an upload part in bytes.
    pub part_size: u64,
    /// How long the push of an image may take in all; none for as long as something moves.
    pub push_timeout: Option<Duration>,
    /// Where what is found out on the way is remembered; none to remember nothing.
    pub memory: Option<Memory>,
}

/// Everything that may change the world.
pub struct Applier<'a> {
    /// Reads ECR, to look again before and after a write.
    pub ecr_reader: &'a dyn EcrReader,
    /// Writes ECR.
    pub ecr_writer: &'a dyn EcrWriter,
    /// Reads Lambda, to wait.
    pub lambda_reader: &'a dyn LambdaReader,
    /// Writes Lambda.
    pub lambda_writer: &'a dyn LambdaWriter,
    /// Reads alarms and metrics.
    pub monitor: &'a dyn Monitor,
    /// CodeDeploy, for releases that it carries out.
    pub codedeploy: CodeDeployAccess<'a>,
    /// The repository's registry.
    pub registry: &'a Registry,
    /// Where events go.
    pub reporter: &'a dyn Reporter,
    /// Whether the user asked to stop.
    pub interrupt: &'a Interrupt,
    /// How steps are carried out.
    pub settings: ApplySettings,
    /// The judgements of the image that wait for its layers. It is published unless all of them refuse.
    pub judgements: &'a [&'a Judgement],
}

/// What later steps need of earlier ones.
struct Progress {
    digest: Option<Digest>,
    function: Option<LiveFunction>,
    version: Option<Version>,
    /// Whether the function was, or may have been, changed.
    wrote: Arc<AtomicBool>,
}

impl Applier<'_> {
    /// Carries `plan` out, and writes how far it came into `report`.
    pub async fn apply(&self, spec: &DeploySpec, facts: &Facts, plan: &Plan, report: &mut Report) {
        let function = facts.function.as_ref().and_then(|function| function.live.clone());
        let mut progress =
            Progress { digest: facts.image.digest(), function, version: None, wrote: Arc::default() };
        for (index, step) in plan.steps.iter().enumerate() {
            let begun = Instant::now();
            let detail = report.steps[index].detail.lines().next().unwrap_or_default().to_owned();
            let name = step.name();
            self.reporter.report(Event::StepStarted { step: name, detail: detail.clone() });
            let wrote = Arc::clone(&progress.wrote);
            let result = match self.interrupt.check() {
                Ok(()) => {
                    let working = self.step(step, spec, facts, &mut progress, report);
                    self.interrupt.or_soon(working).await.unwrap_or_else(|| Err(abandoned(step, &wrote)))
                }
                Err(stopped) => Err(stopped),
            };
            let elapsed = begun.elapsed();
            report.steps[index].elapsed = elapsed;
            match result {
                Ok(()) => {
                    report.steps[index].status = StepStatus::Done;
                    let done = describe_done(step, spec, report);
                    if let Some(done) = &done {
                        report.steps[index].detail.clone_from(done);
                    }
                    let detail = done.unwrap_or(detail);
                    self.reporter.report(Event::StepDone { step: name, detail, elapsed });
                }
                Err(error) => {
                    report.steps[index].status = StepStatus::Failed;
                    report.forget_unsent_layers();
                    report.error = Some(error.failure(progress.wrote.load(Ordering::Relaxed)));
                    report.steps[index + 1..].iter_mut().for_each(|later| later.status = StepStatus::Skipped);
                    return;
                }
            }
        }
    }

    async fn step(
        &self,
        step: &Step,
        spec: &DeploySpec,
        facts: &Facts,
        progress: &mut Progress,
        report: &mut Report,
    ) -> Result<(), ApplyError> {
        let (account, repository) = (&facts.registry.account, &spec.repository.name);
        match step {
            Step::CreateRepository(settings) => {
                let tags = std::collections::BTreeMap::new();
                match self.ecr_writer.create_repository(Some(account), repository, settings, &tags).await {
                    // Another deploy that runs at the same time was faster, or the answer to our first try was lost.
                    Err(error) if error.kind == CloudErrorKind::AlreadyExists => {}
                    created => drop(created?),
                }
            }
            Step::PushImage(push) => self.push(push, spec, facts, progress, report).await?,
            Step::GrantPull(step) => {
                write_policy(self.ecr_reader, self.ecr_writer, account, repository, step).await?;
                if let Some(policy) = &mut report.policy {
                    policy.changed = true;
                    policy.verdict = PolicyOutcome::Added;
                }
            }
            Step::CreateFunction(_)
            | Step::UpdateConfiguration(_)
            | Step::UpdateCode(_)
            | Step::TagFunction(_)
            | Step::PublishVersion
            | Step::MoveAlias(_) => self.function_step(step, spec, facts, progress, report).await?,
        }
        Ok(())
    }

    async fn push(
        &self,
        step: &PushStep,
        spec: &DeploySpec,
        facts: &Facts,
        progress: &mut Progress,
        report: &mut Report,
    ) -> Result<(), ApplyError> {
        if let (true, Some(manifest)) = (facts.image.manifest_stored, &facts.image.manifest) {
            let tagging = publish_manifest(self.registry, manifest, &step.tags);
            self.interrupt.or(tagging).await??;
            return Ok(());
        }
        let memory = self.settings.memory.as_ref();
        let judge = |seen: Vec<LayerContent>| {
            self.judgements.iter().for_each(|judgement| judgement.of_seen(&facts.image.local, &seen));
            let is_fit = self.judgements.iter().any(|judgement| judgement.refusal().is_none());
            if is_fit { Ok(()) } else { Err(Unfit) }
        };
        let request = PushRequest {
            image: &facts.image.local,
            known: facts.image.layers.iter().map(known_layer).collect(),
            // Without a tag of its own the image gets that of the digest which it turns out to have.
            tags: spec.tags.clone(),
            default_tag,
            jobs: self.settings.jobs,
            part_size: self.settings.part_size,
            encoding: spec.encoding,
            uncompressed_limit: UNCOMPRESSED_LIMIT,
            cache: memory.map(|memory| &memory.layers),
            uploads: memory.map(|memory| &memory.uploads),
            present: Some(present_blobs(&facts.image)),
            mount_from: facts.image.mount.from.clone(),
            mounting: facts.image.mount.is_possible,
            origins: memory
                .map(|memory| RememberedOrigins { origins: &memory.origins, registry: &facts.registry }),
            gate: self.gate(&judge),
        };
        let pushed = match self.push_image(&request).await {
            Err(ApplyError::Push(PushError::Unfit)) => return Err(self.unfit()),
            pushed => pushed?,
        };
        progress.digest = Some(pushed.digest);
        if let Some(image) = &mut report.image {
            image.take_push(&pushed, &facts.registry, self.registry.repository());
        }
        Ok(())
    }

    fn gate<'b>(
        &self,
        judge: &'b (dyn Fn(Vec<LayerContent>) -> Result<(), Unfit> + Sync),
    ) -> Option<ContentGate<'b>> {
        // What one of them does not know has to go by.
        let known = self.judgements.iter().map(|judgement| judgement.known_layers());
        let known = known.reduce(|all, known| &all & &known)?;
        Some(ContentGate { known, judge })
    }

    fn unfit(&self) -> ApplyError {
        match self.judgements.iter().find_map(|judgement| judgement.refusal()) {
            Some(refusal) => ApplyError::Unfit(Box::new(refusal)),
            None => ApplyError::Push(PushError::Unfit),
        }
    }

    /// Pushes the image; whatever ends that early leaves what a later run can go on with.
    async fn push_image(&self, request: &PushRequest<'_>) -> Result<PushedImage, ApplyError> {
        let limit = self.settings.push_timeout;
        let mut push = std::pin::pin!(push_image_within(self.registry, request, self.reporter, limit));
        let error = match self.interrupt.or(&mut push).await {
            Ok(Ok(pushed)) => return Ok(pushed),
            Ok(Err(error)) => {
                // How far the other layers are may still be being written down.
                self.registry.wind_down().await;
                error.into()
            }
            Err(stopped) => {
                // Parts that are under way may arrive.
                tokio::select! {
                    _ = &mut push => {}
                    () = self.registry.wind_down() => {}
                }
                stopped
            }
        };
        Err(error)
    }

    async fn function_step(
        &self,
        step: &Step,
        spec: &DeploySpec,
        facts: &Facts,
        progress: &mut Progress,
        report: &mut Report,
    ) -> Result<(), ApplyError> {
        let Some(wanted) = &spec.function else { return Ok(()) };
        let writer = self.function_writer(&wanted.name, Arc::clone(&progress.wrote));
        let digest = progress.digest.ok_or_else(|| missing("the image's digest"))?;
        let uri =
            ImageUri::by_digest(facts.registry.clone(), spec.repository.name.clone(), digest).to_string();
        if let Step::CreateFunction(create) = step {
            let live = writer.create(create, &uri, digest).await?;
            if let Some(function) = &mut report.function {
                function.arn.clone_from(&live.arn);
                function.created = true;
            }
            progress.function = Some(live);
            return Ok(());
        }
        let base = progress.function.clone().ok_or_else(|| missing("the function"))?;
        match step {
            Step::UpdateConfiguration(step) => {
                progress.function = Some(writer.update_configuration(step, &base).await?);
            }
            Step::UpdateCode(step) => {
                progress.function = Some(writer.update_code(step, &uri, digest, &base).await?);
            }
            Step::TagFunction(step) => {
                writer.note(self.lambda_writer.tag_function(&base.arn, &step.tags).await)?;
            }
            Step::PublishVersion => {
                let version = writer.publish(&base).await?;
                report.version = Some(version.to_string());
                progress.version = Some(version);
            }
            Step::MoveAlias(step) if step.current.is_some() && !wanted.traffic.is_plain() => {
                self.release(step, wanted, facts, progress, report).await?;
            }
            Step::MoveAlias(step) => {
                if let Some(spec) = &wanted.traffic.watch.smoke {
                    self.smoke_test(spec, step, wanted, progress, report).await?;
                }
                let intent = journal_intent(step, facts, progress);
                let note = self.note(step, facts, intent.as_ref(), &base.arn);
                let remembers = intent
                    .as_ref()
                    .zip(journal(step, facts))
                    .is_none_or(|(intent, journal)| journal.remembers(&intent.from.version));
                let (moved, unwritten) =
                    moved_and_noted(remembers, self.move_alias(&writer, step, progress, report), note).await;
                if let (Err(ApplyError::Cloud(_) | ApplyError::Interrupted), Some(intent), None) =
                    (&moved, &intent, &unwritten)
                {
                    // It was not made: nobody shall wonder whether it was.
                    let given_up = Intent { given_up: true, ..intent.clone() };
                    self.note(step, facts, Some(&given_up), &base.arn).await;
                }
                if let Some(finding) = unwritten {
                    self.reporter.report(Event::Found(finding.clone()));
                    report.findings.push(finding);
                }
                moved?;
            }
            Step::CreateRepository(_) | Step::PushImage(_) | Step::GrantPull(_) | Step::CreateFunction(_) => {
            }
        }
        Ok(())
    }

    async fn move_alias(
        &self,
        writer: &FunctionWriter<'_>,
        step: &AliasStep,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), ApplyError> {
        let version = step.to.or(progress.version).ok_or_else(|| missing("the published version"))?;
        writer.move_alias(step, version).await?;
        report.alias = Some(AliasReport {
            name: step.name.clone(),
            from: step.current.clone(),
            to: Some(version.to_string()),
        });
        Ok(())
    }

    /// Invokes the version before an alias is made for it. One that exists is moved by a release, which does it itself.
    async fn smoke_test(
        &self,
        spec: &SmokeSpec,
        step: &AliasStep,
        wanted: &FunctionSpec,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), ApplyError> {
        let version =
            step.to.or(progress.version).ok_or_else(|| missing("the published version"))?.to_string();
        let smoke = Smoke {
            lambda: self.lambda_writer,
            reporter: self.reporter,
            clock: &SystemClock,
            interrupt: self.interrupt,
            function: &wanted.name,
            version: &version,
            spec,
        };
        smoke.test(&mut report.smoke).await.map_err(|failure| ApplyError::Release(Box::new(failure)))
    }

    /// Moves the alias step by step.
    async fn release(
        &self,
        step: &AliasStep,
        wanted: &FunctionSpec,
        facts: &Facts,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), ApplyError> {
        let version = step.to.or(progress.version).ok_or_else(|| missing("the published version"))?;
        let spec = ReleaseSpec {
            function: wanted.name.clone(),
            alias: step.name.clone(),
            to: Target::Version(version),
            traffic: wanted.traffic.clone(),
        };
        let releaser = Releaser {
            lambda: self.lambda_reader,
            writer: self.lambda_writer,
            ecr: self.ecr_reader,
            monitor: self.monitor,
            codedeploy: self.codedeploy,
            identity: &facts.caller,
            reporter: self.reporter,
            clock: &SystemClock,
            interrupt: self.interrupt,
            spec: &spec,
        };
        let mut released = Report::new(report.command);
        let ended = releaser.run(&mut released).await;
        report.alias = released.alias;
        report.smoke = released.smoke;
        report.deployment = released.deployment;
        let refusals: Vec<Finding> =
            released.findings.iter().filter(|found| found.severity == Severity::Refuse).cloned().collect();
        report.findings.extend(released.findings);
        match (ended, refusals.first()) {
            (Err(failure), _) => Err(ApplyError::Release(Box::new(failure))),
            (Ok(Outcome::Refused), Some(refusal)) => Err(ApplyError::Release(Box::new(Failure {
                kind: "refused",
                stage: Stage::Refused,
                message: refusal.message.clone(),
                hint: refusal.hint.clone(),
            }))),
            _ => Ok(()),
        }
    }

    /// Notes on the function what the alias runs now and will run.
    async fn note(
        &self,
        step: &AliasStep,
        facts: &Facts,
        intent: Option<&Intent>,
        arn: &str,
    ) -> Option<Finding> {
        let intent = intent?;
        let tags = journal(step, facts)?.begin(&step.name, &intent.from, intent)?;
        JournalWriter { lambda: self.lambda_writer, clock: &SystemClock, arn }.write(&tags).await
    }

    fn function_writer<'b>(&'b self, name: &'b FunctionName, wrote: Arc<AtomicBool>) -> FunctionWriter<'b> {
        FunctionWriter {
            name,
            reader: self.lambda_reader,
            writer: self.lambda_writer,
            reporter: self.reporter,
            interrupt: self.interrupt,
            timeout: self.settings.wait_timeout,
            wrote,
        }
    }
}

/// What the function's tags say of the alias; none for a function that is new.
fn journal(step: &AliasStep, facts: &Facts) -> Option<Journal> {
    let settings = &facts.function.as_ref()?.live.as_ref()?.settings;
    Some(Journal::read(settings, &step.name))
}

/// The move as the journal keeps it. An alias that is new ran nothing before.
fn journal_intent(step: &AliasStep, facts: &Facts, progress: &Progress) -> Option<Intent> {
    let from = Place { version: step.current.clone()?, weights: step.weights.clone() };
    let to = step.to.or(progress.version)?.to_string();
    let begun = Begun { at: seconds(SystemTime::now()), id: new_id(), actor: actor_of(&facts.caller.arn) };
    Some(Intent::all_at_once(from, to, kept_digest(progress.digest), begun))
}

/// The error for a step that was given up in its middle because the user asked to stop and AWS did not answer: what it was
/// to change may have been changed.
fn abandoned(step: &Step, wrote: &AtomicBool) -> ApplyError {
    match step {
        Step::CreateRepository(_) | Step::PushImage(_) | Step::GrantPull(_) => ApplyError::Interrupted,
        Step::MoveAlias(step) => ApplyError::AliasUnknown {
            what: format!("alias {}", step.name),
            sent: "stopped on request".to_owned(),
            read: "stopped on request".to_owned(),
        },
        Step::CreateFunction(_)
        | Step::UpdateConfiguration(_)
        | Step::UpdateCode(_)
        | Step::TagFunction(_)
        | Step::PublishVersion => {
            wrote.store(true, Ordering::Relaxed);
            ApplyError::Interrupted
        }
    }
}

/// What the push may take as known by diff id: what runs, and what this tool computed itself. What the source states of
/// itself the push sees on its own.
fn known_layer(layer: &LayerFacts) -> Option<KnownLayer> {
    let known = layer.known.filter(|known| known.origin != LayerOrigin::Source)?;
    Some(KnownLayer { descriptor: known.descriptor(), uncompressed_bytes: known.uncompressed_bytes })
}

/// The blobs that the repository was just seen to have.
fn present_blobs(image: &ImageFacts) -> HashSet<Digest> {
    let layers = image.layers.iter().filter(|layer| layer.stored).filter_map(|layer| layer.known);
    let config = image.config_stored.then_some(image.local.config_digest);
    layers.map(|known| known.digest).chain(config).collect()
}

/// A plan that lacks a step which a later one builds on. The planner's tests hold that it never makes one.
fn missing(what: &str) -> ApplyError {
    ApplyError::Unexpected {
        what: "the plan".to_owned(),
        expected: format!("{what} from an earlier step"),
        found: "none".to_owned(),
    }
}
