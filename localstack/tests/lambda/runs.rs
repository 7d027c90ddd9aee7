//! Functions that somebody runs: what the runner is told, and what callers are told of what it says.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_lift_localstack::lambda::{Execution, LambdaSettings, Ran, Runner};
use serde_json::{Value, json};

use crate::bench::{Bench, Reply};

/// Answers what it is told to, and remembers what it was asked.
#[derive(Debug, Default)]
struct Scripted {
    asked: Mutex<Vec<Execution>>,
    answers: Mutex<Vec<Result<Ran, String>>>,
}

impl Runner for Scripted {
    fn run(&self, execution: Execution) -> Result<Ran, String> {
        self.asked.lock().unwrap().push(execution);
        self.answers.lock().unwrap().pop().expect("an answer")
    }
}

fn bench(answers: Vec<Result<Ran, String>>) -> (Bench, Arc<Scripted>) {
    let runner = Arc::new(Scripted { asked: Mutex::default(), answers: Mutex::new(answers) });
    let settings = LambdaSettings { runner: Some(runner.clone()), ..LambdaSettings::default() };
    (Bench::with(settings).ready(), runner)
}

fn ran(payload: &str, error: bool) -> Result<Ran, String> {
    Ok(Ran { payload: payload.as_bytes().to_vec(), error, log: b"START\nEND\n".to_vec(), milliseconds: 7.0 })
}

fn invoke(bench: &Bench, headers: &[(&str, &str)], payload: &Value) -> Reply {
    let mut call = bench.call_of("POST", "/2015-03-31/functions/app/invocations", payload);
    call.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    bench.send(&call)
}

#[test]
fn the_runner_is_given_what_the_version_has_and_its_answer_is_handed_on() {
    let (bench, runner) = bench(vec![ran("{\"ok\":1}", false)]);
    let answer = invoke(&bench, &[("x-amz-log-type", "Tail")], &json!({ "a": 1 })).expect(200);
    assert_eq!((&answer.body, answer.header("x-amz-function-error")), (&json!({ "ok": 1 }), None));
    assert_eq!(answer.header("x-amz-log-result"), Some(STANDARD.encode("START\nEND\n").as_str()));
    let asked = runner.asked.lock().unwrap();
    let [asked] = &asked[..] else { panic!("once: {asked:?}") };
    assert_eq!((asked.function.as_str(), asked.version.as_str()), ("app", "$LATEST"));
    assert_eq!(asked.payload, br#"{"a":1}"#);
    assert_eq!(answer.header("x-amzn-requestid"), Some(asked.request_id.as_str()));
    assert!(asked.image.digest.starts_with("sha256:") && asked.settings.contains_key("Role"));
    assert!(!format!("{asked:?}").contains("Role"), "settings hold secrets");
}

#[test]
fn an_error_is_an_answer_and_a_runner_that_cannot_is_a_refusal() {
    let (bench, _) = bench(vec![Err("no namespaces here".to_owned()), ran("{\"errorType\":\"E\"}", true)]);
    let failed = invoke(&bench, &[], &json!({})).expect(200);
    assert_eq!((failed.header("x-amz-function-error"), failed.text("errorType")), (Some("Unhandled"), "E"));
    let refused = invoke(&bench, &[], &json!({}));
    refused.refused(400, "InvalidRuntimeException", "cannot run the function: no namespaces here");
}

#[test]
fn what_is_written_down_is_answered_and_nothing_is_run() {
    let (bench, runner) = bench(Vec::new());
    let variables = json!({"Environment": {"Variables": {"LOCALSTACK_ANSWER": "7"}}});
    bench.update_configuration(variables).expect(200);
    bench.wait(1000);
    assert_eq!(invoke(&bench, &[], &json!({})).expect(200).body, json!(7));
    assert!(runner.asked.lock().unwrap().is_empty());
}

#[test]
fn a_queued_event_has_been_run_when_it_is_accepted() {
    let (bench, runner) = bench(vec![ran("{}", true)]);
    let answer = invoke(&bench, &[("x-amz-invocation-type", "Event")], &json!({})).expect(202);
    assert_eq!((answer.body, runner.asked.lock().unwrap().len()), (Value::Null, 1));
}
