//! A deployment: what it shall do, how far it is, and how it is told.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::routing::Routing;

/// The events of a deployment's life, in order.
pub(super) const EVENTS: [&str; 3] = ["BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"];

/// A moment: milliseconds since 1970.
pub(super) type Moment = u64;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) application: String,
    pub(super) group: String,
    pub(super) config: String,
    pub(super) routing: Routing,
    pub(super) description: String,
    /// `user`, or `codeDeployRollback`.
    pub(super) creator: String,
    /// The revision, as it was given.
    pub(super) revision: Value,
    pub(super) plan: Plan,
    pub(super) alarms: Vec<String>,
    pub(super) rollback_events: Vec<String>,
    pub(super) status: String,
    pub(super) created: Moment,
    pub(super) started: Option<Moment>,
    pub(super) completed: Option<Moment>,
    pub(super) error: Option<(String, String)>,
    pub(super) rollback_id: Option<String>,
    pub(super) rollback_message: Option<String>,
    /// The deployment that this one takes back.
    pub(super) takes_back: Option<String>,
    pub(super) stage: Stage,
    pub(super) events: Vec<Event>,
    /// The new version's share, in percent.
    pub(super) percent: u64,
}

/// What the AppSpec says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) function: String,
    pub(super) alias: String,
    pub(super) current: String,
    pub(super) target: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// It begins then.
    Waiting { at: Moment },
    /// A hook was invoked, and has until then to report.
    Hook { event: usize, until: Moment },
    /// So many shifts have been made since then.
    Shifting { made: usize, since: Moment },
    /// Nothing more happens.
    Over,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) status: String,
    pub(super) started: Option<Moment>,
    pub(super) ended: Option<Moment>,
    pub(super) message: Option<String>,
}

impl Event {
    pub(super) fn pending() -> Self {
        Event { status: "Pending".to_owned(), started: None, ended: None, message: None }
    }
}

impl Plan {
    /// Reads an AppSpec in JSON.
    pub(super) fn read(content: &str) -> Result<Self, Refusal> {
        let wrong = || {
            Refusal::new(
                "InvalidRevisionException",
                "The AppSpec content is missing or has an invalid configuration.",
            )
        };
        let document: Value = serde_json::from_str(content).map_err(|_| wrong())?;
        let resources = document.get("Resources").and_then(Value::as_array).ok_or_else(wrong)?;
        let [resource] = resources.as_slice() else { return Err(wrong()) };
        let resource = resource.as_object().and_then(|named| named.values().next()).ok_or_else(wrong)?;
        let kind = resource.get("Type").and_then(Value::as_str);
        if document.get("version").is_none() || kind != Some("AWS::Lambda::Function") {
            return Err(wrong());
        }
        let property = |name: &str| {
            let value = resource.get("Properties").and_then(|properties| properties.get(name));
            value.and_then(Value::as_str).map(str::to_owned).ok_or_else(wrong)
        };
        let hooks = document.get("Hooks").and_then(Value::as_array).cloned().unwrap_or_default();
        let hook = |event: &str| {
            hooks.iter().find_map(|hook| hook.get(event)).and_then(Value::as_str).map(str::to_owned)
        };
        Ok(Plan {
            function: property("Name")?,
            alias: property("Alias")?,
            current: property("CurrentVersion")?,
            target: property("TargetVersion")?,
            before: hook("BeforeAllowTraffic"),
            after: hook("AfterAllowTraffic"),
        })
    }
}

fn seconds(moment: Moment) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit")]
    let seconds = moment as f64 / 1000.0;
    json!(seconds)
}

impl Deployment {
    pub(super) fn is_active(&self) -> bool {
        self.stage != Stage::Over
    }

    /// What a hook reports with: the deployment and the event.
    pub(super) fn execution_id(&self, event: usize) -> String {
        format!("{}-{}", self.id, EVENTS[event])
    }

    /// DeploymentInfo.
    pub(super) fn view(&self) -> Value {
        let mut info = json!({
            "applicationName": self.application,
            "deploymentGroupName": self.group,
            "deploymentConfigName": self.config,
            "deploymentId": self.id,
            "revision": self.revision,
            "status": self.status,
            "createTime": seconds(self.created),
            "description": self.description,
            "creator": self.creator,
            "computePlatform": "Lambda",
            "ignoreApplicationStopFailures": false,
            "updateOutdatedInstancesOnly": false,
            "autoRollbackConfiguration":
                { "enabled": !self.rollback_events.is_empty(), "events": self.rollback_events },
            "deploymentStyle": { "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL" },
        });
        for (member, moment) in [("startTime", self.started), ("completeTime", self.completed)] {
            if let Some(moment) = moment {
                info[member] = seconds(moment);
            }
        }
        if let Some((code, message)) = &self.error {
            info["errorInformation"] = json!({ "code": code, "message": message });
        }
        let rollback = [
            ("rollbackDeploymentId", &self.rollback_id),
            ("rollbackTriggeringDeploymentId", &self.takes_back),
            ("rollbackMessage", &self.rollback_message),
        ];
        for (member, value) in rollback {
            if let Some(value) = value {
                info["rollbackInfo"][member] = json!(value);
            }
        }
        if !self.alarms.is_empty() {
            let alarms: Vec<Value> = self.alarms.iter().map(|name| json!({ "name": name })).collect();
            info["overrideAlarmConfiguration"] =
                json!({ "enabled": true, "ignorePollAlarmFailure": false, "alarms": alarms });
        }
        info
    }

    pub(super) fn target_id(&self) -> String {
        format!("{}:{}", self.plan.function, self.plan.alias)
    }

    /// DeploymentTarget.
    pub(super) fn target_view(&self) -> Value {
        let events: Vec<Value> = EVENTS
            .iter()
            .zip(&self.events)
            .map(|(name, event)| {
                let mut view = json!({ "lifecycleEventName": name, "status": event.status });
                if let Some(started) = event.started {
                    view["startTime"] = seconds(started);
                }
                if let Some(ended) = event.ended {
                    view["endTime"] = seconds(ended);
                }
                if let Some(message) = &event.message {
                    view["diagnostics"] = json!({ "errorCode": "UnknownError", "message": message });
                }
                view
            })
            .collect();
        let status = match self.status.as_str() {
            "Created" => "Pending",
            "Stopped" => "Skipped",
            status => status,
        };
        json!({ "deploymentTargetType": "LambdaTarget", "lambdaTarget": {
            "deploymentId": self.id,
            "targetId": self.target_id(),
            "status": status,
            "lifecycleEvents": events,
            "lambdaFunctionInfo": {
                "functionName": self.plan.function,
                "functionAlias": self.plan.alias,
                "currentVersion": self.plan.current,
                "targetVersion": self.plan.target,
                "targetVersionWeight": self.percent,
            },
        }})
    }
}
