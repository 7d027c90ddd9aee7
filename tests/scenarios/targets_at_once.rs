//! Many targets at once: within AWS's quota, by replication, and when the user asks to stop.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Duration;

use lambda_lift_localstack::lambda::{LambdaSettings, RateLimits};
use lambda_lift_localstack::{CallRecord, Effect, ReplicationSettings, Settings, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION};

const HEAD: &str = r#"
image = "one.tar"
repository = "shop"
create-repository = true
function.Role = "arn:aws:iam::123456789012:role/shop"
release.alias = "live"
"#;

/// An account, and a file with so many functions in one Region.
fn with_functions(count: usize, settings: Settings) -> Account {
    let account = Account::with(settings);
    account.small_image("one");
    let mut text = HEAD.to_owned();
    for number in 0..count {
        writeln!(text, "[[target]]\nname = \"f{number}\"\nfunction = \"shop-{number}\"").unwrap();
    }
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
    account
}

fn limited() -> Settings {
    let lambda = LambdaSettings { rate_limits: Some(RateLimits::AWS), ..LambdaSettings::default() };
    Settings { lambda, ..Settings::default() }
}

/// How often an operation was performed. A stand-in that is held up for a second finds more calls waiting than a second's quota, and
/// turns some away; those come again.
fn count(account: &Account, operation: &str) -> usize {
    let performed = |call: &&CallRecord| call.operation == operation && call.status != Some(429);
    account.calls().iter().filter(performed).count()
}

