//! `release`: looks whether the new version may get traffic, then moves it as the strategy says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::aim::Scene;
use super::codedeploy::{
    CodeDeployAccess, Readiness, alias_findings, codedeploy_before, deployment_of_group, settled,
};
use super::look::look_command;
use super::provision::Provisioning;
use super::shift::{Seen, Shifter};
use super::smoke::Smoke;
use super::watcher::{Watcher, alarms_before};
use super::write_journal::{begun_now, moved_and_noted};
use super::{Clock, JournalWriter, ReleaseError, seconds};
use super::{ReleaseSpec, Target, TrafficSpec};
use crate::apply::Interrupt;
use crate::cloud::{EcrReader, Identity, LambdaReader, LambdaWriter, LiveFunction, Monitor};
use crate::event::{Event, Reporter, TrafficView};
use crate::preflight::{Finding, refused};
use crate::release::{
    Action, Candidate, CodeDeploySpec, Engine, Intent, Observation, OnNoData, Place, SmokeSpec, Standing,
    State, Verdict, WatchSpec, kept_digest,
};
use crate::report::{Failure, Outcome, Report, Stage, StepReport, StepStatus};

/// How often a terminal is told how the traffic stands.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks when nothing could be seen.
const BLIND_PAUSE: Duration = Duration::from_secs(2);
/// How much later than promised a release may write again before it counts as interrupted.
const GRACE: Duration = Duration::from_secs(120);
/// For how long a refused or unanswered move is followed on the way forward.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same on the way back, where giving up leaves the new version with traffic.
pub(super) const PATIENCE_BACK: Duration = Duration::from_secs(120);

/// Releases one version.
pub struct Releaser<'a> {
    /// Reads Lambda.
    pub lambda: &'a dyn LambdaReader,
    /// Writes Lambda.
    pub writer: &'a dyn LambdaWriter,
    /// Reads ECR, where the image must still be.
    pub ecr: &'a dyn EcrReader,
    /// Reads alarms and metrics.
    pub monitor: &'a dyn Monitor,
    /// CodeDeploy, for releases that it carries out.
    pub codedeploy: CodeDeployAccess<'a>,
    /// Who we are, for the journal.
    pub identity: &'a dyn Identity,
    /// Where events go.
    pub reporter: &'a dyn Reporter,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Whether the user asked to stop.
    pub interrupt: &'a Interrupt,
    /// What shall be released.
    pub spec: &'a ReleaseSpec,
}

/// A release on its way.
pub(super) struct Run {
    pub(super) intent: Intent,
    pub(super) seen: Seen,
    pub(super) state: State,
    /// From when the metrics of the new version count.
    watched_since: SystemTime,
    steps: Vec<StepReport>,
    pub(super) findings: Vec<Finding>,
}

/// Why a release is moved back.
pub(super) enum Why {
    /// A move failed.
    Failed(ReleaseError),
    /// The new version does not do.
    Breach(String),
}

