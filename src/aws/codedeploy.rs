//! AWS CodeDeploy.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_codedeploy::Client;
use aws_sdk_codedeploy::types::{
    Alarm, AlarmConfiguration, AppSpecContent, AutoRollbackConfiguration, AutoRollbackEvent, ComputePlatform,
    DeploymentInfo, DeploymentOption, DeploymentStyle, DeploymentType, LifecycleEvent as SdkEvent,
    RevisionLocation, RevisionLocationType, TimeBasedCanary, TimeBasedLinear, TimeRange,
    TrafficRoutingConfig, TrafficRoutingType,
};
use aws_smithy_types::DateTime;
use aws_smithy_types::retry::RetryConfig;

use super::error::{Operation, says_not_found};
use crate::cloud::{
    CloudError, CodeDeployReader, CodeDeployWriter, Deployment, DeploymentConfig, DeploymentGroup,
    DeploymentTarget, LifecycleEvent, NewDeployment, NewDeploymentGroup, Routing,
};
use crate::http::without_signed_queries;

const GET_APPLICATION: Operation = operation("GetApplication");
const GET_GROUP: Operation = operation("GetDeploymentGroup");
const GET_CONFIG: Operation = operation("GetDeploymentConfig");
const GET_DEPLOYMENT: Operation = operation("GetDeployment");
const LIST_DEPLOYMENTS: Operation = operation("ListDeployments");
const LIST_TARGETS: Operation = operation("ListDeploymentTargets");
const GET_TARGET: Operation = operation("GetDeploymentTarget");
const CREATE_APPLICATION: Operation = operation("CreateApplication");
const CREATE_GROUP: Operation = operation("CreateDeploymentGroup");
const CREATE_CONFIG: Operation = operation("CreateDeploymentConfig");
const CREATE_DEPLOYMENT: Operation = operation("CreateDeployment");
const STOP_DEPLOYMENT: Operation = operation("StopDeployment");

const fn operation(name: &'static str) -> Operation {
    Operation { service: "AWS CodeDeploy", name }
}

/// AWS CodeDeploy of one Region, with one identity.
#[derive(Debug, Clone)]
pub struct CodeDeploy {
    client: Client,
}

impl CodeDeploy {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }
}

