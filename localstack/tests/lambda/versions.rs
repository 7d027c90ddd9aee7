//! Published versions.

use std::time::Duration;

use lambda_lift_localstack::lambda::{Injection, LambdaSettings, Mishap, Reason};
use serde_json::{Value, json};

use crate::bench::{ACCOUNT, Bench, Reply, digest, uri};

const VERSIONS: &str = "/2015-03-31/functions/app/versions";

fn publish(bench: &Bench, request: Value) -> Reply {
    bench.post(VERSIONS, request)
}

#[test]
fn a_version_is_pending_and_then_active() {
    let bench = Bench::new().ready();
    let latest = bench.configuration();
    let published = publish(&bench, json!({"Description": "first"})).expect(201);
    assert_eq!((published.text("Version"), published.text("State")), ("1", "Pending"));
    assert_eq!(published.text("FunctionArn"), "arn:aws:lambda:eu-west-1:123456789012:function:app:1");
    assert_eq!(published.body["LastUpdateStatus"], Value::Null);
    assert_eq!(published.text("Description"), "first");
    let after = bench.configuration();
    assert_ne!(after.text("RevisionId"), latest.text("RevisionId"), "publishing changes $LATEST's revision");
    assert_eq!(after.text("Description"), "", "the description is the version's own");
    bench.wait(1000);
    let settled = bench.get("/2015-03-31/functions/app/configuration?Qualifier=1").expect(200);
    assert_eq!((settled.text("State"), settled.text("LastUpdateStatus")), ("Active", "Successful"));
}

#[test]
fn a_version_can_be_active_at_once() {
    let bench =
        Bench::with(LambdaSettings { publish_settle: Duration::ZERO, ..LambdaSettings::default() }).ready();
    let published = publish(&bench, json!({})).expect(201);
    assert_eq!((published.text("State"), published.text("LastUpdateStatus")), ("Active", "Successful"));
}

#[test]
fn nothing_changed_means_the_same_version_again() {
    let bench = Bench::quick().ready();
    let first = publish(&bench, json!({})).expect(201);
    let revision = bench.configuration().text("RevisionId").to_owned();
    let again = publish(&bench, json!({"Description": "ignored"})).expect(201);
    assert_eq!((again.text("Version"), again.text("RevisionId")), ("1", first.text("RevisionId")));
    assert_eq!(bench.configuration().text("RevisionId"), revision);
    bench.update_configuration(json!({"Timeout": 9})).expect(200);
    assert_eq!(publish(&bench, json!({})).expect(201).text("Version"), "2", "a changed setting is enough");
    bench.update_code(json!({"ImageUri": uri(ACCOUNT, "app", "v2")})).expect(200);
    assert_eq!(publish(&bench, json!({})).expect(201).text("Version"), "3");
    bench.delete("/2015-03-31/functions/app?Qualifier=3").expect(204);
    assert_eq!(publish(&bench, json!({})).expect(201).text("Version"), "4", "numbers are never used twice");
}

#[test]
fn the_code_is_guarded_by_its_digest() {
    let bench = Bench::new().ready();
    let (old, new) = (digest("v1"), digest("v2"));
    let (old, new) = (old.trim_start_matches("sha256:"), new.trim_start_matches("sha256:"));
    let text = format!(
        "CodeSHA256 ({new}) is different from current CodeSHA256 in $LATEST ({old}). \
         Please try again with the CodeSHA256 in $LATEST."
    );
    publish(&bench, json!({"CodeSha256": new})).refused(400, "InvalidParameterValueException", &text);
    publish(&bench, json!({"CodeSha256": old})).expect(201);
}

