//! Aliases and their weights.

use serde_json::{Value, json};

use crate::bench::{Bench, ROLE, merged};

const ALIASES: &str = "/2015-03-31/functions/app/aliases";
const LIVE: &str = "/2015-03-31/functions/app/aliases/live";
const INVALID: &str = "InvalidParameterValueException";

/// A function with versions 1, 2 and 3.
fn bench() -> Bench {
    let bench = Bench::quick().ready();
    for number in 1..=3 {
        bench.version(&number.to_string());
    }
    bench
}

fn weights(weights: Value) -> Value {
    json!({"RoutingConfig": {"AdditionalVersionWeights": weights}})
}

#[test]
fn an_alias_is_created_read_and_listed() {
    let bench = bench();
    let created = bench.post(ALIASES, json!({"Name": "live", "FunctionVersion": "1"})).expect(201);
    assert_eq!(created.text("AliasArn"), "arn:aws:lambda:eu-west-1:123456789012:function:app:live");
    assert_eq!(created.body["RoutingConfig"], Value::Null);
    assert_eq!(created.text("Description"), "");
    assert_eq!(bench.get(LIVE).expect(200).body, created.body);
    bench.post(ALIASES, json!({"Name": "old", "FunctionVersion": "2", "Description": "d"})).expect(201);
    let names = |target: &str| -> Vec<String> {
        let aliases = bench.get(target).expect(200).body["Aliases"].clone();
        aliases.as_array().unwrap().iter().map(|alias| alias["Name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(ALIASES), ["live", "old"]);
    assert_eq!(names(&format!("{ALIASES}?FunctionVersion=2")), ["old"]);
    let first = bench.get(&format!("{ALIASES}?MaxItems=1")).expect(200).body;
    assert_eq!(
        (first["Aliases"].as_array().unwrap().len(), first["Aliases"][0]["Name"].as_str()),
        (1, Some("live"))
    );
    let marker = first["NextMarker"].as_str().unwrap();
    let second = bench.get(&format!("{ALIASES}?Marker={marker}")).expect(200).body;
    assert_eq!((second["Aliases"][0]["Name"].as_str(), &second["NextMarker"]), (Some("old"), &Value::Null));
    let through = bench.get("/2015-03-31/functions/app?Qualifier=old").expect(200).body;
    assert_eq!(through["Configuration"]["Version"], "2");
    assert_eq!(
        through["Configuration"]["FunctionArn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:app:old"
    );
}

#[test]
fn weights_stay_until_they_are_cleared() {
    let bench = bench();
    let created = bench
        .post(ALIASES, merged(json!({"Name": "live", "FunctionVersion": "1"}), weights(json!({"2": 0.1}))))
        .expect(201);
    assert_eq!(created.body["RoutingConfig"], json!({"AdditionalVersionWeights": {"2": 0.1}}));
    let moved = bench.put(LIVE, json!({"FunctionVersion": "3"})).expect(200);
    assert_eq!(
        moved.body["RoutingConfig"],
        json!({"AdditionalVersionWeights": {"2": 0.1}}),
        "omitting keeps them"
    );
    bench.put(LIVE, json!({"FunctionVersion": "2"})).refused(
        400,
        INVALID,
        "Invalid function version 2. Function version 2 is already included in routing configuration.",
    );
    let cleared = bench.put(LIVE, merged(json!({"FunctionVersion": "2"}), weights(json!({})))).expect(200);
    assert_eq!((cleared.text("FunctionVersion"), &cleared.body["RoutingConfig"]), ("2", &Value::Null));
}

#[test]
fn every_update_of_an_alias_changes_its_revision() {
    let bench = bench();
    let created = bench.post(ALIASES, json!({"Name": "live", "FunctionVersion": "1"})).expect(201);
    let latest = bench.configuration().text("RevisionId").to_owned();
    let same = bench.put(LIVE, json!({})).expect(200);
    assert_ne!(same.text("RevisionId"), created.text("RevisionId"));
    bench.put(LIVE, json!({"RevisionId": created.text("RevisionId")})).refused(
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id.",
    );
    bench.put(LIVE, json!({"RevisionId": same.text("RevisionId")})).expect(200);
    assert_eq!(bench.configuration().text("RevisionId"), latest, "the function's own revision stays");
}

#[test]
fn aliases_that_cannot_be_are_refused() {
    let bench = bench();
    bench.post(ALIASES, json!({"Name": "live", "FunctionVersion": "1"})).expect(201);
    let long = "a".repeat(129);
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:app";
    let (not_found, conflict, validation) =
        ("ResourceNotFoundException", "ResourceConflictException", "ValidationException");
    for (change, status, code, part) in [
        (json!({"Name": "live"}), 409, conflict, format!("Alias already exists: {arn}:live")),
        (json!({"Name": null}), 400, validation, "Value null at 'name'".to_owned()),
        (json!({"FunctionVersion": null}), 400, validation, "Value null at 'functionVersion'".to_owned()),
        (
            json!({"Name": "2024"}),
            400,
            validation,
            "Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: \
             (?!^[0-9]+$)([a-zA-Z0-9-_]+)".to_owned(),
        ),
        (json!({"Name": "a.b"}), 400, validation, "'name'".to_owned()),
        (json!({"Name": long}), 400, validation, "less than or equal to 128".to_owned()),
        (json!({"FunctionVersion": "10"}), 404, not_found, format!("Function not found: {arn}:10")),
        (weights(json!({"10": 0.5})), 404, not_found, format!("Function not found: {arn}:10")),
        (
            weights(json!({"2": 0.1, "3": 0.1})),
            400,
            INVALID,
            "Number of items in AdditionalVersionWeights cannot be greater than 1".to_owned(),
        ),
        (
            weights(json!({"1": 0.1})),
            400,
            INVALID,
            "Invalid function version 1. Function version 1 is already included in routing configuration.".to_owned(),
        ),
        (
            merged(weights(json!({"2": 0.1})), json!({"FunctionVersion": "$LATEST"})),
            400,
            INVALID,
            "$LATEST is not supported for an alias pointing to more than 1 version".to_owned(),
        ),
        (weights(json!({"$LATEST": 0.5})), 400, validation, "Value '{$LATEST=0.5}'".to_owned()),
        (weights(json!({"2": 2.0})), 400, validation, "Value '{2=2.0}'".to_owned()),
        (weights(json!({"2": -1.0})), 400, validation, "Value '{2=-1.0}'".to_owned()),
    ] {
        let request = merged(json!({"Name": "new", "FunctionVersion": "1"}), change);
        bench.post(ALIASES, request).refused(status, code, &part);
    }
    bench.post(ALIASES, json!({"Name": "newest", "FunctionVersion": "$LATEST"})).expect(201);
}

#[test]
fn both_versions_need_the_same_role_and_dead_letter_queue() {
    for change in [
        json!({"Role": format!("{ROLE}-2")}),
        json!({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q"}}),
    ] {
        let bench = bench();
        bench.update_configuration(change).expect(200);
        let fourth = bench.version("4");
        let request = merged(json!({"Name": "live", "FunctionVersion": "1"}), weights(json!({fourth: 0.1})));
        bench.post(ALIASES, request).refused(400, INVALID, "must have the same");
    }
}

#[test]
fn what_is_missing_is_said_in_different_words() {
    let bench = bench();
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:app:live";
    let not_found = "ResourceNotFoundException";
    bench.get(LIVE).refused(404, not_found, &format!("Cannot find alias arn: {arn}"));
    bench.put(LIVE, json!({})).refused(404, not_found, &format!("Alias not found: {arn}"));
    bench.delete(LIVE).expect(204);
    bench.get("/2015-03-31/functions/app?Qualifier=live").refused(
        404,
        not_found,
        &format!("Function not found: {arn}"),
    );
    let absent = "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:none:1";
    let request = json!({"Name": "live", "FunctionVersion": "1"});
    bench.post("/2015-03-31/functions/none/aliases", request).refused(404, not_found, absent);
}
