//! A file as a whole: what it gives, and every mistake at its place.

use std::path::Path;

use serde_json::Value as Json;

use super::samples::Scripted;
use super::*;

const FILE: &str = r#"
region = "eu-west-1"
image = "docker-archive:build/app.tar"
repository = "checkout"
tags = ["${git:short}", "v1"]
create-repository = true
wait-timeout = 90

[function]
FunctionName = "checkout-${env:STAGE:-dev}"
MemorySize = 512
Environment.Variables = { TOKEN = "${env:A}", PLAIN = "$${kept}" }

[release]
alias = "live"
smoke-event = "events/smoke.json"

[env.prod]
region = "us-east-1"
[env.prod.function]
MemorySize = 1024
"#;

fn configuration(text: &str, environment: Option<&str>) -> Configuration {
    Configuration::new(Path::new("conf/lambda-lift.toml"), text.as_bytes(), environment).unwrap()
}

fn texts(configuration: &Configuration, argument: &str) -> Vec<String> {
    let given = configuration.arguments(&|_, wanted| wanted == argument, &Scripted).unwrap();
    match given.into_iter().map(|given| given.value).next() {
        Some(GivenValue::Texts(texts)) => texts,
        Some(GivenValue::Flag(flag)) => vec![flag.to_string()],
        None => Vec::new(),
    }
}

#[test]
fn a_file_gives_values_to_arguments_with_paths_from_its_own_folder() {
    let configuration = configuration(FILE, None);
    for (argument, expected) in [
        ("region", vec!["eu-west-1"]),
        ("image", vec!["docker-archive:conf/build/app.tar"]),
        ("tags", vec!["0123456", "v1"]),
        ("create_repository", vec!["true"]),
        ("wait_timeout", vec!["90"]),
        ("alias", vec!["live"]),
        ("smoke_event", vec!["conf/events/smoke.json"]),
        ("strategy", vec![]),
    ] {
        assert_eq!(texts(&configuration, argument), expected, "{argument}");
    }
    let name = configuration.function_name("function", &Scripted).unwrap().unwrap();
    assert_eq!(name.place, "conf/lambda-lift.toml:10:1");
    assert!(name.value == GivenValue::Texts(vec!["checkout-dev".to_owned()]));
}

#[test]
fn the_function_is_declared_in_its_own_names_and_an_environment_changes_parts_of_it() {
    let declared = |environment| {
        let text = configuration(FILE, environment).function(&Scripted).unwrap().unwrap();
        serde_json::from_str::<Json>(&text.text).unwrap()
    };
    assert_eq!(
        declared(None),
        serde_json::json!({"FunctionName": "checkout-dev", "MemorySize": 512,
            "Environment": {"Variables": {"TOKEN": "hunter2", "PLAIN": "${kept}"}}})
    );
    assert_eq!(declared(Some("prod"))["MemorySize"], 1024);
    assert_eq!(texts(&configuration(FILE, Some("prod")), "region"), ["us-east-1"]);
}

#[test]
fn only_what_is_wanted_is_filled_in() {
    let configuration = configuration("profile = \"${env:NOT_THERE}\"\nregion = \"eu-west-1\"\n", None);
    assert_eq!(texts(&configuration, "region"), ["eu-west-1"]);
    let error = configuration.arguments(&|_, argument| argument == "profile", &Scripted).unwrap_err();
    assert!(error.to_string().starts_with("conf/lambda-lift.toml:1:11: profile: "), "{error}");
    assert!(error.hint().unwrap().contains("export NOT_THERE"));
}

/// The one problem of a file, with everything in it that a template may bring in filled in.
fn problem(text: &str) -> Problem {
    let error = match Configuration::new(Path::new("lambda-lift.toml"), text.as_bytes(), None) {
        Err(error) => error,
        Ok(configuration) => match configuration.arguments(&|_, _| true, &Scripted) {
            Err(error) => error,
            Ok(_) => configuration.function(&Scripted).expect_err(text),
        },
    };
    assert_eq!(error.problems.len(), 1, "{error}");
    error.problems.into_iter().next().unwrap()
}

