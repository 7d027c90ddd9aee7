//! Following a deployment to its end, wherever it was created: its own words, and the alias as it is.

use std::time::{Duration, SystemTime};

use tokio::join;

use super::CodeDeployAccess;
use crate::apply::Interrupt;
use crate::cloud::{CloudError, CloudErrorKind, Deployment, DeploymentTarget, LambdaReader};
use crate::event::{Event, Reporter, TrafficView};
use crate::name::{AliasName, FunctionName};
use crate::release::codedeploy::{evidence, has_moved};
use crate::release::drive::Clock;
use crate::release::{Intent, Look, Place, Progress, Status};
use crate::report::{StepReport, StepStatus};

/// The shortest and the longest pause between two looks. In between it is a part of the time in which nothing has changed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often a terminal is told how the traffic stands.
const TICK: Duration = Duration::from_secs(1);
/// How long an alias may take to come to where it belongs once nothing moves it any more.
const SETTLE: Duration = Duration::from_secs(60);
/// For how long a deployment is followed that cannot be seen.
const BLIND: Duration = Duration::from_secs(600);
/// For how long a stop is asked for, and how long is waited for what comes of it.
const STOP: Duration = Duration::from_secs(60);

/// How a deployment ended, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::release::drive) enum Ended {
    /// All traffic is on the new version.
    Released,
    /// It ended before traffic moved.
    NeverMoved(String),
    /// Traffic moved, and is back.
    MovedBack(String),
    /// Somebody must look at the alias.
    Stuck(String),
    /// It goes on, and can no longer be seen.
    Blind(String),
    /// The user asked to stop.
    Asked,
}

/// Follows one deployment.
pub(in crate::release::drive) struct Follower<'a> {
    pub(in crate::release::drive) access: CodeDeployAccess<'a>,
    pub(in crate::release::drive) lambda: &'a dyn LambdaReader,
    pub(in crate::release::drive) reporter: &'a dyn Reporter,
    pub(in crate::release::drive) clock: &'a dyn Clock,
    /// Whether the user asked to stop; none where that no longer matters.
    pub(in crate::release::drive) interrupt: Option<&'a Interrupt>,
    pub(in crate::release::drive) function: &'a FunctionName,
    pub(in crate::release::drive) alias: &'a AliasName,
    /// The release, as the journal has it.
    pub(in crate::release::drive) intent: &'a Intent,
    /// The deployment's id.
    pub(in crate::release::drive) id: &'a str,
    /// The most time that it may take; none for as long as it takes.
    pub(in crate::release::drive) limit: Option<Duration>,
}

/// What one look brought.
struct Seen {
    deployment: Deployment,
    target: Option<DeploymentTarget>,
    rollback: Option<Deployment>,
    place: Option<Place>,
}

/// What is remembered from one look to the next.
struct Memory {
    begun: SystemTime,
    /// What was last told, and since when that is so.
    told: String,
    since: SystemTime,
    place: Option<Place>,
    /// Since when the alias has its share.
    held_since: SystemTime,
    moved: bool,
    /// Since when nothing could be seen.
    blind_since: Option<SystemTime>,
    settling_since: Option<SystemTime>,
    evidence: String,
}

