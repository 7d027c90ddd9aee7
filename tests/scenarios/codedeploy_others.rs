//! Deployments of CodeDeploy that meet: one group has one at a time, and some are somebody else's.

use serde_json::{Value, json};

use crate::account::Account;
use crate::codedeploy::{
    CANARY, CREATE, GROUP, LONG, arguments, error, of_users, release, resume, rollback, start, steps,
    with_group,
};
use crate::observer::{observed, place, wait_until};

#[test]
fn of_two_deployments_of_a_group_the_second_is_refused() {
    let account = with_group();
    account.lambda("POST", "/hello/aliases", json!({ "Name": "test", "FunctionVersion": "2" }));
    release(&account, &[&LONG, &CREATE, &["--detach"]]).expect(0);
    let mut other = arguments(&[&CANARY]);
    other[4] = "test";
    let run = account.run(&other);
    let told = error(&run, 3);
    assert!(
        told.contains("deployment_active") && told.contains("already has an active Deployment 'd-"),
        "{told}"
    );
    // It left nothing in the journal of its own alias.
    let idle = account.run(&["release", "--function", "hello", "--alias", "test", "--to", "1"]);
    idle.expect(0);
    rollback(&account, &[]).expect(0);
    assert_eq!(of_users(&account).len(), 1);
}

#[test]
fn of_two_that_begin_together_exactly_one_proceeds() {
    let account = with_group();
    for _ in 0..3 {
        let (one, two) = (start(&account, &[&CANARY]), start(&account, &[&CANARY]));
        let (one, two) = (Account::finish(one), Account::finish(two));
        let mut codes = [one.code, two.code];
        codes.sort();
        // The second may also have come after the end of the first.
        assert!(
            codes == [Some(0), Some(3)] || codes == [Some(0), Some(0)],
            "{codes:?} {} {}",
            one.stderr,
            two.stderr
        );
        assert_eq!(place(&account), "1");
        rollback(&account, &[]).expect(0);
        assert_eq!(place(&account), "2");
    }
    let ended: Vec<Value> = of_users(&account).into_iter().map(|(_, info)| info["status"].clone()).collect();
    assert!(ended.iter().all(|status| status == "Succeeded"), "{ended:?}");
}

#[test]
fn somebody_elses_deployment_is_found_by_its_group() {
    let account = with_group();
    let spec = json!({ "version": 0.0, "Resources": [{ "x": { "Type": "AWS::Lambda::Function", "Properties":
        { "Name": "hello", "Alias": "live", "CurrentVersion": "2", "TargetVersion": "1" } } }] });
    let foreign = |config: &str| {
        account.codedeploy(
            "CreateDeployment",
            json!({ "applicationName": "shop", "deploymentGroupName": "live", "deploymentConfigName": config,
                "revision": { "revisionType": "AppSpecContent", "appSpecContent": { "content": spec.to_string() } } }),
        );
        wait_until(&account, "2+1@0.1");
    };
    foreign("CodeDeployDefault.LambdaCanary10Percent30Minutes");
    let told = error(&resume(&account, &[]), 3);
    assert!(told.contains("no release that the journal knows"), "{told}");
    let group = ["--codedeploy-application", "shop", "--codedeploy-group", "live"];
    let run = rollback(&account, &group);
    assert_eq!(steps(run.expect(0)), ["stop_deployment"]);
    // Without a way back of its own, the alias is moved by us.
    assert_eq!(place(&account), "2");
    foreign("CodeDeployDefault.LambdaCanary10Percent5Minutes");
    assert_eq!(resume(&account, &group).expect(0)["outcome"], "deployed");
    assert_eq!(place(&account), "1");
}

#[test]
fn an_observer_sees_the_shares_of_the_plan_and_none_after_it() {
    let account = with_group();
    let (run, seen) = observed(&account, || release(&account, &[&CANARY]));
    run.expect(0);
    assert_eq!(seen, ["2", "2+1@0.1", "1"]);

    let back_to_two = ["release", "--function", "hello", "--alias", "live", "--to", "2"];
    let (taken_back, seen) = observed(&account, || {
        let child = account.start(&[&back_to_two, &GROUP[..], &CREATE, &LONG].concat());
        wait_until(&account, "1+2@0.1");
        rollback(&account, &[]).expect(0);
        Account::finish(child)
    });
    assert_ne!(taken_back.code, Some(0));
    assert_eq!(seen, ["1", "1+2@0.1", "1"]);
}
