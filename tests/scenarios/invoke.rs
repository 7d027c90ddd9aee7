//! A function is run once, and its answer comes out byte for byte.

use std::fs::{self, File};
use std::process::Stdio;

use lambda_lift_localstack::lambda::{Injection, LambdaSettings, Mishap};
use lambda_lift_localstack::{Effect, Settings, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION, ROLE};
use crate::interrupted::send_signal;
use crate::status::two_versions;

const INVOKE: [&str; 3] = ["invoke", "--function", "hello"];

fn invoke(account: &Account, more: &[&str]) -> Run {
    account.run(&[&INVOKE[..], more].concat())
}

/// Gives `hello` variables that decide what it answers.
fn answers(account: &Account, variables: Value) {
    let environment = json!({ "Environment": { "Variables": variables } });
    account.lambda("PUT", "/hello/configuration", environment);
    account.settled_function("hello");
    account.stand.clear_calls();
}

#[test]
fn one_call_runs_what_the_alias_runs_and_the_document_has_all_of_the_answer() {
    let account = two_versions();
    let event = r#"{"name": "wörld", "n": [1, null]}"#;
    let run = invoke(&account, &["--alias", "live", "--payload", event]);
    let document = run.expect(0);
    assert_eq!(account.operations(), ["Invoke"]);
    assert_eq!((&document["command"], &document["outcome"]), (&json!("invoke"), &json!("invoked")));
    let told = &document["invoke"];
    assert_eq!(
        (&told["function"], &told["qualifier"], &told["mode"], &told["status"]),
        (&json!("hello"), &json!("live"), &json!("sync"), &json!(200))
    );
    assert_eq!((&told["executed_version"], &told["function_error"]), (&json!("2"), &Value::Null));
    assert_eq!(told["payload"], serde_json::from_str::<Value>(event).unwrap());
    assert_eq!(told["payload_encoding"], "json");
    assert!(told["log_tail"].as_str().unwrap().starts_with("START RequestId:"), "{told}");
    assert!(told["milliseconds"].is_u64());
    assert!(run.stderr.contains("log: START RequestId:"), "{}", run.stderr);
    for (more, version) in
        [(&[][..], "$LATEST"), (&["--qualifier", "1"], "1"), (&["--qualifier", "live"], "2")]
    {
        assert_eq!(invoke(&account, more).expect(0)["invoke"]["executed_version"], version, "{more:?}");
    }
}

#[test]
fn an_event_comes_from_the_command_line_a_file_or_standard_input() {
    let mut account = two_versions();
    fs::write(account.path("event.json"), "[1]").unwrap();
    assert_eq!(invoke(&account, &["--payload", "@event.json"]).expect(0)["invoke"]["payload"], json!([1]));
    assert_eq!(invoke(&account, &[]).expect(0)["invoke"]["payload"], json!({}));
    let typed = account.lambda_lift.run_with_input(b"[3]\n", &[&INVOKE[..], &["--payload", "-"]].concat());
    assert_eq!(typed.expect(0)["invoke"]["payload"], json!([3]));
    account.lambda_lift.set("LAMBDA_LIFT_PAYLOAD", "[2]");
    assert_eq!(invoke(&account, &[]).expect(0)["invoke"]["payload"], json!([2]));
    account.stand.clear_calls();
    for (payload, part) in [
        ("{\"a\": }", "--payload is not JSON: expected value at line 1 column 7"),
        ("@missing.json", "missing.json cannot be read"),
        ("@.", "cannot be read"),
        ("", "is not JSON"),
    ] {
        let error = invoke(&account, &["--payload", payload]).expect(2)["error"].clone();
        assert!(error["message"].as_str().unwrap().contains(part), "{payload}: {error}");
    }
    let large = File::create(account.path("large.json")).unwrap();
    large.set_len((6 << 20) + 1).unwrap();
    let error = invoke(&account, &["--raw", "--payload", "@large.json"]).expect(2)["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("more than 6291456 bytes"), "{error}");
    large.set_len((1 << 20) + 1).unwrap();
    let error =
        invoke(&account, &["--raw", "--async", "--payload", "@large.json"]).expect(2)["error"].clone();
    assert!(error["hint"].as_str().unwrap().contains("1 MB"), "{error}");
    assert_eq!(account.operations(), Vec::<String>::new(), "nothing of it reached AWS");
    // AWS itself refuses what is no JSON.
    assert_eq!(invoke(&account, &["--raw", "--payload", "x"]).expect(1)["error"]["kind"], "invalid_request");
}

#[test]
fn standard_output_has_the_answer_and_nothing_else() {
    let mut account = two_versions();
    answers(&account, json!({ "LOCALSTACK_ANSWER": "{\"a\": \"\\u001b[2J ##[error]x\"}" }));
    account.lambda_lift.for_people();
    let run = invoke(&account, &[]);
    // A pipe has it as it came: a line feed would be one too many.
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), r###"{"a":"\u001b[2J ##[error]x"}"###),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("log: START RequestId") && run.stderr.contains("done: invoke hello:$LATEST"),
        "{}",
        run.stderr
    );
    let quiet = invoke(&account, &["--quiet"]);
    assert_eq!((quiet.stdout, quiet.stderr), (run.stdout, String::new()));

    account.lambda_lift.set("GITHUB_ACTIONS", "true");
    let in_job = invoke(&account, &[]);
    assert_eq!(in_job.stdout, "{\"a\":\"\\u001b[2J #\\u0023[error]x\"}\n");
    let path = account.path("answer.json");
    let file = File::create(&path).unwrap();
    let child = account.lambda_lift.start_writing_to(Stdio::from(file), &INVOKE);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), r###"{"a":"\u001b[2J ##[error]x"}"###);

    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = account.lambda_lift.start_writing_to(Stdio::from(full), &INVOKE);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}

