//! What stands in the way of a declaration, given the function as it is, or given that there is none.

use serde_json::{Map, Value};

use super::canonical::canonical;
use super::comparison::setting_changes;
use super::definition::Definition;
use super::merge::whole_value;
use super::problem::{Note, Problem, Weight};
use super::schema::{Context, Names, SETTINGS, Shape, Timing};
use super::validation::{LEVEL_NEEDS_JSON, LOG_LEVELS, environment_too_large};
use crate::cloud::LiveFunction;

/// What stands in the way, and what is worth saying.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obstacles {
    /// What cannot work: nothing must be sent.
    pub problems: Vec<Problem>,
    /// What does not stop a deploy.
    pub notes: Vec<Note>,
}

/// What stands in the way of bringing a live function to what is declared.
pub fn check_against(definition: &Definition, live: &LiveFunction) -> Obstacles {
    let context = Context::of(live);
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    for setting in &SETTINGS {
        let name = setting.field.name;
        let Some(declared) = definition.settings().get(name) else { continue };
        let current = live.settings.get(name);
        if matches!(setting.field.shape, Shape::Names(Names::Tags)) && current.is_some_and(Value::is_null) {
            notes.push(unreadable_tags());
            continue;
        }
        if setting_changes(&setting.field, definition.settings(), &live.settings, &context).is_empty() {
            continue;
        }
        if let Some(error) = current.and_then(|current| current.get("Error")) {
            problems.push(unreadable(name, error));
            continue;
        }
        if setting.timing == Timing::CreateOnly {
            problems.push(only_at_creation(name));
        }
        if name == "DurableConfig"
            && current.is_none_or(|now| canonical(&setting.field, now, &context).is_none())
        {
            problems.push(only_at_creation(name));
        }
        let whole = whole_value(&setting.field, declared, current, &context);
        problems.extend(wrong_as_a_whole(name, &whole, Some(declared)));
    }
    Obstacles { problems, notes }
}

