//! `init`, `diff` and `invoke` against moto: a plan by the file that was written is empty, and boto3 agrees with what is told.

use std::fs;

use serde_json::{Value, json};

use crate::account::{Account, images};

const SECRET: &str = "this-value-of-a-variable-is-never-shown";

/// `hello` with every setting that moto holds, published as version 1, the alias `live` at it.
fn with_settings() -> Account {
    let account = Account::new();
    let settings = json!({
        "Description": "costs ${x}", "MemorySize": 512, "Timeout": 42,
        "Environment": { "Variables": { "TOKEN": SECRET } },
        "ImageConfig": { "EntryPoint": ["/var/task/bootstrap"], "Command": ["app"], "WorkingDirectory": "/var/task" },
        "EphemeralStorage": { "Size": 1024 }, "TracingConfig": { "Mode": "Active" },
        "DeadLetterConfig": { "TargetArn": "arn:aws:sqs:eu-central-1:123456789012:dead" },
        "FileSystemConfigs": [{ "Arn": "arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-0a",
            "LocalMountPath": "/mnt/data" }],
        "Tags": { "team": "shop" },
    });
    let path = account.lambda_lift.home().join("all.json");
    fs::write(path, settings.to_string()).unwrap();
    account.deploy_with(&images().packed("one"), &["--function-file", "all.json"]).expect(0);
    account
}

#[test]
fn a_plan_by_the_file_that_init_wrote_is_empty() {
    let account = with_settings();
    let mark = account.cloud.mark();
    let document = account.lambda_lift.run(&["init", "--function", "hello"]).expect(0).clone();
    assert_eq!((&document["init"]["alias"], &document["outcome"]), (&json!("live"), &json!("written")));
    assert_eq!(account.cloud.writes_since(mark), Vec::<String>::new());
    let text = fs::read_to_string(account.lambda_lift.home().join("lambda-lift.toml")).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    // What boto3 sees is in the file.
    let live = account.function()["Configuration"].clone();
    for line in [
        format!("MemorySize = {}", live["MemorySize"]),
        format!("Timeout = {}", live["Timeout"]),
        format!("EphemeralStorage.Size = {}", live["EphemeralStorage"]["Size"]),
        format!("Role = {}", live["Role"]),
    ] {
        assert!(text.contains(&line), "{line} is missing:\n{text}");
    }
    let image = images().packed("one");
    let plan = account.lambda_lift.run(&["plan", "--image", &image.source]);
    assert_eq!((&plan.expect(0)["outcome"], &plan.document["steps"]), (&json!("unchanged"), &json!([])));
}

#[test]
fn a_difference_is_what_somebody_else_changed() {
    let account = with_settings();
    account.lambda_lift.run(&["init", "--function", "hello"]).expect(0);
    let diff = |more: &[&str]| account.lambda_lift.run(&[&["diff"], more].concat());
    assert_eq!(diff(&["--no-image"]).expect(0)["diff"]["different"], false);
    let change = json!({ "FunctionName": "hello", "MemorySize": 1024 });
    account.boto3.call("lambda", "update_function_configuration", change);
    let mark = account.cloud.mark();
    let document = diff(&["--no-image"]).expect(10).clone();
    let changed = &document["diff"]["parts"][0]["changes"][0];
    assert_eq!(
        (&changed["key"], &changed["from"], &changed["to"]),
        (&json!("MemorySize"), &json!("1024"), &json!("512"))
    );
    let versions = diff(&["--from", "1", "--to", "$LATEST"]);
    assert_eq!(versions.expect(10)["diff"]["parts"][1]["changes"][0]["key"], "MemorySize");
    assert_eq!(account.cloud.writes_since(mark), Vec::<String>::new());
    assert_eq!(account.function()["Configuration"]["MemorySize"], 1024);
}

#[test]
fn an_invocation_is_answered() {
    let account = Account::new();
    account.cloud.invoke_without_docker();
    account.deploy(&images().packed("one")).expect(0);
    let document =
        account.lambda_lift.run(&["invoke", "--function", "hello", "--payload", "{}"]).expect(0).clone();
    let told = &document["invoke"];
    let own = account.boto3.call("lambda", "invoke", json!({ "FunctionName": "hello" }));
    assert_eq!((&told["status"], &told["function_error"]), (&own["StatusCode"], &Value::Null), "{told}");
    assert!(!told["payload"].is_null(), "{told}");
    let queued = account.lambda_lift.run(&["invoke", "--function", "hello", "--async"]);
    assert_eq!(queued.expect(0)["invoke"]["status"], 202);
}
