//! The calls to CodeDeploy, as moto and boto3 see them. moto has no life cycle: what a deployment does is played by the stand-in.

use serde_json::{Value, json};

use crate::account::{Account, images};

const ROLE: &str = "arn:aws:iam::123456789012:role/codedeploy";

/// Versions 1 and 2, and the alias at 2.
fn two_versions() -> Account {
    let account = Account::new();
    for note in ["one", "two"] {
        account.deploy(&images().packed(note)).expect(0);
    }
    account
}

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
