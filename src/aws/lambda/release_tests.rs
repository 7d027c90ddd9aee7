//! What a release sends to Lambda beside the moves of its alias: provisioned concurrency and an invocation.

use serde_json::json;

use super::tests::{lambda, shop};
use super::*;
use crate::aws::replay::{json as answer, xml};
use crate::cloud::{CloudErrorKind, Invocation, InvocationMode, InvocationRequest, LambdaInvoker as _};

fn missing() -> crate::aws::replay::Answer {
    let message = "No Provisioned Concurrency Config found for this function";
    answer(404, json!({"__type": "ProvisionedConcurrencyConfigNotFoundException", "Message": message}))
}

#[tokio::test]
async fn provisioned_concurrency_is_read_with_its_state_and_none_is_no_error() {
    let ready = json!({"RequestedProvisionedConcurrentExecutions": 5, "AvailableProvisionedConcurrentExecutions": 5,
        "AllocatedProvisionedConcurrentExecutions": 5, "Status": "READY"});
    let failed = json!({"RequestedProvisionedConcurrentExecutions": 7, "Status": "FAILED",
        "StatusReason": "the function is out of subnets' addresses"});
    let (replay, lambda) = lambda([answer(200, ready), answer(200, failed), missing()]);
    let mut read = Vec::new();
    for qualifier in ["live", "7", "8"] {
        read.push(lambda.provisioned_concurrency(&shop(), qualifier).await.unwrap());
    }
    let found = |requested, status: &str, reason: Option<&str>| {
        Some(ProvisionedConcurrency {
            requested,
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
        })
    };
    let reason = Some("the function is out of subnets' addresses");
    assert_eq!(read, [found(5, "READY", None), found(7, "FAILED", reason), None]);
    let path = "GET /2019-09-30/functions/shop/provisioned-concurrency?Qualifier=";
    assert_eq!(replay.requests(), ["live", "7", "8"].map(|qualifier| format!("{path}{qualifier}")));
}

#[tokio::test]
async fn provisioned_concurrency_is_given_and_taken_by_qualifier() {
    let begun = json!({"RequestedProvisionedConcurrentExecutions": 3, "Status": "IN_PROGRESS"});
    let (replay, lambda) = lambda([answer(202, begun), answer(204, json!({})), missing()]);
    lambda.put_provisioned_concurrency(&shop(), "8", 3).await.unwrap();
    lambda.delete_provisioned_concurrency(&shop(), "7").await.unwrap();
    // What is gone already is as it should be.
    lambda.delete_provisioned_concurrency(&shop(), "7").await.unwrap();
    let path = |method: &str, qualifier: &str| {
        format!("{method} /2019-09-30/functions/shop/provisioned-concurrency?Qualifier={qualifier}")
    };
    assert_eq!(replay.requests(), [path("PUT", "8"), path("DELETE", "7"), path("DELETE", "7")]);
    assert_eq!(replay.bodies()[0], json!({"ProvisionedConcurrentExecutions": 3}));
    let error = lambda.put_provisioned_concurrency(&shop(), "8", u32::MAX).await.unwrap_err();
    assert_eq!((error.kind, replay.requests().len()), (CloudErrorKind::Invalid, 3), "no such number is sent");
}

async fn invoke(lambda: &Lambda, payload: &[u8]) -> Result<Invocation, CloudError> {
    let (function, mode) = (shop(), InvocationMode::Wait);
    lambda.invoke(InvocationRequest { function: &function, qualifier: "8", payload, mode }).await
}

#[tokio::test]
async fn a_version_is_invoked_once_and_its_log_is_decoded() {
    let (replay, lambda) = lambda([
        answer(200, json!({"ok": true}))
            .with_header("x-amz-log-result", "U1RBUlQgUmVxdWVzdElk")
            .with_header("x-amz-executed-version", "8"),
        answer(200, json!({"errorType": "Crash"})).with_header("x-amz-function-error", "Unhandled"),
    ]);
    let good = invoke(&lambda, br#"{"ping": 1}"#).await.unwrap();
    assert_eq!((good.status, good.function_error.as_deref()), (200, None));
    assert_eq!(good.executed_version.as_deref(), Some("8"));
    assert_eq!(
        (good.payload.as_slice(), good.log_tail.as_slice()),
        (&br#"{"ok":true}"#[..], &b"START RequestId"[..])
    );
    let bad = invoke(&lambda, b"{}").await.unwrap();
    assert_eq!((bad.status, bad.function_error.as_deref()), (200, Some("Unhandled")));
    assert!(!format!("{bad:?}").contains("Crash"), "the answer is the user's own");
    assert_eq!(replay.requests()[0], "POST /2015-03-31/functions/shop/invocations?Qualifier=8");
    assert_eq!(replay.bodies()[0], json!({"ping": 1}));
}

#[tokio::test]
async fn an_invocation_that_fails_is_not_sent_again() {
    let (replay, lambda) = lambda([xml(500, "<html>"), answer(200, json!({}))]);
    let error = invoke(&lambda, b"{}").await.unwrap_err();
    assert_eq!((error.status, replay.requests().len()), (Some(500), 1));
    let (_, lambda) = super::tests::lambda([]);
    let error = invoke(&lambda, b"{}").await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::Unreachable);
}
