//! The repositories that targets pull from: looked at once, filled once, whatever number of targets there are.

use std::time::Instant;

use crate::apply::Judgement;
use crate::cli::deploy::{Mode, Work};
use crate::cloud::EcrReader as _;
use crate::fleet::{Order, Shelf, Way, in_waves, ways};
use crate::image::LocalImage;
use crate::memory::Memory;
use crate::name::Digest;
use crate::observe::{Facts, ImageFacts, Observation, PolicyFacts, registry_host};
use crate::plan::{self, DeploySpec, Plan, Step};
use crate::preflight::Finding;
use crate::registry::Registry;
use crate::report::{Failure, Report, Shared, Stage, StepReport, StepStatus, image_report};

use super::deploy::{Candidate, Run};
use super::replicas::{Replicated, await_replica, replicas};
use super::spool;

/// How many registries are pushed to at a time: each push has its own parallelism.
const PUSHES: usize = 3;

/// Steps that are a registry's, and not a function's.
pub(super) fn is_of_registry(step: &str) -> bool {
    matches!(step, "create_repository" | "push_image")
}

/// All of them.
#[derive(Default)]
pub(super) struct Shelves {
    all: Vec<Kept>,
    findings: Vec<Finding>,
}

/// One of them.
struct Kept {
    shelf: Shelf,
    /// The targets that pull from it.
    members: Vec<usize>,
    way: Way,
    /// How it stands.
    seen: Result<Observation, Failure>,
    /// What is done to it.
    report: Report,
    is_filled: bool,
}

impl Kept {
    fn name(&self) -> String {
        format!("{}/{}", self.shelf.registry.account, self.shelf.registry.region)
    }

    /// What its targets run now.
    fn running<'a>(&self, candidates: impl Iterator<Item = (usize, &'a Candidate)>) -> Vec<Digest> {
        let members = candidates.filter(|(target, _)| self.members.contains(target));
        let mut running: Vec<Digest> =
            members.flat_map(|(_, candidate)| candidate.function.running()).collect();
        running.sort_by_key(ToString::to_string);
        running.dedup();
        running
    }

    /// The first of its targets that is still in it: it speaks for all.
    fn leader<'a>(
        &self,
        candidates: impl Iterator<Item = (usize, &'a Candidate)>,
    ) -> Option<(usize, &'a Candidate)> {
        let mut candidates = candidates;
        candidates.find(|(target, _)| self.members.contains(target))
    }
}

/// A specification that asks for the image only.
fn without_function(spec: &DeploySpec) -> DeploySpec {
    DeploySpec { function: None, ..spec.clone() }
}

impl Shelves {
    /// Puts targets together that pull the same image from the same repository.
    pub(super) fn of<'a>(run: &Run<'_>, candidates: impl Iterator<Item = (usize, &'a Candidate)>) -> Self {
        let mut shelves = Self::default();
        for (target, candidate) in candidates {
            let spec = &candidate.prepared.spec;
            let shelf = Shelf {
                registry: registry_host(&spec.repository, &spec.region, &candidate.caller),
                repository: spec.repository.name.clone(),
                content: format!("{} {:?} {:?}", candidate.local.config_digest, spec.tags, spec.encoding),
            };
            match shelves.all.iter_mut().find(|kept| kept.shelf == shelf) {
                Some(kept) => kept.members.push(target),
                None => shelves.all.push(Kept {
                    shelf,
                    members: vec![target],
                    way: Way::Push,
                    seen: Err(unseen()),
                    report: Report::new(run.fleet.command),
                    is_filled: false,
                }),
            }
        }
        shelves
    }

    /// Looks at each, and finds out which are filled by replication.
    pub(super) async fn look<'a>(
        &mut self,
        run: &Run<'_>,
        candidates: impl Iterator<Item = (usize, &'a Candidate)> + Clone,
    ) {
        let (waves, order) = (vec![1; self.all.len()], Order { keep_going: true, ..run.fleet.order });
        let kept = &self.all;
        let work = async |place: usize| {
            let kept = &kept[place];
            observe(run, kept, candidates.clone(), &kept.running(candidates.clone())).await
        };
        let seen = in_waves(&waves, order, || run.fleet.may_begin(), work, |_| true).await;
        for (kept, seen) in self.all.iter_mut().zip(seen) {
            kept.seen = seen.unwrap_or_else(|| Err(unseen()));
        }
        self.find_ways(candidates.clone()).await;
        for place in 0..self.all.len() {
            self.plan(place, candidates.clone());
        }
    }

