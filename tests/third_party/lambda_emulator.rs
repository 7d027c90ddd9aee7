//! The same handler gives the same result under `check --run` as under AWS's own runtime interface emulator.

use std::fs;

use lambda_lift_rig::{Emulated, Emulator, FunctionImage};
use serde_json::{Value, json};

use crate::lambda_scene::{Scene, python_image};

/// Seconds that an event may take, in both.
const TIMEOUT: u32 = 4;

/// What a function came to, as far as it must be the same.
#[derive(Debug, PartialEq)]
enum Result {
    /// Its answer.
    Answered(Value),
    /// An error that its runtime reported: type, message, stack without the spaces at the ends of lines.
    Failed(String, String, Vec<String>),
    /// An error that the platform reports for it, in words of its own.
    Ended(String),
}

/// The errors that the platform reports, and not the function.
const PLATFORM: [&str; 3] = ["Runtime.ExitError", "Sandbox.Timedout", "Function.ResponseSizeTooLarge"];

impl Result {
    fn of_error(kind: &Value, message: &Value, stack: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if PLATFORM.contains(&kind.as_str().unwrap_or_default()) {
            return Self::Ended(text(kind));
        }
        let frames = stack.as_array().into_iter().flatten().map(|frame| text(frame).trim_end().to_owned());
        Self::Failed(text(kind), text(message), frames.collect())
    }

    fn emulated(answer: &Emulated) -> Self {
        // The emulator says so in plain text and with status 200, which Lambda does not: it has the type Sandbox.Timedout.
        if answer.body.starts_with("Task timed out after") {
            return Self::Ended("Sandbox.Timedout".to_owned());
        }
        // It has no words at all for a runtime that ended before it asked for its first event; Lambda has the same as for any other end.
        if answer.body.is_empty() {
            return Self::Ended("Runtime.ExitError".to_owned());
        }
        let payload = &answer.payload;
        if payload.get("errorType").is_some() {
            return Self::of_error(&payload["errorType"], &payload["errorMessage"], &payload["stackTrace"]);
        }
        // What a runtime sends need not be JSON: both pass it on as it is.
        Self::Answered(if payload.is_null() && answer.body != "null" {
            json!(answer.body)
        } else {
            payload.clone()
        })
    }

    fn run(invocation: &Value) -> Self {
        let error = &invocation["error"];
        if error.is_null() {
            return Self::Answered(invocation["payload"].clone());
        }
        Self::of_error(&error["type"], &error["message"], &error["stack"])
    }
}

fn cases() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/functions/cases.py")).unwrap()
}

/// Gives both the same events in the same order; answers what came of each.
fn both(image: &FunctionImage, events: &[Value]) -> Vec<(Result, Result)> {
    let emulator = Emulator::start(image, TIMEOUT);
    let emulated: Vec<Result> =
        events.iter().map(|event| Result::emulated(&emulator.invoke(event))).collect();
    drop(emulator);
    let scene = Scene::new();
    let settings = scene.file(&json!({ "Timeout": TIMEOUT }));
    let name = scene.image(image.clone());
    let run = scene.run(&name, events, &["--function-file", &settings]);
    let invocations = run.document["run"]["invocations"].as_array();
    let ours: Vec<Result> = invocations.into_iter().flatten().map(Result::run).collect();
    assert_eq!(ours.len(), events.len(), "{:#}\n{}", run.document["run"]["reason"], run.stderr);
    emulated.into_iter().zip(ours).collect()
}

#[test]
fn a_handler_gives_the_same_under_both() {
    let names = [
        "nothing",
        "unicode",
        "six_megabytes",
        "more_than_six_megabytes",
        "no_json",
        "not_a_number",
        "raises",
        "raises_deeply",
        "exits",
        "exits_with_status",
        "exits_at_once",
        "dies",
        "sleeps",
        "prints",
        "context",
        "temporary",
        // It goes on after all of that.
        "nothing",
    ];
    let values =
        [json!(null), json!(true), json!(-7.25), json!("text"), json!([1, [2]]), json!({ "a": { "ü": [] } })];
    let echoes = values.iter().map(|value| json!({ "case": "echo", "value": value }));
    let events: Vec<Value> = names.iter().map(|name| json!({ "case": name })).chain(echoes).collect();
    for ((emulated, ours), event) in both(&python_image(&cases()), &events).into_iter().zip(&events) {
        assert!(emulated == ours, "{event}: the emulator {emulated:.500?}, here {ours:.500?}");
    }
}

#[test]
fn what_cannot_be_imported_fails_the_same_under_both() {
    let table = [
        "import nowhere\n\ndef handler(event, context):\n    return 1\n",
        "def handler(event, context)\n    return 1\n",
        "def other(event, context):\n    return 1\n",
        "raise ValueError('at the beginning')\n",
        "import sys\nsys.exit(5)\n",
    ];
    for code in table {
        let image = python_image(code);
        let emulated = Result::emulated(&Emulator::start(&image, TIMEOUT).invoke(&json!({})));
        let scene = Scene::new();
        let name = scene.image(image);
        let run = scene.run(&name, &[json!({})], &[]);
        let reason = run.document["run"]["reason"].as_str().unwrap().to_owned();
        match emulated {
            Result::Failed(kind, message, _) => assert_eq!(reason, format!("{kind}: {message}"), "{code}"),
            Result::Ended(kind) => assert!(reason.starts_with(&format!("{kind}: ")), "{code}: {reason}"),
            Result::Answered(payload) => panic!("{code}: {payload}"),
        }
    }
}

/// The emulator sets fewer variables than Lambda: it is made to run in AWS's base images, which set these themselves, with the user's
/// own credentials and Region. Lambda sets all of them (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
const NOT_IN_THE_EMULATOR: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "LD_LIBRARY_PATH",
    "PATH",
    "TZ",
];

#[test]
fn what_lambda_sets_is_set_and_what_the_emulator_leaves_away_is_known() {
    let image = python_image(&cases()).with("Env", json!(["OWN=of the image"]));
    // Not the log group: the emulator's is /aws/lambda/Functions, and Lambda's has the function's name.
    let names = ["_HANDLER", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "OWN"];
    let events = [json!({ "case": "environment" }), json!({ "case": "values", "names": names })];
    let results = both(&image, &events);
    let list = |result: &Result| -> Vec<String> {
        let Result::Answered(payload) = result else { panic!("{result:?}") };
        serde_json::from_value(payload.clone()).unwrap()
    };
    let (emulated, ours) = &results[0];
    let (emulated, ours) = (list(emulated), list(ours));
    let missing: Vec<_> = emulated.iter().filter(|name| !ours.contains(name)).collect();
    assert!(missing.is_empty(), "the emulator sets {missing:?}, and here they are not set");
    let more: Vec<_> = ours.iter().filter(|name| !emulated.contains(name)).map(String::as_str).collect();
    // It traces nothing, so it has no trace to tell of; Lambda has one for every event.
    assert_eq!(more, [&NOT_IN_THE_EMULATOR[..], &["_X_AMZN_TRACE_ID"]].concat());
    assert_eq!(results[1].0, results[1].1);
}