#[test]
fn each_mistake_is_told_at_its_place() {
    for (text, place, part, hint) in [
        ("imgae = \"a\"", "1:1", "imgae: there is no such key", "did you mean image?"),
        ("[release]\nalarm = []", "2:1", "release.alarm", "did you mean alarms?"),
        ("alias = \"live\"", "1:1", "alias: there is no such key", "stands in [release]"),
        ("[push]\nregion = \"eu-west-1\"", "2:1", "push.region", "before the first table"),
        ("[push]\nzebra = 1", "2:1", "push.zebra", "the keys here are compression"),
        ("[relaese]\nalias = \"a\"", "1:2", "relaese", "did you mean release?"),
        ("[env.x.env.y]", "1:8", "env: there is no such key", "directly in [env.NAME]"),
        ("release = 1", "1:11", "a number stands where a table [release]", ""),
        ("env = 1", "1:1", "a number stands where tables [env.NAME]", ""),
        ("function = \"x\"", "1:12", "a text stands where a table [function]", ""),
        ("[env]\nprod = 1", "2:1", "env.prod: a number", ""),
        ("image = 1", "1:9", "image: a number stands where a text", ""),
        ("image = \"\"", "1:9", "must not be empty", ""),
        ("image = \"a\\nb\"", "1:9", "one line", ""),
        ("tags = \"v1\"", "1:8", "a text stands where a list of texts", "tags = [\"…\"]"),
        ("tags = [\"v1\",\n 2]", "2:2", "tags: a number", ""),
        ("tags = [\"v 1\"]", "1:9", "tags: ", ""),
        ("create-repository = \"true\"", "1:21", "a text stands where true or false", "leave the quotes out"),
        ("[push]\njobs = 65", "2:8", "65 is not within 1 to 64", ""),
        ("[push]\njobs = \"4\"", "2:8", "a whole number is expected", "leave the quotes out"),
        ("[push]\ncompression = 10", "2:15", "10 is not within 1 to 9", ""),
        ("[push]\ncompression = \"kept\"", "2:15", "neither a whole number nor \"keep\"", ""),
        ("[push]\npush-timeout = \"soon\"", "2:16", "not a duration", ""),
        ("[release]\nalias = \"7\"", "2:9", "release.alias", ""),
        ("[release]\nstrategy = \"often\"", "2:12", "release.strategy", ""),
        ("[release]\non-interrupt = \"stop\"", "2:16", "none of rollback, hold, finish", ""),
        ("[release]\nmax-error-rate = 1.5", "2:18", "a text in quotes or a whole number", ""),
        ("[policy]\naccounts = [\"1\"]", "2:13", "policy.accounts", ""),
        ("[prune]\nmin-age = \"1w\"", "2:11", "not an age", ""),
        ("region = \"${env:A\"", "1:10", "does not end", "close it"),
        ("region = \"${env:A:-${env:B}}\"", "1:10", "inside another", ""),
        ("repository = \"${file:none}\"", "1:14", "none cannot be read", ""),
        ("tags = [\"${git:tag}\"]", "1:9", "the commit has no tag", ""),
        ("region = \"${env:A}\"", "1:10", "what \"${env:A}\" stands for cannot be used", "not shown"),
        ("profile = \"${env:LINES}\"", "1:11", "cannot be used here", "not shown"),
        ("[function]\nMemroySize = 1", "2:1", "function.MemroySize: there is no such key", "MemorySize?"),
        ("[function]\nMemorySize = \"a\"", "2:1", "function.MemorySize: a text is given", ""),
        ("[function]\nTimeout = 5000\nRole = \"${env:A\"", "3:8", "does not end", ""),
        (
            "[function]\nRole = \"${env:A}\"",
            "2:1",
            "function.Role: what its template stands for",
            "not shown",
        ),
        ("[function.Environment.Variables]\nA-B = \"${env:A}\"", "2:1", "function.Environment", "not shown"),
        ("[function.VpcConfig]\nSubnetIds = [\"subnet-1\",\n\"vpc-1\"]", "3:1", "SubnetIds[1]", ""),
        ("[function]\nFunctionName = \"a b\"", "2:1", "function.FunctionName", ""),
    ] {
        let problem = problem(text);
        assert_eq!(problem.at.to_string(), place, "{text}: {problem:?}");
        assert!(problem.message.contains(part), "{text}: {problem:?}");
        assert!(problem.hint.as_deref().unwrap_or_default().contains(hint), "{text}: {problem:?}");
        assert!(!format!("{problem:?}").contains("hunter"), "{problem:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_every_environment_and_in_order() {
    let text = "imgae = 1\n[env.b.push]\njobs = 0\n[env.a]\nextends = \"c\"\n[function]\nTimeout = 0\n";
    let error = Configuration::new(Path::new("x.toml"), text.as_bytes(), None).unwrap_err();
    let places: Vec<String> = error.problems.iter().map(|problem| problem.at.to_string()).collect();
    assert_eq!(places, ["1:1", "3:8", "5:11", "7:1"], "{error}");
    assert!(error.to_string().starts_with("x.toml cannot be used:\n  x.toml:1:1: imgae"), "{error}");
}

#[test]
fn a_text_that_is_not_utf8_is_refused_at_its_place() {
    let error = Configuration::new(Path::new("x.toml"), b"a = 1\n# \xff", None).unwrap_err();
    assert_eq!(error.to_string(), "x.toml:2:3: this is not UTF-8, as TOML must be");
}

#[test]
fn an_environment_that_is_not_there_is_refused_with_those_that_are() {
    let error = Configuration::new(Path::new("x.toml"), FILE.as_bytes(), Some("prd")).unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("did you mean prod? the environments are prod"));
}

#[test]
fn nothing_that_a_template_brought_in_is_in_a_debug_output() {
    let configuration = configuration("profile = \"${env:A}\"", None);
    let given = configuration.arguments(&|_, _| true, &Scripted).unwrap();
    assert!(!format!("{configuration:?} {given:?}").contains("hunter2"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_configuration_or_an_error(text in "[a-z.=\\[\\]{}\"'#$:\n 0-9-]{0,60}") {
        let _ = Configuration::new(Path::new("x.toml"), text.as_bytes(), Some("a"));
    }

    #[test]
    fn any_bytes_are_a_configuration_or_an_error(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
        let _ = Configuration::new(Path::new("x.toml"), &bytes, None);
    }
}
