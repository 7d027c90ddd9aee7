//! What one account has in one Region: applications, groups, configurations and deployments, and the calls that make and show them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::deployment::{Deployment, Event, Moment, Plan, Stage};
use super::refusal::Refusal;
use super::request::{alarms, name, required, rollback_events, text, texts};
use super::routing::Routing;

/// What is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Shelf {
    applications: BTreeMap<String, Application>,
    configs: BTreeMap<String, Config>,
    /// In order of creation.
    pub(super) deployments: Vec<Deployment>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Application {
    platform: String,
    groups: BTreeMap<String, Group>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Group {
    config: String,
    role: String,
    alarms: Vec<String>,
    rollback_events: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Config {
    platform: String,
    routing: Option<Routing>,
}

impl Shelf {
    pub(super) fn create_application(&mut self, input: &Value) -> Result<Value, Refusal> {
        let name = name(input, "applicationName", "Application")?;
        let platform = text(input, "computePlatform").unwrap_or("Server");
        if !["Lambda", "Server", "ECS"].contains(&platform) {
            let message = "The compute platform should be Lambda, Server, or ECS.";
            return Err(Refusal::new("InvalidComputePlatformException", message));
        }
        if self.applications.contains_key(name) {
            let message = format!("Application already exists: {name}");
            return Err(Refusal::new("ApplicationAlreadyExistsException", message));
        }
        let application = Application { platform: platform.to_owned(), groups: BTreeMap::new() };
        self.applications.insert(name.to_owned(), application);
        Ok(json!({ "applicationId": crate::uuid::uuid() }))
    }

    pub(super) fn get_application(&self, input: &Value) -> Result<Value, Refusal> {
        let name = name(input, "applicationName", "Application")?;
        let found = self.applications.get(name).ok_or_else(|| Refusal::no_application(name))?;
        Ok(
            json!({ "application": { "applicationName": name, "computePlatform": found.platform, "linkedToGitHub": false } }),
        )
    }

    fn group(&self, input: &Value) -> Result<(&str, &Application, &Group), Refusal> {
        let application = name(input, "applicationName", "Application")?;
        let group = name(input, "deploymentGroupName", "DeploymentGroup")?;
        let (_, found) = self
            .applications
            .get_key_value(application)
            .ok_or_else(|| Refusal::no_application(application))?;
        let (group, of_group) = found.groups.get_key_value(group).ok_or_else(|| Refusal::no_group(group))?;
        Ok((group, found, of_group))
    }

    pub(super) fn create_group(&mut self, input: &Value) -> Result<Value, Refusal> {
        let application = name(input, "applicationName", "Application")?;
        let group = name(input, "deploymentGroupName", "DeploymentGroup")?;
        let role = required(input, "serviceRoleArn", "RoleRequiredException")?;
        let config = text(input, "deploymentConfigName").unwrap_or("CodeDeployDefault.LambdaAllAtOnce");
        let platform = match self.applications.get(application) {
            Some(found) => found.platform.clone(),
            None => return Err(Refusal::no_application(application)),
        };
        if platform == "Lambda" {
            self.routing(config)?;
            let style = &input["deploymentStyle"];
            if style["deploymentType"] != "BLUE_GREEN" || style["deploymentOption"] != "WITH_TRAFFIC_CONTROL"
            {
                let message = "The deployment type must be BLUE_GREEN and the deployment option WITH_TRAFFIC_CONTROL for the \
                               compute platform Lambda.";
                return Err(Refusal::new("InvalidDeploymentStyleException", message));
            }
        }
        if !role.starts_with("arn:") || !role.contains(":role/") {
            return Err(Refusal::new("InvalidRoleException", "Cannot assume role provided."));
        }
        let new = Group {
            config: config.to_owned(),
            role: role.to_owned(),
            alarms: alarms(&input["alarmConfiguration"])?,
            rollback_events: rollback_events(&input["autoRollbackConfiguration"])?,
        };
        let groups = &mut self
            .applications
            .get_mut(application)
            .ok_or_else(|| Refusal::no_application(application))?
            .groups;
        if groups.contains_key(group) {
            let message = format!("Deployment Group already exists: {group}");
            return Err(Refusal::new("DeploymentGroupAlreadyExistsException", message));
        }
        groups.insert(group.to_owned(), new);
        Ok(json!({ "deploymentGroupId": crate::uuid::uuid() }))
    }

    pub(super) fn get_group(&self, input: &Value) -> Result<Value, Refusal> {
        let (name, application, group) = self.group(input)?;
        let alarms: Vec<Value> = group.alarms.iter().map(|name| json!({ "name": name })).collect();
        Ok(json!({ "deploymentGroupInfo": {
            "applicationName": input["applicationName"],
            "deploymentGroupName": name,
            "deploymentConfigName": group.config,
            "serviceRoleArn": group.role,
            "computePlatform": application.platform,
            "alarmConfiguration":
                { "enabled": !alarms.is_empty(), "ignorePollAlarmFailure": false, "alarms": alarms },
            "autoRollbackConfiguration":
                { "enabled": !group.rollback_events.is_empty(), "events": group.rollback_events },
            "deploymentStyle": { "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL" },
        }}))
    }

    pub(super) fn create_config(&mut self, input: &Value) -> Result<Value, Refusal> {
        let name = name(input, "deploymentConfigName", "DeploymentConfig")?;
        let platform = text(input, "computePlatform").unwrap_or("Server");
        if name.starts_with("CodeDeployDefault.") {
            let message = "A name that begins with CodeDeployDefault. is reserved.";
            return Err(Refusal::new("InvalidDeploymentConfigNameException", message));
        }
        if self.configs.contains_key(name) {
            let message = format!("Deployment Configuration already exists: {name}");
            return Err(Refusal::new("DeploymentConfigAlreadyExistsException", message));
        }
        let routing = match platform {
            "Lambda" => Some(Routing::read(&input["trafficRoutingConfig"])?),
            _ => None,
        };
        self.configs.insert(name.to_owned(), Config { platform: platform.to_owned(), routing });
        Ok(json!({ "deploymentConfigId": crate::uuid::uuid() }))
    }

    pub(super) fn get_config(&self, input: &Value) -> Result<Value, Refusal> {
        let name = name(input, "deploymentConfigName", "DeploymentConfig")?;
        let own = self.configs.get(name).map(|config| (config.platform.clone(), config.routing));
        let predefined = || Routing::predefined(name).map(|routing| ("Lambda".to_owned(), Some(routing)));
        let (platform, routing) = own.or_else(predefined).ok_or_else(|| Refusal::no_config(name))?;
        let mut info = json!({ "deploymentConfigName": name, "computePlatform": platform });
        if let Some(routing) = routing {
            info["trafficRoutingConfig"] = routing.view();
        }
        Ok(json!({ "deploymentConfigInfo": info }))
    }

    fn routing(&self, name: &str) -> Result<Routing, Refusal> {
        if let Some(routing) = Routing::predefined(name) {
            return Ok(routing);
        }
        let config = self.configs.get(name).ok_or_else(|| Refusal::no_config(name))?;
        config.routing.ok_or_else(|| {
            let message = "The deployment configuration is not of the compute platform Lambda.";
            Refusal::new("InvalidDeploymentConfigNameException", message)
        })
    }

    pub(super) fn create_deployment(
        &mut self,
        input: &Value,
        now: Moment,
        begins: Moment,
    ) -> Result<Value, Refusal> {
        let (group, application, of_group) = self.group(input)?;
        if application.platform != "Lambda" {
            let message = "The stand-in carries out deployments of the compute platform Lambda only.";
            return Err(Refusal::new("InvalidComputePlatformException", message));
        }
        let revision = input.get("revision").cloned().unwrap_or(Value::Null);
        let content = &revision["appSpecContent"];
        if revision["revisionType"] != "AppSpecContent" {
            return Err(Refusal::new("RevisionRequiredException", "The revision must be an AppSpecContent."));
        }
        let text_of = text(content, "content").unwrap_or_default();
        let plan = Plan::read(text_of)?;
        if let Some(sha256) =
            text(content, "sha256").filter(|sha256| *sha256 != hex::encode(Sha256::digest(text_of)))
        {
            let message = format!("The SHA-256 of the content is not {sha256}.");
            return Err(Refusal::new("InvalidRevisionException", message));
        }
        let config = text(input, "deploymentConfigName").unwrap_or(&of_group.config).to_owned();
        let routing = self.routing(&config)?;
        let overridden = alarms(&input["overrideAlarmConfiguration"])?;
        let alarms = if overridden.is_empty() { of_group.alarms.clone() } else { overridden };
        let own = rollback_events(&input["autoRollbackConfiguration"])?;
        let rollback_events = if own.is_empty() { of_group.rollback_events.clone() } else { own };
        let (application, group) = (input["applicationName"].as_str().unwrap_or_default(), group.to_owned());
        let of_same = |found: &&Deployment| found.application == application && found.group == group;
        if let Some(active) = self.deployments.iter().filter(of_same).find(|found| found.is_active()) {
            let message =
                format!("The Deployment Group '{group}' already has an active Deployment '{}'", active.id);
            return Err(Refusal::new("DeploymentLimitExceededException", message));
        }
        let deployment = Deployment {
            id: new_id(),
            application: application.to_owned(),
            group,
            config,
            routing,
            description: text(input, "description").unwrap_or_default().to_owned(),
            creator: "user".to_owned(),
            revision,
            plan,
            alarms,
            rollback_events,
            status: "Created".to_owned(),
            created: now,
            started: None,
            completed: None,
            error: None,
            rollback_id: None,
            rollback_message: None,
            takes_back: None,
            stage: Stage::Waiting { at: begins },
            events: vec![Event::pending(), Event::pending(), Event::pending()],
            percent: 0,
        };
        let id = deployment.id.clone();
        self.deployments.push(deployment);
        Ok(json!({ "deploymentId": id }))
    }

    fn deployment(&self, input: &Value) -> Result<&Deployment, Refusal> {
        let id = required(input, "deploymentId", "DeploymentIdRequiredException")?;
        self.deployments.iter().find(|found| found.id == id).ok_or_else(|| Refusal::no_deployment(id))
    }

    pub(super) fn get_deployment(&self, input: &Value) -> Result<Value, Refusal> {
        Ok(json!({ "deploymentInfo": self.deployment(input)?.view() }))
    }

    /// Newest first.
    pub(super) fn list_deployments(&self, input: &Value) -> Result<Value, Refusal> {
        let (application, group) = (text(input, "applicationName"), text(input, "deploymentGroupName"));
        if application.is_some() {
            self.group(input)?;
        }
        let statuses = texts(input.get("includeOnlyStatuses"));
        let moment = |member: &str| input["createTimeRange"][member].as_f64().map(|seconds| seconds * 1000.0);
        let (start, end) = (moment("start"), moment("end"));
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit")]
        let created = |found: &Deployment| found.created as f64;
        let fits = |found: &&Deployment| {
            application.is_none_or(|name| found.application == name)
                && group.is_none_or(|name| found.group == name)
                && (statuses.is_empty() || statuses.contains(&found.status))
                && start.is_none_or(|start| created(found) >= start)
                && end.is_none_or(|end| created(found) <= end)
        };
        let ids: Vec<&str> =
            self.deployments.iter().rev().filter(fits).map(|found| found.id.as_str()).collect();
        Ok(json!({ "deployments": ids }))
    }

    pub(super) fn list_targets(&self, input: &Value) -> Result<Value, Refusal> {
        Ok(json!({ "targetIds": [self.deployment(input)?.target_id()] }))
    }

    pub(super) fn get_target(&self, input: &Value) -> Result<Value, Refusal> {
        let deployment = self.deployment(input)?;
        let id = required(input, "targetId", "DeploymentTargetIdRequiredException")?;
        if id != deployment.target_id() {
            let message = format!("The deployment target {id} does not exist");
            return Err(Refusal::new("DeploymentTargetDoesNotExistException", message));
        }
        Ok(json!({ "deploymentTarget": deployment.target_view() }))
    }

    pub(super) fn batch_get_targets(&self, input: &Value) -> Result<Value, Refusal> {
        let deployment = self.deployment(input)?;
        let wanted = texts(input.get("targetIds"));
        let found: Vec<Value> = wanted
            .iter()
            .filter(|id| **id == deployment.target_id())
            .map(|_| deployment.target_view())
            .collect();
        Ok(json!({ "deploymentTargets": found }))
    }
}

/// `d-` and nine letters and digits.
pub(super) fn new_id() -> String {
    let random: String = (0..9).map(|_| fastrand::alphanumeric().to_ascii_uppercase()).collect();
    format!("d-{random}")
}
