//! Whether declared settings have the types and keep the limits of the Lambda API: all findings at once.

use serde_json::{Map, Value};

use super::problem::Problem;
use super::rules::{wrong_tag, wrong_variable_name};
use super::schema::{self, Absent, Field, List, MOST_MEMORY, MOST_SECONDS, Names, SETTINGS, Shape};
use crate::spelling::nearest;

/// The most bytes that the environment may have (Lambda quotas: 4 KB).
pub(crate) const MOST_ENVIRONMENT_BYTES: usize = 4096;

/// The most bytes that the image settings may have (Lambda quotas: 16 KB).
const MOST_IMAGE_CONFIG_BYTES: usize = 16 * 1024;

/// Keys of GetFunction's answer: who pastes one gets told that, not a spelling suggestion.
const READ_ONLY: [&str; 16] = [
    "CodeSha256",
    "CodeSize",
    "ConfigSha256",
    "FunctionArn",
    "LastModified",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "MasterArn",
    "RevisionId",
    "RuntimeVersionConfig",
    "State",
    "StateReason",
    "StateReasonCode",
    "Version",
    "VpcId",
];

/// Validates settings in the shape of CreateFunction. Nulls at the top level must be gone already.
pub(crate) fn validate(settings: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in settings {
        match schema::find(name) {
            Some(setting) => check(&setting.field.shape, name, value, &mut problems),
            None => problems.push(unknown_key(name, name, &top_level_names())),
        }
    }
    check_together(settings, &mut problems);
    problems
}

/// The top-level keys that a function file may have, for suggestions.
fn top_level_names() -> Vec<&'static str> {
    let understood = ["FunctionName", "Architectures", "PackageType", "Code", "Publish"];
    SETTINGS.iter().map(|setting| setting.field.name).chain(understood).collect()
}

fn check(shape: &Shape, path: &str, value: &Value, problems: &mut Vec<Problem>) {
    let mut refuse = |message: String| problems.push(Problem::new(path, message));
    match (shape, value) {
        (Shape::Text(rule), Value::String(text)) => {
            if !(rule.holds)(text) {
                refuse(format!("{} is not allowed: it must be {}", shown(value), rule.words));
            }
        }
        (Shape::Integer { least, most, unit }, Value::Number(number)) => {
            if !number.as_i64().is_some_and(|number| (*least..=*most).contains(&number)) {
                let most = if *most == i64::from(i32::MAX) { String::new() } else { format!(" to {most}") };
                let least = if most.is_empty() { format!("{least} or more") } else { least.to_string() };
                refuse(format!("{number} is not allowed: it must be a whole number, {least}{most} {unit}"));
            }
        }
        (Shape::Number, Value::Number(number)) => {
            if !number.as_f64().is_some_and(|number| number > 0.0) {
                refuse(format!("{number} is not allowed: it must be above zero"));
            }
        }
        (Shape::Flag, Value::Bool(_)) => {}
        (Shape::Choice(choices), Value::String(text)) => {
            if !choices.contains(&text.as_str()) {
                refuse(format!("{} is not allowed: it must be one of {}", shown(value), choices.join(", ")));
            }
        }
        (Shape::List(list), Value::Array(entries)) => check_list(list, path, entries, problems),
        (Shape::Object(fields), Value::Object(object)) => check_object(fields, path, object, problems),
        (Shape::Names(names), Value::Object(object)) => check_names(*names, path, object, problems),
        _ => refuse(format!("{} is given where {} is expected", kind(value), expected(shape))),
    }
}

fn check_list(list: &List, path: &str, entries: &[Value], problems: &mut Vec<Problem>) {
    if entries.len() > list.most {
        let message = format!("{} entries are given, at most {} are allowed", entries.len(), list.most);
        problems.push(Problem::new(path, message));
    }
    for (index, entry) in entries.iter().enumerate() {
        check(list.of, &format!("{path}[{index}]"), entry, problems);
    }
}

fn check_object(fields: &[Field], path: &str, object: &Map<String, Value>, problems: &mut Vec<Problem>) {
    for (name, value) in object {
        let path = format!("{path}.{name}");
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
            problems.push(unknown_key(&path, name, &known));
            continue;
        };
        if !value.is_null() {
            check(&field.shape, &path, value, problems);
        } else if matches!(field.absent, Absent::Stays) {
            let hint = "leave the key out to leave it alone, or give the value that you want";
            problems.push(Problem::new(path, "null is not allowed: Lambda cannot take it back").hint(hint));
        }
    }
    for field in fields.iter().filter(|field| field.required && !object.contains_key(field.name)) {
        problems.push(Problem::new(format!("{path}.{}", field.name), "it is missing and must be given"));
    }
}

