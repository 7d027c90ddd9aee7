//! `deploy` and `plan` for many targets: look at all of them, then the registries once each, then the functions wave by wave.
//!
//! Nothing is changed before every target was looked at. A target that is refused or fails there stops all of it, unless
//! `--keep-going` says otherwise.

use std::cell::RefCell;

use crate::apply::Judgement;
use crate::cli::arguments::{Command, DeployArguments};
use crate::cli::deploy::{Asked, Images, Judged, Mode, Prepared, Work};
use crate::cli::proof::Proof;
use crate::cli::settings::duration;
use crate::cloud::Caller;
use crate::fleet::{Order, in_waves};
use crate::image::LocalImage;
use crate::memory::Memory;
use crate::observe::{Facts, FunctionFacts, SeenContents, registry_host};
use crate::plan::{self, Plan, Step};
use crate::preflight;
use crate::report::{Failure, Outcome, Report, Shared, Stage, StepReport};

use super::shelf::{Shelves, is_of_registry};
use super::{Fleet, is_well};

/// A target that was looked at.
pub(super) struct Candidate {
    pub(super) prepared: Prepared,
    pub(super) local: LocalImage,
    pub(super) caller: Caller,
    pub(super) function: FunctionFacts,
    /// What it will say of the image when its layers have gone by.
    pub(super) judgement: Option<Box<Judgement>>,
}

impl Candidate {
    /// The facts of the target, beside those of its registry.
    fn facts(&self, shelf: &Facts) -> Facts {
        Facts { caller: self.caller.clone(), function: Some(self.function.clone()), ..shelf.clone() }
    }
}

/// What is found out of images once, for all targets that get one.
#[derive(Default)]
struct Seen {
    contents: SeenContents,
    proof: Proof,
}

/// How far a target is.
struct Progress {
    /// None where it is refused or failed.
    candidate: Option<Candidate>,
    report: Report,
}

/// `deploy` and `plan`
pub(super) async fn deploy(fleet: &Fleet, commands: Vec<Command>) -> Report {
    let mode = if fleet.command == "plan" { Mode::Show } else { Mode::Apply };
    let arguments: Vec<DeployArguments> = commands.into_iter().filter_map(arguments_of).collect();
    let Some(patience) = arguments.first().map(|first| duration(&first.fleet.replication_timeout)) else {
        return Report::new(fleet.command);
    };
    let run = async {
        let run = Run { fleet, mode, replication_timeout: patience?, scratch: scratch()? };
        run.deploy(arguments).await
    };
    run.await.unwrap_or_else(|failure| Report::new(fleet.command).closed(Err(failure)))
}

fn arguments_of(command: Command) -> Option<DeployArguments> {
    match command {
        Command::Deploy(arguments) => Some(arguments),
        Command::Plan(arguments) => Some(arguments.deploy),
        _ => None,
    }
}

/// A folder for what one target finds out and another has use for, where nothing may be remembered beyond the run.
fn scratch() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir().map_err(|error| Failure {
        kind: "local",
        stage: Stage::BeforeChange,
        message: format!("no temporary folder can be made: {error}"),
        hint: Some("set TMPDIR to a folder that can be written to".to_owned()),
    })
}

/// One deploy of many targets.
pub(super) struct Run<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) mode: Mode,
    pub(super) replication_timeout: std::time::Duration,
    scratch: tempfile::TempDir,
}

