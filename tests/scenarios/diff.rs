//! What is different: a function and its declaration, an image, two versions. Readers only, and exit 10.

use std::fs;

use lambda_lift_localstack::{Effect, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{Account, ENVIRONMENT_VALUE, ROLE};
use crate::status::two_versions;

const OTHER_VALUE: &str = "this-other-value-is-never-shown-either";

fn diff(account: &Account, more: &[&str]) -> Run {
    let run = account.run(&[&["diff", "--function", "hello"], more].concat());
    assert!(!format!("{}{}", run.stdout, run.stderr).contains(OTHER_VALUE), "{more:?} tells a secret");
    assert_eq!(account.writes(), Vec::<String>::new(), "{more:?} changes something");
    run
}

/// The parts that are different.
fn different(document: &Value) -> Vec<String> {
    let parts = document["diff"]["parts"].as_array().unwrap().iter();
    parts
        .filter(|part| part["different"] == true)
        .map(|part| part["part"].as_str().unwrap().to_owned())
        .collect()
}

fn declare(account: &Account, text: &str) {
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
}

const DECLARED: &str = r#"
repository = "hello"
[function]
FunctionName = "hello"
MemorySize = 128
[release]
alias = "live"
"#;

#[test]
fn a_function_that_is_as_declared_is_the_same_exit_0_and_one_that_is_not_is_exit_10() {
    let mut account = two_versions();
    declare(&account, DECLARED);
    let document = account.run(&["diff"]).expect(0).clone();
    assert_eq!((&document["outcome"], &document["diff"]["different"]), (&json!("unchanged"), &json!(false)));
    let mut operations = account.operations();
    operations.sort();
    assert_eq!(
        operations,
        ["GetAlias", "GetCallerIdentity", "GetFunction", "GetFunction", "GetRepositoryPolicy"]
    );
    let variables =
        json!({ "Environment": { "Variables": { "TOKEN": OTHER_VALUE, "SAME": ENVIRONMENT_VALUE } } });
    account.lambda("PUT", "/hello/configuration", variables);
    account.settled_function("hello");
    account.stand.clear_calls();
    let more = format!(
        "MemorySize = 512\nEnvironment.Variables = {{ TOKEN = \"{ENVIRONMENT_VALUE}\", SAME = \"{ENVIRONMENT_VALUE}\", NEW = \"x\" }}\nImageConfig.Command = [\"a\", \"b\"]"
    );
    declare(&account, &DECLARED.replace("MemorySize = 128", &more));
    let document = diff(&account, &[]).expect(10).clone();
    assert_eq!(
        (&document["outcome"], different(&document)),
        (&json!("different"), vec!["settings".to_owned(), "alias".to_owned()])
    );
    let settings = &document["diff"]["parts"][0];
    let keys: Vec<&str> = settings["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["key"].as_str().unwrap())
        .collect();
    assert_eq!(
        keys,
        ["MemorySize", "Environment.Variables.NEW", "Environment.Variables.TOKEN", "ImageConfig.Command"]
    );
    assert_eq!(
        settings["changes"][2],
        json!({ "key": "Environment.Variables.TOKEN", "kind": "change", "from": null, "to": null, "hidden": true })
    );

    account.lambda_lift.for_people();
    let run = diff(&account, &[]);
    let expected = "--- function hello as it is\n\
        +++ as it is declared\n\
        @@ settings\n\
        - MemorySize: 128\n\
        + MemorySize: 512\n\
        \u{20} Environment: {\n\
        \u{20}   Variables: {\n\
        +     NEW: (hidden)\n\
        \u{20}     SAME: (hidden)\n\
        -     TOKEN: (hidden)\n\
        +     TOKEN: (hidden, changed)\n\
        \u{20}   }\n\
        \u{20} }\n\
        \u{20} ImageConfig: {\n\
        +   Command: [\"a\",\"b\"]\n\
        \u{20} }\n\
        @@ alias\n\
        - live: version 2\n\
        + live: the version to be published\n\
        different: 5 differences\n";
    assert_eq!((run.code, run.stdout.as_str()), (Some(10), expected));
    let coloured = diff(&account, &["--color", "always"]).stdout;
    assert!(coloured.contains("\u{1b}[1;31m- MemorySize: 128\u{1b}[0m"), "{coloured:?}");
    assert!(coloured.contains("\u{1b}[32m+ MemorySize: 512\u{1b}[0m"), "{coloured:?}");
}

#[test]
fn with_an_image_the_difference_is_that_of_a_plan() {
    let account = two_versions();
    declare(&account, DECLARED);
    let same = diff(&account, &["--image", "two.tar"]).expect(0).clone();
    let image = same["diff"]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part["part"] == "image")
        .unwrap()
        .clone();
    assert!(image["lines"][0].as_str().unwrap().starts_with("  sha256:"), "{image}");
    account.small_image("three");
    let other = diff(&account, &["--image", "three.tar"]).expect(10).clone();
    assert_eq!(different(&other), ["image", "alias"]);
    let planned = account.run(&["plan", "--image", "three.tar"]).expect(0).clone();
    let change = &other["diff"]["parts"][1]["changes"][0];
    assert_eq!((&change["to"], &change["kind"]), (&planned["image"]["digest"], &json!("change")));
    // What the file names is compared as well, unless it is not wanted.
    declare(&account, &format!("image = \"three.tar\"{DECLARED}"));
    assert_eq!(different(diff(&account, &[]).expect(10)), ["image", "alias"]);
    assert_eq!(different(diff(&account, &["--no-image"]).expect(0)), Vec::<String>::new());
    fs::remove_file(account.path("three.tar")).unwrap();
    diff(&account, &[]).expect(2);
    assert_eq!(diff(&account, &["--arch", "arm64", "--image", "two.tar"]).expect(3)["diff"], Value::Null);
}

#[test]
fn a_policy_without_the_permission_and_an_alias_that_lacks_are_differences() {
    let account = two_versions();
    declare(&account, &DECLARED.replace("live", "blue"));
    assert_eq!(different(diff(&account, &[]).expect(10)), ["alias"]);
    declare(&account, DECLARED);
    let own = json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "Own", "Effect": "Allow",
        "Principal": { "AWS": "123456789012" }, "Action": "ecr:*" }] });
    account.set_policy("hello", &own);
    account.stand.clear_calls();
    let document = diff(&account, &[]).expect(10).clone();
    assert_eq!(different(&document), ["policy"]);
    let part =
        document["diff"]["parts"].as_array().unwrap().iter().find(|part| part["part"] == "policy").unwrap();
    let lines: Vec<&str> =
        part["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(
        lines.iter().any(|line| line.starts_with("+ ") && line.contains("LambdaECRImageRetrievalPolicy")),
        "{lines:#?}"
    );
    assert!(!lines.iter().any(|line| line.starts_with("+ ") && line.contains("Own")), "{lines:#?}");
    account.fault("GetRepositoryPolicy", Turn::Every, Effect::Deny);
    let document = diff(&account, &[]).expect(0).clone();
    assert!(
        document["findings"][0]["hint"].as_str().unwrap().contains("ecr:GetRepositoryPolicy"),
        "{document:#}"
    );
}