impl Follower<'_> {
    /// Follows it to its end. The events of its life become `steps`; where the alias was last seen is left in `place`.
    pub(in crate::release::drive) async fn follow(
        &self,
        steps: &mut Vec<StepReport>,
        place: &mut Option<Place>,
    ) -> Ended {
        let now = self.clock.now();
        let mut memory = Memory {
            begun: now,
            told: String::new(),
            since: now,
            place: None,
            held_since: now,
            moved: false,
            blind_since: None,
            settling_since: None,
            evidence: format!("deployment {} was never seen", self.id),
        };
        loop {
            match self.look().await {
                Ok(seen) => {
                    memory.blind_since = None;
                    if let Some(ended) = self.judge(&seen, &mut memory, steps, place) {
                        return ended;
                    }
                }
                Err(error) => {
                    if let Some(ended) = self.blind(&error, &mut memory) {
                        return ended;
                    }
                }
            }
            if self.limit.is_some_and(|limit| self.since(memory.begun) >= limit) {
                return Ended::Stuck(memory.evidence);
            }
            if self.wait(&memory).await {
                return Ended::Asked;
            }
        }
    }

    /// Asks CodeDeploy to stop it and to take it back: one call, sent again only where it was not taken.
    pub(in crate::release::drive) async fn stop(&self) -> Result<(), CloudError> {
        let begun = self.clock.now();
        loop {
            let error = match self.access.writer.stop_deployment(self.id).await {
                Ok(()) => return Ok(()),
                Err(error) if is_over(&error) => return Ok(()),
                Err(error) => error,
            };
            let passes = error.is_answer_lost() || error.kind == CloudErrorKind::Throttled;
            if !passes || self.since(begun) >= STOP {
                return Err(error);
            }
            let what = format!("stopping deployment {}", self.id);
            self.reporter.report(Event::Waiting { what, state: error.message });
            self.clock.sleep(Duration::from_millis(500)).await;
        }
    }

    /// The same follower for what comes after a stop: it listens to nobody any more, and does not wait for ever.
    pub(in crate::release::drive) fn after_stop(&self) -> Self {
        Self { interrupt: None, limit: Some(STOP), ..*self }
    }

    async fn look(&self) -> Result<Seen, CloudError> {
        let reader = self.access.reader;
        let (deployment, target, alias) = join!(
            reader.deployment(self.id),
            reader.target(self.id),
            self.lambda.alias(self.function, self.alias),
        );
        let deployment = deployment?.ok_or_else(|| gone(self.id))?;
        let rollback = match &deployment.rollback_id {
            Some(id) => reader.deployment(id).await?,
            None => None,
        };
        // Whoever may not see the target sees the alias at least, and the other way round.
        let place = alias.ok().flatten().map(|alias| Place::of(&alias));
        Ok(Seen { deployment, target: target.ok().flatten(), rollback, place })
    }

    fn judge(
        &self,
        seen: &Seen,
        memory: &mut Memory,
        steps: &mut Vec<StepReport>,
        place: &mut Option<Place>,
    ) -> Option<Ended> {
        let (from, to) = (self.intent.from.version.as_str(), self.intent.to.as_str());
        let now = self.clock.now();
        if seen.place.is_some() {
            place.clone_from(&seen.place);
        }
        if seen.place != memory.place {
            memory.place.clone_from(&seen.place);
            memory.held_since = now;
        }
        memory.moved |= seen.target.as_ref().is_some_and(has_moved)
            || seen.place.as_ref().is_some_and(|place| *place != Place::whole(from));
        memory.evidence = evidence(&seen.deployment, seen.target.as_ref());
        self.tell(seen, memory, steps);
        let look = Look {
            status: Status::of(&seen.deployment.status),
            rollback: seen.rollback.as_ref().map(|rollback| Status::of(&rollback.status)),
            place: seen.place.as_ref(),
            from,
            to,
            moved: memory.moved,
        };
        let evidence = || memory.evidence.clone();
        match look.progress() {
            Progress::GoesOn => None,
            Progress::Released => Some(Ended::Released),
            Progress::NeverMoved => Some(Ended::NeverMoved(evidence())),
            Progress::MovedBack => Some(Ended::MovedBack(evidence())),
            Progress::Stuck => Some(Ended::Stuck(evidence())),
            Progress::Settling => {
                let since = *memory.settling_since.get_or_insert(now);
                // As long as CodeDeploy itself is at work, it is waited for.
                let at_work = look.rollback == Some(Status::Active);
                let spent = !at_work && now.duration_since(since).unwrap_or_default() >= SETTLE;
                spent.then(|| Ended::Stuck(evidence()))
            }
        }
    }

    /// Tells what has changed since the last look.
    fn tell(&self, seen: &Seen, memory: &mut Memory, steps: &mut Vec<StepReport>) {
        let mut state = seen.deployment.status.clone();
        for event in seen.target.iter().flat_map(|target| &target.events) {
            match event.status.as_str() {
                "InProgress" => state = format!("{} is in progress", event.name),
                "Succeeded" | "Failed" => self.tell_event(event, steps),
                _ => {}
            }
        }
        if let Some(rollback) = &seen.rollback {
            state =
                format!("{}, and rollback {} is {}", seen.deployment.status, rollback.id, rollback.status);
        }
        if let Some(place) = &seen.place {
            state.push_str(&format!("; {place}"));
        }
        if state != memory.told {
            memory.told.clone_from(&state);
            memory.since = self.clock.now();
        }
        self.reporter.report(Event::Waiting { what: format!("deployment {}", self.id), state });
    }

    fn tell_event(&self, event: &crate::cloud::LifecycleEvent, steps: &mut Vec<StepReport>) {
        let Some(step) = step_of(&event.name) else { return };
        if steps.iter().any(|told| told.step == step) {
            return;
        }
        let detail = format!("{} of deployment {}", event.name, self.id);
        let elapsed = event.elapsed.unwrap_or_default();
        let status = if event.status == "Succeeded" { StepStatus::Done } else { StepStatus::Failed };
        if status == StepStatus::Done {
            self.reporter.report(Event::StepDone { step, detail: detail.clone(), elapsed });
        }
        steps.push(StepReport { step, status, detail, elapsed });
    }

    fn blind(&self, error: &CloudError, memory: &mut Memory) -> Option<Ended> {
        let hopeless = matches!(
            error.kind,
            CloudErrorKind::AccessDenied | CloudErrorKind::Credentials | CloudErrorKind::NotFound
        );
        let since = *memory.blind_since.get_or_insert(self.clock.now());
        let (what, state) = (format!("deployment {}", self.id), error.to_string());
        if hopeless || self.since(since) >= BLIND {
            return Some(Ended::Blind(state));
        }
        self.reporter.report(Event::Waiting { what, state });
        None
    }

    fn since(&self, moment: SystemTime) -> Duration {
        self.clock.now().duration_since(moment).unwrap_or_default()
    }

    /// Waits until the next look; true when the user asked to stop.
    async fn wait(&self, memory: &Memory) -> bool {
        let pause = (self.since(memory.since) / 8).clamp(PAUSES.0, PAUSES.1);
        let mut waited = Duration::ZERO;
        while waited < pause {
            self.reporter.report(Event::Traffic(self.view(memory)));
            let slice = TICK.min(pause - waited);
            match self.interrupt {
                Some(interrupt) => {
                    if interrupt.or(self.clock.sleep(slice)).await.is_err() {
                        return true;
                    }
                }
                None => self.clock.sleep(slice).await,
            }
            waited += slice;
        }
        false
    }

    /// The traffic for a terminal. CodeDeploy does not say when it shifts next: that is counted from when the share was first seen.
    fn view(&self, memory: &Memory) -> TrafficView {
        let Intent { from, to, strategy, .. } = self.intent;
        let share = match &memory.place {
            Some(place) if place.version == *to => 1.0,
            Some(place) => place.weights.get(to).copied().unwrap_or(0.0),
            None => 0.0,
        };
        let step = strategy.step_of(share).and_then(|step| strategy.steps().get(step));
        let rest =
            step.map_or(Duration::ZERO, |step| step.hold.saturating_sub(self.since(memory.held_since)));
        TrafficView {
            alias: self.alias.to_string(),
            old: from.version.clone(),
            new: to.clone(),
            share,
            rest,
            traffic: None,
        }
    }
}

/// The step of the report for an event of a deployment's life.
fn step_of(event: &str) -> Option<&'static str> {
    match event {
        "BeforeAllowTraffic" => Some("before_allow_traffic"),
        "AllowTraffic" => Some("allow_traffic"),
        "AfterAllowTraffic" => Some("after_allow_traffic"),
        _ => None,
    }
}

/// Whether a stop came too late: the deployment has ended.
fn is_over(error: &CloudError) -> bool {
    error.code.as_deref() == Some("DeploymentAlreadyCompletedException")
}

fn gone(id: &str) -> CloudError {
    CloudError {
        service: "AWS CodeDeploy",
        operation: "GetDeployment",
        kind: CloudErrorKind::NotFound,
        code: None,
        status: None,
        message: format!("deployment {id} does not exist"),
        request_id: None,
    }
}
