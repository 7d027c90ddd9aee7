//! Traffic step by step: what an observer sees, what ends a release early, and who goes on after whom.

use std::process::Child;
use std::time::Duration;

use lambda_lift_localstack::lambda::LambdaSettings;
use lambda_lift_localstack::{Effect, ErrorAnswer, ResetMoment, Settings, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{Account, deploy_arguments};
use crate::interrupted::{killed_at, send_signal, wait_for_calls};
use crate::observer::{observed, place, wait_until};

const RELEASE: [&str; 5] = ["release", "--function", "hello", "--alias", "live"];
const CANARY: [&str; 4] = ["--to", "1", "--strategy", "canary:10%:1s"];
/// Longer than any test waits: it is ended in another way.
const LONG: [&str; 4] = ["--to", "1", "--strategy", "canary:10%:10m"];

/// Versions 1 and 2, and the alias at 2.
fn two_versions() -> Account {
    let account = Account::new();
    for note in ["one", "two"] {
        account.deploy(&account.small_image(note)).expect(0);
    }
    account.stand.clear_calls();
    account
}

fn release(account: &Account, more: &[&str]) -> Run {
    account.run(&[&RELEASE[..], more].concat())
}

fn start(account: &Account, more: &[&str]) -> Child {
    account.start(&[&RELEASE[..], more].concat())
}

fn rollback(account: &Account) -> Run {
    account.run(&["rollback", "--function", "hello", "--alias", "live"])
}

fn error(run: &Run, code: i32) -> String {
    let error = &run.expect(code)["error"];
    format!("{} {} {}", error["kind"], error["message"], error["hint"])
}

#[test]
fn a_canary_gets_its_share_then_everything_and_leaves_no_weight() {
    let account = two_versions();
    let (run, seen) = observed(&account, || release(&account, &CANARY));
    let document = run.expect(0).clone();
    assert_eq!(seen, ["2", "2+1@0.1", "1"]);
    assert_eq!((&document["command"], &document["outcome"]), (&json!("release"), &json!("deployed")));
    assert_eq!(document["alias"], json!({ "name": "live", "from": "2", "to": "1" }));
    let steps: Vec<_> = document["steps"].as_array().unwrap().iter().map(|step| &step["step"]).collect();
    assert_eq!(steps, ["shift_traffic", "move_alias"]);
    account.stand.clear_calls();
    assert_eq!(release(&account, &CANARY).expect(0)["outcome"], "unchanged");
    assert_eq!(account.writes(), Vec::<String>::new());
    rollback(&account).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn weights_rise_step_by_step_and_latest_is_the_newest_version() {
    let account = two_versions();
    release(&account, &["--to", "1"]).expect(0);
    assert_eq!(place(&account), "1");
    let steps = ["--to", "latest", "--strategy", "linear:30%:1s"];
    let (run, seen) = observed(&account, || release(&account, &steps));
    run.expect(0);
    assert_eq!(seen, ["1", "1+2@0.3", "1+2@0.6", "1+2@0.9", "2"]);
    // What it ran before is known however it was moved.
    rollback(&account).expect(0);
    assert_eq!(place(&account), "1");
}

#[test]
fn a_deploy_releases_by_its_strategy() {
    let account = two_versions();
    let image = account.small_image("three");
    let more = ["--strategy", "CodeDeployDefault.LambdaCanary10Percent5Minutes"];
    let plan = account.run(&[&["plan"], &deploy_arguments(&image, &account.role())[1..], &more[..]].concat());
    assert!(plan.expect(0)["steps"].to_string().contains("(canary:10%:5m)"), "{}", plan.stdout);
    let (run, seen) =
        observed(&account, || account.deploy_with(&image, &["--strategy", "steps:1%:1s,50%:1s"]));
    let document = run.expect(0).clone();
    assert_eq!(document["alias"], json!({ "name": "live", "from": "2", "to": "3" }));
    assert_eq!(seen, ["2", "2+3@0.01", "2+3@0.5", "3"]);
    rollback(&account).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn a_version_that_is_slow_to_become_active_gets_no_traffic_before_it_is() {
    let slow = LambdaSettings { publish_settle: Duration::from_secs(2), ..LambdaSettings::default() };
    let account = Account::with(Settings { lambda: slow, ..Settings::default() });
    account.deploy(&account.small_image("one")).expect(0);
    let image = account.small_image("two");
    let (run, seen) = observed(&account, || account.deploy_with(&image, &["--strategy", "canary:10%:1s"]));
    run.expect(0);
    assert_eq!(seen, ["1", "1+2@0.1", "2"]);
}

#[test]
fn what_cannot_work_is_refused_before_traffic_moves() {
    let account = two_versions();
    let role = account.role().replace("/hello", "/other");
    let mut arguments =
        ["deploy", "--function", "hello", "--repository", "hello", "--alias", "live"].to_vec();
    let image = account.small_image("three");
    arguments.extend(["--image", &image, "--role", &role]);
    account.run(&arguments).expect(0);
    account.stand.clear_calls();
    for (arguments, code, part) in [
        (&["--to", "1", "--strategy", "canary:10%"][..], 2, "canary:10%:5m"),
        (&["--to", "0"], 2, "positive"),
        (&[], 2, "--to"),
        (&["--to", "9", "--strategy", "canary:10%:1s"], 3, "does not exist"),
    ] {
        let told = error(&release(&account, arguments), code);
        assert!(told.contains(part), "{told}");
    }
    // The last move has arrived: nothing is left to go on with.
    assert_eq!(release(&account, &["--resume"]).expect(0)["outcome"], "unchanged");
    let refused = release(&account, &CANARY);
    refused.expect(3);
    assert!(refused.refusals().contains("execution role"), "{}", refused.refusals());
    assert_eq!((account.writes(), place(&account).as_str()), (Vec::new(), "3"));
    // All at once needs no common role.
    release(&account, &["--to", "1"]).expect(0);

    let split = |second: &str| {
        let weights = json!({ "AdditionalVersionWeights": { second: 0.25 } });
        json!({ "FunctionVersion": "1", "RoutingConfig": weights })
    };
    account.lambda("PUT", "/hello/aliases/live", split("2"));
    let refused = release(&account, &["--to", "2"]);
    refused.expect(3);
    assert!(refused.refusals().contains("somebody else split the alias"), "{}", refused.refusals());
    let told = error(&release(&account, &["--resume"]), 3);
    assert!(told.contains("no release that the journal knows"), "{told}");
    let refused = account.deploy_with(&account.small_image("two"), &["--strategy", "canary:10%:1s"]);
    assert!(refused.refusals().contains("is split already"), "{}", refused.refusals());
    rollback(&account).expect(0);
    assert_eq!(place(&account), "1");
}

#[test]
fn provisioned_concurrency_goes_along_and_is_not_paid_for_twice() {
    let account = two_versions();
    let concurrency = |method: &str, qualifier: &str, body: Value| {
        let path = format!("/2019-09-30/functions/hello/provisioned-concurrency?Qualifier={qualifier}");
        account.lambda_api(method, &path, body)
    };
    assert_eq!(concurrency("PUT", "live", json!({ "ProvisionedConcurrentExecutions": 5 })).0, 202);
    account.stand.clear_calls();
    let refused = release(&account, &CANARY);
    refused.expect(3);
    assert!(refused.refusals().contains("provisioned concurrency (5)"), "{}", refused.refusals());
    assert_eq!(account.writes(), Vec::<String>::new());
    release(&account, &["--to", "1"]).expect(0);
    let writes: Vec<String> = account.writes().into_iter().filter(|write| write != "TagResource").collect();
    assert_eq!(
        writes,
        ["PutProvisionedConcurrencyConfig", "UpdateAlias", "DeleteProvisionedConcurrencyConfig"]
    );
    assert_eq!(place(&account), "1");
    assert_eq!(concurrency("GET", "1", Value::Null).0, 404);
    let (status, kept) = concurrency("GET", "live", Value::Null);
    assert_eq!((status, &kept["RequestedProvisionedConcurrentExecutions"]), (200, &json!(5)));
    rollback(&account).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn asked_to_stop_it_does_what_was_ordered() {
    for (order, code, end, part) in [
        ("rollback", 5, "2", "moved back to version 2"),
        ("hold", 6, "2+1@0.1", "--resume"),
        ("finish", 0, "1", "null"),
    ] {
        let account = two_versions();
        let child = start(&account, &[&LONG[..], &["--on-interrupt", order]].concat());
        wait_until(&account, "2+1@0.1");
        account.stand.clear_calls();
        send_signal(&child, "TERM");
        let run = Account::finish(child);
        let told = error(&run, code);
        assert!(told.contains(part), "{told}");
        assert_eq!(place(&account), end, "{order}");
        let moves = account.writes().iter().filter(|write| *write == "UpdateAlias").count();
        assert_eq!(moves, usize::from(order != "hold"), "{order}");
        if order == "rollback" {
            assert_eq!(run.document["outcome"], "rolled_back");
            // Nothing is under way any more.
            release(&account, &CANARY).expect(0);
        }
    }
}

#[test]
fn a_release_that_was_held_goes_on_where_it_was() {
    let account = two_versions();
    let strategy = ["--to", "1", "--strategy", "steps:10%:2s,20%:2s", "--on-interrupt", "hold"];
    let child = start(&account, &strategy);
    wait_until(&account, "2+1@0.1");
    send_signal(&child, "INT");
    Account::finish(child).expect(6);
    let refused = release(&account, &CANARY);
    refused.expect(3);
    assert!(refused.refusals().contains("was interrupted"), "{}", refused.refusals());
    let refused = account.deploy(&account.small_image("three"));
    assert!(refused.refusals().contains("--alias live --resume"), "{}", refused.refusals());
    let (run, seen) = observed(&account, || release(&account, &["--resume"]));
    run.expect(0);
    assert_eq!(seen, ["2+1@0.1", "2+1@0.2", "1"]);
    rollback(&account).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn killed_at_any_call_a_resumption_or_a_rollback_ends_it_well() {
    let account = two_versions();
    release(&account, &CANARY).expect(0);
    let mut operations: Vec<String> = account.operations();
    operations.sort();
    operations.dedup();
    assert!(operations.contains(&"UpdateAlias".to_owned()) && operations.len() > 4, "{operations:?}");
    for operation in operations {
        for turn in 1..=3 {
            for end in ["resume", "rollback"] {
                release(&account, &["--to", "2"]).expect(0);
                killed_at(&account, &operation, turn, || start(&account, &CANARY));
                let cell = format!("{operation} {turn} {end}");
                match (end, place(&account).as_str()) {
                    ("resume", "1") => {}
                    ("resume", "2") => {
                        // It was written down, or not even that: then there is nothing to resume.
                        let resumed = release(&account, &["--resume"]);
                        assert!(matches!(resumed.code, Some(0 | 3)), "{cell}: {}", resumed.stderr);
                        if place(&account) == "2" {
                            release(&account, &CANARY).expect(0);
                        }
                    }
                    ("resume", "2+1@0.1") => drop(release(&account, &["--resume"]).expect(0).clone()),
                    ("rollback", "1" | "2+1@0.1") => {
                        rollback(&account).expect(0);
                        assert_eq!(place(&account), "2", "{cell}");
                    }
                    ("rollback", "2") => {}
                    (_, other) => panic!("{cell}: the alias is at {other}"),
                }
                assert_eq!(place(&account), if end == "resume" { "1" } else { "2" }, "{cell}");
            }
        }
    }
}

#[test]
fn while_one_release_is_under_way_no_other_begins_and_a_rollback_ends_it() {
    let account = two_versions();
    let child = start(&account, &["--to", "1", "--strategy", "steps:10%:4s,20%:10m"]);
    wait_until(&account, "2+1@0.1");
    let refused = release(&account, &["--to", "2"]);
    refused.expect(3);
    assert!(refused.refusals().contains("is under way"), "{}", refused.refusals());
    let refused = account.deploy(&account.small_image("three"));
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    let document = rollback(&account).expect(0).clone();
    assert_eq!(document["outcome"], "rolled_back");
    // The release finds its alias moved, and leaves it alone.
    let told = error(&Account::finish(child), 6);
    assert!(told.contains("moved by somebody else"), "{told}");
    assert_eq!(place(&account), "2");
}

#[test]
fn a_release_that_is_taken_over_stops_and_the_other_goes_on() {
    let account = two_versions();
    let first = start(&account, &["--to", "1", "--strategy", "steps:10%:6s,20%:1s"]);
    wait_until(&account, "2+1@0.1");
    let second = start(&account, &["--resume"]);
    let told = error(&Account::finish(first), 6);
    assert!(told.contains("has taken the release") || told.contains("moved by somebody else"), "{told}");
    Account::finish(second).expect(0);
    assert_eq!(place(&account), "1");
}

#[test]
fn of_two_releases_that_begin_together_exactly_one_proceeds() {
    let account = two_versions();
    account.deploy(&account.small_image("three")).expect(0);
    for _ in 0..3 {
        let (one, two) = (
            start(&account, &["--to", "1", "--strategy", "canary:10%:2s"]),
            start(&account, &["--to", "2", "--strategy", "canary:20%:2s"]),
        );
        let (one, two) = (Account::finish(one), Account::finish(two));
        let ended_well = [&one, &two].iter().filter(|run| run.code == Some(0)).count();
        assert_eq!(ended_well, 1, "{:?} {} {:?} {}", one.code, one.stderr, two.code, two.stderr);
        let winner = if one.code == Some(0) { "1" } else { "2" };
        assert_eq!(place(&account), winner);
        release(&account, &["--to", "3"]).expect(0);
    }
}

#[test]
fn whatever_becomes_of_a_call_the_end_is_right_or_said_to_be_unknown() {
    let refusal = |status: u16, code: &str| Effect::Error(ErrorAnswer::new(status, code, "not now"));
    let effects = [
        refusal(409, "ResourceConflictException"),
        refusal(412, "PreconditionFailedException"),
        Effect::Throttle,
        refusal(500, "ServiceException"),
        Effect::Reset(ResetMoment::After),
    ];
    let calls = [
        ("GetAlias", 1),
        ("GetFunction", 3),
        ("BatchGetImage", 1),
        ("TagResource", 1),
        ("TagResource", 3),
        ("UpdateAlias", 1),
        ("UpdateAlias", 2),
    ];
    let account = two_versions();
    for (operation, nth) in calls {
        for effect in &effects {
            account.fault(operation, Turn::Nth(nth), effect.clone());
            // An observer's own question would take the fault.
            let (run, seen) = match operation {
                "GetAlias" => (release(&account, &CANARY), Vec::new()),
                _ => observed(&account, || release(&account, &CANARY)),
            };
            account.clear_faults();
            let allowed = ["2", "2+1@0.1", "1"];
            assert!(
                seen.iter().all(|place| allowed.contains(&place.as_str())),
                "{operation} {effect:?}: {seen:?}"
            );
            let end = place(&account);
            match run.code {
                Some(0) => assert_eq!(end, "1", "{operation} {nth} {effect:?}"),
                // A question that AWS would not answer: nothing was moved.
                Some(1) => assert_eq!(end, "2", "{operation} {nth} {effect:?}"),
                Some(5) => assert_eq!(end, "2", "{operation} {nth} {effect:?}"),
                other => panic!("{operation} {nth} {effect:?}: {other:?} {}", run.document["error"]),
            }
            release(&account, &["--to", "2"]).expect(0);
        }
    }
    // A permission that goes away in the middle: nothing can be moved back, and a person is told what to look at.
    let child = start(&account, &CANARY);
    wait_until(&account, "2+1@0.1");
    account.fault("UpdateAlias", Turn::Every, Effect::Deny);
    let told = error(&Account::finish(child), 6);
    assert!(told.contains("lambda-lift status --function hello"), "{told}");
    account.clear_faults();
    rollback(&account).expect(0);
    assert_eq!(place(&account), "2");
}

/// Versions 1 and 2, and an alias at 1 that somebody made by hand: no journal knows of it.
fn alias_by_hand() -> Account {
    let account = two_versions();
    let by_hand = json!({ "Name": "by-hand", "FunctionVersion": "1" });
    account.lambda("POST", "/hello/aliases", by_hand);
    account.stand.clear_calls();
    account
}

#[test]
fn the_first_move_of_an_alias_is_noted_before_it_is_made() {
    let noted_first = ["TagResource", "UpdateAlias"];
    let alias = ["--function", "hello", "--alias", "by-hand", "--to", "2"];
    for command in ["release", "rollback"] {
        let account = alias_by_hand();
        account.run(&[&[command], &alias[..]].concat()).expect(0);
        assert_eq!(account.writes(), noted_first, "{command}");
    }
    let account = alias_by_hand();
    let image = account.small_image("two");
    let deploy =
        ["deploy", "--image", &image, "--function", "hello", "--repository", "hello", "--alias", "by-hand"];
    account.run(&deploy).expect(0);
    let writes = account.writes();
    assert!(writes.ends_with(&noted_first.map(str::to_owned)), "{writes:?}");
}

#[test]
fn a_version_that_is_being_tested_is_not_pruned() {
    let account = two_versions();
    for note in ["three", "four"] {
        account.deploy(&account.small_image(note)).expect(0);
    }
    let event = account.path("event.json");
    std::fs::write(&event, "{}").unwrap();
    account.fault("Invoke", Turn::First(1), Effect::Stall);
    account.stand.clear_calls();
    let mut child = start(&account, &["--to", "1", "--smoke-event", &event.display().to_string()]);
    wait_for_calls(&account, "Invoke", 1, &mut child);

    account.run(&["prune", "--function", "hello", "--keep", "1", "--yes"]).expect(0);
    let versions = account.lambda("GET", "/hello/versions", Value::Null);
    let versions: Vec<_> =
        versions["Versions"].as_array().unwrap().iter().map(|one| one["Version"].as_str().unwrap()).collect();
    assert_eq!(versions, ["$LATEST", "1", "3", "4"]);

    send_signal(&child, "TERM");
    let stopped = Account::finish(child);
    assert_ne!(stopped.code, Some(0));
    // Nobody has to wait for a release that only tested.
    release(&account, &["--to", "1"]).expect(0);
}
