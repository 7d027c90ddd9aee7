//! `permissions`: every command runs under the policy that was printed for it, and nothing is printed that no call ever wanted.
//!
//! The stand-in holds calls against an identity policy by a table of its own, so that the printed policy is judged by somebody who does
//! not know how it came about.

use std::collections::BTreeSet;

use lambda_lift_localstack::Settings;
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION, ROLE, deploy_arguments};
use crate::alarms::put_alarm;
use crate::codedeploy::{CREATE, GROUP, quick};
use crate::image::{Image, base_layer, gzip_layout, layer};
use crate::prune_scene;

/// What was printed and what was wanted, over several runs.
#[derive(Default)]
struct Ledger {
    printed: BTreeSet<String>,
    asked: BTreeSet<String>,
}

/// The lone policy that `permissions` prints.
fn policy(account: &Account, arguments: &[&str]) -> Value {
    let run = account.run(&[&["permissions"], arguments].concat());
    let document = run.expect(0);
    let documents = document["permissions"]["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 1, "{documents:#?}");
    documents[0]["document"].clone()
}

fn actions(policy: &Value) -> BTreeSet<String> {
    let texts = |value: &Value| match value {
        Value::String(text) => vec![text.clone()],
        other => other.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect(),
    };
    policy["Statement"].as_array().unwrap().iter().flat_map(|statement| texts(&statement["Action"])).collect()
}

impl Ledger {
    /// Runs a command under the policy that is printed for it.
    fn run_under(&mut self, account: &Account, permissions: &[&str], command: &[&str]) -> Run {
        let policy = policy(account, permissions);
        self.printed.extend(actions(&policy));
        account.stand.set_identity_policy(&account.id, Some(policy));
        let run = account.run(command);
        account.stand.set_identity_policy(&account.id, None);
        self.asked.extend(account.stand.asked_actions());
        assert!(!run.stdout.contains("not authorized"), "{}", run.stdout);
        assert!(!run.stderr.contains("not authorized"), "{}", run.stderr);
        run
    }

    /// Nothing was printed that no call wanted.
    fn assert_least(&self) {
        let idle: Vec<_> = self.printed.difference(&self.asked).collect();
        assert!(idle.is_empty(), "printed, and wanted by no call: {idle:?}");
    }
}

const NAMES: [&str; 4] = ["--function", "hello", "--repository", "hello"];
const ALIAS: [&str; 2] = ["--alias", "live"];

fn deploy_permissions<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&NAMES[..], &ALIAS, &["--role", ROLE, "--create-repository"], more].concat()
}

#[test]
fn every_command_runs_under_its_own_policy_and_none_holds_an_idle_action() {
    let mut ledger = Ledger::default();
    let account = Account::with(Settings { codedeploy: quick(), ..Settings::default() });
    let one = account.small_image("one");
    let deploy = deploy_arguments(&one, ROLE);
    // From nothing.
    ledger.run_under(&account, &deploy_permissions(&[]), &deploy).expect(0);

    // Everything that a function and a release can ask for.
    let key = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    let file = account.path("function.json");
    let definition = json!({
        "FunctionName": "hello",
        "KMSKeyArn": key,
        "VpcConfig": { "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"] },
        "FileSystemConfigs": [{
            "Arn": "arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-11111111111111111",
            "LocalMountPath": "/mnt/data",
        }],
        "Tags": { "team": "shop" },
    });
    std::fs::write(&file, definition.to_string()).unwrap();
    let event = account.path("event.json");
    std::fs::write(&event, "{}").unwrap();
    put_alarm(&account, "errors", "OK");
    let (file, event) = (file.display().to_string(), event.display().to_string());
    let traffic = [
        "--alarm",
        "errors",
        "--max-error-rate",
        "50%",
        "--on-no-data",
        "continue",
        "--strategy",
        "canary:50%:1s",
    ];
    let all = [&traffic[..], &["--function-file", &file, "--smoke-event", &event]].concat();
    let two = account.small_image("two");
    let deploy = [&deploy_arguments(&two, ROLE)[..], &all].concat();
    ledger.run_under(&account, &deploy_permissions(&all), &deploy).expect(0);

    // Looking.
    let image = account.small_image("three");
    let plan = [&["plan"], &deploy_arguments(&image, ROLE)[1..]].concat();
    ledger.run_under(&account, &[&["--for", "plan"], &deploy_permissions(&[])[..]].concat(), &plan).expect(0);
    let status = ledger.run_under(
        &account,
        &[&["--for", "status"], &NAMES[..]].concat(),
        &["status", "--function", "hello"],
    );
    assert!(!status.expect(0)["findings"].to_string().contains("unknown"), "{}", status.stdout);
    let check = ["policy", "check", "--repository", "hello"];
    ledger.run_under(&account, &["--for", "policy-check", "--repository", "hello"], &check).expect(0);
    account.ecr("DeleteRepositoryPolicy", json!({ "repositoryName": "hello" }));
    let ensure = ["policy", "ensure", "--repository", "hello"];
    ledger.run_under(&account, &["--for", "policy-ensure", "--repository", "hello"], &ensure).expect(0);

    // Traffic.
    let release = ["release", "--function", "hello", "--alias", "live", "--to", "1"];
    let permissions = [&["--for", "release"], &NAMES[..], &ALIAS, &traffic].concat();
    ledger.run_under(&account, &permissions, &[&release[..], &traffic].concat()).expect(0);
    let rollback = ["rollback", "--function", "hello", "--alias", "live"];
    let permissions = [&["--for", "rollback"], &NAMES[..], &ALIAS].concat();
    ledger.run_under(&account, &permissions, &rollback).expect(0);

    // Provisioned concurrency goes along.
    let path = "/2019-09-30/functions/hello/provisioned-concurrency?Qualifier=live";
    account.lambda_api("PUT", path, json!({ "ProvisionedConcurrentExecutions": 1 }));
    let permissions = [&["--for", "release", "--provisioned-concurrency"], &NAMES[..], &ALIAS].concat();
    ledger.run_under(&account, &permissions, &release).expect(0);
    account.lambda_api("DELETE", path, Value::Null);

    // By CodeDeploy, which is made.
    let by_codedeploy = [&GROUP[..], &CREATE, &["--strategy", "canary:10%:7m"]].concat();
    let permissions = [&["--for", "release"], &NAMES[..], &ALIAS, &by_codedeploy].concat();
    let release = ["release", "--function", "hello", "--alias", "live", "--to", "2"];
    ledger.run_under(&account, &permissions, &[&release[..], &by_codedeploy].concat()).expect(0);

    around(&mut ledger, &account);
    pushes(&mut ledger);
    prunes(&mut ledger);
    // A deployment that has to be stopped, and its target by name: `codedeploy_faults` plays that; here nothing goes wrong.
    let elsewhere =
        ["codedeploy:StopDeployment", "codedeploy:GetDeploymentTarget", "codedeploy:ListDeployments"];
    ledger.asked.extend(elsewhere.map(str::to_owned));
    ledger.assert_least();
}

