//! Tags and concurrency.

use serde_json::{Value, json};

use crate::bench::{Bench, merged};

const INVALID: &str = "InvalidParameterValueException";
const TAGS: &str = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aapp";
const RESERVED: &str = "/2017-10-31/functions/app/concurrency";
const PROVISIONED: &str = "/2019-09-30/functions/app/provisioned-concurrency";

#[test]
fn tags_come_and_go_and_change_the_revision() {
    let bench = Bench::quick().ready();
    assert_eq!(bench.get(TAGS).expect(200).body, json!({"Tags": {}}));
    let before = bench.configuration();
    bench.post(TAGS, json!({"Tags": {"a": "1", "b": "2"}})).expect(204);
    bench.post(TAGS, json!({"Tags": {"b": "3"}})).expect(204);
    assert_eq!(bench.get(TAGS).expect(200).body, json!({"Tags": {"a": "1", "b": "3"}}));
    let after = bench.configuration();
    assert_ne!(after.text("RevisionId"), before.text("RevisionId"));
    assert_eq!(after.text("LastUpdateStatus"), "Successful", "tags settle at once");
    bench.delete(&format!("{TAGS}?tagKeys=a&tagKeys=b&tagKeys=none")).expect(204);
    assert_eq!(bench.get(TAGS).expect(200).body, json!({"Tags": {}}));
}

#[test]
fn tags_that_cannot_be_are_refused() {
    let bench = Bench::quick().ready();
    let many: Value =
        (0..51).map(|number| (number.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    bench.post(TAGS, json!({"Tags": many})).refused(
        400,
        INVALID,
        "Number of tags exceeds resource tag limit.",
    );
    bench.post(TAGS, json!({"Tags": {}})).refused(
        400,
        INVALID,
        "An error occurred and the request cannot be processed.",
    );
    bench.delete(TAGS).refused(400, "ValidationException", "Value null at 'tagKeys'");
    bench.get(&format!("{TAGS}%3A1")).refused(
        400,
        INVALID,
        "Tags on function aliases and versions are not supported.",
    );
    bench.get("/2017-03-31/tags/app").refused(400, "ValidationException", "at 'resource'");
    bench.get(&format!("{TAGS}-none")).refused(404, "ResourceNotFoundException", "function:app-none");
}

#[test]
fn concurrency_can_be_reserved() {
    let bench = Bench::quick().ready();
    let read = "/2019-09-30/functions/app/concurrency";
    assert_eq!(bench.get(read).expect(200).body, json!({}));
    let put = |count: i64| bench.put(RESERVED, json!({"ReservedConcurrentExecutions": count}));
    assert_eq!(put(5).expect(200).body, json!({"ReservedConcurrentExecutions": 5}));
    assert_eq!(bench.get(read).expect(200).body, json!({"ReservedConcurrentExecutions": 5}));
    let found = bench.get("/2015-03-31/functions/app").expect(200).body;
    assert_eq!(found["Concurrency"], json!({"ReservedConcurrentExecutions": 5}));
    put(901).refused(400, INVALID, "below its minimum value of [100]");
    put(-1).refused(400, "ValidationException", "greater than or equal to 0");
    bench
        .put("/2017-10-31/functions/app%3A1/concurrency", json!({"ReservedConcurrentExecutions": 1}))
        .refused(400, INVALID, "This operation is permitted on Lambda functions only.");
    bench.delete(RESERVED).expect(204);
    assert_eq!(bench.get(read).expect(200).body, json!({}));
}

#[test]
fn provisioned_concurrency_takes_its_time() {
    let bench = Bench::new().ready();
    let version = bench.version("one");
    let target = format!("{PROVISIONED}?Qualifier={version}");
    let put = bench.put(&target, json!({"ProvisionedConcurrentExecutions": 2})).expect(202);
    let expected = json!({"RequestedProvisionedConcurrentExecutions": 2, "AvailableProvisionedConcurrentExecutions": 0,
                          "AllocatedProvisionedConcurrentExecutions": 0, "Status": "IN_PROGRESS"});
    assert_eq!(merged(put.body, json!({"LastModified": null})), expected);
    assert_eq!(bench.get(&target).expect(200).text("Status"), "IN_PROGRESS");
    bench.wait(1000);
    let ready = bench.get(&target).expect(200);
    assert_eq!(
        (ready.text("Status"), &ready.body["AllocatedProvisionedConcurrentExecutions"]),
        ("READY", &json!(2))
    );
    let list = bench.get(&format!("{PROVISIONED}?List=ALL")).expect(200).body;
    assert_eq!(
        list["ProvisionedConcurrencyConfigs"][0]["FunctionArn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:app:1"
    );
    bench.delete(&target).expect(204);
    bench.get(&target).refused(
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    );
}

#[test]
fn provisioned_concurrency_and_weights_exclude_each_other() {
    let bench = Bench::quick().ready();
    let (first, second) = (bench.version("one"), bench.version("two"));
    let aliases = "/2015-03-31/functions/app/aliases";
    let weights = json!({"RoutingConfig": {"AdditionalVersionWeights": {second: 0.1}}});
    bench
        .post(aliases, merged(json!({"Name": "live", "FunctionVersion": first}), weights.clone()))
        .expect(201);
    let put = |qualifier: &str| {
        bench.put(
            &format!("{PROVISIONED}?Qualifier={qualifier}"),
            json!({"ProvisionedConcurrentExecutions": 1}),
        )
    };
    let text = "Alias with weights can not be used with Provisioned Concurrency";
    put("live").refused(400, INVALID, text);
    bench.put(&format!("{aliases}/live"), json!({"RoutingConfig": {}})).expect(200);
    put("live").expect(202);
    bench.put(&format!("{aliases}/live"), weights).refused(400, INVALID, text);
    put("1").refused(
        409,
        "ResourceConflictException",
        "Version is pointed by a Provisioned Concurrency alias",
    );
    bench.delete(&format!("{aliases}/live")).expect(204);
    put("1").expect(202);
    bench.post(aliases, json!({"Name": "live", "FunctionVersion": "1"})).expect(201);
    put("live").refused(
        409,
        "ResourceConflictException",
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    );
}

#[test]
fn provisioned_concurrency_needs_a_published_version() {
    let bench = Bench::quick().ready();
    let ask = json!({"ProvisionedConcurrentExecutions": 1});
    let put = |qualifier: &str| bench.put(&format!("{PROVISIONED}?Qualifier={qualifier}"), ask.clone());
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:app";
    put("$LATEST").refused(400, INVALID, "cannot be applied to unpublished function versions.");
    put("none").refused(404, "ResourceNotFoundException", &format!("Cannot find alias arn: {arn}:none"));
    put("10").refused(404, "ResourceNotFoundException", &format!("Function not found: {arn}:10"));
    bench.get(&format!("{PROVISIONED}?Qualifier=$LATEST")).refused(
        400,
        INVALID,
        "The function resource provided must be an alias or a published version.",
    );
    let zero =
        bench.put(&format!("{PROVISIONED}?Qualifier=1"), json!({"ProvisionedConcurrentExecutions": 0}));
    zero.refused(400, "ValidationException", "Member must have value greater than or equal to 1");
}

#[test]
fn account_settings_count_functions() {
    let bench = Bench::quick().ready();
    let settings = bench.get("/2016-08-19/account-settings").expect(200).body;
    assert_eq!(settings["AccountUsage"]["FunctionCount"], 1);
    assert_eq!(settings["AccountLimit"]["ConcurrentExecutions"], 1000);
}
