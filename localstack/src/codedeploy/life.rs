//! The life of deployments: what was to happen by now happens.

use std::time::Duration;

use serde_json::{Value, json};

use super::deployment::{Deployment, EVENTS, Event, Moment, Plan, Stage};
use super::port::{Hook, Port};
use super::refusal::Refusal;
use super::request::required;
use super::settings::CodeDeploySettings;
use super::shelf::{Shelf, new_id};

/// How long a hook has to report, in CodeDeploy's minutes.
const HOOK_MINUTES: u32 = 60;

const BEFORE: usize = 0;
const ALLOW: usize = 1;
const AFTER: usize = 2;

/// How a deployment ends early.
enum End {
    Failed { code: &'static str, message: String },
    Alarm { name: String },
    Stopped { roll_back: bool },
}

/// Lets the deployments of a shelf live.
pub(super) struct Life<'a> {
    pub(super) settings: &'a CodeDeploySettings,
    pub(super) port: Port<'a>,
    pub(super) now: Moment,
}

fn milliseconds(duration: Duration) -> Moment {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

impl Life<'_> {
    /// Everything that was to happen by now, in all deployments.
    pub(super) fn settle(&self, shelf: &mut Shelf) {
        let mut index = 0;
        // Taking one back adds one at the end.
        while index < shelf.deployments.len() {
            while let Some(end) = self.step(&mut shelf.deployments[index]) {
                self.end(shelf, index, end);
            }
            index += 1;
        }
    }

    /// When a deployment that is created now begins.
    pub(super) fn begins(&self) -> Moment {
        self.now + milliseconds(self.settings.start)
    }

    fn minutes(&self, count: u64) -> Moment {
        milliseconds(self.settings.minute).saturating_mul(count)
    }

    /// Lets one deployment live until it waits for something; how it ends early, if it does.
    fn step(&self, deployment: &mut Deployment) -> Option<End> {
        loop {
            let alarm = self.port.firing(&deployment.alarms).filter(|_| deployment.takes_back.is_none());
            if let (Some(name), true) = (alarm, deployment.is_active() && deployment.started.is_some()) {
                return Some(End::Alarm { name: name.clone() });
            }
            match deployment.stage.clone() {
                Stage::Over => return None,
                Stage::Waiting { at } if self.now < at => return None,
                Stage::Waiting { at } => {
                    deployment.started = Some(at);
                    deployment.status = "InProgress".to_owned();
                    if deployment.takes_back.is_some() {
                        return self.take_back(deployment, at);
                    }
                    if let Some(end) = self.begin(deployment, at) {
                        return Some(end);
                    }
                }
                Stage::Hook { event, until } => {
                    if self.now < until {
                        return None;
                    }
                    let message = format!("The hook of {} did not report in time.", EVENTS[event]);
                    return Some(fail_event(deployment, event, until, message));
                }
                Stage::Shifting { made, since } => {
                    let shifts = deployment.routing.shifts();
                    let Some((minutes, percent)) = shifts.get(made).copied() else {
                        let at = shifts.last().map_or(since, |(minutes, _)| since + self.minutes(*minutes));
                        close(&mut deployment.events[ALLOW], "Succeeded", at);
                        if let Some(end) = self.hook(deployment, AFTER, at) {
                            return Some(end);
                        }
                        continue;
                    };
                    if self.now < since + self.minutes(minutes) {
                        return None;
                    }
                    if let Err(message) = self.port.shift(&deployment.plan, percent) {
                        return Some(fail_event(deployment, ALLOW, self.now, message));
                    }
                    deployment.percent = percent;
                    deployment.stage = Stage::Shifting { made: made + 1, since };
                }
            }
        }
    }

    fn begin(&self, deployment: &mut Deployment, at: Moment) -> Option<End> {
        let Plan { current, target, .. } = &deployment.plan;
        let checked = if current == target {
            Err("TargetVersion and CurrentVersion are the same.".to_owned())
        } else {
            self.port.check_alias(&deployment.plan)
        };
        if let Err(why) = checked {
            let message = format!(
                "The deployment failed because the AppSpec file that specifies the AWS Lambda deployment configuration is missing or has \
                 an invalid configuration. {why}"
            );
            return Some(End::Failed { code: "INVALID_LAMBDA_CONFIGURATION", message });
        }
        self.hook(deployment, BEFORE, at)
    }

    /// Invokes a hook, or goes on where there is none.
    fn hook(&self, deployment: &mut Deployment, event: usize, at: Moment) -> Option<End> {
        deployment.events[event].status = "InProgress".to_owned();
        deployment.events[event].started = Some(at);
        let hook =
            if event == BEFORE { deployment.plan.before.clone() } else { deployment.plan.after.clone() };
        let Some(hook) = hook else {
            self.go_on(deployment, event, at);
            return None;
        };
        match self.port.invoke(&hook, &deployment.id, &deployment.execution_id(event)) {
            Hook::Silent => {
                deployment.stage = Stage::Hook { event, until: at + self.minutes(HOOK_MINUTES.into()) };
                None
            }
            Hook::Reported(status) => self.reported(deployment, event, &status, at),
            Hook::Broken(message) => Some(fail_event(deployment, event, at, message)),
        }
    }

    fn reported(&self, deployment: &mut Deployment, event: usize, status: &str, at: Moment) -> Option<End> {
        if status == "Succeeded" {
            self.go_on(deployment, event, at);
            return None;
        }
        let message = format!("The hook of {} reported {status}.", EVENTS[event]);
        Some(fail_event(deployment, event, at, message))
    }

    fn go_on(&self, deployment: &mut Deployment, event: usize, at: Moment) {
        close(&mut deployment.events[event], "Succeeded", at);
        if event == BEFORE {
            deployment.events[ALLOW].status = "InProgress".to_owned();
            deployment.events[ALLOW].started = Some(at);
            deployment.stage = Stage::Shifting { made: 0, since: at };
        } else {
            deployment.status = "Succeeded".to_owned();
            deployment.completed = Some(at);
            deployment.stage = Stage::Over;
        }
    }

    /// A deployment that takes another back moves all traffic at once.
    fn take_back(&self, deployment: &mut Deployment, at: Moment) -> Option<End> {
        let moved = match self.settings.rollbacks_fail {
            true => Err("The rollback could not move the traffic.".to_owned()),
            false => self.port.shift(&deployment.plan, 100),
        };
        if let Err(message) = moved {
            return Some(End::Failed { code: "INVALID_LAMBDA_CONFIGURATION", message });
        }
        deployment.percent = 100;
        deployment.events.iter_mut().for_each(|event| close(event, "Succeeded", at));
        deployment.status = "Succeeded".to_owned();
        deployment.completed = Some(at);
        deployment.stage = Stage::Over;
        None
    }

    /// Ends a deployment early, and has it taken back where traffic had moved.
    fn end(&self, shelf: &mut Shelf, index: usize, end: End) {
        let deployment = &mut shelf.deployments[index];
        let (status, error, wanted) = match end {
            End::Failed { code, message } => ("Failed", (code, message), "DEPLOYMENT_FAILURE"),
            End::Alarm { name } => (
                "Stopped",
                (
                    "ALARM_ACTIVE",
                    format!(
                        "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the \
                         affected deployments have been stopped. Activated alarms: <{name}>"
                    ),
                ),
                "DEPLOYMENT_STOP_ON_ALARM",
            ),
            End::Stopped { roll_back } => {
                let message = "The deployment was stopped on request.".to_owned();
                (
                    "Stopped",
                    ("MANUAL_STOP", message),
                    if roll_back { "" } else { "DEPLOYMENT_STOP_ON_REQUEST" },
                )
            }
        };
        deployment.status = status.to_owned();
        deployment.error = Some((error.0.to_owned(), error.1));
        deployment.completed = Some(self.now);
        deployment.stage = Stage::Over;
        for event in deployment.events.iter_mut().filter(|event| event.ended.is_none()) {
            event.status = if event.started.is_some() { "Failed" } else { "Skipped" }.to_owned();
            event.ended = event.started.map(|_| self.now);
        }
        let takes_back = wanted.is_empty() || deployment.rollback_events.iter().any(|event| event == wanted);
        if deployment.percent == 0 || !takes_back || deployment.takes_back.is_some() {
            return;
        }
        let plan = &deployment.plan;
        let back = Plan {
            current: plan.target.clone(),
            target: plan.current.clone(),
            before: None,
            after: None,
            ..plan.clone()
        };
        let rollback = Deployment {
            id: new_id(),
            description: String::new(),
            creator: "codeDeployRollback".to_owned(),
            revision: json!({ "revisionType": "AppSpecContent" }),
            plan: back,
            status: "Created".to_owned(),
            created: self.now,
            started: None,
            completed: None,
            error: None,
            takes_back: Some(deployment.id.clone()),
            stage: Stage::Waiting { at: self.now + milliseconds(self.settings.rollback_start) },
            events: vec![Event::pending(), Event::pending(), Event::pending()],
            percent: 0,
            ..deployment.clone()
        };
        deployment.rollback_id = Some(rollback.id.clone());
        deployment.rollback_message = Some(format!("Deployment {} is rolling back", rollback.id));
        shelf.deployments.push(rollback);
    }

    /// StopDeployment.
    pub(super) fn stop(&self, shelf: &mut Shelf, input: &Value) -> Result<Value, Refusal> {
        let id = required(input, "deploymentId", "DeploymentIdRequiredException")?;
        let index = shelf.deployments.iter().position(|found| found.id == id);
        let index = index.ok_or_else(|| Refusal::no_deployment(id))?;
        if !shelf.deployments[index].is_active() {
            let message = format!("The deployment {id} is already completed");
            return Err(Refusal::new("DeploymentAlreadyCompletedException", message));
        }
        let roll_back = input.get("autoRollbackEnabled").and_then(Value::as_bool) == Some(true);
        self.end(shelf, index, End::Stopped { roll_back });
        Ok(
            json!({ "status": "Succeeded", "statusMessage": "No more commands will be scheduled for execution" }),
        )
    }

    /// PutLifecycleEventHookExecutionStatus.
    pub(super) fn report(&self, shelf: &mut Shelf, input: &Value) -> Result<Value, Refusal> {
        let id = required(input, "deploymentId", "DeploymentIdRequiredException")?;
        let execution = required(
            input,
            "lifecycleEventHookExecutionId",
            "InvalidLifecycleEventHookExecutionIdException",
        )?;
        let status = required(input, "status", "InvalidLifecycleEventHookExecutionStatusException")?;
        let index = shelf.deployments.iter().position(|found| found.id == id);
        let index = index.ok_or_else(|| Refusal::no_deployment(id))?;
        let deployment = &mut shelf.deployments[index];
        let Stage::Hook { event, .. } = deployment.stage else {
            let message = "The lifecycle event has already completed.";
            return Err(Refusal::new("LifecycleEventAlreadyCompletedException", message));
        };
        if execution != deployment.execution_id(event) {
            let message = "The lifecycle event hook execution id is invalid.";
            return Err(Refusal::new("InvalidLifecycleEventHookExecutionIdException", message));
        }
        if let Some(end) = self.reported(deployment, event, status, self.now) {
            self.end(shelf, index, end);
        }
        self.settle(shelf);
        Ok(json!({ "lifecycleEventHookExecutionId": execution }))
    }
}

fn close(event: &mut Event, status: &str, at: Moment) {
    status.clone_into(&mut event.status);
    event.started.get_or_insert(at);
    event.ended = Some(at);
}

fn fail_event(deployment: &mut Deployment, event: usize, at: Moment, message: String) -> End {
    close(&mut deployment.events[event], "Failed", at);
    deployment.events[event].message = Some(message);
    let message = format!("The deployment failed because the lifecycle event {} failed.", EVENTS[event]);
    End::Failed { code: "HOOK_EXECUTION_FAILURE", message }
}
