//! The calls to CodeDeploy, as moto and boto3 see them. moto has no life cycle: what a deployment does is played by the stand-in.

use serde_json::{Value, json};

use crate::account::{Account, images};
use crate::release::two_versions;

const ROLE: &str = "arn:aws:iam::123456789012:role/codedeploy";

fn arguments<'a>(account: &'a Account, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["release", "--function", &account.name, "--alias", "live", "--to", "1"];
    arguments.extend([
        "--engine",
        "codedeploy",
        "--codedeploy-application",
        "shop",
        "--codedeploy-group",
        "live",
    ]);
    arguments.extend(["--detach", "--strategy", "linear:10%:2m"]);
    arguments.extend(more);
    arguments
}

#[test]
fn a_deployment_is_created_with_everything_that_it_needs() {
    let account = two_versions();
    let refused = account.lambda_lift.run(&arguments(&account, &[]));
    assert!(refused.refusals().contains("no application shop"), "{}", refused.refusals());

    // Without alarms: this moto does not understand how current SDKs ask CloudWatch for them.
    let create = ["--create-codedeploy", "--codedeploy-role", ROLE, "--hook-before", "check"];
    let run = account.lambda_lift.run(&arguments(&account, &create));
    let document = run.expect(0);
    assert_eq!((&document["outcome"], &document["deployment"]["group"]), (&json!("started"), &json!("live")));
    // moto moves no traffic.
    assert_eq!(account.alias()["FunctionVersion"], "2");

    let application =
        account.boto3.call("codedeploy", "get_application", json!({ "applicationName": "shop" }));
    assert_eq!(application["application"]["computePlatform"], "Lambda");
    let group = json!({ "applicationName": "shop", "deploymentGroupName": "live" });
    let group =
        account.boto3.call("codedeploy", "get_deployment_group", group)["deploymentGroupInfo"].clone();
    let config = "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes";
    assert_eq!((&group["deploymentConfigName"], &group["serviceRoleArn"]), (&json!(config), &json!(ROLE)));
    let style = json!({ "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL" });
    assert_eq!(group["deploymentStyle"], style);

    let id = document["deployment"]["id"].clone();
    let info = account.boto3.call("codedeploy", "get_deployment", json!({ "deploymentId": id }));
    let info = &info["deploymentInfo"];
    assert_eq!((&info["deploymentConfigName"], &info["computePlatform"]), (&json!(config), &json!("Lambda")));
    assert_eq!(info["overrideAlarmConfiguration"], Value::Null);
    assert_eq!(
        info["autoRollbackConfiguration"],
        json!({ "enabled": true,
            "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"] })
    );
    let revision = &info["revision"];
    assert_eq!(revision["revisionType"], "AppSpecContent");
    let content: Value =
        serde_json::from_str(revision["appSpecContent"]["content"].as_str().unwrap()).unwrap();
    let expected = json!({
        "version": 0.0,
        "Resources": [{ "function": { "Type": "AWS::Lambda::Function", "Properties":
            { "Name": account.name, "Alias": "live", "CurrentVersion": "2", "TargetVersion": "1" } } }],
        "Hooks": [{ "BeforeAllowTraffic": "check" }],
    });
    assert_eq!(content, expected);
}

#[test]
fn what_exists_is_used_and_one_that_is_under_way_is_not_walked_over() {
    let account = two_versions();
    let create = ["--create-codedeploy", "--codedeploy-role", ROLE];
    account.lambda_lift.run(&arguments(&account, &create)).expect(0);
    // To moto it is Created for ever.
    let before = account.cloud.mark();
    for more in [&create[..], &[]] {
        let refused = account.lambda_lift.run(&arguments(&account, more));
        refused.expect(3);
        assert!(refused.refusals().contains("is under way"), "{}", refused.refusals());
    }
    let refused = account.deploy(&images().packed("three"));
    assert!(refused.refusals().contains("of CodeDeploy is under way"), "{}", refused.refusals());
    let direct = ["release", "--function", &account.name, "--alias", "live", "--to", "1"];
    account.lambda_lift.run(&direct).expect(3);
    assert_eq!(account.cloud.writes_since(before), Vec::<String>::new());
}