#[test]
fn two_versions_are_compared_whatever_is_declared() {
    let mut account = two_versions();
    let variables = json!({ "MemorySize": 256, "Environment": { "Variables": { "TOKEN": OTHER_VALUE } } });
    account.lambda("PUT", "/hello/configuration", variables);
    account.settled_function("hello");
    account.lambda("POST", "/hello/versions", json!({}));
    account.stand.clear_calls();
    declare(
        &account,
        "image = \"missing.tar\"\nrepository = \"hello\"\n[function]\nFunctionName = \"hello\"\nEnvironment.Variables.X1 = \"${env:UNSET}\"\n",
    );
    let document = account.run(&["diff", "--from", "2", "--to", "3"]).expect(10).clone();
    assert_eq!(account.operations(), ["GetFunction", "GetFunction"]);
    assert_eq!(different(&document), ["settings"]);
    let told = &document["diff"];
    assert_eq!((&told["from"], &told["to"]), (&json!("version 2"), &json!("version 3")));
    assert_eq!(different(diff(&account, &["--from", "1", "--to", "live"]).expect(10)), ["image"]);
    assert_eq!(diff(&account, &["--from", "3"]).expect(0)["diff"]["to"], "$LATEST");
    fs::remove_file(account.path("lambda-lift.toml")).unwrap();
    for (more, code, kind) in [
        (&["--from", "9"][..], 3, "not_found"),
        (&["--from", "1", "--to", "blue"], 3, "not_found"),
        (&["--from", "a b"], 2, "usage"),
        (&["--to", "1"], 2, "usage"),
        (&["--from", "1", "--image", "two.tar"], 2, "usage"),
    ] {
        assert_eq!(diff(&account, more).expect(code)["error"]["kind"], kind, "{more:?}");
    }
    account.lambda_lift.for_people();
    let run = diff(&account, &["--from", "2", "--to", "3"]);
    assert!(
        run.stdout.contains("+     TOKEN: (hidden)\n") && run.stdout.contains("- MemorySize: 128\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_function_that_is_not_there_has_all_to_come_and_a_zip_function_is_refused() {
    let account = two_versions();
    let role = format!("--role={ROLE}");
    let new = account.run(&["diff", "--function", "new", &role, "--memory", "256"]);
    assert_eq!(different(new.expect(10)), ["function", "settings", "version"]);
    let zip = json!({ "FunctionName": "zipped", "Role": ROLE, "Runtime": "python3.13", "Handler": "a.b",
        "Code": { "ZipFile": "UEsDBA==" } });
    account.lambda("POST", "", zip);
    account.settled_function("zipped");
    assert_eq!(account.run(&["diff", "--function", "zipped"]).expect(3)["error"]["kind"], "zip_function");
    assert_eq!(
        account.run(&["diff", "--function", "zipped", "--from", "$LATEST"]).expect(3)["error"]["kind"],
        "zip_function"
    );
    account.fault("GetFunction", Turn::Every, Effect::Deny);
    let error = account.run(&["diff", "--function", "hello"]).expect(1)["error"].clone();
    assert!(error["hint"].as_str().unwrap().contains("lambda:GetFunction"), "{error}");
    assert_eq!(account.run(&["diff"]).expect(2)["error"]["kind"], "usage");
}
