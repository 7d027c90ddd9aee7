//! How a function stands, as `status` tells it: what is under way, what is gone, what may not be read, and that it only reads.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use lambda_lift_localstack::{Effect, FaultRule, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION, deploy_arguments};
use crate::interrupted::send_signal;
use crate::rollback::waves;

pub(crate) const STATUS: [&str; 3] = ["status", "--function", "hello"];

/// Versions 1 and 2, and the alias at 2.
pub(crate) fn two_versions() -> Account {
    let account = Account::new();
    for note in ["one", "two"] {
        account.deploy(&account.small_image(note)).expect(0);
    }
    account.stand.clear_calls();
    account
}

fn status(account: &Account, more: &[&str]) -> Run {
    account.run(&[&STATUS[..], more].concat())
}

fn digest_of(account: &Account, qualifier: &str) -> String {
    let path = format!("/hello/configuration?Qualifier={qualifier}");
    format!("sha256:{}", account.lambda("GET", &path, Value::Null)["CodeSha256"].as_str().unwrap())
}

fn delete_image_of(account: &Account, qualifier: &str) {
    let id = json!({ "imageDigest": digest_of(account, qualifier) });
    account.ecr("BatchDeleteImage", json!({ "repositoryName": "hello", "imageIds": [id] }));
}

/// The calls, each with how often it was made.
fn counted(account: &Account) -> Vec<(String, usize)> {
    let mut operations = account.operations();
    operations.sort();
    let mut counts: Vec<(String, usize)> = Vec::new();
    for operation in operations {
        match counts.last_mut() {
            Some((last, count)) if *last == operation => *count += 1,
            _ => counts.push((operation, 1)),
        }
    }
    counts
}

fn expected(counts: &[(&str, usize)]) -> Vec<(String, usize)> {
    counts.iter().map(|(operation, count)| ((*operation).to_owned(), *count)).collect()
}

fn findings(document: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = document["findings"].as_array().unwrap().iter();
    all.map(|found| (text(&found["check"]), text(&found["severity"]), text(&found["hint"]))).collect()
}

#[test]
fn a_function_that_stands_still_is_told_whole_in_three_waves_of_reads() {
    let account = two_versions();
    let late = FaultRule { operation: "*".to_owned(), delay_milliseconds: 500, ..FaultRule::default() };
    account.stand.set_faults(vec![late]);
    let document = status(&account, &[]).expect(0).clone();
    account.clear_faults();
    let calls = account.calls();
    assert_eq!(waves(&calls), 3, "{calls:#?}");
    let reads = [
        ("DescribeImages", 1),
        ("GetFunction", 3),
        ("GetRepositoryPolicy", 1),
        ("ListAliases", 1),
        ("ListVersionsByFunction", 1),
    ];
    assert_eq!(counted(&account), expected(&reads));

    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello");
    assert_eq!((&document["command"], &document["outcome"]), (&json!("status"), &json!("checked")));
    assert_eq!((&document["function"]["arn"], &document["findings"]), (&json!(arn), &json!([])));
    assert_eq!((&document["alias"], &document["error"]), (&Value::Null, &Value::Null));
    let told = &document["status"];
    let function = &told["function"];
    assert_eq!((&function["arn"], &function["package_type"]), (&json!(arn), &json!("image")));
    assert_eq!(function["state"]["state"], "Active");
    assert_eq!(function["image"]["digest"], digest_of(&account, "2"));
    let alias = &told["aliases"][0];
    let traffic = json!([{ "version": "2", "weight": 1.0, "digest": digest_of(&account, "2"),
        "tags": alias["traffic"][0]["tags"] }]);
    assert_eq!(
        (&alias["name"], &alias["standing"], &alias["traffic"]),
        (&json!("live"), &json!("still"), &traffic)
    );
    assert_eq!((&alias["moves"][0]["from"], &alias["moves"][0]["to"]), (&json!("1"), &json!("2")));
    let versions = told["versions"].as_array().unwrap();
    let numbers: Vec<&Value> = versions.iter().map(|version| &version["version"]).collect();
    assert_eq!(numbers, ["$LATEST", "2", "1"]);
    for (version, qualifier) in versions.iter().zip(["$LATEST", "2", "1"]) {
        let image = &version["image"];
        assert_eq!(image["digest"], digest_of(&account, qualifier));
        assert_eq!((&image["stored"], &image["pull"]), (&json!("yes"), &json!("granted")), "{version}");
        assert!(image["size"].as_u64().unwrap() > 0 && image["pushed"].as_str().unwrap().ends_with('Z'));
        assert_eq!(image["tags"].as_array().unwrap().len(), 1, "{image}");
        assert_eq!(
            (&version["role"], &version["state"]["state"]),
            (&json!(account.role()), &json!("Active"))
        );
    }
    assert_eq!((&versions[1]["aliases"], &versions[2]["aliases"]), (&json!(["live"]), &json!([])));
}