fn check_names(names: Names, path: &str, object: &Map<String, Value>, problems: &mut Vec<Problem>) {
    if names == Names::Tags && object.len() > 50 {
        let message = format!("{} tags are given, at most 50 are allowed", object.len());
        problems.push(Problem::new(path, message));
    }
    for (name, value) in object {
        let wrong = match (names, value) {
            // A variable that is to go may have any name: it may be there from before a rule.
            (Names::Variables, Value::Null) => None,
            (Names::Variables, Value::String(_)) => wrong_variable_name(name),
            (Names::Variables, _) => Some("its value must be a text in quotes, or null to remove it"),
            (Names::Tags, Value::String(value)) => wrong_tag(name, value),
            (Names::Tags, Value::Null) => {
                Some("a tag is not removed here: aws lambda untag-resource --resource ARN --tag-keys KEY")
            }
            (Names::Tags, _) => Some("its value must be a text in quotes"),
        };
        if let Some(message) = wrong {
            problems.push(Problem::new(format!("{path}.{name}"), message));
        }
    }
}

/// The rules that concern more than one value.
fn check_together(settings: &Map<String, Value>, problems: &mut Vec<Problem>) {
    if !settings.contains_key("CapacityProviderConfig") {
        for (name, most, unit) in [("MemorySize", MOST_MEMORY, "MB"), ("Timeout", MOST_SECONDS, "seconds")] {
            let given = settings.get(name).and_then(Value::as_i64);
            if let Some(given) = given.filter(|given| *given > most)
                && !problems.iter().any(|problem| problem.key == name)
            {
                let message = format!("{given} is not allowed: it must be at most {most} {unit}");
                problems.push(Problem::new(name, message));
            }
        }
    }
    if let Some(variables) = settings.get("Environment").and_then(|environment| environment.get("Variables"))
    {
        problems.extend(environment_too_large(variables));
    }
    let image_config = settings.get("ImageConfig").map_or(0, |config| config.to_string().len());
    if image_config > MOST_IMAGE_CONFIG_BYTES {
        let message =
            format!("it has {image_config} bytes as JSON, at most {MOST_IMAGE_CONFIG_BYTES} are allowed");
        problems.push(Problem::new("ImageConfig", message));
    }
    if let Some(logging) = settings.get("LoggingConfig")
        && logging.get("LogFormat").and_then(Value::as_str) == Some("Text")
    {
        for level in LOG_LEVELS.into_iter().filter(|level| logging.get(level).is_some_and(Value::is_string)) {
            problems.push(Problem::new(format!("LoggingConfig.{level}"), LEVEL_NEEDS_JSON));
        }
    }
}

/// The two keys that only functions with JSON logs may have.
pub(crate) const LOG_LEVELS: [&str; 2] = ["ApplicationLogLevel", "SystemLogLevel"];
pub(crate) const LEVEL_NEEDS_JSON: &str = "a log level needs LoggingConfig.LogFormat JSON";

/// A problem when the environment is more than Lambda takes. Lambda measures the map as JSON: its refusal
/// quotes the measured text (`String measured: {"NAME":"value",…}`).
pub(crate) fn environment_too_large(variables: &Value) -> Option<Problem> {
    let kept = variables.as_object()?.iter().filter(|(_, value)| value.is_string());
    let measured: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    let bytes = environment_bytes(&measured);
    (bytes > MOST_ENVIRONMENT_BYTES).then(|| {
        let message =
            format!("all variables have {bytes} bytes as JSON, Lambda takes {MOST_ENVIRONMENT_BYTES}");
        Problem::new("Environment.Variables", message)
            .hint("keep large values in SSM Parameter Store or Secrets Manager and read them at start")
    })
}

/// How many bytes Lambda counts for these variables.
pub(crate) fn environment_bytes(variables: &Map<String, Value>) -> usize {
    if variables.is_empty() { 0 } else { serde_json::to_string(variables).map_or(0, |text| text.len()) }
}

fn unknown_key(path: &str, name: &str, known: &[&str]) -> Problem {
    if READ_ONLY.contains(&name) {
        let message = "this is what Lambda answers, CreateFunction does not take it";
        return Problem::new(path, message).hint("remove it");
    }
    let problem = Problem::new(path, "there is no such key");
    match nearest(name, known) {
        Some(candidate) => problem.hint(format!("did you mean {candidate}?")),
        None => problem.hint(format!("the keys here are {}", known.join(", "))),
    }
}

