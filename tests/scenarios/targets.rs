//! `[[target]]`: many functions, in several Regions and accounts, by one command.

use std::fs;

use lambda_lift_localstack::{Effect, FaultRule, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account};

const OTHER: &str = "222222222222";

const FILE: &str = r#"
image = "one.tar"
repository = "shop"
create-repository = true

[function]
FunctionName = "shop"
Role = "arn:aws:iam::123456789012:role/shop"

[release]
alias = "live"

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
wave = 2

[[target]]
name = "other"
account = "222222222222"
assume-role = "arn:aws:iam::222222222222:role/deployer"
external-id = "x-1"
region = "eu-west-1"
function.Role = "arn:aws:iam::222222222222:role/shop"
wave = 3
"#;

fn configured(text: &str) -> Account {
    let account = Account::new();
    account.small_image("one");
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
    account
}

fn target<'a>(run: &'a Run, name: &str) -> &'a Value {
    let targets = run.document["targets"].as_array().unwrap();
    targets
        .iter()
        .find(|target| target["name"] == name)
        .unwrap_or_else(|| panic!("{name}: {:#}", run.document))
}

fn outcomes(run: &Run) -> Vec<(&str, &str)> {
    let targets = run.document["targets"].as_array().unwrap().iter();
    targets.map(|target| (target["name"].as_str().unwrap(), target["outcome"].as_str().unwrap())).collect()
}

/// How often an operation was called, by account and Region.
fn calls(account: &Account, operation: &str) -> Vec<String> {
    let calls = account.calls().into_iter().filter(|call| call.operation == operation);
    let mut places: Vec<String> = calls.map(|call| format!("{} {}", call.account, call.region)).collect();
    places.sort();
    places
}

#[test]
fn functions_of_several_regions_and_accounts_are_deployed_together_and_not_again() {
    let account = configured(FILE);
    let run = account.run(&["deploy", "--target", "*"]);
    let document = run.expect(0);
    assert_eq!((&document["outcome"], &document["error"]), (&json!("deployed"), &Value::Null));
    let all = [("eu", "deployed"), ("eu-batch", "deployed"), ("us", "deployed"), ("other", "deployed")];
    assert_eq!(outcomes(&run), all);
    let us = target(&run, "us");
    assert_eq!(us["function"]["arn"], format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:shop"));
    assert_eq!((&us["version"], &us["alias"]["to"], &us["exit"]), (&json!("1"), &json!("1"), &json!(0)));
    assert_eq!(us["wave"], 2);
    assert!(us["place"].as_str().unwrap().ends_with("lambda-lift.toml:23:8"), "{us:#}");
    assert_eq!(target(&run, "eu-batch")["function"]["name"], "shop-batch");
    assert_eq!(target(&run, "other")["function"]["account"], OTHER);

    // Once a registry, whatever number of functions pull from it.
    let registries =
        [format!("{ACCOUNT} eu-west-1"), format!("{ACCOUNT} us-east-1"), format!("{OTHER} eu-west-1")];
    for once in ["CreateRepository", "PutManifest", "SetRepositoryPolicy"] {
        assert_eq!(calls(&account, once), registries, "{once}");
    }
    assert_eq!(calls(&account, "AssumeRole").len(), 1);
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 6, "{steps:#?}");
    let (sent, of_eu) = (&document["image"]["pushed_bytes"], &target(&run, "eu")["image"]["pushed_bytes"]);
    assert_eq!(sent.as_u64().unwrap(), 3 * of_eu.as_u64().unwrap());

    // Waves come one after the other.
    let records = account.calls();
    let at = |region: &str, id: &str, operation: &str| {
        let fits = |call: &&_| -> bool {
            let call: &lambda_lift_localstack::CallRecord = call;
            call.region == region && call.account == id && call.operation == operation
        };
        records.iter().filter(fits).map(|call| call.sequence).collect::<Vec<_>>()
    };
    let last = *at("eu-west-1", ACCOUNT, "CreateAlias").last().unwrap();
    assert!(last < at("us-east-1", ACCOUNT, "CreateFunction")[0]);
    assert!(at("us-east-1", ACCOUNT, "CreateAlias")[0] < at("eu-west-1", OTHER, "CreateFunction")[0]);

    account.stand.clear_calls();
    let again = account.run(&["deploy", "--target", "*"]);
    assert_eq!(again.expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), ["AssumeRole"]);
    let planned = account.run(&["plan", "--target", "*", "--detailed-exit-code"]);
    assert_eq!(planned.expect(0)["outcome"], "unchanged");
}