/// The settings for CreateFunction, tags included, or why they are not enough.
pub fn settings_for_creation(definition: &Definition) -> Result<Map<String, Value>, Vec<Problem>> {
    let mut settings = Map::new();
    let mut problems = Vec::new();
    for (name, value) in definition.settings() {
        if let Some(value) = without_nulls(value) {
            problems.extend(wrong_as_a_whole(name, &value, None));
            settings.insert(name.clone(), value);
        }
    }
    if !settings.contains_key("Role") {
        let problem = Problem::new("Role", "a new function needs an execution role, and none is declared");
        problems
            .push(problem.hint("give --role arn:aws:iam::ACCOUNT:role/NAME, or Role in the function file"));
    }
    if settings.get("DurableConfig").is_some_and(|durable| durable.get("ExecutionTimeout").is_none()) {
        problems.push(Problem::new("DurableConfig.ExecutionTimeout", "a new durable function must have it"));
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

/// A value without what takes away: where nothing is yet, there is nothing to take.
fn without_nulls(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(object) => {
            let entry = |(key, value): (&String, &Value)| Some((key.clone(), without_nulls(value)?));
            let object: Map<String, Value> = object.iter().filter_map(entry).collect();
            (!object.is_empty()).then_some(Value::Object(object))
        }
        other => Some(other.clone()),
    }
}

/// The rules that hold for the value that is sent, whatever part of it is declared.
fn wrong_as_a_whole(name: &str, whole: &Value, declared: Option<&Value>) -> Vec<Problem> {
    match name {
        "Environment" => whole.get("Variables").and_then(environment_too_large).into_iter().collect(),
        "VpcConfig" => half_a_vpc(whole, declared.unwrap_or(whole)).into_iter().collect(),
        "LoggingConfig" if whole.get("LogFormat").and_then(Value::as_str) != Some("JSON") => {
            let declared = declared.unwrap_or(whole);
            let levels =
                LOG_LEVELS.into_iter().filter(|level| declared.get(level).is_some_and(Value::is_string));
            levels.map(|level| Problem::new(format!("LoggingConfig.{level}"), LEVEL_NEEDS_JSON)).collect()
        }
        _ => Vec::new(),
    }
}

fn half_a_vpc(whole: &Value, declared: &Value) -> Option<Problem> {
    let given = |key: &str| whole.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let (lacks, message) = match (given("SubnetIds"), given("SecurityGroupIds")) {
        (true, true) => return None,
        (true, false) => {
            ("SecurityGroupIds", "a function that has subnets must have security groups as well")
        }
        (false, true) => ("SubnetIds", "a function that has security groups must have subnets as well"),
        (false, false) if declared.get("Ipv6AllowedForDualStack") == Some(&Value::Bool(true)) => (
            "Ipv6AllowedForDualStack",
            "it needs a VPC, and the function is in none: declare SubnetIds as well",
        ),
        (false, false) => return None,
    };
    Some(Problem::new(format!("VpcConfig.{lacks}"), message))
}

fn only_at_creation(name: &str) -> Problem {
    Problem::new(
        name,
        "it differs from the live function's, and Lambda takes it only when a function is created",
    )
    .hint("remove it from the declaration, or deploy under a new function name")
}

/// Lambda answers with an error in place of values that it cannot decrypt or read. A merge over what cannot be
/// seen would wipe it.
fn unreadable(name: &str, error: &Value) -> Problem {
    let part = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let told = [part("ErrorCode"), part("Message")].into_iter().filter(|text| !text.is_empty());
    let told: Vec<String> = told.collect();
    let message =
        format!("Lambda cannot read the live value ({}), so it cannot be merged with", told.join(": "));
    let hint = match name {
        "Environment" => "grant kms:Decrypt on the function's KMS key to the identity that deploys",
        _ => "remove it from the declaration",
    };
    Problem::new(name, message).hint(hint)
}

fn unreadable_tags() -> Note {
    let message =
        "the live tags could not be read, so the declared ones are neither compared nor set: grant \
                   lambda:ListTags on the function"
            .to_owned();
    Note { key: "Tags".to_owned(), weight: Weight::Warn, message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::samples::{declared, live};

    #[test]
    fn what_cannot_be_reached_from_the_live_function_is_refused() {
        let table = [
            (
                json!({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}),
                json!({}),
                "TenancyConfig",
                "only when a function is created",
            ),
            (json!({"DurableConfig": {"ExecutionTimeout": 60}}), json!({}), "DurableConfig", "only when"),
            (
                json!({"Environment": {"Variables": {"NEW": "n".repeat(2500)}}}),
                json!({"Environment": {"Variables": {"OLD": "o".repeat(2500)}}}),
                "Environment.Variables",
                "5019 bytes",
            ),
            (
                json!({"Environment": {"Variables": {"NEW": "n"}}}),
                json!({"Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "no kms:Decrypt"}}}),
                "Environment",
                "AccessDeniedException: no kms:Decrypt",
            ),
            (
                json!({"VpcConfig": {"SubnetIds": ["subnet-1"]}}),
                json!({}),
                "VpcConfig.SecurityGroupIds",
                "must have security groups as well",
            ),
            (
                json!({"VpcConfig": {"Ipv6AllowedForDualStack": true}}),
                json!({}),
                "VpcConfig.Ipv6AllowedForDualStack",
                "it needs a VPC",
            ),
            (
                json!({"LoggingConfig": {"ApplicationLogLevel": "WARN"}}),
                json!({"LoggingConfig": {"LogFormat": "Text"}}),
                "LoggingConfig.ApplicationLogLevel",
                "needs LoggingConfig.LogFormat JSON",
            ),
        ];
        for (wanted, settings, key, part) in table {
            let found = check_against(&declared(wanted), &live(settings)).problems;
            let [problem] = &found[..] else { panic!("{key}: {found:?}") };
            assert_eq!(problem.key, key);
            assert!(problem.message.contains(part), "{}", problem.message);
        }
    }

    #[test]
    fn what_is_reached_already_is_never_refused() {
        let unreadable = json!({"Error": {"ErrorCode": "x"}});
        let table = [
            (json!({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}), None),
            (json!({"DurableConfig": {"ExecutionTimeout": 60}}), None),
            (json!({"MemorySize": 512}), Some(json!({"Environment": unreadable, "MemorySize": 128}))),
            (
                json!({"DurableConfig": {"ExecutionTimeout": 90}}),
                Some(json!({"DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 14}})),
            ),
            (
                json!({"LoggingConfig": {"SystemLogLevel": "WARN"}}),
                Some(json!({"LoggingConfig": {"LogFormat": "JSON"}})),
            ),
        ];
        for (wanted, settings) in table {
            let settings = settings.unwrap_or_else(|| wanted.clone());
            assert_eq!(check_against(&declared(wanted), &live(settings)), Obstacles::default());
        }
    }

    #[test]
    fn tags_that_cannot_be_read_are_noted() {
        let found = check_against(&declared(json!({"Tags": {"a": "b"}})), &live(json!({"Tags": null})));
        assert!(found.problems.is_empty());
        assert_eq!(found.notes[0].key, "Tags");
    }

    #[test]
    fn a_new_function_gets_what_is_declared_without_nulls() {
        let role = "arn:aws:iam::123456789012:role/shop";
        let wanted = declared(json!({
            "Role": role, "MemorySize": 512, "Environment": {"Variables": {"AB": "", "OLD": null}},
            "ImageConfig": {"Command": null}, "Tags": {"a": "b"},
        }));
        let expected = json!({
            "Role": role, "MemorySize": 512, "Environment": {"Variables": {"AB": ""}}, "Tags": {"a": "b"},
        });
        assert_eq!(settings_for_creation(&wanted).map(Value::Object), Ok(expected));
    }

    #[test]
    fn a_new_function_needs_a_role_and_whole_settings() {
        let problems = settings_for_creation(&declared(json!({
            "VpcConfig": {"SecurityGroupIds": ["sg-1"]}, "LoggingConfig": {"SystemLogLevel": "WARN"},
            "DurableConfig": {"RetentionPeriodInDays": 3},
        })))
        .unwrap_err();
        let mut keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            ["DurableConfig.ExecutionTimeout", "LoggingConfig.SystemLogLevel", "Role", "VpcConfig.SubnetIds"]
        );
    }
}
