//! The life of deployments by a clock that the test holds, and how CodeDeploy refuses.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Attended, CodeDeploy, CodeDeploySettings};
use crate::call::Call;
use crate::cloudwatch::CloudWatch;
use crate::images::{Images, StoredImage};
use crate::lambda::{Lambda, LambdaSettings};
use crate::service::Service;

const ROLE: &str = "arn:aws:iam::123456789012:role/cd";

/// Functions here are zip archives.
struct NoImages;

impl Images for NoImages {
    fn find(&self, _: &str, _: &str, _: &str, _: &str) -> Option<StoredImage> {
        None
    }

    fn policy(&self, _: &str, _: &str, _: &str) -> Option<Option<String>> {
        None
    }

    fn set_policy(&self, _: &str, _: &str, _: &str, _: &str) {}
}

struct World {
    codedeploy: Arc<CodeDeploy>,
    lambda: Attended,
    cloudwatch: Attended,
    now: SystemTime,
}

impl World {
    /// Function `f` with versions 1 and 2, alias `live` at 1, application `a` and group `g`; a minute is a minute.
    fn new() -> Self {
        let settings = LambdaSettings {
            create_settle: Duration::ZERO,
            update_settle: Duration::ZERO,
            publish_settle: Duration::ZERO,
            ..LambdaSettings::default()
        };
        let lambda = Arc::new(Lambda::new(Arc::new(NoImages), settings, None));
        let cloudwatch = Arc::new(CloudWatch::new(None));
        let codedeploy = Arc::new(CodeDeploy::new(
            lambda.clone(),
            cloudwatch.clone(),
            CodeDeploySettings::default(),
            None,
        ));
        let attended = |service: Arc<dyn Service>| Attended { service, codedeploy: codedeploy.clone() };
        let (lambda, cloudwatch) = (attended(lambda), attended(cloudwatch));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let mut world = World { codedeploy, lambda, cloudwatch, now };
        world.function("f", &json!({}));
        for description in ["one", "two"] {
            world.lambda("PUT", "/f/configuration", &json!({ "Description": description }));
            world.pass(1);
            world.lambda("POST", "/f/versions", &json!({}));
            world.pass(1);
        }
        world.lambda("POST", "/f/aliases", &json!({ "Name": "live", "FunctionVersion": "1" }));
        world.ask("CreateApplication", &json!({ "applicationName": "a", "computePlatform": "Lambda" }));
        world.ask("CreateDeploymentGroup", &group("a", "g"));
        world
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn call(
        &self,
        service: &dyn Service,
        method: &str,
        path: &str,
        target: &str,
        body: &Value,
    ) -> (u16, Value) {
        let answer = service.handle(&Call {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: vec![("x-amz-target".to_owned(), target.to_owned())],
            body: body.to_string().into_bytes(),
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            service: String::new(),
            now: self.now,
        });
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    fn lambda(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/2015-03-31/functions{path}");
        let (status, answer) = self.call(&self.lambda, method, &path, "", body);
        assert!((200..300).contains(&status), "{method} {path}: {answer}");
        answer
    }

    fn function(&mut self, name: &str, variables: &Value) {
        self.lambda(
            "POST",
            "",
            &json!({ "FunctionName": name, "Role": ROLE, "Handler": "a.b", "Runtime": "python3.13",
                "Code": { "ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==" }, "Environment": { "Variables": variables } }),
        );
        self.pass(1);
    }

    fn alarm(&self, state: &str) {
        let target = |operation: &str| format!("GraniteServiceVersion20100801.{operation}");
        let definition = json!({ "AlarmName": "errors", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold" });
        self.call(&self.cloudwatch, "POST", "/", &target("PutMetricAlarm"), &definition);
        let state = json!({ "AlarmName": "errors", "StateValue": state, "StateReason": "r" });
        assert_eq!(self.call(&self.cloudwatch, "POST", "/", &target("SetAlarmState"), &state).0, 200);
    }

    fn try_ask(&self, operation: &str, input: &Value) -> (u16, Value) {
        self.call(&*self.codedeploy, "POST", "/", &format!("CodeDeploy_20141006.{operation}"), input)
    }

    fn ask(&self, operation: &str, input: &Value) -> Value {
        let (status, answer) = self.try_ask(operation, input);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    fn refusal(&self, operation: &str, input: &Value) -> String {
        let (status, answer) = self.try_ask(operation, input);
        assert_eq!(status, 400, "{operation}: {answer}");
        format!("{}: {}", answer["__type"].as_str().unwrap(), answer["message"].as_str().unwrap())
    }

    fn deploy(&self, more: Value) -> String {
        let answer = self.ask("CreateDeployment", &deployment(more));
        answer["deploymentId"].as_str().unwrap().to_owned()
    }

    fn info(&self, id: &str) -> Value {
        self.ask("GetDeployment", &json!({ "deploymentId": id }))["deploymentInfo"].clone()
    }

    /// The alias as `VERSION WEIGHTS`.
    fn place(&self) -> String {
        let alias = self.lambda("GET", "/f/aliases/live", &Value::Null);
        let weights = &alias["RoutingConfig"]["AdditionalVersionWeights"];
        format!("{} {weights}", alias["FunctionVersion"].as_str().unwrap())
    }
}

fn group(application: &str, group: &str) -> Value {
    json!({
        "applicationName": application, "deploymentGroupName": group, "serviceRoleArn": ROLE,
        "deploymentStyle": { "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL" },
    })
}

/// A deployment of `live` from 1 to 2, with these members instead.
fn deployment(more: Value) -> Value {
    let spec = json!({ "version": 0.0, "Resources": [{ "x": { "Type": "AWS::Lambda::Function", "Properties":
        { "Name": "f", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2" } } }] });
    let mut input = json!({
        "applicationName": "a", "deploymentGroupName": "g",
        "deploymentConfigName": "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
        "autoRollbackConfiguration": { "enabled": true, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"] },
        "revision": { "revisionType": "AppSpecContent", "appSpecContent": { "content": spec.to_string() } },
    });
    for (member, value) in more.as_object().cloned().unwrap_or_default() {
        input[member] = value;
    }
    input
}

/// The same AppSpec with a hook.
fn hooked(event: &str, hook: &str) -> Value {
    let mut input = deployment(json!({}));
    let text = input["revision"]["appSpecContent"]["content"].as_str().unwrap();
    let mut spec: Value = serde_json::from_str(text).unwrap();
    spec["Hooks"] = json!([{ event: hook }]);
    input["revision"]["appSpecContent"]["content"] = spec.to_string().into();
    json!({ "revision": input["revision"] })
}

#[test]
fn traffic_moves_minute_by_minute_whoever_looks() {
    let mut world = World::new();
    let id = world.deploy(json!({}));
    assert_eq!((world.info(&id)["status"].as_str(), world.place().as_str()), (Some("Created"), "1 null"));
    world.pass(1);
    // Nobody has asked CodeDeploy, and the alias is where it should be.
    assert_eq!(world.place(), r#"1 {"2":0.1}"#);
    world.pass(60);
    assert_eq!(world.place(), r#"1 {"2":0.2}"#);
    world.pass(7 * 60);
    assert_eq!(world.place(), r#"1 {"2":0.9}"#);
    let target = world.ask("GetDeploymentTarget", &json!({ "deploymentId": id, "targetId": "f:live" }));
    let target = &target["deploymentTarget"]["lambdaTarget"];
    assert_eq!(target["lambdaFunctionInfo"]["targetVersionWeight"], 90);
    assert_eq!(target["lifecycleEvents"][1]["status"], "InProgress");
    world.pass(60);
    assert_eq!(world.place(), "2 null");
    assert_eq!(world.info(&id)["status"], "Succeeded");
}

#[test]
fn an_alarm_stops_it_at_once_and_it_is_taken_back() {
    let mut world = World::new();
    let alarms = json!({ "enabled": true, "alarms": [{ "name": "errors" }] });
    let id = world.deploy(json!({ "overrideAlarmConfiguration": alarms }));
    world.pass(90);
    world.alarm("ALARM");
    let info = world.info(&id);
    assert_eq!(
        (&info["status"], &info["errorInformation"]["code"]),
        (&json!("Stopped"), &json!("ALARM_ACTIVE"))
    );
    assert_eq!(world.place(), r#"1 {"2":0.2}"#);
    let back = info["rollbackInfo"]["rollbackDeploymentId"].as_str().unwrap().to_owned();
    // It counts as a deployment of the group.
    assert!(world.refusal("CreateDeployment", &deployment(json!({}))).contains(&back));
    world.pass(1);
    assert_eq!(world.place(), "1 null");
    let info = world.info(&back);
    assert_eq!((&info["status"], &info["creator"]), (&json!("Succeeded"), &json!("codeDeployRollback")));
    assert_eq!(info["rollbackInfo"]["rollbackTriggeringDeploymentId"], id.as_str());
}

#[test]
fn a_stop_takes_back_what_it_is_told_to_and_a_second_one_is_too_late() {
    for (roll_back, end) in [(true, "1 null"), (false, r#"1 {"2":0.1}"#)] {
        let mut world = World::new();
        let id = world.deploy(json!({}));
        world.pass(1);
        let stop = json!({ "deploymentId": id, "autoRollbackEnabled": roll_back });
        world.ask("StopDeployment", &stop);
        assert!(world.refusal("StopDeployment", &stop).starts_with("DeploymentAlreadyCompletedException"));
        world.pass(1);
        assert_eq!(world.place(), end);
        assert_eq!(world.info(&id)["errorInformation"]["code"], "MANUAL_STOP");
    }
}

#[test]
fn hooks_are_invoked_and_waited_for() {
    let mut world = World::new();
    world.function("good", &json!({ "LOCALSTACK_ANSWER": r#"{"lifecycleEventStatus": "Succeeded"}"# }));
    world.function("silent", &json!({}));
    let id = world.deploy(hooked("BeforeAllowTraffic", "silent"));
    world.pass(59 * 60);
    assert_eq!((world.place().as_str(), &world.info(&id)["status"]), ("1 null", &json!("InProgress")));
    let report = |execution: &str, status: &str| json!({ "deploymentId": id, "lifecycleEventHookExecutionId": execution, "status": status });
    let wrong = world.refusal("PutLifecycleEventHookExecutionStatus", &report("x", "Succeeded"));
    assert!(wrong.starts_with("InvalidLifecycleEventHookExecutionId"), "{wrong}");
    let right = report(&format!("{id}-BeforeAllowTraffic"), "Succeeded");
    world.ask("PutLifecycleEventHookExecutionStatus", &right);
    assert_eq!(world.place(), r#"1 {"2":0.1}"#);
    world.pass(10 * 60);
    assert_eq!(world.place(), "2 null");

    // One that never reports has an hour, and then all of it is taken back.
    let mut world = World::new();
    world.function("silent", &json!({}));
    let id = world.deploy(hooked("AfterAllowTraffic", "silent"));
    world.pass(10 * 60);
    assert_eq!((world.place().as_str(), &world.info(&id)["status"]), ("2 null", &json!("InProgress")));
    world.pass(60 * 60);
    assert_eq!(world.info(&id)["errorInformation"]["code"], "HOOK_EXECUTION_FAILURE");
    world.pass(1);
    assert_eq!(world.place(), "1 null");
}

#[test]
fn an_alias_that_is_not_as_the_app_spec_says_is_left_alone() {
    for body in [
        json!({ "FunctionVersion": "2" }),
        json!({ "FunctionVersion": "1", "RoutingConfig": { "AdditionalVersionWeights": { "2": 0.5 } } }),
    ] {
        let mut world = World::new();
        let before = {
            world.lambda("PUT", "/f/aliases/live", &body);
            world.place()
        };
        let id = world.deploy(json!({}));
        world.pass(600);
        let info = world.info(&id);
        assert_eq!(
            (&info["status"], &info["errorInformation"]["code"], world.place()),
            (&json!("Failed"), &json!("INVALID_LAMBDA_CONFIGURATION"), before)
        );
        assert_eq!(info["rollbackInfo"], Value::Null);
    }
}

#[test]
fn what_aws_refuses_is_refused() {
    let world = World::new();
    let server = json!({ "applicationName": "s", "computePlatform": "Server" });
    world.ask("CreateApplication", &server);
    let plain = json!({ "applicationName": "a", "deploymentGroupName": "new", "serviceRoleArn": ROLE });
    let alarms: Vec<Value> = (0..11).map(|number| json!({ "name": number.to_string() })).collect();
    let many = json!({ "overrideAlarmConfiguration": { "enabled": true, "alarms": alarms } });
    let broken =
        json!({ "revision": { "revisionType": "AppSpecContent", "appSpecContent": { "content": "{}" } } });
    let mut lying = deployment(json!({}));
    lying["revision"]["appSpecContent"]["sha256"] = "00".into();
    let table = [
        ("GetApplication", json!({ "applicationName": "x" }), "ApplicationDoesNotExistException"),
        ("GetApplication", json!({}), "ApplicationNameRequiredException"),
        ("GetApplication", json!({ "applicationName": "a b" }), "InvalidApplicationNameException"),
        ("CreateApplication", server, "ApplicationAlreadyExistsException"),
        (
            "CreateApplication",
            json!({ "applicationName": "y", "computePlatform": "Moon" }),
            "InvalidComputePlatformException",
        ),
        ("CreateDeploymentGroup", group("a", "g"), "DeploymentGroupAlreadyExistsException"),
        ("CreateDeploymentGroup", plain, "InvalidDeploymentStyleException"),
        ("CreateDeploymentGroup", group("x", "g"), "ApplicationDoesNotExistException"),
        (
            "GetDeploymentConfig",
            json!({ "deploymentConfigName": "x" }),
            "DeploymentConfigDoesNotExistException",
        ),
        ("GetDeployment", json!({ "deploymentId": "d-1" }), "DeploymentDoesNotExistException"),
        ("StopDeployment", json!({}), "DeploymentIdRequiredException"),
        (
            "CreateDeployment",
            deployment(json!({ "deploymentGroupName": "x" })),
            "DeploymentGroupDoesNotExistException",
        ),
        (
            "CreateDeployment",
            deployment(json!({ "deploymentConfigName": "x" })),
            "DeploymentConfigDoesNotExistException",
        ),
        ("CreateDeployment", deployment(many), "AlarmsLimitExceededException"),
        ("CreateDeployment", deployment(broken), "InvalidRevisionException"),
        ("CreateDeployment", lying, "InvalidRevisionException"),
        ("DeleteApplication", json!({}), "UnknownOperationException"),
    ];
    for (operation, input, code) in table {
        let told = world.refusal(operation, &input);
        assert!(told.starts_with(code), "{operation} {input}: {told}");
    }
    let id = world.deploy(json!({}));
    let told = world.refusal("CreateDeployment", &deployment(json!({})));
    assert_eq!(
        told,
        format!(
            "DeploymentLimitExceededException: The Deployment Group 'g' already has an active Deployment '{id}'"
        )
    );
}