#[test]
fn a_plan_shows_every_target_and_changes_nothing() {
    let account = configured(FILE);
    let run = account.run(&["plan", "--target", "eu*", "--detailed-exit-code"]);
    let document = run.expect(10);
    assert_eq!(outcomes(&run), [("eu", "planned"), ("eu-batch", "planned")]);
    let names = |steps: &Value| -> Vec<String> {
        steps.as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&document["steps"]), ["create_repository", "push_image"]);
    let own = ["grant_pull", "create_function", "publish_version", "create_alias"];
    assert_eq!(names(&target(&run, "eu")["steps"]), own);
    assert_eq!(account.writes(), Vec::<String>::new());
    // By the function's name, too.
    let run = account.run(&["plan", "--target", "shop-b*"]);
    assert_eq!(outcomes(&run), [("eu-batch", "planned")]);
}

#[test]
fn what_is_refused_in_one_target_stops_all_before_anything_is_changed() {
    let text = FILE.replace("wave = 2", "wave = 2\ncreate-repository = false");
    let account = configured(&text);
    let run = account.run(&["deploy", "--target", "*"]);
    let document = run.expect(3);
    assert_eq!(document["outcome"], "refused");
    let expected = [("eu", "skipped"), ("eu-batch", "skipped"), ("us", "refused"), ("other", "skipped")];
    assert_eq!(outcomes(&run), expected);
    assert!(document["error"]["message"].as_str().unwrap().starts_with("target us: "), "{document:#}");
    assert_eq!(account.writes(), ["AssumeRole"]);
    assert_eq!(target(&run, "eu")["exit"], Value::Null);

    let run = account.run(&["deploy", "--target", "*", "--keep-going"]);
    run.expect(3);
    let expected = [("eu", "deployed"), ("eu-batch", "deployed"), ("us", "refused"), ("other", "deployed")];
    assert_eq!(outcomes(&run), expected);
}

#[test]
fn the_first_failure_begins_no_further_target_and_a_second_run_does_the_rest() {
    let account = configured(FILE);
    let rule = FaultRule {
        operation: "PublishVersion".to_owned(),
        resource: Some("shop-batch".to_owned()),
        effect: Some(Effect::Deny),
        ..FaultRule::default()
    };
    account.stand.set_faults(vec![rule]);
    let run = account.run(&["deploy", "--target", "*"]);
    run.expect(4);
    assert_eq!(
        outcomes(&run),
        [("eu", "deployed"), ("eu-batch", "failed"), ("us", "skipped"), ("other", "skipped")]
    );
    assert_eq!(target(&run, "eu-batch")["exit"], 4);
    assert_eq!(calls(&account, "CreateFunction").len(), 2);
    account.clear_faults();
    account.stand.clear_calls();
    let run = account.run(&["deploy", "--target", "*"]);
    run.expect(0);
    assert_eq!(
        outcomes(&run),
        [("eu", "unchanged"), ("eu-batch", "deployed"), ("us", "deployed"), ("other", "deployed")]
    );
    assert_eq!(calls(&account, "PutManifest"), Vec::<String>::new(), "the image is there already");
}

#[test]
fn a_push_that_fails_leaves_its_functions_alone() {
    let account = configured(FILE);
    let rule = FaultRule {
        operation: "PutManifest".to_owned(),
        account: Some(OTHER.to_owned()),
        calls: Turn::Every,
        effect: Some(Effect::Deny),
        ..FaultRule::default()
    };
    account.stand.set_faults(vec![rule]);
    let run = account.run(&["deploy", "--target", "*"]);
    run.expect(1);
    assert_eq!(calls(&account, "CreateFunction"), Vec::<String>::new());
    assert_eq!(target(&run, "other")["outcome"], "failed");
    let run = account.run(&["deploy", "--target", "*", "--keep-going"]);
    run.expect(1);
    let expected = [("eu", "deployed"), ("eu-batch", "deployed"), ("us", "deployed"), ("other", "failed")];
    assert_eq!(outcomes(&run), expected);
}

