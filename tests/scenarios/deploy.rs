//! The main job, from nothing to a live function, and again with something changed.

use std::fs;
use std::time::Duration;

use lambda_lift_rig::{Images, skopeo};
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, ENVIRONMENT_VALUE, REGION, deploy_arguments};
use crate::image::Image;

/// Where each of these operations stands in the order of calls.
fn order(account: &Account, wanted: &[&str]) -> Vec<String> {
    account.writes().into_iter().filter(|operation| wanted.contains(&operation.as_str())).collect()
}

#[test]
fn a_first_deploy_makes_repository_image_policy_function_version_and_alias() {
    let account = Account::new();
    let image = Images::in_folder(env!("CARGO_TARGET_TMPDIR")).packed("scenario");
    let run = account.deploy(&image.source);
    let document = run.expect(0);
    let digest = document["image"]["digest"].as_str().unwrap();
    let uri = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/hello@{digest}");
    assert_eq!(document["schema"], 1);
    assert_eq!((&document["command"], &document["outcome"]), (&json!("deploy"), &json!("deployed")));
    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello");
    let function =
        json!({ "name": "hello", "arn": arn, "region": REGION, "account": ACCOUNT, "created": true });
    assert_eq!(document["function"], function);
    assert_eq!(document["image"]["uri"], uri);
    assert_eq!(document["image"]["tags"], json!([format!("sha256-{}", &digest[7..19])]));
    let verdict =
        json!({ "changed": true, "verdict": "added", "statements_added": ["LambdaECRImageRetrievalPolicy"] });
    assert_eq!(document["policy"], verdict);
    assert_eq!(document["version"], "1");
    assert_eq!(document["alias"], json!({ "name": "live", "from": null, "to": "1" }));
    assert_eq!(document["error"], Value::Null);
    let steps: Vec<_> = document["steps"].as_array().unwrap().iter().map(|step| &step["step"]).collect();
    let expected = [
        "create_repository",
        "push_image",
        "grant_pull",
        "create_function",
        "publish_version",
        "create_alias",
    ];
    assert_eq!(steps, expected);

    // Traffic last, and nothing twice.
    let once = [
        "CreateRepository",
        "PutManifest",
        "SetRepositoryPolicy",
        "CreateFunction",
        "PublishVersion",
        "CreateAlias",
    ];
    assert_eq!(order(&account, &once), once);

    let function = account.lambda("GET", "/hello", Value::Null);
    assert_eq!(function["Code"]["ImageUri"], uri);
    assert_eq!(function["Configuration"]["PackageType"], "Image");
    assert_eq!(account.lambda("GET", "/hello/aliases/live", Value::Null)["FunctionVersion"], "1");

    let authority = format!("127.0.0.1:{}", account.stand.port());
    let credentials = format!("AWS:{}", account.password());
    let pulled = skopeo::inspect_at(&authority, &credentials, &format!("hello@{digest}"));
    assert_eq!(pulled.digest, digest);
    assert_eq!(pulled.diff_ids, skopeo::inspect_local(&image.source).diff_ids);
}