impl Releaser<'_> {
    /// Moves the traffic, and writes what was done into `report`: its steps, what was found, where the alias is.
    ///
    /// # Errors
    /// The failure says whether the alias is as it was, was moved back, or must be looked at.
    pub async fn run(&self, report: &mut Report) -> Result<Outcome, Failure> {
        let told = |error: ReleaseError| error.failure(&self.look_command());
        let looked = self.interrupt.or(self.look()).await.map_err(|_| told(ReleaseError::Interrupted))?;
        let mut scene = looked.map_err(told)?;
        self.tell(&scene, report);
        if let Some(deployment) = self.deployment_to_resume(&scene).await.map_err(told)? {
            return self.take_up(&scene, deployment, report).await;
        }
        scene.journal = settled(self.codedeploy.reader, scene.journal, self.clock).await;
        let now = seconds(self.clock.now());
        let (version, traffic, resumed) = match self.aim(&scene, now).await.map_err(told)? {
            Some(aim) => aim,
            None => return Ok(Outcome::Unchanged),
        };
        let target = self.target(version).await.map_err(told)?;
        let stored = self.image_stored(&target).await;
        let candidate = Candidate {
            function: &self.spec.function,
            alias: &self.spec.alias,
            place: &scene.seen.place,
            standing: if resumed.is_some() {
                Standing::Still
            } else {
                scene.journal.standing(&scene.seen.place, now)
            },
            current: scene.current.as_ref(),
            target: &target,
            image_stored: stored.as_ref(),
            provisioned: scene.provisioned,
            strategy: &traffic.strategy,
            is_invoked_first: traffic.watch.smoke.is_some(),
        };
        report.findings.extend(candidate.findings());
        let handed = self.engine(&scene, &traffic, report).await.map_err(told)?;
        let alarms = handed.as_ref().map_or(&traffic.watch.alarms, |(_, readiness)| &readiness.alarms);
        let watch = WatchSpec { alarms: alarms.clone(), ..traffic.watch.clone() };
        report.findings.extend(alarms_before(self.monitor, &watch).await);
        if refused(&report.findings) {
            return Ok(Outcome::Refused);
        }
        report.findings.iter().for_each(|finding| self.reporter.report(Event::Found(finding.clone())));
        let moved_already = resumed.is_some() && scene.seen.place.names(&target.version);
        let intent = self.intent(&scene, &target, &traffic, resumed.as_ref());
        if let (Some(spec), false) = (&traffic.watch.smoke, moved_already) {
            self.test(&scene, spec, &intent, report).await?;
        }
        match &handed {
            Some((spec, readiness)) => {
                self.hand_over(&scene, intent, &traffic, (spec, readiness), report).await
            }
            None => self.go(scene, &traffic, intent, resumed.is_some(), report).await,
        }
    }

    /// This run's entry in the journal.
    fn intent(
        &self,
        scene: &Scene,
        target: &LiveFunction,
        traffic: &TrafficSpec,
        resumed: Option<&Intent>,
    ) -> Intent {
        let begun = begun_now(self.clock, scene.caller.as_ref());
        if let Some(intent) = resumed {
            return Intent { id: begun.id, actor: begun.actor, ..intent.clone() };
        }
        let (place, digest) = (scene.seen.place.clone(), kept_digest(target.running_digest()));
        let whole = Intent::all_at_once(place, target.version.clone(), digest, begun);
        Intent { strategy: traffic.strategy.clone(), bake: traffic.bake.as_secs(), ..whole }
    }

    /// Invokes the new version. Meanwhile it is noted as what the alias may go to, since until it has traffic nothing else keeps
    /// an old version from being pruned. The note promises nothing: a run that dies here holds up nobody.
    async fn test(
        &self,
        scene: &Scene,
        spec: &SmokeSpec,
        intent: &Intent,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let unwritten = self.note(scene, intent).await;
        let tested = self.smoke(spec, &intent.to).test(&mut report.smoke).await;
        if tested.is_err() {
            report.findings.extend(unwritten);
            let given_up = Intent { given_up: true, until: 0, ..intent.clone() };
            report.findings.extend(self.note(scene, &given_up).await);
        }
        tested
    }

    /// What CodeDeploy needs, where it shall move the traffic.
    async fn engine<'s>(
        &self,
        scene: &Scene,
        traffic: &'s TrafficSpec,
        report: &mut Report,
    ) -> Result<Option<(&'s CodeDeploySpec, Readiness)>, ReleaseError> {
        let Engine::CodeDeploy(spec) = &traffic.engine else { return Ok(None) };
        let readiness = codedeploy_before(self.codedeploy.reader, spec, traffic).await?;
        report.findings.extend(readiness.findings.iter().cloned());
        report.findings.extend(alias_findings(&scene.seen.place, scene.provisioned, &traffic.strategy));
        Ok(Some((spec, readiness)))
    }

    /// The release to take up, where CodeDeploy carries it out: the one in the journal, else what a named group does to the alias.
    async fn deployment_to_resume(&self, scene: &Scene) -> Result<Option<Intent>, ReleaseError> {
        if self.spec.to != Target::Resume {
            return Ok(None);
        }
        if let Some(open) = scene.journal.open_deployment() {
            return Ok(Some(open.clone()));
        }
        let Engine::CodeDeploy(spec) = &self.spec.traffic.engine else { return Ok(None) };
        let (group, alias) =
            ((spec.application.as_str(), spec.group.as_str()), (&self.spec.function, &self.spec.alias));
        Ok(deployment_of_group(self.codedeploy.reader, group, alias, self.clock).await?)
    }

    pub(super) fn look_command(&self) -> String {
        look_command(&self.spec.function)
    }

    fn smoke<'a>(&'a self, spec: &'a SmokeSpec, version: &'a str) -> Smoke<'a> {
        Smoke {
            lambda: self.writer,
            reporter: self.reporter,
            clock: self.clock,
            interrupt: self.interrupt,
            function: &self.spec.function,
            version,
            spec,
        }
    }

    async fn go(
        &self,
        scene: Scene,
        traffic: &TrafficSpec,
        intent: Intent,
        resumes: bool,
        report: &mut Report,
    ) -> Result<Outcome, Failure> {
        let now = self.clock.now();
        let place = &scene.seen.place;
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let state = match resumes {
            true if place.is_split() => State::Holding { step: intent.step_at(place).unwrap_or(0), since },
            true if place.version == intent.to => State::Baking { since },
            _ => State::Before,
        };
        let mut run = Run {
            intent,
            seen: scene.seen.clone(),
            state,
            watched_since: now,
            steps: Vec::new(),
            findings: Vec::new(),
        };
        let ended = self.drive(&scene, traffic, &mut run).await;
        report.steps = run.steps;
        report.findings.extend(run.findings);
        if let Some(alias) = &mut report.alias {
            alias.to = Some(run.seen.place.version.clone());
        }
        report.version = Some(run.seen.place.version.clone());
        ended
    }

    async fn drive(&self, scene: &Scene, traffic: &TrafficSpec, run: &mut Run) -> Result<Outcome, Failure> {
        if let Some(left) = scene.journal.intent().filter(|intent| intent.provisioned) {
            // A run that died left it behind.
            run.findings.extend(self.provisioning(&left.to).end().await);
        }
        let (Some(amount), State::Before) = (scene.provisioned, run.state) else {
            return self.follow(scene, traffic, run).await;
        };
        // Written down first, so that a run that dies leaves nothing that nobody knows of.
        run.intent.provisioned = true;
        self.close(scene, run).await;
        let version = run.intent.to.clone();
        let driven = match self.provisioning(&version).ready(amount).await {
            Ok(()) => self.follow(scene, traffic, run).await,
            Err(failure) => {
                run.intent = Intent { given_up: true, until: 0, ..run.intent.clone() };
                Err(failure)
            }
        };
        // The alias's own amount has moved along, or never left: this one would be paid for beside it.
        let left = self.provisioning(&version).end().await;
        run.intent.provisioned = left.is_some();
        run.findings.extend(left);
        self.close(scene, run).await;
        driven
    }

    fn provisioning<'a>(&'a self, version: &'a str) -> Provisioning<'a> {
        Provisioning {
            lambda: self.lambda,
            writer: self.writer,
            reporter: self.reporter,
            clock: self.clock,
            interrupt: self.interrupt,
            function: &self.spec.function,
            version,
        }
    }

    async fn follow(&self, scene: &Scene, traffic: &TrafficSpec, run: &mut Run) -> Result<Outcome, Failure> {
        let look = self.look_command();
        if !traffic.is_plain() {
            // A run that dies after its first shift must find its release in the journal.
            self.take_hold(scene, traffic, run).await.map_err(|error| error.failure(&look))?;
        }
        let mut why: Option<Why> = None;
        let mut watcher = Watcher::new(self.monitor, &traffic.watch, &self.spec.function, &self.spec.alias);
        loop {
            let verdict =
                if why.is_none() { self.verdict(&mut watcher, traffic, run).await } else { Verdict::Well };
            if let Verdict::Bad(reason) = &verdict {
                why = Some(Why::Breach(reason.clone()));
            }
            let observation = match why {
                Some(_) => Observation::Bad,
                None if self.interrupt.is_requested() => Observation::Stop(traffic.on_stop),
                None => Observation::Well,
            };
            let now = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let (action, next) = traffic.strategy.next(run.state, traffic.bake, observation, now);
            let goes_on = observation == Observation::Well && !matches!(action, Action::Wait(_));
            match verdict {
                // What cannot be seen now is no reason to go on, and not yet one to go back.
                Verdict::Unseen(reason) if goes_on => {
                    watcher.seen = Some(reason);
                    self.wait(run, &watcher, BLIND_PAUSE, BLIND_PAUSE).await;
                    continue;
                }
                Verdict::TooLittle(reason) if goes_on && self.needs_data(traffic) => {
                    why = Some(Why::Breach(format!("no data is not health: {reason}")));
                    continue;
                }
                _ => {}
            }
            let moved = match action {
                Action::Wait(rest) => {
                    self.wait(run, &watcher, watcher.pause(rest), rest).await;
                    continue;
                }
                Action::End => {
                    run.findings.extend(watcher.seen.take().map(|seen| Finding::info("guard", seen)));
                    run.state = next;
                    return self.end(scene, traffic, run, why).await;
                }
                Action::Shift(weight) => {
                    let to = Place::split(run.intent.from.version.as_str(), run.intent.to.as_str(), weight);
                    self.forward(scene, traffic, run, next, &to).await
                }
                Action::ShiftAll => {
                    let to = Place::whole(run.intent.to.as_str());
                    self.forward(scene, traffic, run, next, &to).await
                }
                Action::MoveBack => {
                    run.findings.extend(watcher.seen.take().map(|seen| Finding::info("guard", seen)));
                    return self.back(scene, run, why).await;
                }
            };
            match moved {
                Ok(()) => {
                    let since = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
                    run.state = next.begun_at(since);
                }
                Err(error @ ReleaseError::Cloud(_)) if run.state != State::Before => {
                    why = Some(Why::Failed(error));
                }
                Err(error) => {
                    if let (State::Before, ReleaseError::Cloud(_)) = (run.state, &error) {
                        // It was refused for good: nobody shall wonder whether it was made.
                        run.intent = Intent { given_up: true, until: 0, ..run.intent.clone() };
                        self.close(scene, run).await;
                    }
                    return Err(self.stuck(run, error));
                }
            }
        }
    }

    /// What alarms and metrics say of the version that has traffic.
    async fn verdict(&self, watcher: &mut Watcher<'_>, traffic: &TrafficSpec, run: &Run) -> Verdict {
        let watches = match run.state {
            State::Holding { .. } => true,
            State::Baking { .. } => !traffic.bake.is_zero(),
            State::Before | State::Finished | State::MovedBack | State::Held => false,
        };
        if !watches {
            return Verdict::Well;
        }
        watcher.look(&run.seen.place, &run.intent.to, run.watched_since, self.clock.now()).await
    }

    fn needs_data(&self, traffic: &TrafficSpec) -> bool {
        traffic.watch.guard.as_ref().is_some_and(|guard| guard.on_no_data == OnNoData::Rollback)
    }

    /// A move that failed, and where nothing can be done about it from here.
    fn stuck(&self, run: &Run, error: ReleaseError) -> Failure {
        let failure = error.failure(&self.look_command());
        match (run.state, &error) {
            (State::Before, _) | (_, ReleaseError::Unknown { .. }) => failure,
            // Traffic is on its way, and somebody else has it in hand now.
            _ => Failure { stage: Stage::TrafficUnknown, ..failure },
        }
    }

    /// Writes the release down, and after a resumption makes sure that whoever began it can move nothing more.
    async fn take_hold(
        &self,
        scene: &Scene,
        traffic: &TrafficSpec,
        run: &mut Run,
    ) -> Result<(), ReleaseError> {
        let hold = traffic.strategy.steps().first().map_or(traffic.bake, |step| step.hold);
        self.promise(run, hold);
        if scene.journal.begin(&self.spec.alias, &scene.seen.place, &run.intent).is_none() {
            return Err(ReleaseError::Refused {
                kind: "strategy",
                message: format!("the strategy {} is too long for the journal", traffic.strategy),
                hint: "use fewer steps".to_owned(),
            });
        }
        let unwritten = self.note(scene, &run.intent).await;
        run.findings.extend(unwritten);
        if run.state != State::Before {
            // A change that changes nothing gives the alias a new revision, which is the guard of every move.
            let place = run.seen.place.clone();
            run.seen = self.shifter(scene, &run.intent.id, PATIENCE).shift(&run.seen, &place).await?;
        }
        Ok(())
    }

    /// Says until when this run will be heard of again.
    fn promise(&self, run: &mut Run, hold: Duration) {
        run.intent.until = seconds(self.clock.now() + hold + GRACE);
    }

    pub(super) fn shifter<'a>(&'a self, scene: &'a Scene, id: &'a str, patience: Duration) -> Shifter<'a> {
        Shifter {
            reader: self.lambda,
            writer: self.writer,
            reporter: self.reporter,
            clock: self.clock,
            function: &self.spec.function,
            alias: &self.spec.alias,
            patience,
            known: Some([id, scene.journal.intent().map_or("", |intent| intent.id.as_str())]),
        }
    }

    async fn forward(
        &self,
        scene: &Scene,
        traffic: &TrafficSpec,
        run: &mut Run,
        next: State,
        to: &Place,
    ) -> Result<(), ReleaseError> {
        let hold = match next {
            State::Holding { step, .. } => {
                traffic.strategy.steps().get(step).map_or(Duration::ZERO, |step| step.hold)
            }
            _ => traffic.bake,
        };
        let name = if to.is_split() { "shift_traffic" } else { "move_alias" };
        let detail = format!("alias {} from {} to {to}", self.spec.alias, run.seen.place);
        let begun = self.started(name, &detail);
        self.interrupt.note_traffic();
        let id = run.intent.id.clone();
        let shifter = self.shifter(scene, &id, PATIENCE);
        let moved = if traffic.is_plain() {
            // One move, whose entry in the journal counts once the alias proves it.
            let remembers = scene.journal.remembers(&run.seen.place.version);
            let note = self.note(scene, &run.intent);
            let (moved, unwritten) = moved_and_noted(remembers, shifter.shift(&run.seen, to), note).await;
            run.findings.extend(unwritten);
            moved
        } else {
            shifter.shift(&run.seen, to).await
        };
        self.ended(run, name, detail, begun, moved.is_ok());
        run.seen = moved?;
        if !to.is_split() {
            // The alias as a whole has metrics of the old version too, up to the end of this minute.
            let second = seconds(self.clock.now());
            run.watched_since = UNIX_EPOCH + Duration::from_secs((second / 60 + 1) * 60);
        }
        if !hold.is_zero() {
            // Only now: whoever has taken the release over is told by the entry that would be overwritten here.
            self.promise(run, hold);
            let unwritten = self.note(scene, &run.intent).await;
            run.findings.extend(unwritten);
        }
        Ok(())
    }

    /// Writes this run's entry of the journal.
    pub(super) async fn note(&self, scene: &Scene, intent: &Intent) -> Option<Finding> {
        let tags = scene.journal.begin(&self.spec.alias, &scene.seen.place, intent)?;
        JournalWriter { lambda: self.writer, clock: self.clock, arn: &scene.latest.arn }.write(&tags).await
    }

    pub(super) fn started(&self, step: &'static str, detail: &str) -> SystemTime {
        self.reporter.report(Event::StepStarted { step, detail: detail.to_owned() });
        self.clock.now()
    }

    pub(super) fn ended(
        &self,
        run: &mut Run,
        step: &'static str,
        detail: String,
        begun: SystemTime,
        well: bool,
    ) {
        let elapsed = self.clock.now().duration_since(begun).unwrap_or_default();
        if well {
            self.reporter.report(Event::StepDone { step, detail: detail.clone(), elapsed });
        }
        let status = if well { StepStatus::Done } else { StepStatus::Failed };
        run.steps.push(StepReport { step, status, detail, elapsed });
    }

    /// Waits until the next look, or until the user asks to stop. `rest` is what is left of the step.
    async fn wait(&self, run: &Run, watcher: &Watcher<'_>, pause: Duration, rest: Duration) {
        let what = format!("alias {}", self.spec.alias);
        let seen = watcher.seen.as_ref().map(|seen| format!("; {seen}")).unwrap_or_default();
        self.reporter.report(Event::Waiting { what, state: format!("{}{seen}", run.seen.place) });
        let mut waited = Duration::ZERO;
        while waited < pause {
            self.reporter.report(Event::Traffic(self.view(run, watcher, rest.saturating_sub(waited))));
            let slice = TICK.min(pause - waited);
            // Asked to stop, the state machine decides what that means.
            if self.interrupt.or(self.clock.sleep(slice)).await.is_err() {
                return;
            }
            waited += slice;
        }
    }

    fn view(&self, run: &Run, watcher: &Watcher<'_>, rest: Duration) -> TrafficView {
        let share = run.seen.place.weights.get(&run.intent.to).copied();
        TrafficView {
            alias: self.spec.alias.to_string(),
            old: run.intent.from.version.clone(),
            new: run.intent.to.clone(),
            share: share.unwrap_or(1.0),
            rest,
            traffic: watcher.traffic,
        }
    }
}
