//! `lambda-lift.toml`: where it is found, what goes before it, and that commands need nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;

use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::Account;

const SECRET: &str = "hunter2-hunter2";

const FILE: &str = r#"
image = "one.tar"
repository = "hello"
create-repository = true
tags = ["from-file"]

[function]
FunctionName = "hello"
Role = "arn:aws:iam::123456789012:role/hello"
MemorySize = 256
Environment.Variables = { TOKEN = "${env:TOKEN}", STAGE = "dev" }

[release]
alias = "live"

[prune]
keep = 1
repositories = ["hello"]

[env.prod.function]
MemorySize = 512
Environment.Variables = { STAGE = "prod" }

[env.eu]
extends = "prod"
tags = ["eu"]
"#;

/// An account with the image `one` in the working directory, and this file.
fn configured(text: &str) -> Account {
    let mut account = Account::new();
    account.small_image("one");
    account.lambda_lift.set("TOKEN", SECRET);
    write(&account, text);
    account
}

fn write(account: &Account, text: &str) {
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
}

fn run(account: &Account, arguments: &[&str]) -> Run {
    let run = account.run(arguments);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains(SECRET), "{arguments:?} tells a secret");
    run
}

fn tags(run: &Run) -> Value {
    run.expect(0)["image"]["tags"].clone()
}

fn function(account: &Account) -> Value {
    account.lambda("GET", "/hello", Value::Null)["Configuration"].clone()
}