/// A value for a person. Never called for environment values.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text(_) | Shape::Choice(_) => "a text in quotes",
        Shape::Integer { .. } => "a whole number",
        Shape::Number => "a number",
        Shape::Flag => "true or false",
        Shape::List(_) => "a list",
        Shape::Object(_) | Shape::Names(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(settings: Value) -> Vec<Problem> {
        validate(settings.as_object().unwrap())
    }

    #[test]
    fn valid_settings_have_no_problems() {
        let everything = json!({
            "Description": "shop", "Role": "arn:aws:iam::123456789012:role/shop", "MemorySize": 10240,
            "Timeout": 900, "Environment": {"Variables": {"LOG_LEVEL": "debug", "OLD": null}},
            "ImageConfig": {"EntryPoint": ["/app"], "Command": null, "WorkingDirectory": "/srv"},
            "EphemeralStorage": {"Size": 512},
            "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "Ipv6AllowedForDualStack": true},
            "FileSystemConfigs": [{"LocalMountPath": "/mnt/a", "S3FilesConfig": {"DirectS3Read": "AUTO"},
                "Arn": "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-1"}],
            "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q"}, "KMSKeyArn": "",
            "TracingConfig": {"Mode": "Active"},
            "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": "/shop"},
            "DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 14},
            "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}, "Tags": {"team": "shop"},
        });
        assert_eq!(problems(everything.clone()), []);
        let declared: Vec<&String> = everything.as_object().unwrap().keys().collect();
        let missing: Vec<&str> = SETTINGS.iter().map(|setting| setting.field.name).collect();
        let missing: Vec<&&str> =
            missing.iter().filter(|name| !declared.contains(&&name.to_string())).collect();
        assert_eq!(missing, [&"CapacityProviderConfig"], "the other settings are all in this test");
        assert_eq!(
            problems(json!({"MemorySize": 32768, "Timeout": 5400, "CapacityProviderConfig": {
                "LambdaManagedInstancesCapacityProviderConfig": {
                    "CapacityProviderArn": "arn:aws:lambda:eu-west-1:123456789012:capacity-provider:cp",
                    "PerExecutionEnvironmentMaxConcurrency": 8, "ExecutionEnvironmentMemoryGiBPerVCpu": 2.5}}})),
            []
        );
    }

    #[test]
    fn each_rule_that_is_broken_is_named_with_its_key() {
        let table = [
            (json!({"MemorySize": 64}), "MemorySize", "64 is not allowed: it must be a whole number, 128 to"),
            (json!({"MemorySize": 10241}), "MemorySize", "at most 10240 MB"),
            (json!({"MemorySize": 128.5}), "MemorySize", "128.5 is not allowed"),
            (json!({"MemorySize": "512"}), "MemorySize", "a text is given where a whole number is expected"),
            (json!({"Timeout": 0}), "Timeout", "0 is not allowed"),
            (json!({"Timeout": 901}), "Timeout", "at most 900 seconds"),
            (json!({"Timeout": u64::MAX}), "Timeout", "is not allowed"),
            (json!({"EphemeralStorage": {"Size": 511}}), "EphemeralStorage.Size", "512 to 10240 MB"),
            (json!({"EphemeralStorage": {}}), "EphemeralStorage.Size", "missing"),
            (json!({"Role": "shop"}), "Role", "the ARN of an IAM role"),
            (json!({"Description": "x".repeat(257)}), "Description", "at most 256 characters"),
            (json!({"ImageConfig": {"Command": "app.handler"}}), "ImageConfig.Command", "a list is expected"),
            (json!({"ImageConfig": {"Command": vec!["x"; 1501]}}), "ImageConfig.Command", "at most 1500"),
            (json!({"ImageConfig": {"Command": ["x".repeat(16400)]}}), "ImageConfig", "16384"),
            (json!({"ImageConfig": {"Command": ["x", 1]}}), "ImageConfig.Command[1]", "a text in quotes"),
            (json!({"VpcConfig": {"SubnetIds": vec!["subnet-1"; 17]}}), "VpcConfig.SubnetIds", "at most 16"),
            (json!({"VpcConfig": {"SubnetIds": ["vpc-1"]}}), "VpcConfig.SubnetIds[0]", "a subnet id"),
            (
                json!({"FileSystemConfigs": [{"Arn": "x", "LocalMountPath": "/mnt/a"}]}),
                "FileSystemConfigs[0].Arn",
                "ARN",
            ),
            (
                json!({"TracingConfig": {"Mode": "active"}}),
                "TracingConfig.Mode",
                "one of Active, PassThrough",
            ),
            (
                json!({"LoggingConfig": {"LogFormat": "Text", "SystemLogLevel": "WARN"}}),
                "LoggingConfig.SystemLogLevel",
                "needs LoggingConfig.LogFormat JSON",
            ),
            (
                json!({"DurableConfig": {"ExecutionTimeout": null}}),
                "DurableConfig.ExecutionTimeout",
                "null is not",
            ),
            (
                json!({"DurableConfig": {"ExecutionTimeout": 0}}),
                "DurableConfig.ExecutionTimeout",
                "1 or more seconds",
            ),
            (json!({"Environment": ["A=1"]}), "Environment", "a list is given where an object is expected"),
            (
                json!({"Environment": {"Variables": {"A-B": "1"}}}),
                "Environment.Variables.A-B",
                "starts with a letter",
            ),
            (
                json!({"Environment": {"Variables": {"AWS_REGION": "1"}}}),
                "Environment.Variables.AWS_REGION",
                "reserves",
            ),
            (json!({"Tags": {"aws:x": "1"}}), "Tags.aws:x", "reserves"),
            (json!({"Tags": {"lambda-lift:live:1": "1"}}), "Tags.lambda-lift:live:1", "keeps"),
            (json!({"Tags": {"x": null}}), "Tags.x", "untag-resource"),
        ];
        for (settings, key, part) in table {
            let found = problems(settings.clone());
            let [problem] = &found[..] else { panic!("{settings}: {found:?}") };
            assert_eq!(problem.key, key);
            assert!(problem.message.contains(part), "{key}: {}", problem.message);
        }
    }

    #[test]
    fn unknown_keys_come_with_a_suggestion() {
        let table = [
            (json!({"memorySize": 512}), "memorySize", "did you mean MemorySize?"),
            (json!({"memory_size": 512}), "memory_size", "did you mean MemorySize?"),
            (json!({"Enviroment": {}}), "Enviroment", "did you mean Environment?"),
            (json!({"ImageConfigResponse": {}}), "ImageConfigResponse", "did you mean ImageConfig?"),
            (json!({"Zebra": 1}), "Zebra", "the keys here are Description, Role"),
            (json!({"RevisionId": "x"}), "RevisionId", "remove it"),
            (json!({"VpcConfig": {"VpcId": "vpc-1"}}), "VpcConfig.VpcId", "remove it"),
            (
                json!({"ImageConfig": {"Entrypoint": []}}),
                "ImageConfig.Entrypoint",
                "did you mean EntryPoint?",
            ),
            (json!({"Environment": {"AB": "secret-value"}}), "Environment.AB", "the keys here are Variables"),
        ];
        for (settings, key, hint) in table {
            let found = problems(settings);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].key, key);
            assert!(found[0].hint.as_deref().unwrap().contains(hint), "{:?}", found[0]);
        }
    }

    #[test]
    fn all_problems_are_found_at_once() {
        let found = problems(json!({"MemorySize": 1, "Timeout": 1000, "Zebra": 1, "Role": "x"}));
        let keys: Vec<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["MemorySize", "Zebra", "Role", "Timeout"]);
    }

    #[test]
    fn the_environment_is_measured_as_json() {
        // {"AB":"…"} has nine characters around the value; a quote inside counts twice.
        let fits = json!({"Environment": {"Variables": {"AB": "x".repeat(4096 - 9)}}});
        assert_eq!(problems(fits), []);
        let quoted = json!({"Environment": {"Variables": {"AB": format!("\"{}", "x".repeat(4096 - 10))}}});
        let found = problems(quoted);
        assert_eq!(found[0].key, "Environment.Variables");
        assert!(found[0].message.contains("4097 bytes"), "{}", found[0].message);
    }

    #[test]
    fn an_environment_value_is_never_told() {
        for wrong in [json!(["hunter2"]), json!({"hunter2": 1}), json!(true)] {
            let found = problems(json!({"Environment": {"Variables": {"AB": wrong, "A-B": "hunter2"}}}));
            assert_eq!(found.len(), 2);
            assert!(!format!("{found:?}").contains("hunter2"));
        }
        let found = problems(json!({"Environment": {"Variables": "hunter2"}}));
        assert!(!format!("{found:?}").contains("hunter2"));
    }
}