/// The commands around a deploy.
fn around(ledger: &mut Ledger, account: &Account) {
    let of = |command| [&["--for", command], &NAMES[..], &ALIAS].concat();
    let init = ["init", "--function", "hello", "--alias", "live", "--stdout"];
    let written = ledger.run_under(account, &of("init"), &init);
    assert_eq!(written.expect(0)["outcome"], "written");
    let diff = [&["diff", "--no-image"], &NAMES[..], &ALIAS].concat();
    ledger.run_under(account, &of("diff"), &diff).expect(0);
    let invoke = ["invoke", "--function", "hello", "--alias", "live"];
    assert_eq!(ledger.run_under(account, &of("invoke"), &invoke).expect(0)["outcome"], "invoked");
}

/// Repositories with a key, sources in ECR, layers that are mounted.
fn pushes(ledger: &mut Ledger) {
    let account = Account::new();
    let base = Image { layers: vec![base_layer()], ..Image::small("base") };
    let source = gzip_layout(&account.path("base"), &base);
    account.run(&["push", "--image", &source, "--repository", "base", "--create-repository"]).expect(0);
    account.ecr("PutAccountSetting", json!({ "name": "BLOB_MOUNTING", "value": "ENABLED" }));
    let key = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    let layers = vec![base_layer(), layer("var/task/note", b"app")];
    let image = gzip_layout(&account.path("app"), &Image { layers, ..Image::small("app") });
    let wants = ["--repository", "app", "--create-repository", "--kms-key", key, "--mount-from", "base"];
    let push = [&["push", "--image", &image, "--no-cache"], &wants[..]].concat();
    ledger.run_under(&account, &[&["--for", "push"], &wants[..]].concat(), &push).expect(0);

    let host = format!("docker://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/app:v1");
    account.run(&["push", "--image", &image, "--repository", "app", "--tag", "v1"]).expect(0);
    let endpoint = account.stand.url();
    let push = [
        "push",
        "--image",
        &host,
        "--repository",
        "copy",
        "--create-repository",
        "--source-endpoint",
        &endpoint,
    ];
    let permissions = ["--for", "push", "--image", &host, "--repository", "copy", "--create-repository"];
    ledger.run_under(&account, &permissions, &push).expect(0);
}

/// Versions and images that go.
fn prunes(ledger: &mut Ledger) {
    let account = prune_scene::account();
    prune_scene::hello(&account, 4);
    let prune =
        ["prune", "--function", "hello", "--repository", "hello", "--keep", "1", "--min-age", "0s", "--yes"];
    let permissions =
        ["--for", "prune", "--function", "hello", "--prune-repository", "hello", "--account", ACCOUNT];
    let run = ledger.run_under(&account, &permissions, &prune);
    assert_eq!(run.expect(0)["outcome"], "pruned", "{}", run.stdout);
}

