//! What keeps a new version from traffic: its answer to an event, alarms, and its own metrics.

use std::process::Child;

use lambda_lift_localstack::{Effect, ErrorAnswer, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::Account;
use crate::alarms::{put_alarm, set_alarm};
use crate::observer::{place, wait_until};

const RELEASE: [&str; 7] = ["release", "--function", "hello", "--alias", "live", "--to", "2"];

/// Version 1 answers, and version 2 does what this variable tells the stand-in; the alias is at 1.
fn versions(second: &str) -> Account {
    let account = Account::new();
    account.deploy(&account.small_image("one")).expect(0);
    account.deploy_with(&account.small_image("two"), &["--env", second]).expect(0);
    account.run(&["rollback", "--function", "hello", "--alias", "live"]).expect(0);
    account.stand.clear_calls();
    account
}

fn release(account: &Account, more: &[&str]) -> Run {
    account.run(&[&RELEASE[..], more].concat())
}

fn start(account: &Account, more: &[&str]) -> Child {
    account.start(&[&RELEASE[..], more].concat())
}

fn event(account: &Account) -> String {
    let path = account.path("event.json");
    std::fs::write(&path, r#"{"ping": 1}"#).unwrap();
    path.display().to_string()
}

/// What a smoke test writes: a note that keeps the version from being pruned, the invocation, and that it was given up.
fn tested() -> Vec<String> {
    ["TagResource", "Invoke", "TagResource"].map(str::to_owned).to_vec()
}

fn said(run: &Run) -> String {
    format!("{}{}{}", run.document["error"], run.document["findings"], run.document["steps"])
}

#[test]
fn a_version_that_does_not_answer_well_gets_no_traffic() {
    for (variable, expect, part) in [
        ("LOCALSTACK_ERROR=boom", None, "boom"),
        (r#"LOCALSTACK_ANSWER={"statusCode": 502}"#, None, "statusCode 502"),
        (r#"LOCALSTACK_ANSWER={"ok": false}"#, Some("$.ok == true"), "does not hold"),
    ] {
        let account = versions(variable);
        let event = event(&account);
        let mut arguments = vec!["--strategy", "canary:10%:1s", "--smoke-event", event.as_str()];
        arguments.extend(expect.iter().flat_map(|expect| ["--smoke-expect", expect]));
        let run = release(&account, &arguments);
        assert!(run.expect(3)["error"]["message"].as_str().unwrap().contains(part), "{}", said(&run));
        assert_eq!(run.document["error"]["kind"], "smoke_test");
        assert!(
            run.document["smoke"]["log"].as_str().unwrap().contains("Version: 2"),
            "{}",
            run.document["smoke"]
        );
        assert!(run.stderr.contains("log: START RequestId"), "{}", run.stderr);
        assert_eq!((account.writes(), place(&account).as_str()), (tested(), "1"));
        // The same behind deploy: the function was changed, its traffic was not.
        let image = account.small_image("two");
        let deploy = account.deploy_with(&image, &[&["--env", variable][..], &arguments[2..]].concat());
        assert_eq!(deploy.expect(4)["error"]["kind"], "smoke_test");
        assert_eq!(place(&account), "1");
    }
}

#[test]
fn a_version_that_answers_well_is_released_though_it_had_to_wake_up_first() {
    let account = versions(r#"LOCALSTACK_ANSWER={"ok": true, "statusCode": 200}"#);
    let message = "ERROR: Lambda is initializing your function. It will be ready to invoke shortly.";
    let pending = Effect::Error(ErrorAnswer::new(409, "CodeArtifactUserPendingException", message));
    account.fault("Invoke", Turn::First(2), pending);
    let event = event(&account);
    let run = release(&account, &["--smoke-event", &event, "--smoke-expect", "$.ok == true"]);
    let smoke = &run.expect(0)["smoke"];
    assert_eq!(
        (&smoke["version"], &smoke["status"], &smoke["function_error"]),
        (&json!("2"), &json!(200), &Value::Null)
    );
    assert!(smoke["payload"].as_str().unwrap().contains(r#""ok":true"#), "{smoke}");
    assert_eq!(place(&account), "2");
    release(&account, &["--smoke-expect", "$.ok"]).expect(2);
    release(&account, &["--smoke-event", "/nowhere.json"]).expect(2);
}

#[test]
fn alarms_stop_a_release_before_it_begins_and_move_it_back_while_it_runs() {
    let account = versions("XY=1");
    let canary = ["--strategy", "canary:10%:1s"];
    let missing = release(&account, &[&canary[..], &["--alarm", "errors"]].concat());
    assert!(missing.refusals().contains("alarm errors does not exist"), "{}", said(&missing));
    put_alarm(&account, "errors", "OK");
    put_alarm(&account, "latency", "OK");
    account.cloudwatch(
        "PutCompositeAlarm",
        json!({ "AlarmName": "all", "AlarmRule": "ALARM(errors) OR ALARM(latency)" }),
    );
    set_alarm(&account, "all", "ALARM");
    account.stand.clear_calls();
    let alarms = ["--alarm", "errors", "--alarm", "all"];
    let firing = release(&account, &[&canary[..], &alarms].concat());
    firing.expect(3);
    assert!(firing.refusals().contains("--allow-firing-alarm all"), "{}", said(&firing));
    assert_eq!(account.writes(), Vec::<String>::new());
    let image = account.small_image("three");
    let deploy = account.deploy_with(&image, &alarms);
    assert!(deploy.refusals().contains("alarm all fires already"), "{}", said(&deploy));
    assert_eq!(
        account.lambda("GET", "/hello/versions", Value::Null)["Versions"].as_array().unwrap().len(),
        3
    );

    for alarm in ["errors", "all"] {
        set_alarm(&account, "all", "OK");
        let child = start(&account, &[&["--strategy", "canary:10%:10m"][..], &alarms].concat());
        wait_until(&account, "1+2@0.1");
        set_alarm(&account, alarm, "ALARM");
        let run = Account::finish(child);
        let document = run.expect(5);
        assert_eq!(
            (&document["outcome"], &document["error"]["kind"]),
            (&json!("rolled_back"), &json!("breach"))
        );
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("alarm {alarm} fires: set to ALARM")), "{message}");
        assert_eq!(place(&account), "1");
        set_alarm(&account, alarm, "OK");
    }
    // All traffic has moved, and is still watched.
    let child = start(&account, &["--bake", "10m", "--alarm", "errors"]);
    wait_until(&account, "2");
    set_alarm(&account, "errors", "ALARM");
    Account::finish(child).expect(5);
    assert_eq!(place(&account), "1");
    // It is the fix.
    let fix = [&canary[..], &["--alarm", "errors", "--allow-firing-alarm", "errors"]].concat();
    release(&account, &fix).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn a_release_that_can_no_longer_be_watched_is_moved_back() {
    let account = versions("XY=1");
    put_alarm(&account, "errors", "OK");
    let child = start(&account, &["--strategy", "canary:10%:10m", "--alarm", "errors"]);
    wait_until(&account, "1+2@0.1");
    account.fault("DescribeAlarms", Turn::Every, Effect::Deny);
    let run = Account::finish(child);
    let message = run.expect(5)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("could not be watched any more"), "{message}");
    assert_eq!(place(&account), "1");
    release(&account, &["--strategy", "canary:10%:1s", "--alarm", "errors"]).expect(3);
}

/// Invokes the alias so often.
fn invoke(account: &Account, times: usize) {
    for _ in 0..times {
        account.lambda("POST", "/hello/invocations?Qualifier=live", json!({}));
    }
}

#[test]
fn the_new_versions_own_errors_move_it_back_without_any_alarm() {
    let account = versions("LOCALSTACK_ERROR=boom");
    let guard = ["--max-error-rate", "1%", "--min-invocations", "5", "--strategy", "canary:50%:10m"];
    let child = start(&account, &guard);
    wait_until(&account, "1+2@0.5");
    invoke(&account, 40);
    let run = Account::finish(child);
    let message = run.expect(5)["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("its error rate is above 1%: new: ") && message.contains("; old: 0 errors of "),
        "{message}"
    );
    assert_eq!(place(&account), "1");

    let account = versions("XY=1");
    let increase =
        ["--max-error-rate-increase", "1%", "--min-invocations", "5", "--strategy", "canary:50%:4s"];
    let child = start(&account, &increase);
    wait_until(&account, "1+2@0.5");
    invoke(&account, 40);
    let run = Account::finish(child);
    assert!(run.expect(0)["findings"].to_string().contains("new: 0 errors of "), "{}", said(&run));
    assert_eq!(place(&account), "2");
}

#[test]
fn no_data_is_not_health_unless_told_otherwise() {
    let account = versions("XY=1");
    let guard = ["--max-error-rate", "1%", "--strategy", "canary:10%:1s"];
    let run = release(&account, &guard);
    let message = run.expect(5)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("no data is not health"), "{message}");
    assert_eq!(place(&account), "1");
    release(&account, &[&guard[..], &["--on-no-data", "continue"]].concat()).expect(0);
    assert_eq!(place(&account), "2");
    for wrong in [
        &["--max-error-rate", "x"][..],
        &["--allow-firing-alarm", "a"],
        &["--alarm", "a", "--allow-firing-alarm", "b"],
    ] {
        release(&account, wrong).expect(2);
    }
}

#[test]
fn what_a_service_says_neither_hides_nor_forges_a_line() {
    let mut account = versions("NOTHING=1");
    put_alarm(&account, "errors", "OK");
    let reason = "\u{1b}[8mhidden\u{1b}[31m\u{9b}5m\n\ndeployed\n  version:  99\n::error::no\n";
    account.cloudwatch(
        "SetAlarmState",
        json!({ "AlarmName": "errors", "StateValue": "ALARM", "StateReason": reason }),
    );
    account.lambda_lift.for_people();
    for colour in ["never", "always"] {
        let run = release(&account, &["--alarm", "errors", "--color", colour]);
        assert_eq!(run.code, Some(3), "{}{}", run.stdout, run.stderr);
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(told.contains("\\u{1b}[8mhidden\\u{1b}[31m\\u{9b}5m\n"), "{told}");
        assert!(!told.contains("\u{1b}[8m") && !told.contains("\u{1b}[31m"), "{told:?}");
        assert_eq!(told.contains('\u{1b}'), colour == "always", "{told:?}");
        for forged in ["\ndeployed", "\n  version:", "::error", "\u{9b}"] {
            assert!(!told.contains(forged), "{forged:?} is in {told:?}");
        }
    }
}
