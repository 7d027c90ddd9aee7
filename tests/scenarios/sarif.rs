//! `check --output sarif`: a log that code scanning takes.

use lambda_lift_rig::LambdaLift;
use serde_json::{Value, json};

use crate::image::{Image, layer};

/// The binary, with what every run has but the format.
fn lambda_lift() -> LambdaLift {
    let mut lambda_lift = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
    lambda_lift.for_people();
    lambda_lift
}

fn texts<'a>(of: &'a Value, key: &str) -> Vec<&'a str> {
    of.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap()).collect()
}

/// Holds a log to what SARIF 2.1.0 requires of the objects that it has.
fn assert_is_sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    let [run] = &log["runs"].as_array().unwrap()[..] else { panic!("one run: {log:#}") };
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "lambda-lift");
    let rules = driver["rules"].as_array().unwrap();
    let mut ids = texts(&driver["rules"], "id");
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule:#}");
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rules.len(), "a rule is there once");
    assert!(run["invocations"][0]["executionSuccessful"].is_boolean());
    let artifacts = run["artifacts"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let level = result["level"].as_str().unwrap();
        assert!(["none", "note", "warning", "error"].contains(&level), "{level}");
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let index = usize::try_from(place["artifactLocation"]["index"].as_u64().unwrap()).unwrap();
        assert_eq!(artifacts[index]["location"]["uri"], place["artifactLocation"]["uri"]);
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        assert!(!result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().is_empty());
    }
}

#[test]
fn what_is_found_in_an_image_is_a_log_of_code_scanning() {
    let lambda_lift = lambda_lift();
    let layers = vec![layer("var/task/other", b"x"), layer("srv/.env", b"SECRET=1")];
    let image = Image { layers, ..Image::small("x") };
    image.docker_archive(&lambda_lift.home().join("my app.tar"));
    let run = lambda_lift.run(&["check", "docker-archive:my app.tar", "--output", "sarif"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert_is_sarif(&run.document);
    let results = &run.document["runs"][0]["results"];
    let of = |rule: &str| {
        let results = results.as_array().unwrap();
        results
            .iter()
            .find(|result| result["ruleId"] == rule)
            .unwrap_or_else(|| panic!("{rule}: {results:#?}"))
    };
    assert_eq!(of("entrypoint-file")["level"], "error");
    assert_eq!(of("secrets")["level"], "warning");
    let location = &of("secrets")["locations"][0];
    assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "my%20app.tar");
    assert_eq!(
        location["logicalLocations"],
        json!([{ "fullyQualifiedName": "/srv/.env", "kind": "resource" }])
    );
    assert_eq!(run.document["runs"][0]["invocations"][0]["exitCode"], 3);

    let allowed = ["check", "my app.tar", "--output", "sarif", "--allow", "entrypoint-file"];
    let run = lambda_lift.run(&allowed);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let results = run.document["runs"][0]["results"].as_array().unwrap();
    let suppressed: Vec<_> = results.iter().filter(|result| result["suppressions"].is_array()).collect();
    assert_eq!((suppressed.len(), &suppressed[0]["ruleId"]), (1, &json!("entrypoint-file")));
}

#[test]
fn a_check_that_could_not_be_made_is_a_log_without_results() {
    let run = lambda_lift().run(&["check", "nowhere.tar", "--output", "sarif"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert_is_sarif(&run.document);
    let invocation = &run.document["runs"][0]["invocations"][0];
    assert_eq!((&invocation["executionSuccessful"], &invocation["exitCode"]), (&json!(false), &json!(2)));
    let said = invocation["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
    assert!(said.contains("nowhere.tar"), "{said}");
}

#[test]
fn other_commands_have_no_such_log() {
    let lambda_lift = lambda_lift();
    let deploy = ["deploy", "--image", "x.tar", "--function", "f", "--repository", "r", "--output", "sarif"];
    for arguments in
        [&deploy[..], &["status", "--function", "f", "--output", "sarif"], &["doctor", "--output", "sarif"]]
    {
        let run = lambda_lift.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stdout);
        assert!(run.stdout.contains("--output sarif is for check"), "{}", run.stdout);
    }
}