/// What does not exist is none.
fn if_there<T>(answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if says_not_found(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

#[async_trait]
impl CodeDeployReader for CodeDeploy {
    async fn application(&self, name: &str) -> Result<Option<String>, CloudError> {
        let answer = self.client.get_application().application_name(name).send().await;
        let answer = if_there(answer.map_err(|error| GET_APPLICATION.failed(error)))?;
        Ok(answer.map(|answer| {
            let platform = answer.application().and_then(|application| application.compute_platform());
            text(platform.map(ComputePlatform::as_str))
        }))
    }

    async fn group(&self, application: &str, group: &str) -> Result<Option<DeploymentGroup>, CloudError> {
        let request = self.client.get_deployment_group().application_name(application);
        let answer = request.deployment_group_name(group).send().await;
        let Some(answer) = if_there(answer.map_err(|error| GET_GROUP.failed(error)))? else {
            return Ok(None);
        };
        let info =
            answer.deployment_group_info().ok_or_else(|| GET_GROUP.unexpected("the answer has no group"))?;
        let alarms = info.alarm_configuration().filter(|alarms| alarms.enabled());
        let alarms = alarms.map(AlarmConfiguration::alarms).unwrap_or_default();
        Ok(Some(DeploymentGroup {
            platform: text(info.compute_platform().map(ComputePlatform::as_str)),
            config: text(info.deployment_config_name()),
            role: text(info.service_role_arn()),
            alarms: alarms.iter().filter_map(|alarm| alarm.name().map(str::to_owned)).collect(),
        }))
    }

    async fn config(&self, name: &str) -> Result<Option<DeploymentConfig>, CloudError> {
        let answer = self.client.get_deployment_config().deployment_config_name(name).send().await;
        let answer = if_there(answer.map_err(|error| GET_CONFIG.failed(error)))?;
        Ok(answer.and_then(|answer| {
            let info = answer.deployment_config_info()?;
            Some(DeploymentConfig {
                platform: text(info.compute_platform().map(ComputePlatform::as_str)),
                routing: info.traffic_routing_config().and_then(read_routing),
            })
        }))
    }

    async fn deployment(&self, id: &str) -> Result<Option<Deployment>, CloudError> {
        let answer = self.client.get_deployment().deployment_id(id).send().await;
        let answer = if_there(answer.map_err(|error| GET_DEPLOYMENT.failed(error)))?;
        Ok(answer.and_then(|answer| answer.deployment_info().map(read_deployment)))
    }

    async fn deployments(
        &self,
        application: &str,
        group: &str,
        since: SystemTime,
    ) -> Result<Vec<String>, CloudError> {
        let mut ids = Vec::new();
        let mut next = None;
        loop {
            let request = self
                .client
                .list_deployments()
                .application_name(application)
                .deployment_group_name(group)
                .create_time_range(TimeRange::builder().start(DateTime::from(since)).build())
                .set_next_token(next);
            let answer = request.send().await.map_err(|error| LIST_DEPLOYMENTS.failed(error))?;
            ids.extend(answer.deployments().iter().cloned());
            next = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_none() {
                return Ok(ids);
            }
        }
    }

    async fn target(&self, id: &str) -> Result<Option<DeploymentTarget>, CloudError> {
        let listed = self.client.list_deployment_targets().deployment_id(id).send().await;
        let listed = if_there(listed.map_err(|error| LIST_TARGETS.failed(error)))?;
        let listed = listed.and_then(|listed| listed.target_ids().first().cloned());
        let Some(target) = listed else { return Ok(None) };
        let answer = self.client.get_deployment_target().deployment_id(id).target_id(target).send().await;
        let answer = if_there(answer.map_err(|error| GET_TARGET.failed(error)))?;
        let answer = answer.and_then(|answer| answer.deployment_target);
        Ok(answer.and_then(|target| target.lambda_target).map(|target| DeploymentTarget {
            percent: target.lambda_function_info().map(|info| info.target_version_weight()),
            events: target.lifecycle_events().iter().map(read_event).collect(),
        }))
    }
}

#[async_trait]
impl CodeDeployWriter for CodeDeploy {
    async fn create_application(&self, name: &str) -> Result<(), CloudError> {
        let request = self.client.create_application().application_name(name);
        let request = request.compute_platform(ComputePlatform::Lambda);
        request.send().await.map_err(|error| CREATE_APPLICATION.failed(error))?;
        Ok(())
    }

    async fn create_group(&self, new: &NewDeploymentGroup) -> Result<(), CloudError> {
        // The only style that there is for Lambda, and not the default.
        let style = DeploymentStyle::builder()
            .deployment_type(DeploymentType::BlueGreen)
            .deployment_option(DeploymentOption::WithTrafficControl);
        let request = self
            .client
            .create_deployment_group()
            .application_name(&new.application)
            .deployment_group_name(&new.group)
            .deployment_config_name(&new.config)
            .service_role_arn(&new.role)
            .deployment_style(style.build())
            .set_alarm_configuration(alarms(&new.alarms))
            .auto_rollback_configuration(rollback());
        request.send().await.map_err(|error| CREATE_GROUP.failed(error))?;
        Ok(())
    }

    async fn create_config(&self, name: &str, routing: Routing) -> Result<(), CloudError> {
        let request = self
            .client
            .create_deployment_config()
            .deployment_config_name(name)
            .compute_platform(ComputePlatform::Lambda)
            .traffic_routing_config(write_routing(routing));
        request.send().await.map_err(|error| CREATE_CONFIG.failed(error))?;
        Ok(())
    }

    async fn create_deployment(&self, new: &NewDeployment) -> Result<String, CloudError> {
        let content = AppSpecContent::builder().content(&new.app_spec).sha256(&new.sha256).build();
        let revision = RevisionLocation::builder()
            .revision_type(RevisionLocationType::AppSpecContent)
            .app_spec_content(content)
            .build();
        let request = self
            .client
            .create_deployment()
            .application_name(&new.application)
            .deployment_group_name(&new.group)
            .deployment_config_name(&new.config)
            .description(&new.description)
            .revision(revision)
            .set_override_alarm_configuration(alarms(&new.alarms))
            .auto_rollback_configuration(rollback());
        // Sent once: a deployment whose answer is lost may have ended before the next try, which would create another one.
        let once = aws_sdk_codedeploy::config::Builder::new().retry_config(RetryConfig::disabled());
        let sent = request.customize().config_override(once).send().await;
        let answer = sent.map_err(|error| CREATE_DEPLOYMENT.failed(error))?;
        let id = answer.deployment_id().filter(|id| !id.is_empty()).map(str::to_owned);
        id.ok_or_else(|| CREATE_DEPLOYMENT.unexpected("the answer has no deployment id"))
    }

    async fn stop_deployment(&self, id: &str) -> Result<(), CloudError> {
        let request = self.client.stop_deployment().deployment_id(id).auto_rollback_enabled(true);
        request.send().await.map_err(|error| STOP_DEPLOYMENT.failed(error))?;
        Ok(())
    }
}

fn rollback() -> AutoRollbackConfiguration {
    AutoRollbackConfiguration::builder()
        .enabled(true)
        .events(AutoRollbackEvent::DeploymentFailure)
        .events(AutoRollbackEvent::DeploymentStopOnAlarm)
        .events(AutoRollbackEvent::DeploymentStopOnRequest)
        .build()
}

/// None leaves the alarms to the group.
fn alarms(names: &[String]) -> Option<AlarmConfiguration> {
    let alarm = |name: &String| Alarm::builder().name(name).build();
    let alarms = AlarmConfiguration::builder().enabled(true).ignore_poll_alarm_failure(false);
    (!names.is_empty()).then(|| alarms.set_alarms(Some(names.iter().map(alarm).collect())).build())
}

fn write_routing(routing: Routing) -> TrafficRoutingConfig {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let config = TrafficRoutingConfig::builder();
    match routing {
        Routing::AllAtOnce => config.r#type(TrafficRoutingType::AllAtOnce),
        Routing::Canary { percent, minutes } => {
            let canary = TimeBasedCanary::builder()
                .canary_percentage(number(percent))
                .canary_interval(number(minutes));
            config.r#type(TrafficRoutingType::TimeBasedCanary).time_based_canary(canary.build())
        }
        Routing::Linear { percent, minutes } => {
            let linear = TimeBasedLinear::builder()
                .linear_percentage(number(percent))
                .linear_interval(number(minutes));
            config.r#type(TrafficRoutingType::TimeBasedLinear).time_based_linear(linear.build())
        }
    }
    .build()
}

fn read_routing(config: &TrafficRoutingConfig) -> Option<Routing> {
    let number = |number: i32| u32::try_from(number).ok();
    match config.r#type()? {
        TrafficRoutingType::AllAtOnce => Some(Routing::AllAtOnce),
        TrafficRoutingType::TimeBasedCanary => {
            let canary = config.time_based_canary()?;
            let (percent, minutes) = (number(canary.canary_percentage())?, number(canary.canary_interval())?);
            Some(Routing::Canary { percent, minutes })
        }
        TrafficRoutingType::TimeBasedLinear => {
            let linear = config.time_based_linear()?;
            let (percent, minutes) = (number(linear.linear_percentage())?, number(linear.linear_interval())?);
            Some(Routing::Linear { percent, minutes })
        }
        _ => None,
    }
}

fn read_deployment(info: &DeploymentInfo) -> Deployment {
    let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let error = info.error_information().and_then(|error| {
        let code = given(error.code().map(|code| code.as_str()))?;
        Some((code, without_signed_queries(error.message().unwrap_or_default())))
    });
    let rollback = info.rollback_info();
    let app_spec = info.revision().and_then(|revision| revision.app_spec_content());
    Deployment {
        id: text(info.deployment_id()),
        application: text(info.application_name()),
        group: text(info.deployment_group_name()),
        config: text(info.deployment_config_name()),
        status: text(info.status().map(|status| status.as_str())),
        description: text(info.description()),
        error,
        rollback_id: rollback.and_then(|rollback| given(rollback.rollback_deployment_id())),
        rollback_message: rollback
            .and_then(|rollback| given(rollback.rollback_message()))
            .map(|message| without_signed_queries(&message)),
        app_spec: app_spec.and_then(|content| given(content.content())),
    }
}

fn read_event(event: &SdkEvent) -> LifecycleEvent {
    let seconds = match (event.start_time(), event.end_time()) {
        (Some(start), Some(end)) => Some((end.as_secs_f64() - start.as_secs_f64()).max(0.0)),
        _ => None,
    };
    let message = event.diagnostics().and_then(|diagnostics| diagnostics.message());
    LifecycleEvent {
        name: text(event.lifecycle_event_name()),
        status: text(event.status().map(|status| status.as_str())),
        message: message.filter(|message| !message.is_empty()).map(str::to_owned),
        elapsed: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::replay::{Answer, Replay, json as answer};
    use crate::cloud::CloudErrorKind;

    fn codedeploy(answers: impl IntoIterator<Item = Answer>) -> (Replay, CodeDeploy) {
        let replay = Replay::new(answers);
        let codedeploy = CodeDeploy::new(Client::new(&replay.config()));
        (replay, codedeploy)
    }

    fn refusal(code: &str) -> Answer {
        answer(400, json!({ "__type": code, "message": "no" }))
    }

    fn rollback_events() -> Value {
        let events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"];
        json!({ "enabled": true, "events": events })
    }

    #[tokio::test]
    async fn a_deployment_is_created_with_its_app_spec_its_alarms_and_a_way_back() {
        let new = NewDeployment {
            application: "shop".to_owned(),
            group: "live".to_owned(),
            config: "CodeDeployDefault.LambdaAllAtOnce".to_owned(),
            app_spec: "{}".to_owned(),
            sha256: "44136f".to_owned(),
            description: "lambda-lift 1".to_owned(),
            alarms: vec!["errors".to_owned()],
        };
        let created = || answer(200, json!({ "deploymentId": "d-ABCDEF123" }));
        let (replay, codedeploy) = codedeploy([created(), created(), answer(200, json!({}))]);
        assert_eq!(codedeploy.create_deployment(&new).await.unwrap(), "d-ABCDEF123");
        let own = NewDeployment { alarms: Vec::new(), ..new };
        codedeploy.create_deployment(&own).await.unwrap();
        let nameless = codedeploy.create_deployment(&own).await.unwrap_err();
        assert_eq!(nameless.kind, CloudErrorKind::Unexpected);
        let expected = json!({
            "applicationName": "shop", "deploymentGroupName": "live",
            "deploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce", "description": "lambda-lift 1",
            "revision": { "revisionType": "AppSpecContent", "appSpecContent": { "content": "{}", "sha256": "44136f" } },
            "autoRollbackConfiguration": rollback_events(),
            "overrideAlarmConfiguration":
                { "enabled": true, "ignorePollAlarmFailure": false, "alarms": [{ "name": "errors" }] },
        });
        let bodies = replay.bodies();
        assert_eq!(bodies[0], expected);
        assert_eq!(bodies[1]["overrideAlarmConfiguration"], Value::Null);
    }

    #[tokio::test]
    async fn what_is_made_is_for_lambda() {
        let made = || answer(200, json!({}));
        let (replay, codedeploy) = codedeploy([made(), made(), made(), made(), made()]);
        codedeploy.create_application("shop").await.unwrap();
        let new = NewDeploymentGroup {
            application: "shop".to_owned(),
            group: "live".to_owned(),
            config: "c".to_owned(),
            role: "arn:aws:iam::123456789012:role/cd".to_owned(),
            alarms: Vec::new(),
        };
        codedeploy.create_group(&new).await.unwrap();
        codedeploy.create_config("c", Routing::Canary { percent: 7, minutes: 3 }).await.unwrap();
        codedeploy.create_config("l", Routing::Linear { percent: 20, minutes: 2 }).await.unwrap();
        codedeploy.stop_deployment("d-1").await.unwrap();
        let bodies = replay.bodies();
        assert_eq!(bodies[0], json!({ "applicationName": "shop", "computePlatform": "Lambda" }));
        assert_eq!(
            bodies[1],
            json!({
                "applicationName": "shop", "deploymentGroupName": "live", "deploymentConfigName": "c",
                "serviceRoleArn": "arn:aws:iam::123456789012:role/cd", "autoRollbackConfiguration": rollback_events(),
                "deploymentStyle": { "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL" },
            })
        );
        let canary = json!({ "canaryPercentage": 7, "canaryInterval": 3 });
        assert_eq!(
            bodies[2]["trafficRoutingConfig"],
            json!({ "type": "TimeBasedCanary", "timeBasedCanary": canary })
        );
        let linear = json!({ "linearPercentage": 20, "linearInterval": 2 });
        assert_eq!(
            bodies[3]["trafficRoutingConfig"],
            json!({ "type": "TimeBasedLinear", "timeBasedLinear": linear })
        );
        assert_eq!(bodies[3]["computePlatform"], "Lambda");
        assert_eq!(bodies[4], json!({ "deploymentId": "d-1", "autoRollbackEnabled": true }));
    }

    #[tokio::test]
    async fn what_does_not_exist_is_none_and_what_is_forbidden_is_an_error() {
        let (_, codedeploy) = codedeploy([
            refusal("ApplicationDoesNotExistException"),
            refusal("DeploymentGroupDoesNotExistException"),
            refusal("DeploymentConfigDoesNotExistException"),
            refusal("DeploymentDoesNotExistException"),
            refusal("AccessDeniedException"),
            refusal("DeploymentLimitExceededException"),
        ]);
        assert_eq!(codedeploy.application("shop").await.unwrap(), None);
        assert_eq!(codedeploy.group("shop", "live").await.unwrap(), None);
        assert_eq!(codedeploy.config("c").await.unwrap(), None);
        assert_eq!(codedeploy.deployment("d-1").await.unwrap(), None);
        let denied = codedeploy.deployment("d-1").await.unwrap_err();
        assert!(denied.hint().unwrap().contains("codedeploy:GetDeployment"), "{denied}");
        assert_eq!(codedeploy.stop_deployment("d-1").await.unwrap_err().kind, CloudErrorKind::Conflict);
    }

    #[tokio::test]
    async fn a_deployment_is_read_with_what_went_wrong_and_where_its_traffic_is() {
        let (replay, codedeploy) = codedeploy([
            answer(
                200,
                json!({ "deploymentInfo": {
                    "deploymentId": "d-1", "applicationName": "shop", "deploymentGroupName": "live",
                    "deploymentConfigName": "c", "status": "Stopped", "description": "lambda-lift 1",
                    "errorInformation": { "code": "ALARM_ACTIVE", "message": "Activated alarms: errors" },
                    "rollbackInfo": { "rollbackDeploymentId": "d-2", "rollbackMessage": "on its way" },
                    "revision": { "appSpecContent": { "content": "{}" } },
                }}),
            ),
            answer(
                200,
                json!({ "deploymentInfo": { "deploymentId": "d-1", "status": "Created",
                "errorInformation": {}, "rollbackInfo": {} } }),
            ),
            answer(200, json!({ "targetIds": ["shop:live"] })),
            answer(
                200,
                json!({ "deploymentTarget": { "lambdaTarget": {
                    "lambdaFunctionInfo": { "targetVersionWeight": 10.0 },
                    "lifecycleEvents": [{ "lifecycleEventName": "BeforeAllowTraffic", "status": "Failed",
                        "startTime": 1.0, "endTime": 3.5, "diagnostics": { "message": "boom" } }],
                }}}),
            ),
            answer(200, json!({ "targetIds": [] })),
        ]);
        let deployment = codedeploy.deployment("d-1").await.unwrap().unwrap();
        let expected = Deployment {
            id: "d-1".to_owned(),
            application: "shop".to_owned(),
            group: "live".to_owned(),
            config: "c".to_owned(),
            status: "Stopped".to_owned(),
            description: "lambda-lift 1".to_owned(),
            error: Some(("ALARM_ACTIVE".to_owned(), "Activated alarms: errors".to_owned())),
            rollback_id: Some("d-2".to_owned()),
            rollback_message: Some("on its way".to_owned()),
            app_spec: Some("{}".to_owned()),
        };
        assert_eq!(deployment, expected);
        let young = codedeploy.deployment("d-1").await.unwrap().unwrap();
        assert_eq!((young.error, young.rollback_id), (None, None));
        let target = codedeploy.target("d-1").await.unwrap().unwrap();
        let event = LifecycleEvent {
            name: "BeforeAllowTraffic".to_owned(),
            status: "Failed".to_owned(),
            message: Some("boom".to_owned()),
            elapsed: Some(Duration::from_millis(2500)),
        };
        assert_eq!(target, DeploymentTarget { percent: Some(10.0), events: vec![event] });
        assert_eq!(replay.bodies()[3], json!({ "deploymentId": "d-1", "targetId": "shop:live" }));
        assert_eq!(codedeploy.target("d-1").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_group_and_a_configuration_are_read_as_they_are() {
        let (_, codedeploy) = codedeploy([
            answer(
                200,
                json!({ "deploymentGroupInfo": { "computePlatform": "Lambda", "deploymentConfigName": "c",
                    "serviceRoleArn": "r", "alarmConfiguration": { "enabled": true, "alarms": [{ "name": "a" }] } } }),
            ),
            answer(
                200,
                json!({ "deploymentGroupInfo": { "computePlatform": "Server",
                    "alarmConfiguration": { "enabled": false, "alarms": [{ "name": "a" }] } } }),
            ),
            answer(
                200,
                json!({ "deploymentConfigInfo": { "computePlatform": "Lambda", "trafficRoutingConfig":
                    { "type": "TimeBasedLinear", "timeBasedLinear": { "linearPercentage": 7, "linearInterval": 3 } } } }),
            ),
            answer(200, json!({ "deployments": ["d-1"], "nextToken": "more" })),
            answer(200, json!({ "deployments": ["d-2"] })),
        ]);
        let group = codedeploy.group("shop", "live").await.unwrap().unwrap();
        assert_eq!((group.platform.as_str(), group.alarms.as_slice()), ("Lambda", &["a".to_owned()][..]));
        assert!(codedeploy.group("shop", "live").await.unwrap().unwrap().alarms.is_empty());
        let config = codedeploy.config("c").await.unwrap().unwrap();
        assert_eq!(config.routing, Some(Routing::Linear { percent: 7, minutes: 3 }));
        let since = SystemTime::UNIX_EPOCH;
        assert_eq!(codedeploy.deployments("shop", "live", since).await.unwrap(), ["d-1", "d-2"]);
    }
}