impl Run<'_> {
    /// Where what is needed for this run only can be put.
    pub(super) fn scratch(&self) -> &std::path::Path {
        self.scratch.path()
    }

    async fn deploy(&self, arguments: Vec<DeployArguments>) -> Result<Report, Failure> {
        let mut targets = self.look(arguments).await;
        self.refuse_doubles(&targets)?;
        self.refuse_contended_tags(&targets)?;
        let mut shelves = Shelves::of(self, candidates(&targets));
        shelves.look(self, candidates(&targets)).await;
        self.judge(&mut targets, &shelves).await;
        let is_stopped = targets.iter().any(|target| !may_go_on(&target.report));
        if self.mode == Mode::Show || (is_stopped && !self.fleet.order.keep_going) {
            return Ok(self.ended(targets, shelves.shared(self.mode)));
        }
        shelves.fill(self, candidates(&targets)).await;
        for (target, progress) in targets.iter_mut().enumerate().filter(|(_, one)| one.candidate.is_some()) {
            if let Some(failure) = shelves.failure_of(target) {
                let judgement = progress.candidate.take().and_then(|candidate| candidate.judgement);
                progress.report.findings.extend(judgement.iter().flat_map(|judgement| judgement.findings()));
                progress.report = progress.report.clone().closed(Err(failure.clone()));
            }
        }
        take_judgements(&mut targets);
        self.grant(&mut targets, &mut shelves).await;
        let is_stopped = targets.iter().any(|target| !may_go_on(&target.report));
        if !is_stopped || self.fleet.order.keep_going {
            self.change_functions(&mut targets, &shelves).await;
        }
        Ok(self.ended(targets, shelves.shared(self.mode)))
    }

    /// Resolves, connects and reads the function of each target.
    async fn look(&self, arguments: Vec<DeployArguments>) -> Vec<Progress> {
        let (images, seen) = (Images::default(), Seen::default());
        let (waves, order) = (vec![1; arguments.len()], Order { keep_going: true, ..self.fleet.order });
        let arguments: RefCell<Vec<_>> = RefCell::new(arguments.into_iter().map(Some).collect());
        let work = async |target: usize| {
            let mut report = Report::new(self.fleet.command);
            let arguments = arguments.borrow_mut()[target].take();
            let looked = match arguments {
                Some(arguments) => self.look_at(target, arguments, (&images, &seen), &mut report).await,
                None => Ok(None),
            };
            match looked {
                Ok(Some(candidate)) => Progress { candidate: Some(candidate), report },
                Ok(None) => Progress { candidate: None, report: report.closed(Ok(Outcome::Refused)) },
                Err(failure) => Progress { candidate: None, report: report.closed(Err(failure)) },
            }
        };
        let looked = in_waves(&waves, order, || self.fleet.may_begin(), work, |_| true).await;
        let skipped = || Progress { candidate: None, report: self.fleet.skipped() };
        looked.into_iter().map(|looked| looked.unwrap_or_else(skipped)).collect()
    }

    async fn look_at(
        &self,
        target: usize,
        arguments: DeployArguments,
        (images, seen): (&Images, &Seen),
        report: &mut Report,
    ) -> Result<Option<Candidate>, Failure> {
        let session = &self.fleet.members[target].session;
        let mut prepared = Prepared::new(session, Asked::of(arguments), report).await?;
        prepared.contents = seen.contents.clone();
        prepared.proof = prepared.proof.beside(&seen.proof);
        // What one target compresses another need not compress to know what comes out.
        let memory = &mut prepared.resolved.apply.memory;
        memory.get_or_insert_with(|| Memory::in_folder(self.scratch.path()));
        let Some(local) = prepared.image(session, images, report).await? else { return Ok(None) };
        let caller = prepared.connected.caller.clone().ok_or_else(|| nobody(target))?;
        let wanted = prepared.spec.function.as_ref().ok_or_else(|| nobody(target))?;
        let observer = prepared.observer(session, &[], self.mode);
        let observed =
            session.or_stopped(observer.observe_function(wanted, &prepared.spec.region, None)).await?;
        let function = observed.map_err(|error| error.failure())?.function;
        Ok(Some(Candidate { prepared, local, caller, function, judgement: None }))
    }

    /// Two targets that are one function would undo each other.
    fn refuse_doubles(&self, targets: &[Progress]) -> Result<(), Failure> {
        let mut seen: Vec<(String, usize)> = Vec::new();
        for (target, candidate) in candidates(targets) {
            let Some(function) = &candidate.prepared.spec.function else { continue };
            let FunctionFacts { account, region, .. } = &candidate.function;
            let identity = format!("function {} of account {account} in {region}", function.name);
            if let Some((_, other)) = seen.iter().find(|(other, _)| *other == identity) {
                return Err(Failure {
                    kind: "config",
                    stage: Stage::Usage,
                    message: format!(
                        "targets {} and {} are the same {identity}",
                        self.named(*other),
                        self.named(target)
                    ),
                    hint: Some(
                        "leave one of them out, or give one another region, account or function".to_owned(),
                    ),
                });
            }
            seen.push((identity, target));
        }
        Ok(())
    }

    /// A tag of a repository names one image: two that take it from each other would never come to rest.
    fn refuse_contended_tags(&self, targets: &[Progress]) -> Result<(), Failure> {
        let mut seen: Vec<(String, &Candidate, usize)> = Vec::new();
        for (target, candidate) in candidates(targets) {
            let spec = &candidate.prepared.spec;
            let host = registry_host(&spec.repository, &spec.region, &candidate.caller);
            for tag in &spec.tags {
                let place = format!("tag {tag} of repository {} in {host}", spec.repository.name);
                let contender = seen.iter().find(|(other, another, _)| {
                    *other == place && another.local.config_digest != candidate.local.config_digest
                });
                if let Some((_, _, other)) = contender {
                    return Err(Failure {
                        kind: "config",
                        stage: Stage::Usage,
                        message: format!(
                            "targets {} and {} put different images under {place}",
                            self.named(*other),
                            self.named(target)
                        ),
                        hint: Some(
                            "give each a repository or a tag of its own, or leave the tags out".to_owned(),
                        ),
                    });
                }
                seen.push((place, candidate, target));
            }
        }
        Ok(())
    }

    /// A target's name and its place in the configuration file.
    fn named(&self, target: usize) -> String {
        let member = &self.fleet.members[target];
        format!("{} ({})", member.name, member.place)
    }

    /// Checks and plans each target.
    async fn judge(&self, targets: &mut [Progress], shelves: &Shelves) {
        for (target, progress) in targets.iter_mut().enumerate() {
            let Some(candidate) = &mut progress.candidate else { continue };
            let (session, report) = (&self.fleet.members[target].session, &mut progress.report);
            let judged = match shelves.facts_of(target) {
                Ok(facts) => {
                    candidate.prepared.judge(session, &candidate.facts(facts), self.mode, report).await
                }
                Err(failure) => Err(failure),
            };
            // What is done in the registry is told of the registry.
            report.steps.retain(|step| !is_of_registry(step.step));
            report.outcome = match judged {
                Ok(Judged::Ends(Outcome::Planned)) if report.steps.is_empty() => Outcome::Unchanged,
                Ok(Judged::Ends(outcome)) => outcome,
                Ok(Judged::Work { judgement, .. }) => {
                    candidate.judgement = judgement;
                    Outcome::Skipped
                }
                Err(failure) => {
                    progress.report = progress.report.clone().closed(Err(failure));
                    progress.candidate = None;
                    continue;
                }
            };
            if report.outcome == Outcome::Refused {
                progress.candidate = None;
            }
        }
    }

    /// Writes the pull permissions that are missing, one after the other: they are in one document.
    async fn grant(&self, targets: &mut [Progress], shelves: &mut Shelves) {
        for (target, progress) in targets.iter_mut().enumerate() {
            let Some(candidate) = &progress.candidate else { continue };
            let granted = shelves.grant(self, target, candidate, &mut progress.report).await;
            if let Err(failure) = granted {
                progress.report = progress.report.clone().closed(Err(failure));
                progress.candidate = None;
                if !self.fleet.order.keep_going {
                    return;
                }
            }
        }
    }

    async fn change_functions(&self, targets: &mut Vec<Progress>, shelves: &Shelves) {
        let waves: Vec<u16> = self.fleet.members.iter().map(|member| member.wave).collect();
        let cells: Vec<RefCell<Option<Progress>>> =
            targets.drain(..).map(|one| RefCell::new(Some(one))).collect();
        let work = async |target: usize| {
            let Some(mut progress) = cells[target].take() else { return false };
            if let Some(candidate) = progress.candidate.take() {
                let ended = self.change(target, &candidate, shelves, &mut progress.report).await;
                progress.report = progress.report.closed(ended);
            }
            let well = is_well(&progress.report);
            cells[target].replace(Some(progress));
            well
        };
        in_waves(&waves, self.fleet.order, || self.fleet.may_begin(), work, |well| *well).await;
        targets.extend(cells.into_iter().filter_map(RefCell::into_inner));
    }

    /// Brings one function to what it shall be, now that its registry has the image.
    async fn change(
        &self,
        target: usize,
        candidate: &Candidate,
        shelves: &Shelves,
        report: &mut Report,
    ) -> Result<Outcome, Failure> {
        let session = &self.fleet.members[target].session;
        let (facts, registry) = shelves.filled(target)?;
        let (facts, spec) = (candidate.facts(facts), &candidate.prepared.spec);
        let granted = std::mem::take(&mut report.steps).into_iter().filter(|step| step.step == "grant_pull");
        let granted: Vec<StepReport> =
            granted.filter(|step| step.status != crate::report::StepStatus::Planned).collect();
        let policy = report.policy.take();
        let plan = of_function(plan::plan(spec, &facts));
        report.take_facts(spec, &facts);
        report.take_plan(spec, &facts, &plan);
        if policy.as_ref().is_some_and(|policy| policy.changed) {
            report.policy = policy;
        }
        shelves.tell_image(target, report);
        let ended = match plan.steps.is_empty() {
            true if granted.is_empty() => Ok(Outcome::Unchanged),
            true => Ok(Outcome::Deployed),
            false => {
                let work = Work { spec, facts: &facts, registry, plan: &plan };
                candidate.prepared.carry_out(session, work, &[], report).await
            }
        };
        report.steps.splice(0..0, granted);
        ended
    }

    /// The report of all; what was to be done and was not is skipped.
    fn ended(&self, targets: Vec<Progress>, shared: Shared) -> Report {
        let skip = |mut report: Report| {
            if report.outcome == Outcome::Skipped {
                let open = report.steps.iter_mut();
                open.filter(|step| step.status == crate::report::StepStatus::Planned)
                    .for_each(|step| step.status = crate::report::StepStatus::Skipped);
            }
            report
        };
        self.fleet.report(targets.into_iter().map(|target| skip(target.report)).collect(), shared)
    }
}

