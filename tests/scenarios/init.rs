//! A configuration file from a function that is there, and the plan by it: nothing to do.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use lambda_lift_localstack::{Effect, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, ENVIRONMENT_VALUE, REGION, ROLE};
use crate::status::two_versions;

const INIT: [&str; 3] = ["init", "--function", "hello"];

fn init(account: &Account, more: &[&str]) -> Run {
    account.run(&[&INIT[..], more].concat())
}

fn file(account: &Account, name: &str) -> String {
    fs::read_to_string(account.path(name)).unwrap()
}

/// What the plan by the file would do.
fn plan(account: &Account, more: &[&str]) -> Value {
    let endpoint = account.stand.url();
    account.run(&[&["plan", "--source-endpoint", &endpoint], more].concat()).expect(0).clone()
}

fn assert_settled(account: &Account, more: &[&str]) {
    let document = plan(account, more);
    assert_eq!((&document["outcome"], &document["steps"]), (&json!("unchanged"), &json!([])), "{document:#}");
}

/// Every setting of an image function that the stand-in holds.
fn every_setting() -> Value {
    json!({
        "Description": "a shop: \"${x}\" and {{ env `y` }}", "MemorySize": 512, "Timeout": 42,
        "Environment": { "Variables": { "TOKEN": ENVIRONMENT_VALUE, "LOG_LEVEL": "info", "EMPTY": "" } },
        "ImageConfig": { "EntryPoint": ["/var/task/bootstrap"], "Command": ["app.handler", "${y}"], "WorkingDirectory": "/var/task" },
        "EphemeralStorage": { "Size": 1024 },
        "VpcConfig": { "SubnetIds": ["subnet-0b", "subnet-0a"], "SecurityGroupIds": ["sg-0a"], "Ipv6AllowedForDualStack": true },
        "FileSystemConfigs": [{ "Arn": "arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-0a",
            "LocalMountPath": "/mnt/data" }],
        "DeadLetterConfig": { "TargetArn": "arn:aws:sqs:eu-central-1:123456789012:dead" },
        "KMSKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/k",
        "TracingConfig": { "Mode": "Active" },
        "LoggingConfig": { "LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "DEBUG", "LogGroup": "/shop" },
        "Tags": { "team": "shop", "cost:center": "a b \"c\"" },
    })
}

/// `hello` with every setting, published, and the alias `live` at it.
fn with_every_setting() -> Account {
    let account = Account::new();
    fs::write(account.path("all.json"), every_setting().to_string()).unwrap();
    account.deploy_with(&account.small_image("one"), &["--function-file", "all.json"]).expect(0);
    account.stand.clear_calls();
    account
}

#[test]
fn a_plan_by_the_file_of_a_function_with_every_setting_is_empty() {
    let account = with_every_setting();
    let document = init(&account, &[]).expect(0).clone();
    assert_eq!(
        (&document["outcome"], &document["findings"]),
        (&json!("written"), &json!([])),
        "{document:#}"
    );
    let mut operations = account.operations();
    operations.sort();
    let expected = ["DescribeImages", "GetFunction", "GetFunction", "ListAliases", "ListVersionsByFunction"];
    assert_eq!(operations, expected);
    let told = &document["init"];
    assert_eq!(
        (&told["file"], &told["alias"], &told["settled"]),
        (&json!("lambda-lift.toml"), &json!("live"), &json!(true))
    );
    let text = file(&account, "lambda-lift.toml");
    for name in every_setting().as_object().unwrap().keys().filter(|name| *name != "Environment") {
        assert!(text.contains(name), "{name} is missing:\n{text}");
    }
    assert!(!text.contains(ENVIRONMENT_VALUE) && text.contains("# TOKEN = \"${env:TOKEN}\""), "{text}");
    assert_settled(&account, &[]);
    // By hand, with every line that was commented out for its variables.
    let managed = text
        .replace("# [function.Env", "[function.Env")
        .replace("# TOKEN", "TOKEN")
        .replace("# LOG_LEVEL", "LOG_LEVEL");
    fs::write(account.path("lambda-lift.toml"), managed).unwrap();
    let mut account = account;
    account.lambda_lift.set("TOKEN", ENVIRONMENT_VALUE).set("LOG_LEVEL", "info");
    assert_settled(&account, &[]);
    account.lambda_lift.set("LOG_LEVEL", "debug");
    assert_eq!(plan(&account, &[])["outcome"], "planned");
}

#[test]
fn variables_come_as_templates_or_as_values_and_settings_in_a_file_of_their_own() {
    for variables in ["names", "templates", "values"] {
        for function_file in [false, true] {
            let mut account = with_every_setting();
            let mut more = vec!["--variables", variables];
            more.extend(function_file.then_some("--function-file"));
            let document = init(&account, &more).expect(0).clone();
            assert_eq!(document["init"]["variables"], variables);
            let holds = |name: &str| file(&account, name).contains(ENVIRONMENT_VALUE);
            let secret = variables == "values";
            assert_eq!(holds("lambda-lift.toml"), secret && !function_file);
            if function_file {
                assert_eq!(document["init"]["function_file"], "function.json");
                assert_eq!(holds("function.json"), secret);
                // Only what would begin a template in a function file stands beside it.
                assert!(!file(&account, "lambda-lift.toml").contains("MemorySize"));
                assert!(!file(&account, "function.json").contains("{{"));
            }
            let mode = |name: &str| account.path(name).metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode("lambda-lift.toml") == 0o600, secret, "{variables}");
            account.lambda_lift.set("TOKEN", ENVIRONMENT_VALUE).set("LOG_LEVEL", "info");
            assert_settled(&account, &[]);
            let aware = plan(&account, &["--env", "LOG_LEVEL=debug"]);
            assert!(aware["steps"].to_string().contains("Environment.Variables.LOG_LEVEL"), "{aware:#}");
        }
    }
}