    async fn find_ways<'a>(&mut self, candidates: impl Iterator<Item = (usize, &'a Candidate)> + Clone) {
        let shelves: Vec<Shelf> = self.all.iter().map(|kept| kept.shelf.clone()).collect();
        let is_elsewhere = |shelf: &Shelf| {
            let same =
                |other: &&Shelf| other.repository == shelf.repository && other.content == shelf.content;
            shelves.iter().filter(same).count() > 1
        };
        let mut places = Vec::new();
        for kept in &self.all {
            let leader = kept.leader(candidates.clone()).filter(|_| is_elsewhere(&kept.shelf));
            let found = match leader {
                Some((_, candidate)) => replicas(&candidate.prepared.ecr, &kept.shelf).await,
                None => Ok(Vec::new()),
            };
            places.push(found.unwrap_or_else(|finding| {
                self.findings.push(finding);
                Vec::new()
            }));
        }
        for (kept, way) in self.all.iter_mut().zip(ways(&shelves, &places)) {
            kept.way = way;
        }
    }

    /// What is to be done to a shelf, as its report tells it.
    fn plan<'a>(&mut self, place: usize, candidates: impl Iterator<Item = (usize, &'a Candidate)> + Clone) {
        let source = match self.all[place].way {
            Way::Replica { of } => Some(self.all[of].name()),
            Way::Push => None,
        };
        let kept = &mut self.all[place];
        let (Some((_, candidate)), Ok(Observation { facts, .. })) = (kept.leader(candidates), &kept.seen)
        else {
            return;
        };
        let spec = without_function(&candidate.prepared.spec);
        let plan = plan::plan(&spec, facts);
        let mut report =
            Report { image: Some(image_report(&candidate.local)), ..Report::new(kept.report.command) };
        report.take_facts(&spec, facts);
        report.take_plan(&spec, facts, &plan);
        if let (Some(source), false) = (source, report.steps.is_empty()) {
            report.steps = vec![replication_step(&kept.shelf, &source, StepStatus::Planned)];
        }
        kept.report = report;
    }

    /// The facts of a target's shelf.
    pub(super) fn facts_of(&self, target: usize) -> Result<&Facts, Failure> {
        let seen = self.of_target(target).map(|kept| &kept.seen);
        match seen {
            Some(Ok(observation)) => Ok(&observation.facts),
            Some(Err(failure)) => Err(failure.clone()),
            None => Err(unseen()),
        }
    }

    /// The facts of a target's shelf that has the image, and its registry.
    pub(super) fn filled(&self, target: usize) -> Result<(&Facts, &Registry), Failure> {
        let kept = self.of_target(target).ok_or_else(unseen)?;
        match (&kept.report.error, &kept.seen) {
            (Some(failure), _) | (None, Err(failure)) => Err(failure.clone()),
            (None, Ok(Observation { facts, registry })) if kept.is_filled => Ok((facts, registry)),
            (None, Ok(_)) => Err(unseen()),
        }
    }

    fn of_target(&self, target: usize) -> Option<&Kept> {
        self.all.iter().find(|kept| kept.members.contains(&target))
    }

    /// What a target's report says of the image is what its shelf's says.
    pub(super) fn tell_image(&self, target: usize, report: &mut Report) {
        report.image = self.of_target(target).and_then(|kept| kept.report.image.clone());
    }

    /// Why the shelf of a target could not be filled, if it could not.
    pub(super) fn failure_of(&self, target: usize) -> Option<&Failure> {
        self.of_target(target)?.report.error.as_ref()
    }

    /// Brings the image to each that a target still wants it from: by a push, then by waiting for replication.
    pub(super) async fn fill<'a>(
        &mut self,
        run: &Run<'_>,
        candidates: impl Iterator<Item = (usize, &'a Candidate)> + Clone,
    ) {
        self.read_once(run, candidates.clone()).await;
        for by_push in [true, false] {
            let places: Vec<usize> = (0..self.all.len())
                .filter(|place| matches!(self.all[*place].way, Way::Push) == by_push)
                .collect();
            let wanted = |place: &usize| {
                self.all[*place].leader(candidates.clone()).is_some() || self.is_source(*place)
            };
            let places: Vec<usize> = places.into_iter().filter(wanted).collect();
            let order =
                Order { max_parallel: if by_push { PUSHES } else { places.len() }, ..run.fleet.order };
            let shelves = &*self;
            let work = async |index: usize| shelves.fill_one(run, places[index], candidates.clone()).await;
            let waves = vec![1; places.len()];
            let ended_well = |filled: &Filled| filled.report.error.is_none();
            let filled = in_waves(&waves, order, || run.fleet.may_begin(), work, ended_well).await;
            for (place, filled) in places.iter().zip(filled) {
                let Some(Filled { report, seen }) = filled else { continue };
                let kept = &mut self.all[*place];
                kept.is_filled = report.error.is_none();
                kept.report = report;
                if let Some(seen) = seen {
                    kept.seen = Ok(seen);
                }
            }
        }
    }

    /// Reads once what more than one registry lacks, and looks at these anew: the digests of what is kept are known.
    async fn read_once<'a>(
        &mut self,
        run: &Run<'_>,
        candidates: impl Iterator<Item = (usize, &'a Candidate)> + Clone,
    ) {
        for group in self.groups() {
            let Some((target, candidate)) = self.all[group[0]].leader(candidates.clone()) else { continue };
            let encoding = candidate.prepared.spec.encoding;
            let images: Vec<&ImageFacts> = group
                .iter()
                .filter_map(|place| self.all[*place].seen.as_ref().ok())
                .map(|seen| &seen.facts.image)
                .collect();
            let places = spool::wanted(&images, encoding);
            if places.is_empty() {
                continue;
            }
            let session = &run.fleet.members[target].session;
            let memory = candidate.prepared.resolved.apply.memory.as_ref();
            let keeping = spool::Keeping {
                places: &places,
                encoding,
                // Temporary files may be kept in memory, the cache is not.
                folder: memory.map(Memory::root).filter(|root| root.is_dir()).unwrap_or(run.scratch()),
                cache: memory.map(|memory| &memory.layers),
            };
            let keeping = keeping.keep(&candidate.local, |event| session.reporter.report(event));
            // Who asked to stop is heard where the registries are filled.
            let Ok(kept) = session.or_stopped(keeping).await else { return };
            for place in group {
                let shelf = &self.all[place];
                for judgement in self.judgements(shelf, candidates.clone()) {
                    judgement.learn(&kept.contents);
                }
                let running = shelf.running(candidates.clone());
                let seen = observe_image(run, shelf, candidates.clone(), kept.image.clone(), &running).await;
                self.all[place].seen = seen;
            }
        }
    }

    /// The shelves to which the same image is pushed, where there are several.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (place, kept) in self.all.iter().enumerate() {
            let is_pushed = matches!(kept.way, Way::Push)
                && kept.report.steps.iter().any(|step| step.step == "push_image");
            if !is_pushed {
                continue;
            }
            let same = |group: &&mut Vec<usize>| self.all[group[0]].shelf.content == kept.shelf.content;
            match groups.iter_mut().find(same) {
                Some(group) => group.push(place),
                None => groups.push(vec![place]),
            }
        }
        groups.retain(|group| group.len() > 1);
        groups
    }

    fn is_source(&self, place: usize) -> bool {
        self.all.iter().any(|kept| kept.way == Way::Replica { of: place })
    }

    async fn fill_one<'a>(
        &self,
        run: &Run<'_>,
        place: usize,
        candidates: impl Iterator<Item = (usize, &'a Candidate)> + Clone,
    ) -> Filled {
        let kept = &self.all[place];
        let mut report = kept.report.clone();
        let filled = self.try_to_fill(run, kept, candidates, &mut report).await;
        match filled {
            Ok(seen) => Filled { report, seen },
            Err(failure) => Filled { report: Report { error: Some(failure), ..report }, seen: None },
        }
    }

    /// What targets have to say of the image that goes to a shelf, and from it to those that it is replicated to.
    fn judgements<'a>(
        &self,
        kept: &Kept,
        candidates: impl Iterator<Item = (usize, &'a Candidate)>,
    ) -> Vec<&'a Judgement> {
        let is_fed = |other: &&Kept| match other.way {
            Way::Replica { of } => self.all[of].shelf == kept.shelf,
            Way::Push => other.shelf == kept.shelf,
        };
        let fed: Vec<&Kept> = self.all.iter().filter(is_fed).chain([kept]).collect();
        let is_member = |target: &usize| fed.iter().any(|shelf| shelf.members.contains(target));
        let of_members = candidates.filter(|(target, _)| is_member(target));
        of_members.filter_map(|(_, candidate)| candidate.judgement.as_deref()).collect()
    }

    /// None where there is nothing to do.
    async fn try_to_fill<'a>(
        &self,
        run: &Run<'_>,
        kept: &Kept,
        candidates: impl Iterator<Item = (usize, &'a Candidate)> + Clone,
        report: &mut Report,
    ) -> Result<Option<Observation>, Failure> {
        let seen = kept.seen.as_ref().map_err(Clone::clone)?;
        if report.steps.is_empty() {
            return Ok(None);
        }
        let (target, candidate) = kept.leader(candidates.clone()).ok_or_else(unseen)?;
        let session = run.fleet.shared_session(target, &kept.name());
        let spec = without_function(&candidate.prepared.spec);
        if let Way::Replica { of } = kept.way {
            let source = &self.all[of];
            let (_, speaker) = source.leader(candidates.clone()).ok_or_else(unseen)?;
            let digest = source.digest()?;
            let begun = Instant::now();
            let way = Replicated { from: &source.shelf, to: &kept.shelf, digest };
            let was_pushed = source.report.steps.iter().any(|step| step.status == StepStatus::Done);
            let patience = (run.replication_timeout, was_pushed);
            let arrived = await_replica(&speaker.prepared.ecr, &way, &session, patience).await;
            report.steps[0].elapsed = begun.elapsed();
            report.steps[0].status = if arrived.is_ok() { StepStatus::Done } else { StepStatus::Failed };
            if arrived? {
                let seen = observe(run, kept, candidates.clone(), &[digest]).await?;
                if plan::plan(&spec, &seen.facts).steps.is_empty() {
                    report.take_facts(&spec, &seen.facts);
                    return Ok(Some(seen));
                }
            }
            // It was there before replication was set up, or came without its tags: what is missing is sent.
            report.steps.clear();
            report.take_plan(&spec, &seen.facts, &plan::plan(&spec, &seen.facts));
        }
        let plan = plan::plan(&spec, &seen.facts);
        if plan.steps.is_empty() {
            // Only reading it showed that it is there already.
            report.steps.clear();
            report.take_facts(&spec, &seen.facts);
            report.take_plan(&spec, &seen.facts, &plan);
            return Ok(None);
        }
        let work = Work { spec: &spec, facts: &seen.facts, registry: &seen.registry, plan: &plan };
        let judgements = self.judgements(kept, candidates.clone());
        candidate.prepared.carry_out(&session, work, &judgements, report).await?;
        let pushed = report.image.as_ref().and_then(|image| image.digest);
        let known: Vec<Digest> = pushed.into_iter().collect();
        let seen = observe(run, kept, candidates, &known).await?;
        match plan::plan(&spec, &seen.facts).steps.is_empty() && seen.facts.image.digest() == pushed {
            true => Ok(Some(seen)),
            false => Err(vanished(&kept.name())),
        }
    }

    /// Adds the pull permission that a target lacks, if it does.
    pub(super) async fn grant(
        &mut self,
        run: &Run<'_>,
        target: usize,
        candidate: &Candidate,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let Some(kept) = self.all.iter_mut().find(|kept| kept.members.contains(&target)) else {
            return Ok(());
        };
        let (true, Ok(Observation { facts, registry })) = (kept.is_filled, &mut kept.seen) else {
            return Ok(());
        };
        let spec = &candidate.prepared.spec;
        let of_target = |facts: &Facts| Facts {
            caller: candidate.caller.clone(),
            function: Some(candidate.function.clone()),
            ..facts.clone()
        };
        let grant_in = |facts: &Facts| {
            let plan = plan::plan(spec, facts);
            plan.steps.into_iter().find(|step| matches!(step, Step::GrantPull(_)))
        };
        if grant_in(&of_target(facts)).is_none() {
            return Ok(());
        }
        // Another target, or somebody else, may have written it meanwhile.
        let session = &run.fleet.members[target].session;
        let ecr = &candidate.prepared.ecr;
        let (account, name) = (&kept.shelf.registry.account, &kept.shelf.repository);
        let read = session.or_stopped(ecr.repository_policy(Some(account), name)).await?;
        let read = read.map_err(|error| crate::apply::ApplyError::from(error).failure(false))?;
        facts.policy = read.map_or(PolicyFacts::Absent, PolicyFacts::Text);
        let facts = of_target(facts);
        let Some(grant) = grant_in(&facts) else { return Ok(()) };
        let plan = Plan { steps: vec![grant], version: None };
        let mut written = Report { policy: report.policy.clone(), ..Report::new(report.command) };
        written.take_plan(spec, &facts, &plan);
        let work = Work { spec, facts: &facts, registry, plan: &plan };
        let ended = candidate.prepared.carry_out(session, work, &[], &mut written).await;
        report.policy = written.policy;
        report.steps.retain(|step| step.step != "grant_pull");
        report.steps.splice(0..0, written.steps);
        ended.map(drop)
    }

    /// What is told of them beside the targets.
    pub(super) fn shared(self, mode: Mode) -> Shared {
        let mut shared = Shared { findings: self.findings, ..Shared::default() };
        let several = self.all.len() > 1;
        for kept in self.all {
            let name = kept.name();
            let told = |step: StepReport| StepReport {
                detail: if several { format!("{name}: {}", step.detail) } else { step.detail },
                // It was not begun.
                status: match step.status {
                    StepStatus::Planned if mode == Mode::Apply => StepStatus::Skipped,
                    status => status,
                },
                ..step
            };
            shared.steps.extend(kept.report.steps.into_iter().map(told));
            shared.images.extend(kept.report.image);
        }
        shared
    }
}