#[test]
fn only_the_newest_versions_are_looked_at_beside_those_that_an_alias_runs_or_ran() {
    let account = two_versions();
    account.deploy(&account.small_image("three")).expect(0);
    account.deploy_with(&account.small_image("four"), &["--alias", "next"]).expect(2);
    account.run(&["release", "--function", "hello", "--alias", "live", "--to", "1"]).expect(0);
    account.lambda("POST", "/hello/aliases", json!({ "Name": "old", "FunctionVersion": "2" }));
    account.stand.clear_calls();
    let document = status(&account, &["--versions", "0", "--alias", "old"]).expect(0).clone();
    let numbers = |document: &Value| -> Vec<String> {
        let versions = document["status"]["versions"].as_array().unwrap().iter();
        versions.map(|version| version["version"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (numbers(&document), &document["status"]["versions_left_out"]),
        (vec!["$LATEST".to_owned(), "2".to_owned()], &json!(2))
    );
    assert!(account.operations().contains(&"GetAlias".to_owned()), "{:?}", account.operations());
    assert!(!account.operations().contains(&"ListAliases".to_owned()));
    let names: Vec<Value> = status(&account, &["--alias", "old", "--alias", "live", "--versions", "1"])
        .expect(0)["status"]["aliases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alias| alias["name"].clone())
        .collect();
    assert_eq!(names, ["live", "old"]);
    let whole = status(&account, &[]).expect(0).clone();
    assert_eq!(numbers(&whole), ["$LATEST", "3", "2", "1"]);
}

#[test]
fn a_release_under_way_an_interrupted_one_and_a_split_by_hand_are_told_apart() {
    let account = two_versions();
    let strategy = ["--to", "1", "--strategy", "steps:10%:10m,50%:10m", "--on-interrupt", "hold"];
    let release = ["release", "--function", "hello", "--alias", "live"];
    let child = account.start(&[&release[..], &strategy[..]].concat());
    let alias = |account: &Account| status(account, &[]).expect(0)["status"]["aliases"][0].clone();
    let mut told = alias(&account);
    // Between its entry in the journal and its first shift a release is running already, at no step yet.
    while told["release"]["step"].is_null() {
        told = alias(&account);
    }
    assert_eq!(told["standing"], "running");
    let weights: Vec<_> = told["traffic"]
        .as_array()
        .unwrap()
        .iter()
        .map(|share| (&share["version"], &share["weight"]))
        .collect();
    assert_eq!(weights, [(&json!("2"), &json!(0.9)), (&json!("1"), &json!(0.1))]);
    let release = &told["release"];
    assert_eq!(
        (&release["from"], &release["to"], &release["step"], &release["steps"]),
        (&json!("2"), &json!("1"), &json!(1), &json!(2))
    );
    assert_eq!(release["strategy"], "steps:10%:10m,50%:10m");
    assert!(
        !release["actor"].as_str().unwrap().is_empty() && release["began"].as_str().unwrap().ends_with('Z')
    );

    send_signal(&child, "INT");
    Account::finish(child).expect(6);
    let told = alias(&account);
    assert_eq!((&told["standing"], &told["release"]["step"]), (&json!("interrupted"), &json!(1)));

    let weights = json!({ "AdditionalVersionWeights": { "1": 0.25 } });
    account.lambda("PUT", "/hello/aliases/live", json!({ "FunctionVersion": "2", "RoutingConfig": weights }));
    let told = alias(&account);
    assert_eq!((&told["standing"], &told["release"]), (&json!("foreign"), &Value::Null));
}

#[test]
fn a_deleted_image_and_a_revoked_permission_are_seen_before_they_hurt() {
    let account = two_versions();
    delete_image_of(&account, "1");
    account.stand.clear_calls();
    let document = status(&account, &[]).expect(0).clone();
    assert_eq!(account.writes(), Vec::<String>::new());
    // By id first, and since one is missing, by a listing; never by BatchGetImage, which counts as a pull.
    assert_eq!(account.operations().iter().filter(|operation| *operation == "DescribeImages").count(), 2);
    let versions = &document["status"]["versions"];
    assert_eq!(
        (&versions[1]["image"]["stored"], &versions[2]["image"]["stored"]),
        (&json!("yes"), &json!("deleted"))
    );
    assert!(versions[2]["image"]["stored_reason"].as_str().unwrap().contains("repository hello"));

    account.ecr("DeleteRepositoryPolicy", json!({ "repositoryName": "hello" }));
    let document = status(&account, &[]).expect(0).clone();
    assert_eq!(document["status"]["versions"][1]["image"]["pull"], "missing");
    let told = findings(&document);
    assert_eq!((told.len(), told[0].0.as_str(), told[0].1.as_str()), (1, "policy", "warn"), "{told:?}");
    assert!(told[0].2.contains("lambda-lift policy ensure --repository hello"), "{told:?}");

    let deny = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Principal": "*",
        "Action": "ecr:BatchGetImage" }] });
    account.set_policy("hello", &deny);
    let document = status(&account, &[]).expect(0).clone();
    assert_eq!(document["status"]["versions"][1]["image"]["pull"], "denied");

    account.ecr("DeleteRepository", json!({ "repositoryName": "hello", "force": true }));
    let document = status(&account, &[]).expect(0).clone();
    let image = &document["status"]["versions"][1]["image"];
    assert_eq!((&image["stored"], &image["pull"]), (&json!("deleted"), &json!("missing")));
    assert!(image["stored_reason"].as_str().unwrap().contains("does not exist any more"), "{image}");
}