#[test]
fn the_policy_names_this_function_and_this_repository_and_needs_no_aws() {
    let account = Account::new();
    let run = account.run(&[&["permissions"], &deploy_permissions(&[])[..]].concat());
    let policy = &run.expect(0)["permissions"]["documents"][0]["document"];
    for statement in policy["Statement"].as_array().unwrap() {
        let resource = statement["Resource"].to_string();
        let unlimited = ["SignInToRegistry"];
        let sid = statement["Sid"].as_str().unwrap();
        assert!(unlimited.contains(&sid) || resource.contains("hello"), "{statement}");
    }
    assert_eq!(account.operations(), Vec::<String>::new(), "the role says which account it is");
}

#[test]
fn the_trust_of_a_workflow_is_a_second_document_and_never_a_pattern() {
    let account = Account::new();
    let trust = ["--github-oidc", "octo/shop", "--environment", "prod"];
    let run = account.run(&[&["permissions"], &deploy_permissions(&trust)[..]].concat());
    let documents = &run.expect(0)["permissions"]["documents"];
    let kinds: Vec<_> = documents.as_array().unwrap().iter().map(|document| &document["kind"]).collect();
    assert_eq!(kinds, ["permissions", "trust"]);
    let condition = &documents[1]["document"]["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(condition["token.actions.githubusercontent.com:sub"], "repo:octo/shop:environment:prod");

    for wrong in
        [["--github-oidc", "octo/*", "--branch", "main"], ["--github-oidc", "octo/shop", "--branch", "*"]]
    {
        account.run(&[&["permissions"], &deploy_permissions(&wrong)[..]].concat()).expect(2);
    }
    assert_eq!(account.operations(), Vec::<String>::new());
}

#[test]
fn for_people_the_policy_is_all_of_standard_output() {
    let mut account = Account::new();
    account.lambda_lift.for_people();
    let uri = format!("111122223333.dkr.ecr.{REGION}.amazonaws.com/hello");
    let run = account.run(&["permissions", "--function", "hello", "--role", ROLE, "--repository", &uri]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let policy: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(policy.to_string().contains("arn:aws:ecr:eu-central-1:111122223333:repository/hello"));
    assert!(run.stderr.contains("policy ensure --repository 111122223333"), "{}", run.stderr);
}

#[test]
fn a_check_names_what_the_caller_lacks_and_for_which_step() {
    let account = Account::new();
    let arguments = [&["permissions", "--check"], &deploy_permissions(&[])[..]].concat();
    // Who may do everything.
    let check = account.run(&arguments).expect(0)["permissions"]["check"].clone();
    assert_eq!(check["lacking"], json!([]));
    assert_eq!(check["principal"], format!("arn:aws:iam::{ACCOUNT}:user/stand-in"));

    // Who may do all but two things, one of which is denied.
    let mut policy = policy(&account, &deploy_permissions(&[]));
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| statement["Sid"] != "PublishVersion");
    let asks = json!({ "Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*" });
    let denies = json!({ "Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*" });
    statements.extend([asks, denies]);
    account.stand.set_identity_policy(ACCOUNT, Some(policy));
    let run = account.run(&arguments);
    let document = run.expect(3);
    let lacking = document["permissions"]["check"]["lacking"].as_array().unwrap();
    let told: Vec<_> = lacking.iter().map(|one| (one["action"].as_str().unwrap(), &one["denied"])).collect();
    assert_eq!(told, [("ecr:PutImage", &json!(true)), ("lambda:PublishVersion", &json!(false))]);
    assert_eq!(lacking[1]["step"], "publish a version");
    assert_eq!(document["findings"].as_array().unwrap().len(), 2);
}

#[test]
fn what_a_check_cannot_know_is_unknown_and_not_granted() {
    let account = Account::new();
    let arguments = [&["permissions", "--check"], &deploy_permissions(&[])[..]].concat();
    for effect in [lambda_lift_localstack::Effect::Deny, lambda_lift_localstack::Effect::HalfResponse] {
        account.fault("SimulatePrincipalPolicy", lambda_lift_localstack::Turn::Every, effect);
        let run = account.run(&arguments);
        let document = run.expect(3);
        let unknown = document["permissions"]["check"]["unknown"].as_str();
        assert!(unknown.is_some_and(|why| !why.is_empty()), "{}", run.stdout);
        assert_eq!(document["findings"][0]["severity"], "unknown");
    }
    // A moment of throttling is waited out.
    account.fault(
        "SimulatePrincipalPolicy",
        lambda_lift_localstack::Turn::First(2),
        lambda_lift_localstack::Effect::Throttle,
    );
    account.run(&arguments).expect(0);
}

#[test]
fn an_account_that_nobody_can_tell_is_asked_for() {
    let account = Account::new();
    account.fault(
        "GetCallerIdentity",
        lambda_lift_localstack::Turn::Every,
        lambda_lift_localstack::Effect::Deny,
    );
    let run = account.run(&["permissions", "--for", "push", "--repository", "hello"]);
    assert!(run.expect(2)["error"]["hint"].as_str().unwrap().contains("--account"), "{}", run.stdout);
    account.run(&["permissions", "--for", "push", "--repository", "hello", "--account", ACCOUNT]).expect(0);
    account.run(&["permissions", "--for", "push"]).expect(2);
    account.run(&["permissions", "--repository", "hello"]).expect(2);
}