#[test]
fn targets_that_cannot_be_meant_are_refused_with_their_places_and_nothing_is_changed() {
    let account = configured(FILE);
    let twice = format!("{FILE}\n[[target]]\nname = \"again\"\nregion = \"eu-west-1\"\n");
    for (text, glob, parts) in [
        (FILE, "eu,nope", &["no target of", "fits \"nope\"", "eu, eu-batch, us, other"][..]),
        ("image = \"one.tar\"\n", "*", &["has no targets"]),
        (
            &twice,
            "*",
            &[
                "targets eu (",
                "toml:14:8) and again (lambda-lift.toml:37:8) are the same function shop of account",
            ],
        ),
        (
            &FILE.replace("222222222222\"\nassume", "333333333333\"\nassume"),
            "other",
            &["333333333333", "222222222222"],
        ),
        (
            &FILE.replace("region = \"us-east-1\"\n", "regoin = \"x\"\n"),
            "eu",
            &["toml:24:1: regoin", "region"],
        ),
        (
            &FILE.replace("[release]\nalias = \"live\"", "[release]\nstrategy = \"all-at-once\""),
            "us",
            &["target us ("],
        ),
    ] {
        fs::write(account.path("lambda-lift.toml"), text).unwrap();
        account.stand.clear_calls();
        let run = account.run(&["deploy", "--target", glob]);
        let error = &run.expect(2)["error"];
        let told =
            format!("{} {}", error["message"].as_str().unwrap(), error["hint"].as_str().unwrap_or_default());
        assert!(parts.iter().all(|part| told.contains(part)), "{glob}: {told}");
        assert!(account.writes().iter().all(|write| write == "AssumeRole"), "{glob}: {:?}", account.writes());
    }
    let missing = Account::new();
    let run = missing.run(&["deploy", "--target", "eu"]);
    assert!(run.expect(2)["error"]["message"].as_str().unwrap().contains("there is no lambda-lift.toml"));
}

#[test]
fn different_images_under_one_tag_of_a_repository_are_refused() {
    let account = configured("");
    account.small_image("two");
    let text = format!(
        "{}\n[[target]]\nname = \"second\"\nregion = \"eu-west-1\"\nfunction = \"second\"\nimage = \"two.tar\"\n",
        FILE.replace("create-repository", "tags = [\"v1\"]\ncreate-repository")
    );
    fs::write(account.path("lambda-lift.toml"), &text).unwrap();
    let run = account.run(&["deploy", "--target", "eu,second"]);
    let message = run.expect(2)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("targets eu (") && message.contains("and second ("), "{message}");
    assert!(message.contains("put different images under tag v1 of repository shop"), "{message}");
    assert_eq!(account.writes(), Vec::<String>::new());
    // Without a tag of their own they have one by their digest each.
    fs::write(account.path("lambda-lift.toml"), text.replace("tags = [\"v1\"]\n", "")).unwrap();
    account.run(&["deploy", "--target", "eu,second"]).expect(0);
    let again = account.run(&["deploy", "--target", "eu,second"]);
    assert_eq!(outcomes(&again), [("eu", "unchanged"), ("second", "unchanged")]);
}

#[test]
fn a_role_that_cannot_be_assumed_is_told_with_the_target_and_stops_all() {
    let account = configured(FILE);
    account.fault("AssumeRole", Turn::Every, Effect::Deny);
    let run = account.run(&["deploy", "--target", "*"]);
    let error = &run.expect(2)["error"];
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("target other: ") && message.contains("role/deployer cannot be assumed"),
        "{message}"
    );
    assert!(error["hint"].as_str().unwrap().contains("sts:AssumeRole"), "{error}");
    assert_eq!(target(&run, "other")["error"]["kind"], "role_not_assumed");
    assert!(account.writes().iter().all(|write| write == "AssumeRole"));
}

#[test]
fn all_targets_are_looked_at_and_moved_back_by_one_command() {
    let account = configured(FILE);
    account.run(&["deploy", "--target", "*"]).expect(0);
    account.small_image("one-b");
    account.run(&["deploy", "--target", "*", "--image", "one-b.tar"]).expect(0);
    let run = account.run(&["status", "--target", "*"]);
    assert_eq!(run.expect(0)["outcome"], "checked");
    assert!(run.document["targets"].as_array().unwrap().iter().all(|target| target["status"].is_object()));
    account.stand.clear_calls();
    let run = account.run(&["rollback", "--target", "*"]);
    assert_eq!(run.expect(0)["outcome"], "rolled_back");
    for name in ["eu", "eu-batch", "us", "other"] {
        assert_eq!(target(&run, name)["alias"]["to"], "1", "{name}");
    }
    assert_eq!(calls(&account, "UpdateAlias").len(), 4);
    // What does not have that version keeps none of the others from moving back.
    let refused = account.run(&["rollback", "--target", "*", "--to", "7"]);
    assert!(outcomes(&refused).iter().all(|(_, outcome)| *outcome != "skipped"));
    account.run(&["release", "--target", "*", "--to", "2"]).expect(0);
}

#[test]
fn people_get_one_table() {
    let mut account = configured(FILE);
    account.lambda_lift.for_people();
    let run = account.run(&["deploy", "--target", "*"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("target    outcome   function"), "{}", run.stdout);
    assert!(run.stdout.ends_with("4 targets: 4 deployed\n"), "{}", run.stdout);
    assert!(run.stderr.contains("us: done: create function shop"), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("{ACCOUNT}/us-east-1: done: push shop")), "{}", run.stderr);
}
