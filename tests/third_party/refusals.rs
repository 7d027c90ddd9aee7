//! What cannot work is refused before anything changes, and both facts are named.

use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{Account, images};

/// A refusal: exit code 3, no write call, and every one of these words (one of several, parted by `|`) in what it
/// says.
fn assert_refused(account: &Account, before: lambda_lift_rig::Mark, run: &Run, words: &[&str]) {
    let document = run.expect(3);
    assert_eq!(document["outcome"], "refused");
    let said = run.refusals();
    for word in words {
        let named = word.split('|').any(|word| said.to_lowercase().contains(&word.to_lowercase()));
        assert!(named, "'{word}' is not named in:\n{said}");
    }
    assert_eq!(account.cloud.writes_since(before), Vec::<String>::new());
}

#[test]
fn a_zip_function_is_not_converted() {
    let account = Account::new();
    account.boto3.create_zip_function("hello", &account.role);
    let before = account.cloud.mark();
    let run = account.deploy(&images().packed("one"));
    assert_refused(&account, before, &run, &["hello", "zip"]);
    assert_eq!(account.function()["Configuration"]["PackageType"], "Zip");
}

#[test]
fn a_repository_in_another_region_is_refused_with_both_regions() {
    let account = Account::new();
    let repository = account.cloud.repository_uri("hello").replace(account.cloud.region(), "us-east-1");
    let image = images().packed("one");
    let before = account.cloud.mark();
    let run = account.lambda_lift.run(&[
        "deploy",
        "--image",
        &image.source,
        "--function",
        "hello",
        "--repository",
        &repository,
        "--role",
        &account.role,
    ]);
    assert_refused(&account, before, &run, &["us-east-1", "eu-central-1"]);
}

#[test]
fn an_immutable_tag_is_not_given_to_another_image() {
    let account = Account::new();
    account.deploy_with(&images().packed("one"), &["--tag", "v1"]).expect(0);
    let immutable = json!({ "repositoryName": "hello", "imageTagMutability": "IMMUTABLE" });
    account.boto3.call("ecr", "put_image_tag_mutability", immutable);
    let before = account.cloud.mark();
    let run = account.deploy_with(&images().packed("two"), &["--tag", "v1"]);
    assert_refused(&account, before, &run, &["v1", "immutable"]);

    // The same image under the same tag is no change at all.
    assert_eq!(
        account.deploy_with(&images().packed("one"), &["--tag", "v1"]).expect(0)["outcome"],
        "unchanged"
    );
}

#[test]
fn an_index_of_two_architectures_is_not_guessed_at() {
    let account = Account::new();
    let image = images().buildah_two_architectures("one");
    let before = account.cloud.mark();
    let run = account.deploy(&image);
    assert_refused(&account, before, &run, &["amd64|x86_64", "arm64", "--arch"]);

    let run = account.deploy_with(&image, &["--arch", "arm64", "--allow", "entrypoint-architecture"]);
    assert_eq!(run.expect(0)["image"]["architecture"], "arm64");
    assert_eq!(account.function()["Configuration"]["Architectures"], json!(["arm64"]));
}

#[test]
fn a_policy_that_denies_lambda_is_refused_with_the_statement_that_denies() {
    let account = Account::new();
    account.boto3.call("ecr", "create_repository", json!({ "repositoryName": "hello" }));
    let denial = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "NobodyPulls", "Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage" }],
    });
    let parameters = json!({ "repositoryName": "hello", "policyText": denial.to_string() });
    account.boto3.call("ecr", "set_repository_policy", parameters);
    let before = account.cloud.mark();
    let run = account.deploy(&images().packed("one"));
    assert_refused(&account, before, &run, &["NobodyPulls", "ecr:BatchGetImage"]);
    assert_eq!(account.boto3.repository_policy("hello"), Some(denial));
}

#[test]
fn a_missing_repository_is_refused_with_the_flag_that_creates_it() {
    let account = Account::new();
    let image = images().packed("one");
    let arguments: Vec<_> = account
        .deploy_arguments(&image)
        .into_iter()
        .filter(|argument| *argument != "--create-repository")
        .collect();
    let before = account.cloud.mark();
    let run = account.lambda_lift.run(&arguments);
    assert_refused(&account, before, &run, &["hello", "--create-repository"]);
}

#[test]
fn every_refusal_is_told_at_once() {
    let account = Account::new();
    account.boto3.create_zip_function("hello", &account.role);
    let image = images().packed("one");
    let arguments: Vec<_> = account
        .deploy_arguments(&image)
        .into_iter()
        .filter(|argument| *argument != "--create-repository")
        .collect();
    let before = account.cloud.mark();
    let run = account.lambda_lift.run(&arguments);
    assert_refused(&account, before, &run, &["zip", "--create-repository"]);
    assert_eq!(run.document["version"], Value::Null);
}