fn outcomes(run: &Run) -> Vec<String> {
    let targets = run.document["targets"].as_array().unwrap().iter();
    targets.map(|target| target["outcome"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn functions_share_the_quota_of_their_account_and_no_run_ends_for_it() {
    let account = with_functions(30, limited());
    let run = account.run(&["deploy", "--target", "*"]);
    assert_eq!(run.expect(0)["outcome"], "deployed");
    for once in ["CreateRepository", "PutManifest", "SetRepositoryPolicy"] {
        assert_eq!(count(&account, once), 1, "{once}");
    }
    for each in ["CreateFunction", "PublishVersion", "CreateAlias", "GetAlias"] {
        assert_eq!(count(&account, each), 30, "{each}");
    }
    account.stand.clear_calls();
    account.run(&["deploy", "--target", "*"]).expect(0);
    assert_eq!(account.writes(), Vec::<String>::new());
    assert_eq!((count(&account, "GetAlias"), count(&account, "GetFunction")), (30, 60));
}

#[test]
fn who_asks_to_stop_finds_every_target_either_done_or_as_it_was_and_goes_on_with_the_same_command() {
    let account = with_functions(30, limited());
    let child = account.start(&["deploy", "--target", "*"]);
    while count(&account, "PublishVersion") < 3 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let stopped = Account::finish(child);
    let code = stopped.code.unwrap();
    assert!([1, 4].contains(&code), "{code}\n{}", stopped.stderr);
    let document = stopped.expect(code);
    assert_eq!(document["error"]["kind"], "interrupted", "{}", document["error"]);
    let ends = ["deployed", "failed", "skipped"];
    assert!(outcomes(&stopped).iter().all(|outcome| ends.contains(&outcome.as_str())));
    assert!(document["targets"].as_array().unwrap().iter().all(|target| target["exit"] != 6));
    let rest = account.run(&["deploy", "--target", "*"]);
    assert_eq!(rest.expect(0)["outcome"], "deployed");
    let targets = rest.document["targets"].as_array().unwrap();
    assert!(targets.iter().all(|target| target["alias"]["to"] == "1"), "{:#}", rest.document);
}

/// An account whose registry replicates to another Region, and a file with a function in each.
fn replicating(replication: ReplicationSettings) -> Account {
    let account = Account::with(Settings { replication, ..Settings::default() });
    account.small_image("one");
    let text = format!(
        "{HEAD}function.FunctionName = \"shop\"\n[[target]]\nname = \"here\"\nregion = \"{REGION}\"\n\
         [[target]]\nname = \"there\"\nregion = \"us-east-1\"\n"
    );
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
    account
}

fn replicate(account: &Account, prefix: &str) {
    let rules = json!([{
        "destinations": [{ "region": "us-east-1", "registryId": ACCOUNT }],
        "repositoryFilters": [{ "filter": prefix, "filterType": "PREFIX_MATCH" }],
    }]);
    account.ecr("PutReplicationConfiguration", json!({ "replicationConfiguration": { "rules": rules } }));
}

fn pushed_to(account: &Account) -> Vec<String> {
    let put = account.calls().into_iter().filter(|call| call.operation == "PutManifest");
    put.map(|call| call.region).collect()
}

fn steps(run: &Run) -> Vec<(String, String)> {
    let text = |step: &Value, name: &str| step[name].as_str().unwrap().to_owned();
    let steps = run.document["steps"].as_array().unwrap().iter();
    steps.map(|step| (text(step, "step"), text(step, "status"))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(step, status)| ((*step).to_owned(), (*status).to_owned())).collect()
}

#[test]
fn where_the_registry_replicates_the_image_is_pushed_once_and_waited_for() {
    let delay = Duration::from_millis(600);
    let account = replicating(ReplicationSettings { delay, ..ReplicationSettings::default() });
    replicate(&account, "sh");
    let planned = account.run(&["plan", "--target", "*"]);
    planned.expect(0);
    let expected =
        [("create_repository", "planned"), ("push_image", "planned"), ("await_replication", "planned")];
    assert_eq!(steps(&planned), pairs(&expected));
    let run = account.run(&["deploy", "--target", "*"]);
    assert_eq!(run.expect(0)["outcome"], "deployed");
    assert_eq!(steps(&run), pairs(&expected.map(|(step, _)| (step, "done"))));
    assert_eq!(pushed_to(&account), [REGION]);
    let of_targets = run.document["targets"].as_array().unwrap();
    assert_eq!(of_targets[0]["image"]["digest"], of_targets[1]["image"]["digest"]);
    assert!(of_targets[1]["image"]["uri"].as_str().unwrap().contains("us-east-1"));
    account.stand.clear_calls();
    assert_eq!(account.run(&["deploy", "--target", "*"]).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn a_replication_that_fails_or_takes_too_long_is_told_and_changes_no_function() {
    let failing = ReplicationSettings {
        failing_regions: vec!["us-east-1".to_owned()],
        ..ReplicationSettings::default()
    };
    let late = ReplicationSettings { delay: Duration::from_secs(3600), ..ReplicationSettings::default() };
    for (settings, kind) in [(failing, "replication_failed"), (late, "timeout")] {
        let account = replicating(settings);
        replicate(&account, "");
        let run = account.run(&["deploy", "--target", "*", "--replication-timeout", "1s"]);
        let error = &run.expect(1)["error"];
        assert_eq!(error["kind"], kind, "{error}");
        assert!(error["message"].as_str().unwrap().contains("us-east-1"), "{error}");
        assert_eq!(outcomes(&run), ["skipped", "failed"]);
        assert_eq!(count(&account, "CreateFunction"), 0);
    }
}

#[test]
fn what_is_not_replicated_is_pushed() {
    let account = replicating(ReplicationSettings::default());
    replicate(&account, "another-");
    account.run(&["deploy", "--target", "*"]).expect(0);
    assert_eq!(pushed_to(&account).len(), 2);

    // It was pushed before anybody set up replication: it never comes.
    let account = replicating(ReplicationSettings::default());
    account.run(&["deploy", "--target", "here"]).expect(0);
    replicate(&account, "shop");
    let run = account.run(&["deploy", "--target", "*"]);
    run.expect(0);
    assert_eq!(outcomes(&run), ["unchanged", "deployed"]);
    assert_eq!(pushed_to(&account), [REGION, "us-east-1"]);

    // Who may not know whether it is replicated pushes, and says so.
    let account = replicating(ReplicationSettings::default());
    account.fault("DescribeRegistry", Turn::Every, Effect::Deny);
    let run = account.run(&["deploy", "--target", "*"]);
    assert_eq!(run.expect(0)["findings"][0]["check"], "replication");
    assert_eq!(pushed_to(&account).len(), 2);
}
