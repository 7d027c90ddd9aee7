//! UpdateFunctionCode and UpdateFunctionConfiguration.

use lambda_lift_localstack::lambda::{Injection, Mishap, Reason};
use serde_json::{Value, json};

use crate::bench::{ACCOUNT, Bench, digest, uri};

fn image(tag: &str) -> Value {
    json!({"ImageUri": uri(ACCOUNT, "app", tag)})
}

#[test]
fn an_update_shows_at_once_and_settles_later() {
    let bench = Bench::new().ready();
    let before = bench.configuration();
    let started = bench.update_code(image("v2")).expect(200);
    assert_eq!(started.text("CodeSha256"), digest("v2").trim_start_matches("sha256:"));
    assert_eq!((started.text("State"), started.text("LastUpdateStatus")), ("Active", "InProgress"));
    assert_eq!(started.text("LastUpdateStatusReason"), "The function is being created.");
    assert_eq!(started.text("LastUpdateStatusReasonCode"), "Creating");
    bench.wait(1000);
    let settled = bench.configuration();
    assert_eq!(settled.text("LastUpdateStatus"), "Successful");
    assert_eq!(settled.body["LastUpdateStatusReason"], Value::Null);
    let revisions = [&before, &started, &settled].map(|reply| reply.text("RevisionId").to_owned());
    assert_ne!(revisions[0], revisions[1]);
    assert_ne!(revisions[1], revisions[2]);
}

#[test]
fn updates_that_change_nothing_still_take_their_time() {
    let bench = Bench::new().ready();
    assert_eq!(bench.update_code(image("v1")).expect(200).text("LastUpdateStatus"), "InProgress");
    bench.wait(1000);
    let same = bench.update_configuration(json!({"Timeout": 3})).expect(200);
    assert_eq!(same.text("LastUpdateStatus"), "InProgress");
}

#[test]
fn nothing_else_may_be_changed_meanwhile() {
    let pending = "The function is currently in the following state: Pending";
    let updating =
        "An update is in progress for resource: arn:aws:lambda:eu-west-1:123456789012:function:app";
    let bench = Bench::new();
    bench.create(json!({})).expect(201);
    for part in [pending, updating] {
        let text = format!("The operation cannot be performed at this time. {part}");
        bench.update_code(image("v2")).refused(409, "ResourceConflictException", &text);
        bench.update_configuration(json!({"Timeout": 9})).refused(409, "ResourceConflictException", &text);
        let publish = bench.post("/2015-03-31/functions/app/versions", json!({}));
        publish.refused(409, "ResourceConflictException", &text);
        bench.wait(1000);
        bench.update_configuration(json!({"Timeout": 5})).expect(200);
    }
}

#[test]
fn a_stale_revision_is_refused() {
    let bench = Bench::new().ready();
    let text =
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API";
    let stale = json!({"RevisionId": "00000000-0000-4000-8000-000000000000"});
    let with = |change: Value| crate::bench::merged(change, stale.clone());
    bench.update_code(with(image("v2"))).refused(412, "PreconditionFailedException", text);
    bench.update_configuration(with(json!({}))).refused(412, "PreconditionFailedException", text);
    let publish = bench.post("/2015-03-31/functions/app/versions", stale.clone());
    publish.refused(412, "PreconditionFailedException", text);
    let latest = bench.configuration().text("RevisionId").to_owned();
    bench.update_code(crate::bench::merged(image("v2"), json!({"RevisionId": latest}))).expect(200);
}

#[test]
fn an_image_function_takes_no_archive() {
    let bench = Bench::new().ready();
    let text = "Please provide ImageUri when updating a function with packageType Image.";
    for request in [json!({"ZipFile": "UEsDBA=="}), json!({"S3Bucket": "b", "S3Key": "k"}), json!({})] {
        bench.update_code(request).refused(400, "InvalidParameterValueException", text);
    }
    bench.update_configuration(json!({"Runtime": "python3.13"})).refused(
        400,
        "InvalidParameterValueException",
        "Please don't provide Handler or Runtime or Layer",
    );
}