#[test]
fn a_function_that_fails_is_exit_1_with_its_answer_and_its_log() {
    let mut account = two_versions();
    answers(&account, json!({ "LOCALSTACK_ERROR": "boom" }));
    let run = invoke(&account, &[]);
    let document = run.expect(1);
    assert_eq!(
        (&document["outcome"], &document["error"]["kind"]),
        (&json!("failed"), &json!("function_error"))
    );
    let told = &document["invoke"];
    assert_eq!(
        (&told["function_error"], &told["payload"]["errorMessage"]),
        (&json!("Unhandled"), &json!("boom"))
    );
    assert!(told["log_tail"].as_str().unwrap().contains("[ERROR]"), "{told}");
    account.lambda_lift.for_people();
    let run = invoke(&account, &[]);
    assert_eq!(run.code, Some(1));
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap()["errorMessage"], "boom");
    assert!(run.stderr.contains("error: function hello:$LATEST failed: it crashed"), "{}", run.stderr);
    assert!(!run.stderr.contains("is safe"), "{}", run.stderr);
}

#[test]
fn an_event_is_queued_and_a_dry_run_runs_nothing() {
    let mut account = two_versions();
    let queued = invoke(&account, &["--async", "--payload", "[1]"]).expect(0)["invoke"].clone();
    assert_eq!(
        (&queued["mode"], &queued["status"], &queued["payload"]),
        (&json!("async"), &json!(202), &Value::Null)
    );
    let dry = invoke(&account, &["--dry-run", "--alias", "live"]).expect(0).clone();
    assert_eq!((&dry["outcome"], &dry["invoke"]["status"]), (&json!("checked"), &json!(204)));
    assert_eq!(dry["invoke"]["executed_version"], Value::Null);
    invoke(&account, &["--async", "--dry-run"]).expect(2);
    account.lambda_lift.for_people();
    assert_eq!(
        invoke(&account, &["--async"]).stdout,
        "invoked: Lambda has the event, and runs the function with it later\n"
    );
    assert_eq!(invoke(&account, &["--dry-run"]).stdout, "checked: it can be invoked; nothing ran\n");
}

