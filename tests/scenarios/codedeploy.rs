//! Releases that CodeDeploy carries out: created once, followed, left alone, taken up by another run, stopped.

use std::process::Child;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_lift_localstack::Settings;
use lambda_lift_localstack::codedeploy::CodeDeploySettings;
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{Account, ROLE};
use crate::alarms::{put_alarm, set_alarm};
use crate::interrupted::{send_signal, wait_for_calls};
use crate::observer::{place, wait_until};

const RELEASE: [&str; 7] = ["release", "--function", "hello", "--alias", "live", "--to", "1"];
pub(crate) const GROUP: [&str; 6] =
    ["--engine", "codedeploy", "--codedeploy-application", "shop", "--codedeploy-group", "live"];
pub(crate) const CREATE: [&str; 3] =
    ["--create-codedeploy", "--codedeploy-role", "arn:aws:iam::123456789012:role/codedeploy"];
pub(crate) const CANARY: [&str; 2] = ["--strategy", "canary:10%:5m"];
/// A strategy whose deployment goes on for longer than any test waits: it is ended in another way.
pub(crate) const LONG: [&str; 2] = ["--strategy", "canary:10%:2880m"];

/// An account whose CodeDeploy has minutes of this many milliseconds. Versions 1 and 2, and the alias at 2.
pub(crate) fn two_versions_with(codedeploy: CodeDeploySettings) -> Account {
    let account = Account::with(Settings { codedeploy, ..Settings::default() });
    for note in ["one", "two"] {
        account.deploy(&account.small_image(note)).expect(0);
    }
    account.stand.clear_calls();
    account
}

pub(crate) fn quick() -> CodeDeploySettings {
    CodeDeploySettings { minute: Duration::from_millis(200), ..CodeDeploySettings::default() }
}

pub(crate) fn two_versions() -> Account {
    two_versions_with(quick())
}

/// The same, with application and group.
pub(crate) fn with_group() -> Account {
    let account = two_versions();
    make_group(&account, &[]);
    account
}

pub(crate) fn make_group(account: &Account, alarms: &[&str]) {
    account
        .codedeploy("CreateApplication", json!({ "applicationName": "shop", "computePlatform": "Lambda" }));
    let alarms: Vec<Value> = alarms.iter().map(|name| json!({ "name": name })).collect();
    account.codedeploy(
        "CreateDeploymentGroup",
        json!({
            "applicationName": "shop", "deploymentGroupName": "live",
            "deploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce",
            "serviceRoleArn": "arn:aws:iam::123456789012:role/codedeploy",
            "deploymentStyle": { "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL" },
            "alarmConfiguration": { "enabled": !alarms.is_empty(), "alarms": alarms },
        }),
    );
    account.stand.clear_calls();
}

/// The release with CodeDeploy and these arguments more.
pub(crate) fn arguments<'a>(more: &[&[&'a str]]) -> Vec<&'a str> {
    [&RELEASE[..], &GROUP[..], &more.concat()].concat()
}

pub(crate) fn release(account: &Account, more: &[&[&str]]) -> Run {
    account.run(&arguments(more))
}

pub(crate) fn start(account: &Account, more: &[&[&str]]) -> Child {
    account.start(&arguments(more))
}

pub(crate) fn resume(account: &Account, more: &[&str]) -> Run {
    account.run(&[&["release", "--function", "hello", "--alias", "live", "--resume"], more].concat())
}

pub(crate) fn rollback(account: &Account, more: &[&str]) -> Run {
    account.run(&[&["rollback", "--function", "hello", "--alias", "live"], more].concat())
}

/// The statuses of the group's deployments, newest first.
pub(crate) fn deployments(account: &Account) -> Vec<(String, Value)> {
    let group = json!({ "applicationName": "shop", "deploymentGroupName": "live" });
    let ids = account.codedeploy("ListDeployments", group);
    let ids = ids["deployments"].as_array().unwrap().clone();
    ids.into_iter()
        .map(|id| {
            let id = id.as_str().unwrap().to_owned();
            let found = account.codedeploy("GetDeployment", json!({ "deploymentId": id }));
            (id, found["deploymentInfo"].clone())
        })
        .collect()
}

