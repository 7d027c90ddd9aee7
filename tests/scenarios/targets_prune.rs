//! `prune` for many targets.

use std::fs;

use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::Account;

const FILE: &str = r#"
image = "one.tar"
repository = "shop"
create-repository = true

[function]
FunctionName = "shop"
Role = "arn:aws:iam::123456789012:role/shop"

[release]
alias = "live"

[prune]
keep = 1
min-age = "0s"

[[target]]
name = "eu"
region = "eu-west-1"

[[target]]
name = "eu-batch"
region = "eu-west-1"
function = "shop-batch"

[[target]]
name = "us"
region = "us-east-1"
"#;

/// Two functions of one Region and one of another, each with three versions.
fn deployed() -> Account {
    let account = Account::new();
    fs::write(account.path("lambda-lift.toml"), FILE).unwrap();
    for note in ["one", "two", "three"] {
        account.small_image(note);
        let image = format!("{note}.tar");
        account.run(&["deploy", "--target", "*", "--image", &image]).expect(0);
    }
    account.stand.clear_calls();
    account
}

fn deleted_versions(run: &Run, target: &str) -> Vec<String> {
    let targets = run.document["targets"].as_array().unwrap();
    let found = targets.iter().find(|one| one["name"] == target).unwrap();
    let versions = found["prune"]["versions"].as_array().unwrap().iter();
    let deleted = versions.filter(|version| version["deleted"] == true);
    deleted.map(|version| version["version"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_target_is_pruned_by_itself_and_nothing_without_yes() {
    let account = deployed();
    let planned = account.run(&["prune", "--target", "*"]);
    assert_eq!(planned.expect(0)["outcome"], "planned");
    assert_eq!(account.writes(), Vec::<String>::new());

    let pruned = account.run(&["prune", "--target", "*", "--yes"]);
    let outcomes: Vec<_> =
        pruned.expect(0)["targets"].as_array().unwrap().iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["pruned", "pruned", "pruned"]);
    for target in ["eu", "eu-batch", "us"] {
        assert_eq!(deleted_versions(&pruned, target), ["1"], "{target}");
    }
    // Both functions of the Region have to have let go of an image before it goes: the second prune finds it.
    let again = account.run(&["prune", "--target", "*", "--yes"]);
    again.expect(0);
    let left = account.run(&["prune", "--target", "*", "--yes"]);
    assert_eq!(left.expect(0)["outcome"], "unchanged");
    account.run(&["deploy", "--target", "*", "--image", "three.tar"]).expect(0);
}

#[test]
fn a_target_that_fails_begins_no_further_one() {
    let account = deployed();
    account.fault(
        "DeleteFunction",
        lambda_lift_localstack::Turn::Every,
        lambda_lift_localstack::Effect::Deny,
    );
    let run = account.run(&["prune", "--target", "*", "--yes"]);
    assert_ne!(run.code, Some(0));
    let outcomes: Vec<&Value> =
        run.document["targets"].as_array().unwrap().iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes[1..], [&json!("skipped"), &json!("skipped")]);
}

#[test]
fn people_see_what_would_go_below_each_targets_name() {
    let mut account = deployed();
    account.lambda_lift.for_people();
    let run = account.run(&["prune", "--target", "eu*"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let of_batch = run.stdout.split("eu-batch:").nth(1).unwrap_or_default();
    assert!(of_batch.contains("function shop-batch: 1 of 3 versions goes"), "{}", run.stdout);
}