#[test]
fn nothing_that_is_there_is_replaced_without_being_told_to() {
    let account = two_versions();
    fs::write(account.path("lambda-lift.toml"), "# mine\n").unwrap();
    let error = init(&account, &[]).expect(2)["error"].clone();
    assert!(error["hint"].as_str().unwrap().contains("--force"), "{error}");
    assert_eq!(file(&account, "lambda-lift.toml"), "# mine\n");
    init(&account, &["--force"]).expect(0);
    assert!(file(&account, "lambda-lift.toml").contains("FunctionName = \"hello\""));

    // One that cannot be written leaves none.
    fs::create_dir(account.path("sub")).unwrap();
    fs::write(account.path("sub/function.json"), "{}").unwrap();
    let files = ["--output-file", "sub/new.toml", "--function-file=sub/function.json"];
    let error = init(&account, &files).expect(2)["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("sub/function.json is there already"), "{error}");
    assert!(!account.path("sub/new.toml").exists());
    init(&account, &["--output-file", "sub/new.toml", "--function-file=sub/other.json"]).expect(0);
    assert!(file(&account, "sub/new.toml").contains("function-file = \"other.json\""));
    assert_settled(&account, &["--config", "sub/new.toml"]);

    symlink(account.path("victim"), account.path("link.toml")).unwrap();
    for more in [&["--output-file", "link.toml"][..], &["--output-file", "link.toml", "--force"]] {
        init(&account, more).expect(2);
    }
    assert!(!account.path("victim").exists());
    init(&account, &["--output-file", "missing/x.toml"]).expect(2);
    init(&account, &["--output-file", "same", "--function-file=same"]).expect(2);
    // A configuration that cannot be used is replaced where it is not to be read first.
    fs::write(account.path("lambda-lift.toml"), "nonsense").unwrap();
    let error = init(&account, &["--force"]).expect(2)["error"].clone();
    assert_eq!(error["kind"], "config", "{error}");
    init(&account, &["--force", "--no-config"]).expect(0);
    let left: Vec<String> = fs::read_dir(account.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".tmp"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn the_file_can_be_printed_and_then_holds_no_secret() {
    let mut account = with_every_setting();
    let document = init(&account, &["--stdout", "--variables", "templates"]).expect(0).clone();
    let text = document["init"]["text"].as_str().unwrap();
    assert!(text.contains("TOKEN = \"${env:TOKEN}\""), "{text}");
    assert!(!account.path("lambda-lift.toml").exists());
    let error = init(&account, &["--stdout", "--variables", "values"]).expect(2)["error"].clone();
    assert_eq!(error["kind"], "usage");
    init(&account, &["--stdout", "--force"]).expect(2);
    account.lambda_lift.for_people();
    let printed = init(&account, &["--stdout", "--variables", "templates"]);
    assert_eq!((printed.code, printed.stdout.as_str()), (Some(0), text));
    let written = init(&account, &[]);
    assert_eq!(
        written.stdout,
        "written: lambda-lift.toml\nIt says what runs now, so that this finds nothing to do: lambda-lift plan\n"
    );
}

#[test]
fn what_cannot_be_taken_over_is_refused_or_said() {
    let account = two_versions();
    for (arguments, code, kind) in [
        (&["init", "--function", "goodbye"][..], 3, "not_found"),
        (&["init", "--function", "hello", "--alias", "blue"], 3, "not_found"),
        (&["init", "--function", "a b"], 2, "usage"),
        (&["init"], 2, "usage"),
        (&["init", "--function", "arn:aws:lambda:eu-central-1:999900001111:function:hello"], 3, "account"),
    ] {
        assert_eq!(account.run(arguments).expect(code)["error"]["kind"], kind, "{arguments:?}");
    }
    let zip = json!({ "FunctionName": "zipped", "Role": ROLE, "Runtime": "python3.13", "Handler": "a.b",
        "Code": { "ZipFile": "UEsDBA==" } });
    account.lambda("POST", "", zip);
    account.settled_function("zipped");
    let error = account.run(&["init", "--function", "zipped"]).expect(3)["error"].clone();
    assert!(
        error["kind"] == "zip_function" && error["hint"].as_str().unwrap().contains("new name"),
        "{error}"
    );
    assert!(!account.path("lambda-lift.toml").exists());

    account.fault("GetFunction", Turn::Every, Effect::Deny);
    let error = init(&account, &[]).expect(1)["error"].clone();
    assert!(error["hint"].as_str().unwrap().contains("lambda:GetFunction"), "{error}");
    for (operation, permission) in [
        ("ListAliases", "lambda:ListAliases"),
        ("ListVersionsByFunction", "lambda:ListVersionsByFunction"),
        ("DescribeImages", "ecr:DescribeImages"),
    ] {
        account.fault(operation, Turn::Every, Effect::Deny);
        let document = init(&account, &["--stdout"]).expect(0).clone();
        let finding = &document["findings"][0];
        assert_eq!(finding["severity"], "unknown", "{document:#}");
        assert!(finding["hint"].as_str().unwrap().contains(permission), "{finding}");
    }
}

#[test]
fn an_alias_that_is_split_is_written_and_said() {
    let account = two_versions();
    let weights = json!({ "AdditionalVersionWeights": { "1": 0.25 } });
    account.lambda("PUT", "/hello/aliases/live", json!({ "FunctionVersion": "2", "RoutingConfig": weights }));
    account.lambda("POST", "/hello/aliases", json!({ "Name": "old", "FunctionVersion": "1" }));
    let document = init(&account, &["--alias", "live"]).expect(0).clone();
    assert_eq!((&document["init"]["alias"], &document["init"]["settled"]), (&json!("live"), &json!(false)));
    let message = document["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains("alias live sends 25% to version 1 beside version 2"), "{message}");
    assert_eq!(plan(&account, &[])["steps"][0]["step"], "move_alias");
    let document = init(&account, &["--force", "--no-config"]).expect(0).clone();
    assert_eq!(document["init"]["alias"], Value::Null);
    assert!(document["findings"][0]["message"].as_str().unwrap().contains("live, old"), "{document:#}");
}

#[test]
fn an_image_of_another_account_and_a_function_of_another_region_are_named_in_full() {
    const OWNER: &str = "999900001111";
    let mut account = Account::new();
    account.become_account(OWNER);
    account.create_repository("shared");
    account.become_account(ACCOUNT);
    let uri = format!("{OWNER}.dkr.ecr.{REGION}.amazonaws.com/shared");
    let push = |account: &Account, image: &str| {
        account.run(&["push", "--image", image, "--repository", "shared"]).expect(0)["image"]["digest"]
            .clone()
    };
    account.become_account(OWNER);
    let image = account.small_image("one");
    let digest = push(&account, &image);
    let grant = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "a", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Action": "ecr:*" },
        { "Sid": "b", "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" },
          "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] }] });
    account.set_policy("shared", &grant);
    account.become_account(ACCOUNT);
    let new = json!({ "FunctionName": "hello", "Role": ROLE, "PackageType": "Image",
        "Code": { "ImageUri": format!("{uri}@{}", digest.as_str().unwrap()) } });
    account.lambda("POST", "", new);
    account.settled_function("hello");
    let document = init(&account, &[]).expect(0).clone();
    let text = file(&account, "lambda-lift.toml");
    assert!(text.contains(&format!("repository = \"{uri}\"")), "{text}");
    assert!(text.contains("Publish = false"), "never published, and so not wanted: {text}");
    assert_eq!(document["init"]["settled"], true, "{document:#}");
    assert_settled(&account, &[]);
}