#[test]
fn every_command_runs_by_the_file_alone_and_a_second_deploy_writes_nothing() {
    let account = configured(FILE);
    run(&account, &["check"]).expect(0);
    assert_eq!(run(&account, &["plan"]).expect(0)["outcome"], "planned");
    assert_eq!(account.writes(), Vec::<String>::new());
    assert_eq!(run(&account, &["deploy"]).expect(0)["outcome"], "deployed");
    let live = function(&account);
    assert_eq!(live["MemorySize"], 256);
    assert_eq!(live["Environment"]["Variables"], json!({"TOKEN": SECRET, "STAGE": "dev"}));
    account.stand.clear_calls();
    assert_eq!(run(&account, &["deploy"]).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
    assert_eq!(run(&account, &["push"]).expect(0)["outcome"], "unchanged");
    assert_eq!(run(&account, &["status"]).expect(0)["function"]["name"], "hello");
    for command in ["show", "check", "ensure"] {
        run(&account, &["policy", command]).expect(0);
    }
    account.small_image("one-b");
    run(&account, &["deploy", "--image", "one-b.tar"]).expect(0);
    run(&account, &["release", "--to", "1"]).expect(0);
    assert_eq!(run(&account, &["rollback"]).expect(0)["alias"]["to"], "2");
    run(&account, &["prune"]).expect(0);
}

#[test]
fn a_flag_goes_before_a_variable_and_both_before_the_file() {
    let mut account = configured(FILE);
    assert_eq!(tags(&run(&account, &["plan"])), json!(["from-file"]));
    account.lambda_lift.set("LAMBDA_LIFT_TAG", "from-variable");
    assert_eq!(tags(&run(&account, &["plan"])), json!(["from-variable"]));
    assert_eq!(tags(&run(&account, &["plan", "--tag", "from-flag"])), json!(["from-flag"]));
    account.lambda_lift.set("LAMBDA_LIFT_TAG", "");
    assert_eq!(tags(&run(&account, &["plan"])), json!(["from-file"]), "an empty variable is as good as none");

    account.lambda_lift.set("LAMBDA_LIFT_CREATE_REPOSITORY", "false");
    run(&account, &["plan"]).expect(3);
    account.lambda_lift.unset("LAMBDA_LIFT_CREATE_REPOSITORY");

    run(&account, &["deploy"]).expect(0);
    account.lambda_lift.set("LAMBDA_LIFT_MEMORY", "300");
    run(&account, &["deploy"]).expect(0);
    assert_eq!(function(&account)["MemorySize"], 300);
    fs::write(account.path("function.json"), r#"{"MemorySize": 350, "Timeout": 7}"#).unwrap();
    account.lambda_lift.unset("LAMBDA_LIFT_MEMORY");
    run(&account, &["deploy", "--function-file", "function.json"]).expect(0);
    let live = function(&account);
    assert_eq!((&live["MemorySize"], &live["Timeout"]), (&json!(350), &json!(7)));
    let error = run(&account, &["status", "--function", "other"]);
    assert!(error.expect(3)["error"]["message"].as_str().unwrap().contains("other"), "{:#}", error.document);
}

#[test]
fn an_environment_is_laid_over_the_file_and_chosen_by_flag_or_variable() {
    let mut account = configured(FILE);
    run(&account, &["deploy", "--env-name", "prod"]).expect(0);
    let live = function(&account);
    assert_eq!(live["MemorySize"], 512);
    assert_eq!(live["Environment"]["Variables"], json!({"TOKEN": SECRET, "STAGE": "prod"}));
    account.lambda_lift.set("LAMBDA_LIFT_ENV_NAME", "eu");
    let planned = run(&account, &["plan"]);
    assert_eq!(tags(&planned), json!(["eu"]));
    let steps = planned.document["steps"].to_string();
    assert!(!steps.contains("MemorySize"), "eu extends prod: {steps}");
    let refused = run(&account, &["plan", "--env-name", "prd"]);
    assert_eq!(refused.expect(2)["error"]["hint"], "did you mean prod? the environments are eu, prod");
    let refused = run(&account, &["plan", "--env-name", "prod", "--no-config"]);
    let message = refused.expect(2)["error"]["message"].clone();
    assert_eq!(message, "there is no lambda-lift.toml, and so no environment \"prod\"");
}

#[test]
fn the_file_is_found_upward_to_the_root_of_the_repository_and_its_paths_are_its_own() {
    let mut account = configured(FILE);
    let below = account.path("services/hello");
    fs::create_dir_all(&below).unwrap();
    account.lambda_lift.work_in(&below);
    assert_eq!(tags(&run(&account, &["plan"])), json!(["from-file"]));
    fs::create_dir(account.path("services/.git")).unwrap();
    let refused = run(&account, &["plan"]);
    assert_eq!(refused.expect(2)["error"]["kind"], "usage");
    assert_eq!(refused.document["error"]["hint"], "a file lambda-lift.toml may have it, too");
    assert_eq!(tags(&run(&account, &["plan", "--config", "../../lambda-lift.toml"])), json!(["from-file"]));
    account.lambda_lift.set("LAMBDA_LIFT_CONFIG", &account.path("lambda-lift.toml").display().to_string());
    assert_eq!(tags(&run(&account, &["plan"])), json!(["from-file"]));
    run(&account, &["plan", "--no-config"]).expect(2);
}

#[test]
fn a_function_file_stays_below_what_the_file_itself_declares() {
    let text =
        FILE.replace("[function]\nFunctionName = \"hello\"", "function-file = \"f/hello.json\"\n[function]");
    let mut account = configured(&text);
    fs::create_dir(account.path("f")).unwrap();
    fs::write(account.path("f/hello.json"), r#"{"FunctionName": "hello", "MemorySize": 128, "Timeout": 7}"#)
        .unwrap();
    let below = account.path("below");
    fs::create_dir(&below).unwrap();
    account.lambda_lift.work_in(&below);
    run(&account, &["deploy"]).expect(0);
    let live = function(&account);
    assert_eq!((&live["MemorySize"], &live["Timeout"]), (&json!(256), &json!(7)));
    run(&account, &["status"]).expect(0);
    fs::write(account.path("f/hello.json"), r#"{"Memroy": 1}"#).unwrap();
    let refused = run(&account, &["plan"]);
    let message = refused.expect(2)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("hello.json") && message.contains("did you mean MemorySize?"), "{message}");
    assert!(message.contains("lambda-lift.toml:7:1 names it"), "{message}");
}

#[test]
fn what_goes_only_together_is_told_with_the_line_of_the_file() {
    let account = configured(&FILE.replace("alias = \"live\"", "strategy = \"canary:10%:1s\""));
    let refused = run(&account, &["plan"]);
    let error = &refused.expect(2)["error"];
    assert!(error["message"].as_str().unwrap().contains("--alias <NAME>"), "{error}");
    assert!(
        error["hint"].as_str().unwrap().contains("release.strategy at lambda-lift.toml:14:1 needs it"),
        "{error}"
    );
    assert!(refused.stderr.contains("lambda-lift.toml:14:1"), "{}", refused.stderr);
    run(&account, &["plan", "--alias", "live"]).expect(0);
    run(&account, &["plan", "--no-publish"]).expect(0);

    write(&account, FILE);
    run(&account, &["deploy"]).expect(0);
    // The strategy needs an alias, which the file has.
    account.small_image("one-b");
    let moved = run(&account, &["deploy", "--image", "one-b.tar", "--strategy", "canary:10%:1s"]);
    assert_eq!(moved.expect(0)["alias"]["to"], "2");
    // A release that is resumed has a strategy of its own: the file's is left aside, and there is nothing to resume.
    write(&account, &FILE.replace("alias = \"live\"", "alias = \"live\"\nstrategy = \"linear:50%:1s\""));
    let resumed = run(&account, &["release", "--resume"]);
    assert_ne!(resumed.code, Some(2), "{}", resumed.stderr);
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=test", "-c", "user.email=test@example.com"]).args(arguments);
    let output = command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn git_gives_commit_tag_and_branch_and_says_what_it_does_not_have() {
    let account =
        configured(&FILE.replace("\"from-file\"", "\"${git:branch}-${git:short}\", \"${git:tag}\""));
    let told = |run: &Run| run.expect(2)["error"]["message"].as_str().unwrap().to_owned();
    let without = told(&run(&account, &["plan"]));
    assert_eq!(without, "lambda-lift.toml:5:9: tags: git knows of no repository here that it trusts");
    let home = account.path("");
    git(&home, &["init", "-q", "-b", "trunk"]);
    assert!(told(&run(&account, &["plan"])).ends_with("there is no commit"));
    git(&home, &["commit", "-q", "--allow-empty", "-m", "one"]);
    assert!(told(&run(&account, &["plan"])).ends_with("the commit has no tag"));
    git(&home, &["tag", "v1.2"]);
    let found = tags(&run(&account, &["plan"]));
    assert_eq!(found[1], "v1.2");
    let first = found[0].as_str().unwrap();
    assert!(first.starts_with("trunk-") && first.len() >= 13, "{first}");
    git(&home, &["checkout", "-q", "--detach"]);
    assert!(told(&run(&account, &["plan"])).ends_with("no branch is checked out, only a commit"));
}

#[test]
fn only_what_a_command_uses_is_filled_in() {
    let mut account = configured(FILE);
    run(&account, &["deploy"]).expect(0);
    account.lambda_lift.unset("TOKEN");
    run(&account, &["status"]).expect(0);
    let refused = run(&account, &["plan"]);
    let error = &refused.expect(2)["error"];
    assert_eq!(error["kind"], "config");
    assert_eq!(
        error["message"],
        "lambda-lift.toml:11:35: function: the environment variable TOKEN is not set, or empty"
    );
    assert_eq!(error["hint"], "export TOKEN, or write ${env:TOKEN:-default}");
    fs::write(account.path("token.txt"), format!("{SECRET}\n")).unwrap();
    write(&account, &FILE.replace("${env:TOKEN}", "${file:token.txt}"));
    assert_eq!(run(&account, &["deploy"]).expect(0)["outcome"], "unchanged", "the line break is left off");
}

#[test]
fn codedeploy_is_asked_for_by_the_file_and_left_aside_by_the_flag() {
    let account = crate::codedeploy::two_versions();
    let codedeploy = "alias = \"live\"\nstrategy = \"canary:10%:5m\"\nengine = \"codedeploy\"\n\
        codedeploy-application = \"shop\"\ncodedeploy-group = \"live\"\ncreate-codedeploy = true\n\
        codedeploy-role = \"arn:aws:iam::123456789012:role/codedeploy\"\nhook-before = \"check\"";
    write(&account, &FILE.replace("alias = \"live\"", &codedeploy.replace("\nhook-before = \"check\"", "")));
    run(&account, &["release", "--to", "1"]).expect(0);
    let asked = |account: &Account| account.operations().contains(&"CreateDeployment".to_owned());
    assert!(asked(&account), "{:?}", account.operations());
    account.stand.clear_calls();
    write(&account, &FILE.replace("alias = \"live\"", codedeploy));
    let own = run(&account, &["release", "--to", "2", "--engine", "direct", "--strategy", "all-at-once"]);
    assert_eq!(own.expect(0)["alias"]["to"], "2");
    assert!(!asked(&account), "{:?}", account.operations());
}
