//! Traffic that moves between versions, and back. moto keeps weights and tags, and guards nothing by a revision: that is tested
//! against the stand-in.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use lambda_lift_rig::skopeo;
use serde_json::{Value, json};

use crate::account::{Account, images};

const ALIAS: [&str; 4] = ["--function", "hello", "--alias", "live"];

/// Versions 1 and 2, the alias at 2. moto's ECR is told of their images, which are in the registry: a release looks whether
/// they are still there.
pub(crate) fn two_versions() -> Account {
    let account = Account::new();
    for version in ["one", "two"] {
        let digest = account.deploy(&images().packed(version)).expect(0)["image"]["digest"].clone();
        let manifest =
            skopeo::manifest(&account.cloud.registry, &format!("hello@{}", digest.as_str().unwrap()));
        account.boto3.call(
            "ecr",
            "put_image",
            json!({ "repositoryName": "hello", "imageManifest": manifest, "imageDigest": digest, "imageTag": version }),
        );
    }
    account
}

fn command<'a>(name: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[name], &ALIAS[..], more].concat()
}

/// The alias's version and its weights, as boto3 sees them.
fn place(account: &Account) -> (Value, Value) {
    let alias = account.alias();
    let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].clone();
    (alias["FunctionVersion"].clone(), if weights == json!({}) { Value::Null } else { weights })
}

#[test]
fn traffic_moves_by_steps_and_a_rollback_takes_it_back() {
    let account = two_versions();
    let before = account.cloud.mark();
    let run =
        account.lambda_lift.run(&command("release", &["--to", "1", "--strategy", "steps:10%:1s,50%:1s"]));
    assert_eq!(run.expect(0)["alias"], json!({ "name": "live", "from": "2", "to": "1" }));
    assert_eq!(place(&account), (json!("1"), Value::Null));
    let writes = account.cloud.writes_since(before);
    let moves = writes.iter().filter(|call| call.contains("/aliases/live")).count();
    assert_eq!(moves, 3, "10 %, 50 % and all: {writes:?}");

    let tags = account.function()["Tags"].clone();
    let journal = tags.as_object().unwrap().iter().filter(|(key, _)| key.starts_with("lambda-lift")).count();
    assert!(journal > 0, "what the alias ran before is in the function's tags: {tags}");

    let before = account.cloud.mark();
    let again = account.lambda_lift.run(&command("release", &["--to", "1"]));
    assert_eq!(again.expect(0)["outcome"], "unchanged");
    assert_eq!(account.cloud.writes_since(before), Vec::<String>::new());

    account.lambda_lift.run(&command("rollback", &[])).expect(0);
    assert_eq!(place(&account), (json!("2"), Value::Null));
}

#[test]
fn a_canary_that_is_asked_to_stop_leaves_the_alias_as_it_was() {
    let account = two_versions();
    let long = command("release", &["--to", "1", "--strategy", "canary:10%:10m"]);
    let child = account.lambda_lift.start_recorded(&long);
    let deadline = Instant::now() + Duration::from_secs(60);
    while place(&account) != (json!("2"), json!({ "1": 0.1 })) {
        assert!(Instant::now() < deadline, "the alias is at {:?}", place(&account));
        thread::sleep(Duration::from_millis(50));
    }
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let run = lambda_lift_rig::Run::of(child.wait_with_output().unwrap());
    assert_eq!(run.expect(5)["outcome"], "rolled_back");
    assert_eq!(place(&account), (json!("2"), Value::Null));
}