/// The targets that are still in it, with their places.
fn candidates(targets: &[Progress]) -> impl Iterator<Item = (usize, &Candidate)> + Clone {
    targets.iter().enumerate().filter_map(|(place, target)| Some((place, target.candidate.as_ref()?)))
}

/// What the layers showed of each target's image; one that refuses it is out.
fn take_judgements(targets: &mut [Progress]) {
    for Progress { candidate, report } in targets {
        let judgement = candidate.as_ref().and_then(|seen| Some((seen.judgement.as_ref()?, &seen.local)));
        let Some((judgement, local)) = judgement else { continue };
        judgement.settle(local);
        report.findings.extend(judgement.findings());
        if preflight::refused(&report.findings) {
            report.outcome = Outcome::Refused;
            *candidate = None;
        }
    }
}

/// Whether a target keeps no other from being changed.
fn may_go_on(report: &Report) -> bool {
    report.error.is_none() && !preflight::refused(&report.findings)
}

/// A plan without what is done once for all targets of a registry.
fn of_function(plan: Plan) -> Plan {
    let steps = plan.steps.into_iter().filter(|step| !is_of_registry(step.name()));
    Plan { steps: steps.filter(|step| !matches!(step, Step::GrantPull(_))).collect(), ..plan }
}

/// What cannot be: who connects for many targets asks who it is, and a deploy has a function.
fn nobody(target: usize) -> Failure {
    Failure {
        kind: "unexpected",
        stage: Stage::BeforeChange,
        message: format!("target {target} was not looked at"),
        hint: None,
    }
}
