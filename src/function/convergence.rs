//! Property tests: sending both halves brings any live function to any declaration, and never takes from the code
//! that runs what it needs.

use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::canonical::canonical_settings;
use super::samples::{declared, live};
use super::schema::{Context, Names, SETTINGS, Shape};
use super::{
    Definition, check_against, compare, compared_versions, declaration_of, same_content, same_function,
    settings_for_creation, settings_to_send,
};
use crate::cloud::{LiveFunction, PublishedVersion};

const ROLE: &str = "arn:aws:iam::123456789012:role/shop";

/// An object of those entries that are there. `nulls`: whether null stands for some of the others.
fn object(entries: Vec<(&'static str, BoxedStrategy<Value>)>, nulls: bool) -> BoxedStrategy<Value> {
    let maybe = move |(name, value): (&'static str, BoxedStrategy<Value>)| {
        let value = if nulls { prop_oneof![4 => value, 1 => Just(Value::Null)].boxed() } else { value };
        option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)))
    };
    let entries: Vec<_> = entries.into_iter().map(maybe).collect();
    entries.prop_map(|entries| Value::Object(entries.into_iter().flatten().collect())).boxed()
}

fn one_of(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    proptest::sample::select(values).prop_map(Value::from).boxed()
}

fn some_of(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    proptest::collection::vec(one_of(values), 0..4).prop_map(Value::from).boxed()
}

fn number(numbers: std::ops::RangeInclusive<i64>) -> BoxedStrategy<Value> {
    numbers.prop_map(Value::from).boxed()
}

fn file_systems() -> BoxedStrategy<Value> {
    let system =
        (one_of(&["a", "b"]), one_of(&["/mnt/a", "/mnt/b"]), option::of(one_of(&["AUTO", "DISABLED"])));
    let system = system.prop_map(|(name, path, read)| {
        let name = name.as_str().unwrap().to_owned();
        let arn = format!("arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/{name}");
        let mut system = json!({"Arn": arn, "LocalMountPath": path});
        if let Some(read) = read {
            system["S3FilesConfig"] = json!({"DirectS3Read": read});
        }
        system
    });
    proptest::collection::vec(system, 0..=1).prop_map(Value::from).boxed()
}

/// Settings in CreateFunction's shape, as AWS answers them, or as a user declares them, with nulls.
fn settings(by_user: bool) -> BoxedStrategy<Value> {
    let variables = || one_of(&["", "x", "y"]);
    let environment = object(vec![("AA", variables()), ("BB", variables()), ("CC", variables())], by_user);
    let image = vec![
        ("EntryPoint", some_of(&["/a", "/b"])),
        ("Command", some_of(&["a", "b"])),
        ("WorkingDirectory", one_of(&["", "/srv", "/var"])),
    ];
    let vpc = vec![
        ("SubnetIds", some_of(&["subnet-1", "subnet-2"])),
        ("SecurityGroupIds", some_of(&["sg-1", "sg-2"])),
        ("Ipv6AllowedForDualStack", any::<bool>().prop_map(Value::from).boxed()),
    ];
    let logging = vec![
        ("LogFormat", one_of(&["JSON", "Text"])),
        ("SystemLogLevel", one_of(&["INFO", "WARN"])),
        ("LogGroup", one_of(&["/aws/lambda/shop", "/shop"])),
    ];
    let storage = number(512..=514).prop_map(|size| json!({"Size": size})).boxed();
    let queue = one_of(&["", "arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws:sns:eu-west-1:123456789012:t"]);
    object(
        vec![
            ("Description", one_of(&["", "d", "e"])),
            ("Role", one_of(&[ROLE])),
            ("MemorySize", number(128..=131)),
            ("Timeout", number(1..=5)),
            ("Environment", object(vec![("Variables", environment)], by_user)),
            ("ImageConfig", object(image, by_user)),
            ("EphemeralStorage", storage),
            ("VpcConfig", object(vpc, by_user)),
            ("FileSystemConfigs", file_systems()),
            ("DeadLetterConfig", object(vec![("TargetArn", queue)], by_user)),
            ("TracingConfig", object(vec![("Mode", one_of(&["Active", "PassThrough"]))], by_user)),
            ("LoggingConfig", object(logging, by_user)),
            ("KMSKeyArn", one_of(&["", "arn:aws:kms:eu-west-1:123456789012:key/k"])),
            ("Tags", object(vec![("a", one_of(&["", "1", "2"])), ("b", one_of(&["1"]))], false)),
        ],
        by_user,
    )
}