/// Those that a user created.
pub(crate) fn of_users(account: &Account) -> Vec<(String, Value)> {
    deployments(account).into_iter().filter(|(_, info)| info["creator"] == "user").collect()
}

pub(crate) fn error(run: &Run, code: i32) -> String {
    let error = &run.expect(code)["error"];
    format!("{} {} {}", error["kind"], error["message"], error["hint"])
}

pub(crate) fn steps(document: &Value) -> Vec<&str> {
    document["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect()
}

/// A zip function that answers so: what CodeDeploy invokes on the way.
pub(crate) fn hook(account: &Account, name: &str, variable: &str, value: &str) {
    // The end of an empty archive.
    let mut zip = b"PK\x05\x06".to_vec();
    zip.resize(22, 0);
    account.lambda(
        "POST",
        "",
        json!({ "FunctionName": name, "Role": ROLE, "Handler": "a.b", "Runtime": "python3.13",
            "Code": { "ZipFile": STANDARD.encode(zip) }, "Environment": { "Variables": { variable: value } } }),
    );
    account.settled_function(name);
}

#[test]
fn a_canary_is_created_and_followed_to_its_end() {
    let account = with_group();
    let run = release(&account, &[&CANARY]);
    let document = run.expect(0);
    assert_eq!((&document["outcome"], place(&account).as_str()), (&json!("deployed"), "1"));
    assert_eq!(document["alias"], json!({ "name": "live", "from": "2", "to": "1" }));
    let expected = ["create_deployment", "before_allow_traffic", "allow_traffic", "after_allow_traffic"];
    assert_eq!(steps(document), expected);
    let (id, info) = of_users(&account).remove(0);
    assert_eq!(document["deployment"]["id"], id.as_str());
    assert_eq!(document["deployment"]["running"], false);
    assert_eq!(info["deploymentConfigName"], "CodeDeployDefault.LambdaCanary10Percent5Minutes");
    let spec: Value =
        serde_json::from_str(info["revision"]["appSpecContent"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(
        spec["Resources"][0]["function"]["Properties"],
        json!({ "Name": "hello", "Alias": "live", "CurrentVersion": "2", "TargetVersion": "1" })
    );
    assert_eq!(info["autoRollbackConfiguration"]["events"].as_array().unwrap().len(), 3);
    // The shares were seen on the way, and told.
    assert!(run.stderr.contains("version 2, 10% to version 1"), "{}", run.stderr);
    assert!(run.stderr.contains("done: AllowTraffic of deployment"), "{}", run.stderr);
    // We moved nothing ourselves.
    assert!(!account.writes().contains(&"UpdateAlias".to_owned()), "{:?}", account.writes());
    account.stand.clear_calls();
    assert_eq!(release(&account, &[&CANARY]).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
    rollback(&account, &[]).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn what_is_missing_is_made_once_and_what_exists_is_used_as_it_is() {
    let account = two_versions();
    let odd = ["--strategy", "canary:7%:3m"];
    let refused = release(&account, &[&CANARY]);
    assert!(refused.refusals().contains("no application shop"), "{}", refused.refusals());
    let told = error(&release(&account, &[&odd]), 2);
    assert!(told.contains("canary:7%:3m") && told.contains("LambdaCanary10Percent5Minutes"), "{told}");
    assert_eq!((account.writes(), place(&account).as_str()), (Vec::new(), "2"));

    let run = release(&account, &[&odd, &CREATE]);
    let made =
        ["create_application", "create_deployment_config", "create_deployment_group", "create_deployment"];
    assert_eq!(steps(run.expect(0))[..4], made);
    let name = "lambda-lift.canary-7-percent-3-minutes";
    let config = account.codedeploy("GetDeploymentConfig", json!({ "deploymentConfigName": name }));
    assert_eq!(
        config["deploymentConfigInfo"]["trafficRoutingConfig"]["timeBasedCanary"],
        json!({ "canaryPercentage": 7, "canaryInterval": 3 })
    );
    rollback(&account, &[]).expect(0);
    account.stand.clear_calls();
    let again = release(&account, &[&odd, &CREATE]);
    assert_eq!(steps(again.expect(0))[0], "create_deployment");
    let writes: Vec<String> =
        account.writes().into_iter().filter(|write| write.starts_with("Create")).collect();
    assert_eq!(writes, ["CreateDeployment"]);
    rollback(&account, &[]).expect(0);
    // Another strategy and another role: said, and not changed.
    let other = ["--create-codedeploy", "--codedeploy-role", "arn:aws:iam::123456789012:role/other"];
    let run = release(&account, &[&CANARY, &other]);
    let findings = run.expect(0)["findings"].to_string();
    assert!(
        findings.contains("works with the role") && findings.contains("the group is left as it is"),
        "{findings}"
    );
    let group = json!({ "applicationName": "shop", "deploymentGroupName": "live" });
    let group = account.codedeploy("GetDeploymentGroup", group);
    assert_eq!(group["deploymentGroupInfo"]["deploymentConfigName"], name);
}

#[test]
fn what_is_of_another_platform_or_does_something_else_is_not_used() {
    let account = two_versions();
    account
        .codedeploy("CreateApplication", json!({ "applicationName": "shop", "computePlatform": "Server" }));
    let refused = release(&account, &[&CANARY, &CREATE]);
    refused.expect(3);
    assert!(refused.refusals().contains("compute platform Server"), "{}", refused.refusals());
    let account = with_group();
    account.codedeploy(
        "CreateDeploymentConfig",
        json!({ "deploymentConfigName": "lambda-lift.canary-7-percent-3-minutes", "computePlatform": "Lambda",
            "trafficRoutingConfig": { "type": "AllAtOnce" } }),
    );
    let refused = release(&account, &[&["--strategy", "canary:7%:3m"], &CREATE]);
    refused.expect(3);
    assert!(refused.refusals().contains("does something else"), "{}", refused.refusals());
    assert_eq!(place(&account), "2");
}

#[test]
fn what_codedeploy_cannot_do_is_refused_before_anybody_is_asked() {
    let account = with_group();
    for (more, part) in [
        (&["--strategy", "steps:1%:1m,10%:5m"][..], "its steps differ"),
        (&["--strategy", "canary:10%:90s"], "LambdaCanary10Percent5Minutes"),
        (&["--max-error-rate", "1%"], "no metrics"),
        (&["--bake", "5m"], "--bake"),
        (&["--on-interrupt", "finish"], "--on-interrupt finish"),
        (&["--alarm", "a", "--allow-firing-alarm", "a"], "--allow-firing-alarm a"),
        (&["--create-codedeploy"], "--codedeploy-role"),
    ] {
        let told = error(&release(&account, &[more]), 2);
        assert!(told.contains(part), "{told}");
    }
    for (more, part) in [
        (&["--engine", "codedeploy"][..], "--codedeploy-application"),
        (&["--detach"], "--engine codedeploy"),
        (
            &["--codedeploy-application", "a b", "--codedeploy-group", "g", "--engine", "codedeploy"],
            "no name of CodeDeploy",
        ),
        (&["--codedeploy-application", "a", "--codedeploy-group", "g"], "--engine codedeploy"),
    ] {
        let told = error(&account.run(&[&RELEASE[..], more].concat()), 2);
        assert!(
            told.contains(part) || part == "no name of CodeDeploy" && told.contains("is not a name"),
            "{told}"
        );
    }
    error(&resume(&account, &["--detach"]), 2);
    assert_eq!(account.calls().len(), 0);
    // What hangs on the alias is seen by looking.
    let path = "/2019-09-30/functions/hello/provisioned-concurrency?Qualifier=live";
    assert_eq!(account.lambda_api("PUT", path, json!({ "ProvisionedConcurrentExecutions": 5 })).0, 202);
    let refused = release(&account, &[]);
    refused.expect(3);
    assert!(refused.refusals().contains("prepares none"), "{}", refused.refusals());
    assert_eq!(place(&account), "2");
}

#[test]
fn an_alarm_stops_it_and_the_alias_is_taken_back() {
    let account = with_group();
    put_alarm(&account, "errors", "ALARM");
    let alarm = ["--alarm", "errors"];
    let refused = release(&account, &[&LONG, &alarm, &CREATE]);
    assert!(refused.refusals().contains("fires already"), "{}", refused.refusals());
    set_alarm(&account, "errors", "OK");
    let child = start(&account, &[&LONG, &alarm, &CREATE]);
    wait_until(&account, "2+1@0.1");
    set_alarm(&account, "errors", "ALARM");
    let run = Account::finish(child);
    let told = error(&run, 5);
    assert!(told.contains("breach") && told.contains("ALARM_ACTIVE") && told.contains("<errors>"), "{told}");
    assert!(told.contains("rollback d-"), "{told}");
    assert_eq!((&run.document["outcome"], place(&account).as_str()), (&json!("rolled_back"), "2"));
    set_alarm(&account, "errors", "OK");
    release(&account, &[&CANARY, &alarm]).expect(0);
    assert_eq!(place(&account), "1");
}

#[test]
fn the_alarms_of_the_group_count_where_none_is_named() {
    let account = two_versions();
    put_alarm(&account, "of-group", "ALARM");
    make_group(&account, &["of-group"]);
    let refused = release(&account, &[&CANARY]);
    refused.expect(3);
    assert!(refused.refusals().contains("alarm of-group fires already"), "{}", refused.refusals());
    set_alarm(&account, "of-group", "OK");
    let child = start(&account, &[&LONG, &CREATE]);
    wait_until(&account, "2+1@0.1");
    set_alarm(&account, "of-group", "ALARM");
    error(&Account::finish(child), 5);
    assert_eq!(place(&account), "2");
}

#[test]
fn hooks_decide_before_and_after_traffic_moves() {
    let account = with_group();
    hook(&account, "good", "LOCALSTACK_ANSWER", r#"{"lifecycleEventStatus": "Succeeded"}"#);
    hook(&account, "bad", "LOCALSTACK_ANSWER", r#"{"lifecycleEventStatus": "Failed"}"#);
    hook(&account, "broken", "LOCALSTACK_ERROR", "boom");
    for bad in ["bad", "broken", "nowhere"] {
        let run = release(&account, &[&CANARY, &["--hook-before", bad]]);
        let told = error(&run, 4);
        assert!(
            told.contains("HOOK_EXECUTION_FAILURE") && told.contains("BeforeAllowTraffic failed"),
            "{told}"
        );
        assert!(told.contains("no traffic was moved"), "{told}");
        assert_eq!((&run.document["outcome"], place(&account).as_str()), (&json!("failed"), "2"));
        let told = error(&release(&account, &[&CANARY, &["--hook-before", "good", "--hook-after", bad]]), 5);
        assert!(told.contains("AfterAllowTraffic failed"), "{told}");
        assert_eq!(place(&account), "2");
    }
    release(&account, &[&CANARY, &["--hook-before", "good", "--hook-after", "good"]]).expect(0);
    assert_eq!(place(&account), "1");
}

#[test]
fn a_hook_that_takes_its_time_is_waited_for() {
    let account = two_versions_with(CodeDeploySettings { minute: Duration::from_secs(60), ..quick() });
    make_group(&account, &[]);
    hook(&account, "slow", "LOCALSTACK_NOTE", "it reports by itself");
    let child = start(&account, &[&["--hook-after", "slow"]]);
    wait_until(&account, "1");
    // All traffic has moved, and the release is still under way.
    let refused = account.run(&["release", "--function", "hello", "--alias", "live", "--to", "2"]);
    refused.expect(3);
    assert!(refused.refusals().contains("is under way"), "{}", refused.refusals());
    let (id, _) = of_users(&account).remove(0);
    let image = account.small_image("three");
    let refused = account.deploy(&image);
    assert!(
        refused.refusals().contains(&format!("deployment {id} of CodeDeploy is under way")),
        "{}",
        refused.refusals()
    );
    account.codedeploy(
        "PutLifecycleEventHookExecutionStatus",
        json!({ "deploymentId": id, "lifecycleEventHookExecutionId": format!("{id}-AfterAllowTraffic"), "status": "Succeeded" }),
    );
    Account::finish(child).expect(0);
    account.deploy(&image).expect(0);
}

#[test]
fn it_is_left_alone_and_taken_up_by_another_run() {
    let account = with_group();
    let run = release(&account, &[&LONG, &CREATE, &["--detach"]]);
    let document = run.expect(0);
    assert_eq!((&document["outcome"], &document["deployment"]["running"]), (&json!("started"), &json!(true)));
    assert_eq!(document["deployment"]["group"], "live");
    wait_until(&account, "2+1@0.1");
    for more in [&[][..], &["--strategy", "canary:10%:1s"]] {
        let refused = account
            .run(&[&["release", "--function", "hello", "--alias", "live", "--to", "2"], more].concat());
        refused.expect(3);
        assert!(refused.refusals().contains("--alias live --resume"), "{}", refused.refusals());
    }
    let refused = release(&account, &[&CANARY]);
    refused.expect(3);
    let told = error(&resume(&account, &["--max-error-rate", "1%"]), 2);
    assert!(told.contains("carried out by CodeDeploy"), "{told}");

    // Taken up, and left running once more.
    let mut child = account.start(&[
        "release",
        "--function",
        "hello",
        "--alias",
        "live",
        "--resume",
        "--on-interrupt",
        "hold",
    ]);
    account.stand.clear_calls();
    wait_for_calls(&account, "GetDeploymentTarget", 2, &mut child);
    send_signal(&child, "TERM");
    assert_eq!(Account::finish(child).expect(0)["outcome"], "started");
    rollback(&account, &[]).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn a_detached_deployment_that_has_ended_meanwhile_is_told_by_its_result() {
    let account = with_group();
    release(&account, &[&CANARY, &["--detach"]]).expect(0);
    wait_until(&account, "1");
    let run = resume(&account, &[]);
    assert_eq!(run.expect(0)["outcome"], "deployed");
    // It was written down.
    assert_eq!(resume(&account, &[]).expect(0)["outcome"], "unchanged");
    rollback(&account, &[]).expect(0);
    assert_eq!(place(&account), "2");

    hook(&account, "bad", "LOCALSTACK_ANSWER", r#"{"lifecycleEventStatus": "Failed"}"#);
    release(&account, &[&CANARY, &["--detach", "--hook-after", "bad"]]).expect(0);
    wait_until(&account, "2+1@0.1");
    wait_until(&account, "2");
    let told = error(&resume(&account, &[]), 5);
    assert!(told.contains("AfterAllowTraffic failed"), "{told}");
    let told = error(&resume(&account, &[]), 3);
    assert!(told.contains("no release is under way"), "{told}");
}

#[test]
fn asked_to_stop_it_does_what_was_ordered() {
    let account = with_group();
    let child = start(&account, &[&LONG, &CREATE]);
    wait_until(&account, "2+1@0.1");
    account.stand.clear_calls();
    send_signal(&child, "TERM");
    let run = Account::finish(child);
    let told = error(&run, 5);
    assert!(told.contains("interrupted") && told.contains("MANUAL_STOP"), "{told}");
    assert_eq!((&run.document["outcome"], place(&account).as_str()), (&json!("rolled_back"), "2"));
    assert_eq!(account.writes().iter().filter(|write| *write == "StopDeployment").count(), 1);

    let child = start(&account, &[&LONG, &["--on-interrupt", "hold"]]);
    wait_until(&account, "2+1@0.1");
    account.stand.clear_calls();
    send_signal(&child, "INT");
    let run = Account::finish(child);
    assert_eq!(run.expect(0)["outcome"], "started");
    assert_eq!(account.writes(), Vec::<String>::new());
    assert_eq!(place(&account), "2+1@0.1");
    let status = &of_users(&account)[0].1["status"];
    assert_eq!(status, "InProgress");
    // A signal to whoever has taken it up.
    let mut child = account.start(&["release", "--function", "hello", "--alias", "live", "--resume"]);
    wait_for_calls(&account, "GetDeploymentTarget", 2, &mut child);
    send_signal(&child, "INT");
    error(&Account::finish(child), 5);
    assert_eq!(place(&account), "2");
}

#[test]
fn a_rollback_stops_it_and_goes_where_it_was_told() {
    let account = with_group();
    account.deploy(&account.small_image("three")).expect(0);
    assert_eq!(place(&account), "3");
    let begin = || {
        release(&account, &[&LONG, &CREATE, &["--detach"]]).expect(0);
        wait_until(&account, "3+1@0.1");
    };
    begin();
    account.stand.clear_calls();
    let run = rollback(&account, &[]);
    let document = run.expect(0);
    assert_eq!((&document["outcome"], place(&account).as_str()), (&json!("rolled_back"), "3"));
    assert_eq!(steps(document), ["stop_deployment"]);
    assert!(!account.writes().contains(&"UpdateAlias".to_owned()));
    begin();
    // What the alias ran before is one move further back.
    let run = rollback(&account, &["--steps", "2"]);
    assert_eq!(steps(run.expect(0)), ["stop_deployment", "move_alias"]);
    assert_eq!(place(&account), "2");
    release(&account, &[&LONG, &["--detach"]]).expect(0);
    wait_until(&account, "2+1@0.1");
    rollback(&account, &["--to", "3"]).expect(0);
    assert_eq!(place(&account), "3");
    // While the follower still lives, it tells what has happened.
    let child = start(&account, &[&LONG]);
    wait_until(&account, "3+1@0.1");
    rollback(&account, &[]).expect(0);
    let told = error(&Account::finish(child), 5);
    assert!(told.contains("MANUAL_STOP"), "{told}");
    assert_eq!(place(&account), "3");
}

#[test]
fn a_rollback_that_codedeploy_does_not_make_is_made_all_the_same() {
    let account = two_versions_with(CodeDeploySettings { rollbacks_fail: true, ..quick() });
    make_group(&account, &[]);
    release(&account, &[&LONG, &CREATE, &["--detach"]]).expect(0);
    wait_until(&account, "2+1@0.1");
    let run = rollback(&account, &[]);
    assert_eq!(steps(run.expect(0)), ["stop_deployment", "move_alias"]);
    assert_eq!(place(&account), "2");
    // Behind a release a person is told.
    let child = start(&account, &[&LONG]);
    wait_until(&account, "2+1@0.1");
    send_signal(&child, "TERM");
    let told = error(&Account::finish(child), 6);
    assert!(told.contains("lambda-lift status --function") && told.contains("10% to version 1"), "{told}");
    rollback(&account, &[]).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn a_deploy_is_released_by_codedeploy() {
    let account = with_group();
    let image = account.small_image("three");
    let refused = account.deploy_with(&image, &[&GROUP[..], &["--strategy", "canary:7%:3m"]].concat());
    error(&refused, 2);
    let mut elsewhere = GROUP;
    elsewhere[5] = "nowhere";
    let refused = account.deploy_with(&image, &elsewhere);
    assert!(refused.refusals().contains("no deployment group nowhere"), "{}", refused.refusals());
    assert_eq!(account.writes(), Vec::<String>::new());
    let run = account.deploy_with(&image, &[&GROUP[..], &CANARY].concat());
    let document = run.expect(0);
    assert_eq!((&document["outcome"], place(&account).as_str()), (&json!("deployed"), "3"));
    assert!(document["deployment"]["id"].as_str().unwrap().starts_with("d-"));
    let image = account.small_image("four");
    let run = account.deploy_with(&image, &[&GROUP[..], &CANARY, &["--detach"]].concat());
    assert_eq!(run.expect(0)["outcome"], "started");
    wait_until(&account, "4");
    assert_eq!(resume(&account, &[]).expect(0)["outcome"], "deployed");
    // An alias that does not exist yet has no traffic to move.
    let mut arguments = crate::account::deploy_arguments(&image, ROLE);
    *arguments.last_mut().unwrap() = "new";
    account.run(&[&arguments[..], &GROUP[..]].concat()).expect(0);
}

#[test]
fn a_version_that_fails_its_smoke_test_gets_no_deployment() {
    let account = with_group();
    let event = account.path("event.json");
    std::fs::write(&event, r#"{"ok": false}"#).unwrap();
    let smoke = ["--smoke-event", event.to_str().unwrap(), "--smoke-expect", "$.ok == true"];
    release(&account, &[&CANARY, &smoke]).expect(3);
    assert!(deployments(&account).is_empty());
    std::fs::write(&event, r#"{"ok": true}"#).unwrap();
    release(&account, &[&CANARY, &smoke]).expect(0);
}