#[test]
fn a_tag_is_resolved_once() {
    let bench = Bench::new().ready();
    let resolved = |bench: &Bench| bench.configuration().text("CodeSha256").to_owned();
    let before = resolved(&bench);
    bench.images.delete(ACCOUNT, "app", "v1");
    let moved = crate::bench::manifest();
    bench.images.put(ACCOUNT, "app", "v1", crate::bench::DOCKER_MANIFEST, &moved);
    bench.update_configuration(json!({"Timeout": 9})).expect(200);
    bench.wait(1000);
    assert_eq!(resolved(&bench), before);
}

#[test]
fn the_architecture_changes_with_the_code_only() {
    let bench = Bench::new().ready();
    bench.update_configuration(json!({"Architectures": ["arm64"]})).expect(200);
    bench.wait(1000);
    assert_eq!(
        bench.configuration().body["Architectures"],
        json!(["x86_64"]),
        "not a member of that request"
    );
    let arm = crate::bench::merged(image("v1"), json!({"Architectures": ["arm64"]}));
    assert_eq!(bench.update_code(arm).expect(200).body["Architectures"], json!(["arm64"]));
    bench.wait(1000);
    bench.update_code(image("v1")).expect(200);
    bench.wait(1000);
    assert_eq!(bench.configuration().body["Architectures"], json!(["arm64"]));
}

#[test]
fn a_dry_run_changes_nothing() {
    let bench = Bench::new().ready();
    let before = bench.configuration().body;
    let request = crate::bench::merged(image("v2"), json!({"DryRun": true, "Publish": true}));
    let answer = bench.update_code(request).expect(200);
    assert_eq!(answer.text("CodeSha256"), digest("v2").trim_start_matches("sha256:"));
    assert_eq!(bench.configuration().body, before);
}

#[test]
fn image_settings_are_replaced_whole() {
    let bench = Bench::quick();
    bench
        .create(json!({"ImageConfig": {"EntryPoint": ["sh"], "Command": ["-c"], "WorkingDirectory": "/w"}}))
        .expect(201);
    bench.update_configuration(json!({"ImageConfig": {"Command": ["x"]}})).expect(200);
    let shown = || bench.configuration().body["ImageConfigResponse"].clone();
    assert_eq!(shown(), json!({"ImageConfig": {"Command": ["x"]}}));
    bench.update_configuration(json!({"Timeout": 9})).expect(200);
    assert_eq!(shown(), json!({"ImageConfig": {"Command": ["x"]}}));
    bench.update_configuration(json!({"ImageConfig": {}})).expect(200);
    assert_eq!(shown(), Value::Null);
}

#[test]
fn a_failed_update_leaves_the_old_code_running() {
    let bench = Bench::quick();
    bench.create(json!({"Environment": {"Variables": {"LOCALSTACK_ANSWER": "\"old\""}}})).expect(201);
    let reason = Reason { code: "InvalidImage".to_owned(), text: "no good".to_owned() };
    bench.lambda.inject(Injection {
        function: "*".to_owned(),
        mishap: Mishap::UpdateFails(reason),
        times: 1,
    });
    let environment = json!({"Environment": {"Variables": {"LOCALSTACK_ANSWER": "\"new\""}}});
    bench.update_configuration(environment.clone()).expect(200);
    let failed = bench.configuration();
    assert_eq!((failed.text("State"), failed.text("LastUpdateStatus")), ("Active", "Failed"));
    assert_eq!(failed.text("LastUpdateStatusReasonCode"), "InvalidImage");
    assert_eq!(failed.text("LastUpdateStatusReason"), "no good");
    let invoke = || bench.post("/2015-03-31/functions/app/invocations", json!({})).expect(200).body;
    assert_eq!(invoke(), "old");
    bench.update_configuration(environment).expect(200);
    assert_eq!(bench.configuration().text("LastUpdateStatus"), "Successful");
    assert_eq!(invoke(), "new");
}

#[test]
fn an_update_of_what_is_not_there_is_refused() {
    let bench = Bench::new();
    let text = "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:app";
    bench.update_code(image("v1")).refused(404, "ResourceNotFoundException", text);
    bench.update_configuration(json!({})).refused(404, "ResourceNotFoundException", text);
    bench.delete("/2015-03-31/functions/app").refused(404, "ResourceNotFoundException", text);
}