#[test]
fn what_is_not_there_and_what_may_not_be_is_told_with_a_way_out() {
    let account = two_versions();
    for (more, code, kind, part) in [
        (&["--alias", "blue"][..], 3, "not_found", "lambda-lift status --function hello"),
        (&["--qualifier", "9"], 3, "not_found", "lambda-lift status --function hello"),
        (&["--function", "goodbye"], 3, "not_found", "--region"),
        (&["--qualifier", "a b"], 2, "usage", ""),
        (&["--alias", "7"], 2, "usage", ""),
        (&["--alias", "live", "--qualifier", "1"], 2, "usage", ""),
        (&["--wait-timeout", "soon"], 2, "usage", ""),
    ] {
        let arguments = [&INVOKE[..if more[0] == "--function" { 1 } else { 3 }], more].concat();
        let error = account.run(&arguments).expect(code)["error"].clone();
        assert_eq!(error["kind"], kind, "{more:?}: {error}");
        assert!(error["hint"].as_str().unwrap_or_default().contains(part), "{more:?}: {error}");
    }
    account.fault("Invoke", Turn::Every, Effect::Deny);
    let error = invoke(&account, &[]).expect(1)["error"].clone();
    assert!(error["hint"].as_str().unwrap().contains("lambda:InvokeFunction"), "{error}");
    account.clear_faults();
    account.stand.clear_calls();
    let other = format!("arn:aws:lambda:{REGION}:999900001111:function:hello");
    let error = account.run(&["invoke", "--function", &other]).expect(3)["error"].clone();
    assert_eq!(
        (&error["kind"], account.operations()),
        (&json!("account"), vec!["GetCallerIdentity".to_owned()])
    );
    let own = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello");
    account.run(&["invoke", "--function", &own]).expect(0);
}

#[test]
fn an_answer_that_is_lost_is_not_asked_for_twice() {
    let account = two_versions();
    for effect in [Effect::Close, Effect::HalfResponse] {
        account.stand.clear_calls();
        account.fault("Invoke", Turn::Every, effect);
        let error = invoke(&account, &[]).expect(1)["error"].clone();
        assert!(error["hint"].as_str().unwrap().contains("may have run all the same"), "{error}");
        assert_eq!(account.operations(), ["Invoke"]);
    }
}

#[test]
fn the_configuration_file_names_function_and_alias() {
    let account = two_versions();
    let text = "[function]\nFunctionName = \"hello\"\nEnvironment.Variables.TOKEN = \"${env:UNSET}\"\n[release]\nalias = \"live\"\n";
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
    assert_eq!(account.run(&["invoke"]).expect(0)["invoke"]["executed_version"], "2");
    assert_eq!(account.run(&["invoke", "--qualifier", "1"]).expect(0)["invoke"]["executed_version"], "1");
}

#[test]
fn a_signal_ends_the_wait_for_an_answer_and_says_that_the_function_runs_on() {
    let account = two_versions();
    let late = lambda_lift_localstack::FaultRule {
        operation: "Invoke".to_owned(),
        delay_milliseconds: 60_000,
        ..Default::default()
    };
    account.stand.set_faults(vec![late]);
    let child = account.start(&INVOKE);
    while account.operations().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    send_signal(&child, "TERM");
    let error = Account::finish(child).expect(1)["error"].clone();
    assert_eq!(
        (&error["kind"], &error["message"]),
        (&json!("interrupted"), &json!("stopped on request; a function that runs already runs on"))
    );
}

#[test]
fn a_function_that_was_idle_is_waited_for() {
    let idle = Injection { function: "sleepy".to_owned(), mishap: Mishap::GoesIdle, times: 1 };
    let lambda = LambdaSettings { inject: vec![idle], ..LambdaSettings::default() };
    let account = Account::with(Settings { lambda, ..Settings::default() });
    let uri = account.deploy(&account.small_image("one")).expect(0)["image"]["uri"].clone();
    let new = json!({ "FunctionName": "sleepy", "Role": ROLE, "PackageType": "Image", "Code": { "ImageUri": uri } });
    account.lambda("POST", "", new);
    while account.settled_function("sleepy")["State"] != "Inactive" {}
    account.stand.clear_calls();
    let run = account.run(&["invoke", "--function", "sleepy", "--payload", "[1]"]);
    assert_eq!(run.expect(0)["invoke"]["payload"], json!([1]));
    let operations = account.operations();
    assert!(
        operations.len() > 1 && operations.iter().all(|operation| operation == "Invoke"),
        "{operations:?}"
    );
    assert!(
        run.stderr.contains("wait: function sleepy:$LATEST: ERROR: Lambda is initializing"),
        "{}",
        run.stderr
    );
}