#[test]
fn what_may_not_be_read_is_unknown_and_says_which_permission_lacks() {
    let account = two_versions();
    for (operation, permission) in [
        ("ListAliases", "lambda:ListAliases"),
        ("ListVersionsByFunction", "lambda:ListVersionsByFunction"),
        ("DescribeImages", "ecr:DescribeImages"),
        ("GetRepositoryPolicy", "ecr:GetRepositoryPolicy"),
    ] {
        account.fault(operation, Turn::Every, Effect::Deny);
        let document = status(&account, &[]).expect(0).clone();
        let told = findings(&document);
        assert_eq!((told.len(), told[0].1.as_str()), (1, "unknown"), "{operation}: {told:?}");
        assert!(told[0].2.contains(permission), "{operation}: {told:?}");
        let told = &document["status"];
        let image = &told["versions"][1]["image"];
        match operation {
            "ListAliases" => assert_eq!(told["aliases"], Value::Null),
            // The alias still names the version that it runs.
            "ListVersionsByFunction" => assert_eq!(told["versions"].as_array().unwrap().len(), 2),
            "DescribeImages" => {
                assert_eq!((&image["stored"], &image["pull"]), (&json!("unknown"), &json!("granted")))
            }
            _ => assert_eq!((&image["stored"], &image["pull"]), (&json!("yes"), &json!("unknown"))),
        }
    }
    // Of the versions, after the function itself.
    account.fault("GetFunction", Turn::Nth(2), Effect::Deny);
    let document = status(&account, &[]).expect(0).clone();
    let unread: Vec<&Value> = document["status"]["versions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|version| version["state"].is_null())
        .collect();
    assert_eq!(unread.len(), 1, "{document:#}");
    assert_eq!(unread[0]["image"]["stored"], "unknown");
    // Without the function there is nothing to tell.
    account.fault("GetFunction", Turn::Every, Effect::Deny);
    let error = status(&account, &[]).expect(1)["error"].clone();
    assert_eq!(error["kind"], "access_denied");
    assert!(error["hint"].as_str().unwrap().contains("lambda:GetFunction"), "{error}");
}

#[test]
fn a_zip_function_is_told_without_images() {
    let account = Account::new();
    // The beginning of a zip archive, which is all that the stand-in looks at.
    let code = json!({ "ZipFile": "UEsDBA==" });
    let new = json!({ "FunctionName": "hello", "Role": account.role(), "Runtime": "python3.13", "Handler": "a.b", "Code": code });
    account.lambda("POST", "", new);
    account.settled_function("hello");
    account.lambda("POST", "/hello/versions", json!({}));
    account.lambda("POST", "/hello/aliases", json!({ "Name": "live", "FunctionVersion": "1" }));
    account.stand.clear_calls();
    let document = status(&account, &[]).expect(0).clone();
    let told = &document["status"];
    assert_eq!(
        (&told["function"]["package_type"], &told["function"]["image"]),
        (&json!("zip"), &Value::Null)
    );
    assert_eq!((&told["versions"][1]["image"], &told["versions"][1]["version"]), (&Value::Null, &json!("1")));
    assert_eq!(told["aliases"][0]["traffic"][0]["weight"], 1.0);
    let reads = [("GetFunction", 2), ("ListAliases", 1), ("ListVersionsByFunction", 1)];
    assert_eq!((counted(&account), findings(&document).len()), (expected(&reads), 0));
}

#[test]
fn what_is_not_there_and_what_cannot_be_is_refused() {
    let account = two_versions();
    let missing = account.run(&["status", "--function", "goodbye"]).expect(3)["error"].clone();
    assert_eq!(missing["kind"], "not_found");
    assert!(missing["message"].as_str().unwrap().contains("function goodbye does not exist"), "{missing}");
    let missing = status(&account, &["--alias", "live", "--alias", "blue"]).expect(3)["error"].clone();
    assert!(missing["message"].as_str().unwrap().contains("alias blue of function hello"), "{missing}");
    let refused = status(&account, &["--watch"]).expect(2)["error"].clone();
    assert!(refused["message"].as_str().unwrap().contains("--watch has no JSON document"), "{refused}");
    status(&account, &["--interval", "2s"]).expect(2);
    status(&account, &["--watch", "--interval", "500ms"]).expect(2);
    status(&account, &["--function", "hello:live"]).expect(2);
}

/// Reads lines until one holds this text; answers it.
fn line_with(lines: &mut impl Iterator<Item = std::io::Result<String>>, part: &str) -> String {
    let found = lines.by_ref().map(Result::unwrap).find(|line| line.contains(part));
    found.unwrap_or_else(|| panic!("no line has {part:?}"))
}

/// Ends a watch as a person does, and reads what it still says.
fn stop(mut child: Child, lines: impl Iterator<Item = std::io::Result<String>>) -> Vec<String> {
    send_signal(&child, "INT");
    let rest = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    rest
}

#[test]
fn a_watch_tells_what_changed_and_ends_well_when_asked_to() {
    let mut account = two_versions();
    account.lambda_lift.for_people();
    let mut child = account.start(&[&STATUS[..], &["--watch", "--interval", "1s"]].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = line_with(&mut lines, "alias live");
    assert!(first.ends_with("alias live: 100% version 2"), "{first}");
    line_with(&mut lines, "function hello: Active, last update Successful");
    line_with(&mut lines, "version 2: Active, image in ECR: yes, pull: granted");

    let weights = json!({ "AdditionalVersionWeights": { "1": 0.25 } });
    account.lambda("PUT", "/hello/aliases/live", json!({ "FunctionVersion": "2", "RoutingConfig": weights }));
    // Nothing is said between that and the change.
    let next = lines.next().unwrap().unwrap();
    assert!(next.contains("alias live: 75% version 2, 25% version 1; split"), "{next}");
    line_with(&mut lines, "version 1: Active");
    // A question that is not answered for once ends no watch.
    account.fault("GetFunction", Turn::First(1), Effect::Deny);
    while !account.calls().iter().any(|call| call.fault.is_some()) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    account.lambda("DELETE", "/hello/aliases/live", Value::Null);
    line_with(&mut lines, "alias live: gone");
    let rest = stop(child, lines);
    assert_eq!(rest, Vec::<String>::new());
    assert_eq!(account.writes(), ["UpdateAlias", "DeleteAlias"], "ours, not the watch's");
}

#[test]
fn a_watch_says_once_what_it_may_not_read_and_ends_when_the_function_is_gone() {
    let mut account = two_versions();
    account.fault("DescribeImages", Turn::Every, Effect::Deny);
    account.lambda_lift.for_people();
    let mut child = account.start(&[&STATUS[..], &["--watch", "--interval", "1s"]].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    line_with(&mut lines, "version 2: Active, image in ECR: unknown, pull: granted");
    let looks = || account.operations().iter().filter(|operation| *operation == "DescribeImages").count();
    while looks() < 3 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    account.lambda("DELETE", "/hello", Value::Null);
    assert!(line_with(&mut lines, "error:").contains("function hello does not exist"));
    let run = child.wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(3));
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(told.matches("hint: allow ecr:DescribeImages").count(), 1, "{told}");
}

#[test]
fn a_repository_of_another_account_is_asked_with_the_identity_for_it_and_others_with_our_own() {
    const OWNER: &str = "999900001111";
    let mut account = Account::new();
    account.become_account(OWNER);
    account.create_repository("shared");
    account.become_account(ACCOUNT);
    let profile = |id: &str| format!("[of-{id}]\naws_access_key_id = {id}\naws_secret_access_key = any\n");
    account.lambda_lift.use_profiles(&format!("{}{}", profile(ACCOUNT), profile(OWNER)));
    let (own, owner) = (format!("of-{ACCOUNT}"), format!("of-{OWNER}"));
    let (image, role) = (account.small_image("one"), account.role());
    let shared = format!("{OWNER}.dkr.ecr.{REGION}.amazonaws.com/shared");
    let identities = ["--profile", &own, "--repository-profile", &owner];
    // Version 1 from the owner's repository, and version 2 from one of our own.
    let mut arguments = deploy_arguments(&image, &role);
    arguments.retain(|argument| *argument != "--create-repository");
    let place = arguments.iter().position(|argument| *argument == "--repository").unwrap() + 1;
    arguments[place] = &shared;
    account.run(&[&arguments[..], &identities[..]].concat()).expect(0);
    account.deploy_with(&account.small_image("two"), &["--profile", &own]).expect(0);

    let told = |more: &[&str]| -> Value {
        let document = status(&account, more).expect(0).clone();
        let versions = document["status"]["versions"].as_array().unwrap();
        let of = |version: &Value| {
            let image = &version["image"];
            json!([version["version"], image["repository"], image["stored"], image["pull"]])
        };
        versions.iter().map(of).collect()
    };
    account.stand.clear_calls();
    let both = json!([
        ["$LATEST", "hello", "yes", "granted"],
        ["2", "hello", "yes", "granted"],
        ["1", "shared", "yes", "granted"],
    ]);
    assert_eq!(told(&identities), both);
    // The owner may not look into our own repository: there each of two questions is asked again.
    assert_eq!(account.operations().iter().filter(|operation| *operation == "DescribeImages").count(), 3);
    // Our own identity may not look into the owner's.
    let ours = told(&["--profile", &own]);
    assert_eq!(ours[2], json!(["1", "shared", "unknown", "unknown"]));
    assert_eq!(ours[1], both[1]);
    // The owner takes the permission of our account away again.
    account.become_account(OWNER);
    let none = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::444444444444:root" }, "Action": "ecr:PutImage" }] });
    account.set_policy("shared", &none);
    account.become_account(ACCOUNT);
    account.lambda_lift.unset("AWS_ACCESS_KEY_ID");
    let revoked = status(&account, &identities).expect(0).clone();
    assert_eq!(revoked["status"]["versions"][2]["image"]["pull"], "missing");
}
