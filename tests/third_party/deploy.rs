//! The main job, from nothing to a live function, and again.

use lambda_lift_rig::{ThirdPartyCloud, skopeo};
use serde_json::{Value, json};

use crate::account::{Account, PULL_ACTIONS, images, service_grants};

#[test]
fn a_first_deploy_makes_repository_policy_function_version_and_alias() {
    let account = Account::new();
    let run = account.deploy(&images().docker_save("one"));
    let document = run.expect(0);
    assert_eq!(document["schema"], 1);
    assert_eq!((&document["command"], &document["outcome"]), (&json!("deploy"), &json!("deployed")));
    assert_eq!(document["function"]["created"], true);
    assert_eq!(document["version"], "1");
    assert_eq!(document["alias"], json!({ "name": "live", "from": null, "to": "1" }));
    assert_eq!(document["error"], Value::Null);

    let digest = document["image"]["digest"].as_str().unwrap();
    let pushed = skopeo::inspect_pushed(&account.cloud.registry, &format!("hello@{digest}"));
    assert_eq!(pushed.digest, digest);
    for tag in document["image"]["tags"].as_array().unwrap() {
        let tagged =
            skopeo::inspect_pushed(&account.cloud.registry, &format!("hello:{}", tag.as_str().unwrap()));
        assert_eq!(tagged.digest, digest, "{tag}");
    }

    let function = account.function();
    assert_eq!(function["Configuration"]["PackageType"], "Image");
    assert_eq!(account.function_digest(), digest);
    assert_eq!(account.alias()["FunctionVersion"], "1");

    let policy = account.boto3.repository_policy("hello").unwrap();
    for action in PULL_ACTIONS {
        assert_eq!(service_grants(&policy, action).len(), 1, "{action} in {policy:#}");
    }
    assert_eq!(document["policy"]["verdict"], "added");
    assert_eq!(document["policy"]["statements_added"], json!(["LambdaECRImageRetrievalPolicy"]));
}

#[test]
fn a_second_deploy_of_the_same_image_sends_nothing_and_writes_nothing() {
    let account = Account::new();
    let image = images().podman_docker_archive("one");
    let digest = account.deploy(&image).expect(0)["image"]["digest"].clone();

    let before = account.cloud.mark();
    let run = account.deploy(&image);
    let document = run.expect(0);
    assert_eq!(document["outcome"], "unchanged");
    assert_eq!(document["image"]["pushed_bytes"], 0);
    assert_eq!(document["image"]["digest"], digest);
    assert_eq!(document["policy"]["verdict"], "granted");
    assert_eq!(account.cloud.writes_since(before), Vec::<String>::new());
    assert_eq!(account.alias()["FunctionVersion"], "1");
}

#[test]
fn a_changed_layer_is_the_only_one_that_is_sent_and_the_alias_moves() {
    let account = Account::new();
    account.deploy(&images().packed("one")).expect(0);
    let run = account.deploy(&images().packed("two"));
    let document = run.expect(0);
    assert_eq!(document["outcome"], "deployed");
    let actions: Vec<_> = document["image"]["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions.len(), 2);
    assert_ne!(actions[0], "uploaded", "the function's layer is the same: {actions:?}");
    assert_eq!(actions[1], "uploaded");
    assert_eq!(document["version"], "2");
    assert_eq!(document["alias"], json!({ "name": "live", "from": "1", "to": "2" }));
    assert_eq!(account.alias()["FunctionVersion"], "2");
    assert_eq!(account.function_digest(), document["image"]["digest"].as_str().unwrap());
}

#[test]
fn a_lambda_that_looks_the_image_up_finds_it_under_the_digest_that_it_is_given() {
    let account = Account::of(ThirdPartyCloud::start_strict_about_images());
    let image = images().packed("one");
    // This moto knows an image only if it was put into its own ECR, so the manifest that the registry got goes there.
    let run = account.lambda_lift.run(&[
        "push",
        "--image",
        &image.source,
        "--repository",
        "hello",
        "--create-repository",
    ]);
    let document = run.expect(0);
    assert_eq!(document["outcome"], "pushed");
    let digest = document["image"]["digest"].as_str().unwrap();
    let manifest = skopeo::manifest(&account.cloud.registry, &format!("hello@{digest}"));
    account.boto3.call(
        "ecr",
        "put_image",
        json!({ "repositoryName": "hello", "imageManifest": manifest, "imageDigest": digest, "imageTag": "v1" }),
    );

    account.deploy(&image).expect(0);
    let function = account.function();
    assert_eq!(format!("sha256:{}", function["Configuration"]["CodeSha256"].as_str().unwrap()), digest);
}

#[test]
fn a_plan_tells_what_would_change_and_changes_nothing() {
    let account = Account::new();
    let image = images().packed("one");
    let mut arguments = account.deploy_arguments(&image);
    arguments[0] = "plan";
    arguments.push("--detailed-exit-code");
    let before = account.cloud.mark();
    let run = account.lambda_lift.run(&arguments);
    let document = run.expect(10);
    assert_eq!(document["outcome"], "planned");
    assert!(
        document["steps"].as_array().unwrap().iter().all(|step| step["status"] == "planned"),
        "{document:#}"
    );
    assert_eq!(account.cloud.writes_since(before), Vec::<String>::new());

    account.deploy(&image).expect(0);
    assert_eq!(account.lambda_lift.run(&arguments).expect(0)["outcome"], "unchanged");
}