#[test]
fn an_update_with_publish_answers_the_pending_version() {
    let bench = Bench::new().ready();
    let request = json!({"ImageUri": uri(ACCOUNT, "app", "v2"), "Publish": true});
    let published = bench.update_code(request.clone()).expect(200);
    assert_eq!((published.text("Version"), published.text("State")), ("1", "Pending"));
    assert_eq!(published.text("FunctionArn"), "arn:aws:lambda:eu-west-1:123456789012:function:app:1");
    assert_eq!(published.body["LastUpdateStatus"], Value::Null);
    let latest = bench.get("/2015-03-31/functions/app?Qualifier=$LATEST").expect(200);
    let latest = &latest.body["Configuration"];
    assert_eq!(latest["FunctionArn"], "arn:aws:lambda:eu-west-1:123456789012:function:app:$LATEST");
    assert_eq!((&latest["State"], &latest["LastUpdateStatus"]), (&json!("Active"), &json!("InProgress")));
    bench.wait(1000);
    assert_eq!(
        bench.get("/2015-03-31/functions/app/configuration?Qualifier=1").expect(200).text("State"),
        "Active"
    );
    assert_eq!(
        bench.update_code(request).expect(200).text("Version"),
        "1",
        "the same digest, the same version"
    );
}

#[test]
fn a_version_can_fail() {
    let bench = Bench::new().ready();
    let reason = Reason { code: "InvalidImage".to_owned(), text: "no good".to_owned() };
    bench.lambda.inject(Injection {
        function: "app".to_owned(),
        mishap: Mishap::PublishFails(reason),
        times: 1,
    });
    publish(&bench, json!({})).expect(201);
    bench.wait(1000);
    let failed = bench.get("/2015-03-31/functions/app/configuration?Qualifier=1").expect(200);
    assert_eq!((failed.text("State"), failed.text("StateReasonCode")), ("Failed", "InvalidImage"));
}

#[test]
fn a_version_keeps_what_it_was() {
    let bench = Bench::quick().ready();
    publish(&bench, json!({})).expect(201);
    bench.update_code(json!({"ImageUri": uri(ACCOUNT, "app", "v2")})).expect(200);
    bench.update_configuration(json!({"Timeout": 9})).expect(200);
    let version = bench.get("/2015-03-31/functions/app?Qualifier=1").expect(200).body;
    assert_eq!(version["Configuration"]["Timeout"], 3);
    assert_eq!(version["Code"]["ResolvedImageUri"], uri(ACCOUNT, "app", &digest("v1")));
}

#[test]
fn versions_are_listed_page_by_page_without_their_states() {
    let bench = Bench::quick().ready();
    for number in 1..=3 {
        assert_eq!(bench.version(&number.to_string()), number.to_string());
    }
    let page = bench.get(&format!("{VERSIONS}?MaxItems=3")).expect(200);
    let numbers = |page: &Value| -> Vec<String> {
        let versions = page["Versions"].as_array().unwrap();
        versions.iter().map(|version| version["Version"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(numbers(&page.body), ["$LATEST", "1", "2"]);
    for member in ["State", "StateReason", "LastUpdateStatus"] {
        assert_eq!(page.body["Versions"][1][member], Value::Null, "{member}");
    }
    assert_eq!(
        page.body["Versions"][0]["FunctionArn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:app:$LATEST"
    );
    let rest = bench.get(&format!("{VERSIONS}?Marker={}", page.text("NextMarker"))).expect(200);
    assert_eq!((numbers(&rest.body), &rest.body["NextMarker"]), (vec!["3".to_owned()], &Value::Null));
}

#[test]
fn versions_and_only_versions_can_be_deleted_by_qualifier() {
    let bench = Bench::quick().ready();
    bench.version("1");
    bench.version("2");
    bench
        .post(
            "/2015-03-31/functions/app/aliases",
            json!({"Name": "live", "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}}),
        )
        .expect(201);
    let target = |qualifier: &str| format!("/2015-03-31/functions/app?Qualifier={qualifier}");
    let referenced = "Unable to delete version because the following aliases reference it: [live]";
    bench.delete(&target("1")).refused(409, "ResourceConflictException", referenced);
    bench.delete(&target("2")).refused(409, "ResourceConflictException", referenced);
    bench.delete(&target("live")).refused(
        400,
        "InvalidParameterValueException",
        "Deletion of aliases is not currently supported.",
    );
    bench.delete(&target("$LATEST")).refused(
        400,
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
    );
    bench.delete(&target("99")).expect(204);
    bench.delete("/2015-03-31/functions/app/aliases/live").expect(204);
    bench.delete(&target("1")).expect(204);
    bench.get(&target("1")).refused(404, "ResourceNotFoundException", "function:app:1");
    bench.get(&target("2")).expect(200);
}