impl Kept {
    /// The digest of the image that it has.
    fn digest(&self) -> Result<Digest, Failure> {
        if let Some(failure) = &self.report.error {
            return Err(failure.clone());
        }
        let seen = self.seen.as_ref().map_err(Clone::clone)?;
        seen.facts.image.digest().ok_or_else(unseen)
    }
}

/// What came of filling one.
struct Filled {
    report: Report,
    /// How it stands now, if it was changed.
    seen: Option<Observation>,
}

async fn observe<'a>(
    run: &Run<'_>,
    kept: &Kept,
    candidates: impl Iterator<Item = (usize, &'a Candidate)> + Clone,
    running: &[Digest],
) -> Result<Observation, Failure> {
    let (_, candidate) = kept.leader(candidates.clone()).ok_or_else(unseen)?;
    observe_image(run, kept, candidates, candidate.local.clone(), running).await
}

/// Looks at a shelf for an image that lies elsewhere than its targets have it.
async fn observe_image<'a>(
    run: &Run<'_>,
    kept: &Kept,
    candidates: impl Iterator<Item = (usize, &'a Candidate)>,
    local: LocalImage,
    running: &[Digest],
) -> Result<Observation, Failure> {
    let (target, candidate) = kept.leader(candidates).ok_or_else(unseen)?;
    let session = run.fleet.shared_session(target, &kept.name());
    let spec = without_function(&candidate.prepared.spec);
    candidate.prepared.observe(&session, &spec, local, running, run.mode).await
}

fn replication_step(shelf: &Shelf, source: &str, status: StepStatus) -> StepReport {
    StepReport {
        step: "await_replication",
        status,
        detail: format!("wait until {source} has replicated {} here", shelf.repository),
        elapsed: std::time::Duration::ZERO,
    }
}

/// A shelf that was not looked at because the user asked to stop.
fn unseen() -> Failure {
    Failure {
        kind: "interrupted",
        stage: Stage::BeforeChange,
        message: "stopped on request".to_owned(),
        hint: Some("run the same command again to go on".to_owned()),
    }
}

fn vanished(name: &str) -> Failure {
    Failure {
        kind: "changed_underneath",
        stage: Stage::BeforeChange,
        message: format!("the registry {name} does not have what was just pushed to it"),
        hint: Some("somebody else may push there, too; run the same command again".to_owned()),
    }
}
