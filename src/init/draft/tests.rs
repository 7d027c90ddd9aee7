use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::cloud::{DescribedImage, PublishedVersion};
use crate::config::{Configuration, GitFact, GivenValue, Sources};
use crate::function::samples::live;
use crate::name::Digest;

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// A function with a setting of each kind, a version and the alias `live` at it.
fn found() -> Found {
    let mut function = live(json!({
        "Description": "costs ${x} and \"more\"", "Role": "arn:aws:iam::123456789012:role/shop", "MemorySize": 256,
        "Timeout": 30, "Environment": {"Variables": {"TOKEN": "hunter2 ${x}", "EMPTY": ""}},
        "ImageConfig": {"EntryPoint": ["/app", "${y}"]}, "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-1", "LocalMountPath": "/mnt/a"}],
        "EphemeralStorage": {"Size": 1024}, "KMSKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/k",
        "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q"}, "TracingConfig": {"Mode": "Active"},
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": "/shop"},
        "DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7},
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {
            "CapacityProviderArn": "arn:aws:lambda:eu-west-1:123456789012:capacity-provider:c",
            "PerExecutionEnvironmentMaxConcurrency": 8, "ExecutionEnvironmentMemoryGiBPerVCpu": 2.5}},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
        "Tags": {"team": "a", "cost:center": "7"},
    }));
    let digest = function.image_digest.unwrap();
    function.image_uri = Some(format!("{HOST}/shop:v1"));
    let alias = LiveAlias {
        name: "live".parse().unwrap(),
        version: "3".to_owned(),
        weights: BTreeMap::new(),
        revision_id: None,
    };
    let version = PublishedVersion {
        version: "3".parse().unwrap(),
        image_digest: Some(digest),
        settings: function.settings.clone(),
        architecture: function.architecture,
    };
    let tags = vec![default_tag(&digest).to_string(), "v1".to_owned()];
    Found {
        target: Some(crate::cloud::LiveFunction { version: "3".to_owned(), ..function.clone() }),
        aliases: Ok(vec![alias]),
        versions: Ok(vec![version]),
        image: Ok(Some(DescribedImage { digest, tags, size: None, pushed: None, archived: false })),
        live: function,
    }
}

fn wishes() -> Wishes {
    Wishes {
        function: "shop".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        variables: Variables::Names,
        function_file: None,
        profile: None,
        repository_profile: None,
    }
}

/// The environment of whoever deploys.
struct Deployer;

impl Sources for Deployer {
    fn variable(&self, name: &str) -> Result<Option<String>, String> {
        Ok((name == "TOKEN").then(|| "hunter2 ${x}".to_owned()))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(path.to_owned())
    }

    fn git(&self, _: GitFact) -> Result<String, String> {
        Err("no".to_owned())
    }

    fn parameter(&self, name: &str, _: Option<usize>) -> Result<String, crate::values::Missing> {
        Err(crate::values::Missing::new(format!("there is no parameter {name}")))
    }

    fn state(&self, _: &str, address: &str) -> Result<String, crate::values::Missing> {
        Err(crate::values::Missing::new(format!("{address} is not in the state")))
    }
}

/// What the file declares of the function, and what it gives to arguments.
fn read(toml: &str) -> (Value, BTreeMap<String, String>) {
    let path = Path::new("lambda-lift.toml");
    let configuration =
        Configuration::new(path, toml.as_bytes(), None).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    let function =
        configuration.function(&Deployer).unwrap().unwrap_or_else(|| crate::function::Written::plain("{}"));
    let given = configuration.arguments(&|_, _| true, &Deployer).unwrap();
    let text = |value: &GivenValue| match value {
        GivenValue::Texts(texts) => texts.join(" "),
        GivenValue::Flag(flag) => flag.to_string(),
    };
    let given = given.iter().map(|given| (given.key.clone(), text(&given.value))).collect();
    (serde_json::from_str(&function.text).unwrap(), given)
}

fn expected(found: &Found) -> Value {
    let mut expected = Value::Object(function::declaration_of(&found.live).settings);
    expected["FunctionName"] = "shop".into();
    expected["Architectures"] = json!(["x86_64"]);
    expected
}

#[test]
fn the_file_declares_what_the_function_is_and_no_secret() {
    let found = found();
    let draft = draft(&found, &wishes());
    assert_eq!((draft.findings.len(), draft.is_settled), (0, true), "{:?}", draft.findings);
    assert!(!draft.toml.contains("hunter2") && !format!("{draft:?}").contains("shop"));
    let (declared, given) = read(&draft.toml);
    assert_eq!(declared, expected(&found), "{}", draft.toml);
    for name in found.live.settings.keys().filter(|name| *name != "Environment") {
        assert!(declared.get(name).is_some(), "{name} is missing");
    }
    let keys = function::json_schema()["properties"].as_object().unwrap().clone();
    let unseen: Vec<&String> = keys.keys().filter(|key| declared.get(*key).is_none()).collect();
    assert_eq!(unseen, ["PackageType", "Publish", "Environment"], "every key that can be declared");
    let digest = found.live.image_digest.unwrap();
    assert_eq!(given["image"], format!("docker://{HOST}/shop@{digest}"));
    assert_eq!((given["repository"].as_str(), given["region"].as_str()), ("shop", "eu-west-1"));
    assert_eq!((given["release.alias"].as_str(), given.get("tags")), ("live", None));
    assert!(draft.toml.contains("# TOKEN = \"${env:TOKEN}\""), "{}", draft.toml);
}