/// A declaration and a function that it can be applied to.
fn pair() -> impl Strategy<Value = (Definition, LiveFunction)> {
    let valid =
        |settings: Value| Definition::new(Some(&settings.to_string()), &super::Flags::default(), None).ok();
    let definition = settings(true).prop_filter_map("not valid", valid);
    let function = settings(false).prop_map(|mut settings| {
        // Lambda has no log levels without JSON.
        if settings.pointer("/LoggingConfig/LogFormat") != Some(&json!("JSON"))
            && let Some(logging) = settings.get_mut("LoggingConfig").and_then(Value::as_object_mut)
        {
            logging.shift_remove("SystemLogLevel");
        }
        live(settings)
    });
    (definition, function)
        .prop_filter("refused", |(definition, live)| check_against(definition, live).problems.is_empty())
}

/// What UpdateFunctionConfiguration and TagResource do.
fn apply(
    live: &LiveFunction,
    sent: &Map<String, Value>,
    tags: &std::collections::BTreeMap<String, String>,
) -> LiveFunction {
    let mut after = live.clone();
    after.settings.extend(sent.clone());
    for (key, value) in tags {
        let all = after.settings.entry("Tags").or_insert_with(|| json!({}));
        all[key] = value.as_str().into();
    }
    after
}

fn variables(live: &LiveFunction) -> Map<String, Value> {
    let variables = live.settings.get("Environment").and_then(|environment| environment.get("Variables"));
    variables.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn number_at(live: &LiveFunction, pointer: &str, default: i64) -> i64 {
    Value::Object(live.settings.clone()).pointer(pointer).and_then(Value::as_i64).unwrap_or(default)
}

/// Settings without what the definition declares, to see that the rest is left alone.
fn unmanaged(definition: &Definition, live: &LiveFunction) -> Map<String, Value> {
    let mut rest = canonical_settings(&live.settings, &Context::of(live));
    for (name, declared) in definition.settings() {
        match (rest.get_mut(name), declared) {
            (Some(Value::Object(object)), Value::Object(declared)) => {
                if name == "Environment" {
                    let declared = &declared.get("Variables").cloned().unwrap_or(json!({}));
                    if let Some(live) = object.get_mut("Variables").and_then(Value::as_object_mut) {
                        live.retain(|key, _| !declared.is_null() && declared.get(key).is_none());
                    }
                    object.retain(|_, value| value != &json!({}));
                } else {
                    object.retain(|key, _| !declared.contains_key(key));
                }
            }
            (Some(_), _) => _ = rest.shift_remove(name),
            (None, _) => {}
        }
    }
    // What depends on another key goes with it.
    for key in ["SystemLogLevel", "Ipv6AllowedForDualStack"] {
        for value in rest.values_mut().filter_map(Value::as_object_mut) {
            value.shift_remove(key);
        }
    }
    rest.retain(|_, value| value != &json!({}));
    rest
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_down_of_a_function_is_no_change_of_it(settings in settings(false)) {
        let function = live(settings);
        let declaration = declaration_of(&function);
        let text = Value::Object(declaration.settings.clone()).to_string();
        let definition = Definition::new(Some(&text), &super::Flags::default(), None).unwrap();
        prop_assert_eq!(compare(&definition, &function), vec![]);
    }

    #[test]
    fn two_versions_are_different_where_publishing_would_make_another(one in settings(false), other in settings(false)) {
        let (one, other) = (live(one), live(other));
        let is_same = compared_versions(&one, &other).iter().all(|compared| compared.is_same);
        prop_assert_eq!(is_same, same_function(&one, &other));
    }

    #[test]
    fn both_halves_together_leave_no_difference((definition, live) in pair()) {
        let sent = settings_to_send(&definition, &live);
        let halfway = apply(&live, &sent.before_code, &Default::default());
        let after = apply(&halfway, &sent.after_code, &sent.tags);
        prop_assert_eq!(compare(&definition, &after), vec![]);
        prop_assert!(settings_to_send(&definition, &after).is_empty());
        let at_once = apply(&live, &sent.combined(), &sent.tags);
        prop_assert_eq!(&at_once, &after, "one call does the same as two");
        prop_assert_eq!(sent.is_empty(), compare(&definition, &live).is_empty());
    }

    #[test]
    fn what_is_not_declared_stays_as_it_is((definition, live) in pair()) {
        let sent = settings_to_send(&definition, &live);
        let after = apply(&live, &sent.combined(), &sent.tags);
        prop_assert_eq!(unmanaged(&definition, &after), unmanaged(&definition, &live));
    }

    #[test]
    fn the_old_code_loses_nothing_before_the_new_code_is_there((definition, live) in pair()) {
        let sent = settings_to_send(&definition, &live);
        let halfway = apply(&live, &sent.before_code, &Default::default());
        for (name, value) in variables(&live) {
            prop_assert_eq!(variables(&halfway).get(&name).cloned(), Some(value));
        }
        for (pointer, default) in [("/MemorySize", 128), ("/Timeout", 3), ("/EphemeralStorage/Size", 512)] {
            prop_assert!(number_at(&halfway, pointer, default) >= number_at(&live, pointer, default));
        }
        prop_assert_eq!(halfway.settings.get("ImageConfig"), live.settings.get("ImageConfig"));
    }

    #[test]
    fn interrupted_between_the_halves_a_second_run_ends_the_same((definition, live) in pair()) {
        let sent = settings_to_send(&definition, &live);
        let whole = apply(&live, &sent.combined(), &sent.tags);
        let halfway = apply(&live, &sent.before_code, &Default::default());
        let again = settings_to_send(&definition, &halfway);
        let resumed = apply(&halfway, &again.combined(), &again.tags);
        let canonical = |live: &LiveFunction| canonical_settings(&live.settings, &Context::of(live));
        prop_assert_eq!(canonical(&resumed), canonical(&whole));
    }

    #[test]
    fn a_function_is_created_as_declared((definition, _) in pair()) {
        if let Ok(settings) = settings_for_creation(&definition) {
            prop_assert_eq!(compare(&definition, &live(Value::Object(settings))), vec![]);
        }
    }

    #[test]
    fn a_version_is_the_same_as_latest_when_no_setting_differs((_, latest) in pair(), other in settings(false)) {
        let version = |settings: &Map<String, Value>| PublishedVersion {
            version: "1".parse().unwrap(),
            image_digest: latest.image_digest,
            settings: settings.clone(),
            architecture: latest.architecture,
        };
        prop_assert!(same_content(&version(&latest.settings), &latest));
        let other = live(other);
        let as_declared = settings_of(&other);
        if same_content(&version(&other.settings), &latest) {
            prop_assert_eq!(compare(&declared(as_declared), &latest), vec![]);
        }
    }

    #[test]
    fn any_json_is_judged_without_a_panic(text in "[ -~]{0,60}", name in "[A-Za-z]{0,12}") {
        let _ = Definition::new(Some(&text), &super::Flags::default(), None);
        for setting in &SETTINGS {
            for value in [json!(name), json!([name]), json!({&name: text}), json!([[null]]), json!(1e300), json!(true)] {
                let file = json!({setting.field.name: value}).to_string();
                if let Ok(definition) = Definition::new(Some(&file), &super::Flags::default(), None) {
                    let odd = live(json!({setting.field.name: {&name: [text.clone()]}}));
                    let _ = (compare(&definition, &odd), settings_to_send(&definition, &odd), check_against(&definition, &odd));
                }
            }
        }
    }
}

/// A live function's settings as a declaration, tags left out.
fn settings_of(live: &LiveFunction) -> Value {
    let mut settings = live.settings.clone();
    settings.retain(|name, _| {
        SETTINGS.iter().any(|setting| {
            setting.field.name == name && !matches!(setting.field.shape, Shape::Names(Names::Tags))
        })
    });
    if let Some(logging) = settings.get_mut("LoggingConfig").and_then(Value::as_object_mut)
        && logging.get("LogFormat") != Some(&json!("JSON"))
    {
        logging.shift_remove("SystemLogLevel");
    }
    Value::Object(settings)
}