#[test]
fn a_second_deploy_writes_nothing_and_moves_no_layer() {
    let (account, image) = Account::deployed(|account| account.small_image("one"));
    let document = account.deploy(&image).expect(0).clone();
    assert_eq!(document["outcome"], "unchanged");
    assert_eq!(document["image"]["pushed_bytes"], 0);
    assert_eq!(document["steps"], json!([]));
    assert_eq!(document["version"], "1");
    assert_eq!(document["alias"], json!({ "name": "live", "from": "1", "to": "1" }));
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn a_changed_image_moves_only_what_changed_and_then_the_alias() {
    let (account, _) = Account::deployed(|account| account.small_image("one"));
    let image = account.small_image("two");
    let document = account.deploy(&image).expect(0).clone();
    assert_eq!(document["outcome"], "deployed");
    let actions: Vec<_> =
        document["image"]["layers"].as_array().unwrap().iter().map(|layer| &layer["action"]).collect();
    assert_eq!(actions, ["reused", "uploaded"]);
    assert_eq!(document["alias"], json!({ "name": "live", "from": "1", "to": "2" }));
    let writes = order(
        &account,
        &["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion", "UpdateAlias"],
    );
    assert_eq!(writes, ["UpdateFunctionCode", "PublishVersion", "UpdateAlias"]);
    assert!(!account.writes().contains(&"SetRepositoryPolicy".to_owned()), "the policy was right already");
    account.end_state();
}

#[test]
fn changed_settings_alone_touch_neither_registry_nor_code() {
    let (account, image) = Account::deployed(|account| account.small_image("one"));
    let document = account.deploy_with(&image, &["--memory", "512"]).expect(0).clone();
    assert_eq!(document["outcome"], "deployed");
    assert_eq!(document["image"]["pushed_bytes"], 0);
    let mut writes = account.writes();
    // The move and its entry in the journal are sent side by side.
    writes[2..].sort();
    assert_eq!(writes, ["UpdateFunctionConfiguration", "PublishVersion", "TagResource", "UpdateAlias"]);
    assert_eq!(account.settled_function("hello")["MemorySize"], 512);

    // What is not declared is not managed: without the flag nothing changes back.
    account.stand.clear_calls();
    assert_eq!(account.deploy(&image).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn image_and_settings_change_in_the_order_that_leaves_no_broken_function() {
    let (account, image) = Account::deployed(|account| account.small_image("one"));
    let file = account.path("function.json");
    let definition = |variables: Value, command: &str| json!({ "FunctionName": "hello", "Environment": { "Variables": variables }, "ImageConfig": { "Command": [command] } });
    let with_file = |image: &str, definition: Value| {
        fs::write(&file, definition.to_string()).unwrap();
        let file = file.display().to_string();
        account.deploy_with(image, &["--function-file", &file])
    };
    with_file(&image, definition(json!({ "OLD": ENVIRONMENT_VALUE }), "one")).expect(0);
    account.stand.clear_calls();

    let next = account.small_image("two");
    with_file(&next, definition(json!({ "NEW": ENVIRONMENT_VALUE }), "two")).expect(0);
    let writes = order(
        &account,
        &["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion", "UpdateAlias"],
    );
    let expected = [
        // The new image may need the variable; the old one still needs its command.
        "UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "PublishVersion",
        "UpdateAlias",
    ];
    assert_eq!(writes, expected);
    let live = account.settled_function("hello");
    let both = json!({ "OLD": ENVIRONMENT_VALUE, "NEW": ENVIRONMENT_VALUE });
    assert_eq!(live["Environment"]["Variables"], both, "a variable that is not declared is not managed");
    assert_eq!(live["ImageConfigResponse"]["ImageConfig"]["Command"], json!(["two"]));
}

#[test]
fn an_alias_with_weights_ends_on_one_version_without_weights() {
    let (account, _) = Account::deployed(|account| account.small_image("one"));
    let image = account.small_image("two");
    account.deploy(&image).expect(0);
    let routing =
        json!({ "FunctionVersion": "1", "RoutingConfig": { "AdditionalVersionWeights": { "2": 0.1 } } });
    account.lambda("PUT", "/hello/aliases/live", routing);
    account.stand.clear_calls();

    let run = account.deploy(&image);
    let document = run.expect(0);
    let warned = document["findings"].as_array().unwrap().iter().any(|finding| {
        finding["check"] == "alias"
            && finding["severity"] == "warn"
            && finding["message"].as_str().unwrap().contains("0.1")
    });
    assert!(warned, "{document:#}");
    let alias = account.lambda("GET", "/hello/aliases/live", Value::Null);
    assert_eq!(alias["FunctionVersion"], "2");
    assert!(
        alias["RoutingConfig"]["AdditionalVersionWeights"].as_object().is_none_or(serde_json::Map::is_empty),
        "{alias}"
    );
    assert_eq!(document["alias"]["to"], "2");
}

#[test]
fn without_publishing_only_the_latest_code_changes() {
    let account = Account::new();
    let image = account.small_image("one");
    let role = account.role();
    let mut arguments = deploy_arguments(&image, &role);
    arguments.truncate(arguments.len() - 2);
    arguments.push("--no-publish");
    let document = account.run(&arguments).expect(0).clone();
    assert_eq!(document["version"], Value::Null);
    assert_eq!(document["alias"], Value::Null);
    assert!(!account.writes().contains(&"PublishVersion".to_owned()));
    account.stand.clear_calls();
    assert_eq!(account.run(&arguments).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn without_an_alias_a_version_is_published_once() {
    let account = Account::new();
    let image = account.small_image("one");
    let role = account.role();
    let mut arguments = deploy_arguments(&image, &role);
    arguments.truncate(arguments.len() - 2);
    assert_eq!(account.run(&arguments).expect(0)["version"], "1");
    account.stand.clear_calls();
    assert_eq!(account.run(&arguments).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn a_push_alone_never_speaks_to_lambda() {
    let account = Account::new();
    let image = account.small_image("one");
    let push = ["push", "--image", &image, "--repository", "hello", "--create-repository", "--tag", "v1,v2"];
    let document = account.run(&push).expect(0).clone();
    assert_eq!((&document["outcome"], &document["function"]), (&json!("pushed"), &Value::Null));
    assert_eq!(document["image"]["tags"], json!(["v1", "v2"]));
    assert!(account.calls().iter().all(|call| call.service != "lambda"));
    assert!(!account.writes().contains(&"SetRepositoryPolicy".to_owned()));
    account.assert_stored("hello", document["image"]["digest"].as_str().unwrap());

    account.stand.clear_calls();
    assert_eq!(account.run(&push).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn a_plan_shows_what_a_deploy_does_then_and_changes_nothing() {
    let account = Account::new();
    let image = account.small_image("one");
    let role = account.role();
    let variable = format!("TOKEN={ENVIRONMENT_VALUE}");
    let mut arguments = deploy_arguments(&image, &role);
    arguments.extend(["--env", &variable]);
    let plan = |more: &[&str]| {
        let mut planned = arguments.clone();
        planned[0] = "plan";
        account.run(&[&planned[..], more].concat())
    };
    let planned = plan(&["--detailed-exit-code"]).expect(10).clone();
    assert_eq!(planned["outcome"], "planned");
    assert_eq!(plan(&[]).expect(0)["outcome"], "planned");
    assert_eq!(account.writes(), Vec::<String>::new());
    assert!(account.try_ecr("DescribeRepositories", json!({ "repositoryNames": ["hello"] })).0 == 400);

    let deployed = account.run(&arguments).expect(0).clone();
    let names = |document: &Value| -> Vec<Value> {
        document["steps"].as_array().unwrap().iter().map(|step| step["step"].clone()).collect()
    };
    assert_eq!(names(&planned), names(&deployed));
    assert_eq!(planned["image"]["digest"], deployed["image"]["digest"], "the plan knows the digest");

    account.stand.clear_calls();
    assert_eq!(plan(&["--detailed-exit-code"]).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn a_plan_names_changed_variables_and_never_their_values() {
    let (mut account, image) = Account::deployed(|account| account.small_image("one"));
    account.deploy_with(&image, &["--env", &format!("TOKEN={ENVIRONMENT_VALUE}")]).expect(0);
    account.lambda_lift.for_people();
    let role = account.role();
    let changed = format!("TOKEN={ENVIRONMENT_VALUE}-2");
    let mut arguments = deploy_arguments(&image, &role);
    arguments[0] = "plan";
    arguments.extend(["--env", &changed, "--verbose"]);
    let run = account.run(&arguments);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("TOKEN"), "{}", run.stdout);
}

#[test]
fn a_github_job_gets_its_outputs() {
    let mut account = Account::new();
    let path = account.path("outputs");
    fs::write(&path, "before=1\n").unwrap();
    account.lambda_lift.set("GITHUB_ACTIONS", "true").set("GITHUB_OUTPUT", &path.display().to_string());
    let first = account.small_image("one");
    account.deploy(&first).expect(0);
    fs::write(&path, "before=1\n").unwrap();
    let image = account.small_image("two");
    let document = account.deploy(&image).expect(0).clone();
    let digest = document["image"]["digest"].as_str().unwrap();
    let bytes = document["image"]["pushed_bytes"].to_string();
    let written = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<_> = written.lines().collect();
    assert_eq!(lines.remove(0), "before=1", "it is appended to");
    lines.sort_unstable();
    let mut expected = vec![
        "outcome=deployed".to_owned(),
        format!("digest={digest}"),
        format!("image-uri={ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/hello@{digest}"),
        format!("image=hello@{digest}"),
        format!("function-arn=arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello"),
        "function-name=hello".to_owned(),
        "version=2".to_owned(),
        "previous-version=1".to_owned(),
        "alias=live".to_owned(),
        format!("pushed-bytes={bytes}"),
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

#[test]
fn outside_of_a_github_job_nothing_is_written_to_its_outputs() {
    let mut account = Account::new();
    let path = account.path("outputs");
    account.lambda_lift.set("GITHUB_OUTPUT", &path.display().to_string());
    let image = account.small_image("one");
    account.deploy(&image).expect(0);
    assert!(!path.exists());
}

#[test]
fn quiet_says_nothing_on_standard_error() {
    let account = Account::new();
    let image = account.small_image("one");
    let run = account.deploy_with(&image, &["--quiet"]);
    run.expect(0);
    assert_eq!(run.stderr, "");
    let loud = account.deploy_with(&account.small_image("two"), &["--verbose"]);
    loud.expect(0);
    assert!(
        loud.stderr.contains("push_image") || loud.stderr.to_lowercase().contains("push"),
        "{}",
        loud.stderr
    );
}

#[test]
fn a_layer_of_several_parts_arrives_whole() {
    let account = Account::new();
    let image = account.image("bulk", &Image::with_bulk("bulk", 12));
    let document = account.deploy_with(&image, &["--chunk-size", "5"]).expect(0).clone();
    let parts: Vec<_> = account
        .calls()
        .into_iter()
        .filter(|call| call.operation == "UploadPart")
        .map(|call| call.request_bytes)
        .collect();
    assert!(parts.iter().filter(|bytes| **bytes == 5 << 20).count() == 2, "{parts:?}");
    account.assert_stored("hello", document["image"]["digest"].as_str().unwrap());
}

#[test]
fn a_token_that_seems_to_have_expired_long_ago_is_used_all_the_same() {
    let settings = lambda_lift_localstack::Settings {
        reported_expiry: Some(std::time::UNIX_EPOCH + Duration::from_secs(1_500_000_000)),
        ..lambda_lift_localstack::Settings::default()
    };
    let account = Account::with(settings);
    let image = account.small_image("one");
    account.deploy(&image).expect(0);
    let tokens =
        account.operations().into_iter().filter(|operation| operation == "GetAuthorizationToken").count();
    assert!(tokens <= 2, "asked {tokens} times");
}