#[test]
fn variables_are_templates_or_values_where_that_was_asked_for() {
    let found = found();
    for variables in [Variables::Templates, Variables::Values] {
        let draft = draft(&found, &Wishes { variables, ..wishes() });
        assert_eq!(draft.toml.contains("hunter2"), variables == Variables::Values, "{}", draft.toml);
        let (declared, _) = read(&draft.toml);
        assert_eq!(declared["Environment"]["Variables"], found.live.settings["Environment"]["Variables"]);
    }
}

#[test]
fn a_function_file_holds_the_settings_and_the_configuration_names_it() {
    let found = found();
    for variables in [Variables::Names, Variables::Templates, Variables::Values] {
        let function_file = Some("function.json".to_owned());
        let draft = draft(&found, &Wishes { variables, function_file, ..wishes() });
        let file = draft.function_file.unwrap();
        assert_eq!(file.contains("hunter2"), variables == Variables::Values);
        let mut wanted = expected(&found);
        if variables == Variables::Values {
            wanted["Environment"] = found.live.settings["Environment"].clone();
        }
        assert_eq!(serde_json::from_str::<Value>(&file).unwrap(), wanted);
        let (declared, _) = read(&draft.toml);
        let managed = declared["Environment"]["Variables"]["TOKEN"].is_string();
        assert_eq!(managed, variables == Variables::Templates, "{}", draft.toml);
        assert!(draft.toml.contains("function-file = \"function.json\"") && !draft.toml.contains("hunter2"));
    }
}

#[test]
fn what_would_begin_a_template_in_a_function_file_stands_beside_it() {
    let mut found = found();
    let curly = "{{ env `x` }}";
    found.live.settings.insert("Description".to_owned(), curly.into());
    found.live.settings["Tags"]["team"] = curly.into();
    found.live.settings["Environment"]["Variables"]["TOKEN"] = curly.into();
    let function_file = Some("function.json".to_owned());
    let draft = draft(&found, &Wishes { variables: Variables::Values, function_file, ..wishes() });
    let file: Value = serde_json::from_str(&draft.function_file.unwrap()).unwrap();
    assert!(!file.to_string().contains("{{") && file["MemorySize"] == 256, "{file:#}");
    let (declared, _) = read(&draft.toml);
    let beside = json!({
        "Description": curly, "Tags": found.live.settings["Tags"], "Environment": found.live.settings["Environment"]
    });
    assert_eq!(declared, beside, "{}", draft.toml);
}

type Spoil = fn(&mut Found);

#[test]
fn what_a_plan_would_show_is_said_beforehand() {
    let table: [(&str, Spoil, &str, bool); 10] = [
        (
            "weights",
            |found| {
                found.aliases.as_mut().unwrap()[0].weights.insert("4".to_owned(), 0.1);
            },
            "10% to version 4",
            false,
        ),
        (
            "latest",
            |found| {
                found.aliases.as_mut().unwrap()[0].version = "$LATEST".to_owned();
                found.target.as_mut().unwrap().version = "$LATEST".to_owned();
            },
            "points to $LATEST",
            false,
        ),
        (
            "behind",
            |found| found.target.as_mut().unwrap().image_digest = Some(Digest::of(b"x")),
            "--from 3",
            false,
        ),
        (
            "two aliases",
            |found| {
                let aliases = found.aliases.as_mut().unwrap();
                let blue = LiveAlias { name: "blue".parse().unwrap(), ..aliases[0].clone() };
                aliases.push(blue);
            },
            "aliases live, blue",
            true,
        ),
        ("no alias", |found| found.aliases = Ok(Vec::new()), "", true),
        (
            "never published",
            |found| {
                found.aliases = Ok(Vec::new());
                found.versions = Ok(Vec::new());
            },
            "",
            true,
        ),
        (
            "unpublished change",
            |found| {
                found.aliases = Ok(Vec::new());
                found.live.settings.insert("MemorySize".to_owned(), 512.into());
            },
            "Publish = false",
            false,
        ),
        (
            "untagged",
            |found| found.image.as_mut().unwrap().as_mut().unwrap().tags.clear(),
            "has no tag",
            false,
        ),
        ("gone", |found| found.image = Ok(None), "not in its repository", false),
        ("nowhere", |found| found.live.image_uri = None, "by hand", false),
    ];
    for (name, spoil, part, settled) in table {
        let mut found = found();
        spoil(&mut found);
        let draft = draft(&found, &wishes());
        let said: Vec<String> =
            draft.findings.iter().map(|finding| format!("{} {:?}", finding.message, finding.hint)).collect();
        assert_eq!(said.is_empty(), part.is_empty(), "{name}: {said:?}");
        assert!(said.join("\n").contains(part), "{name}: {said:?}");
        assert_eq!(draft.is_settled, settled, "{name}");
        let (declared, _) = read(&draft.toml);
        let published = name != "never published";
        assert_eq!(declared.get("Publish").is_none(), published, "{name}");
    }
}

#[test]
fn an_image_of_another_account_is_named_by_its_uri_and_its_own_tags_are_kept() {
    let mut found = found();
    found.live.image_uri = Some("999900001111.dkr.ecr.eu-west-1.amazonaws.com/team/shop:v1".to_owned());
    found.image.as_mut().unwrap().as_mut().unwrap().tags =
        vec!["v1".to_owned(), "no tag\n".to_owned(), "latest".to_owned()];
    let profile = Some("of \"mine\"\nregion = \"x\"".to_owned());
    let draft = draft(&found, &Wishes { profile, ..wishes() });
    let (_, given) = read(&draft.toml);
    assert_eq!(given["repository"], "999900001111.dkr.ecr.eu-west-1.amazonaws.com/team/shop");
    assert_eq!(given["tags"], "v1 latest");
    assert!(draft.is_settled && !given.contains_key("profile"));
}
