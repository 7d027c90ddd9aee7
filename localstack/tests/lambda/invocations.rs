//! Invoke.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_lift_localstack::lambda::{CannedAnswer, Injection, LambdaSettings, Mishap};
use serde_json::{Value, json};

use crate::bench::{ACCOUNT, Bench, Reply};

fn invoke(bench: &Bench, qualifier: &str, headers: &[(&str, &str)], payload: &Value) -> Reply {
    let mut call =
        bench.call_of("POST", &format!("/2015-03-31/functions/app/invocations{qualifier}"), payload);
    call.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    bench.send(&call)
}

#[test]
fn a_function_echoes_unless_it_was_told_what_to_answer() {
    let bench = Bench::quick().ready();
    let echoed = invoke(&bench, "", &[], &json!({"a": 1})).expect(200);
    assert_eq!(echoed.body, json!({"a": 1}));
    assert_eq!(echoed.header("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(echoed.header("x-amz-function-error"), None);
    for (variable, value, expected, error) in [
        ("LOCALSTACK_ANSWER", "{\"ok\": true}", json!({"ok": true}), None),
        ("LOCALSTACK_ANSWER", "plain text", json!("plain text"), None),
        (
            "LOCALSTACK_ERROR",
            "boom",
            json!({"errorMessage": "boom", "errorType": "Error"}),
            Some("Unhandled"),
        ),
    ] {
        bench.update_configuration(json!({"Environment": {"Variables": {variable: value}}})).expect(200);
        let reply = invoke(&bench, "", &[], &Value::Null).expect(200);
        assert_eq!((&reply.body, reply.header("x-amz-function-error")), (&expected, error));
    }
}

#[test]
fn answers_can_be_canned_by_name() {
    let canned = CannedAnswer { payload: json!("no"), error: true };
    let settings =
        LambdaSettings { answers: [("app".to_owned(), canned)].into(), ..LambdaSettings::default() };
    let bench = Bench::with(settings).ready();
    let reply = invoke(&bench, "", &[], &json!({})).expect(200);
    assert_eq!((&reply.body, reply.header("x-amz-function-error")), (&json!("no"), Some("Unhandled")));
}

#[test]
fn an_alias_splits_its_invocations_by_weight() {
    let bench = Bench::quick().ready();
    bench.version("one");
    bench.version("two");
    let alias = json!({"Name": "live", "FunctionVersion": "1",
                       "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}});
    bench.post("/2015-03-31/functions/app/aliases", alias).expect(201);
    let executed = |target: &str| {
        let reply = invoke(&bench, target, &[], &json!({})).expect(200);
        reply.header("x-amz-executed-version").unwrap().to_owned()
    };
    let second = (0..50).filter(|_| executed("?Qualifier=live") == "2").count();
    assert_eq!(second, 5);
    assert_eq!(executed("?Qualifier=2"), "2");
}

#[test]
fn the_tail_of_the_log_comes_with_the_answer() {
    let bench = Bench::quick().ready();
    bench
        .update_configuration(json!({"Environment": {"Variables": {"LOCALSTACK_ERROR": "x".repeat(3900)}}}))
        .expect(200);
    let reply = invoke(&bench, "", &[("x-amz-log-type", "Tail")], &json!({})).expect(200);
    let log = STANDARD.decode(reply.header("x-amz-log-result").unwrap()).unwrap();
    assert!(log.len() <= 4096, "{}", log.len());
    let log = String::from_utf8(log).unwrap();
    let id = reply.header("x-amzn-requestid").unwrap();
    assert!(log.contains(&format!("END RequestId: {id}\nREPORT RequestId: {id}\t")), "{log}");
    assert_eq!(invoke(&bench, "", &[], &json!({})).header("x-amz-log-result"), None);
}

#[test]
fn events_and_dry_runs_answer_without_a_payload() {
    let bench = Bench::quick().ready();
    for (kind, status) in [("Event", 202), ("DryRun", 204)] {
        let reply = invoke(&bench, "", &[("x-amz-invocation-type", kind)], &json!({"a": 1})).expect(status);
        assert_eq!(reply.body, Value::Null);
    }
    invoke(&bench, "", &[("x-amz-invocation-type", "Later")], &json!({})).refused(
        400,
        "ValidationException",
        "[Event, RequestResponse, DryRun]",
    );
}

#[test]
fn an_invocation_that_cannot_be_is_refused() {
    let bench = Bench::new();
    let arn = "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:app";
    invoke(&bench, "", &[], &json!({})).refused(404, "ResourceNotFoundException", &format!("{arn}:$LATEST"));
    bench.create(json!({})).expect(201);
    let pending = "The function is currently in the following state: Pending";
    invoke(&bench, "", &[], &json!({})).refused(409, "ResourceConflictException", pending);
    bench.wait(1000);
    invoke(&bench, "?Qualifier=7", &[], &json!({})).refused(
        404,
        "ResourceNotFoundException",
        &format!("{arn}:7"),
    );
    let mut call = bench.call_of("POST", "/2015-03-31/functions/app/invocations", &Value::Null);
    call.body = b"{not json".to_vec();
    bench.send(&call).refused(
        400,
        "InvalidRequestContentException",
        "Could not parse request body into json",
    );
    call.body = vec![b' '; 6 * 1024 * 1024 + 1];
    bench.send(&call).refused(413, "RequestTooLargeException", "6291456");
    bench
        .put("/2017-10-31/functions/app/concurrency", json!({"ReservedConcurrentExecutions": 0}))
        .expect(200);
    let throttled = invoke(&bench, "", &[], &json!({}));
    throttled.refused(429, "TooManyRequestsException", "Rate exceeded");
    assert_eq!(throttled.text("Reason"), "ReservedFunctionConcurrentInvocationLimitExceeded");
}

#[test]
fn an_idle_function_wakes_up_when_it_is_invoked() {
    let idle = Injection { function: "app".to_owned(), mishap: Mishap::GoesIdle, times: 1 };
    let bench =
        Bench::with(LambdaSettings { inject: vec![idle.clone()], ..LambdaSettings::default() }).ready();
    let found = bench.configuration();
    assert_eq!((found.text("State"), found.text("StateReasonCode")), ("Inactive", "Idle"));
    let text = "Lambda is initializing your function. It will be ready to invoke shortly.";
    invoke(&bench, "", &[], &json!({})).refused(409, "CodeArtifactUserPendingException", text);
    let waking = bench.configuration();
    assert_eq!((waking.text("State"), waking.text("StateReasonCode")), ("Pending", "Restoring"));
    invoke(&bench, "", &[], &json!({})).refused(409, "CodeArtifactUserPendingException", text);
    bench.wait(1000);
    invoke(&bench, "", &[], &json!({})).expect(200);

    bench.lambda.inject(idle);
    assert_eq!(bench.configuration().text("State"), "Inactive");
    bench.images.delete(ACCOUNT, "app", "v1");
    invoke(&bench, "", &[], &json!({})).refused(409, "CodeArtifactUserPendingException", text);
    bench.wait(1000);
    let gone = bench.configuration();
    assert_eq!((gone.text("State"), gone.text("StateReasonCode")), ("Inactive", "ImageDeleted"));
    assert_eq!(gone.text("StateReason"), "The function is trying to use a deleted image.");
    invoke(&bench, "", &[], &json!({})).refused(409, "CodeArtifactUserDeletedException", "");
}

#[test]
fn a_failed_function_cannot_be_invoked() {
    let bench = Bench::new();
    bench.create(json!({})).expect(201);
    bench.images.policy_of(ACCOUNT, "app", None);
    bench.wait(1000);
    invoke(&bench, "", &[], &json!({})).refused(409, "CodeArtifactUserFailedException", "cannot initialize");
}
