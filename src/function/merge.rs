//! What is declared, merged over what is live: the whole values that Lambda wants to be sent.
//!
//! UpdateFunctionConfiguration replaces `Environment` and `ImageConfig` as a whole (facts: resolution of the
//! image), so whatever is not declared must be sent again as it is.

use serde_json::{Map, Value};

use super::canonical::canonical;
use super::comparison::same_entries;
use super::schema::{Context, Field, Shape};
use super::validation::LOG_LEVELS;

/// The whole value of a top-level setting after the declared one is merged over the live one.
pub(crate) fn whole_value(field: &Field, declared: &Value, live: Option<&Value>, context: &Context) -> Value {
    let mut value = merged(field, declared, live, context);
    if let Value::Object(object) = &mut value {
        match field.name {
            // Lambda refuses log levels together with text logs.
            "LoggingConfig" if object.get("LogFormat").and_then(Value::as_str) != Some("JSON") => {
                object.retain(|key, _| !LOG_LEVELS.contains(&key.as_str()));
            }
            // Two empty lists take the function out of its VPC; nothing else may stand beside them.
            "VpcConfig"
                if ["SubnetIds", "SecurityGroupIds"].iter().all(|key| is_empty_list(object.get(*key))) =>
            {
                object.retain(|_, value| value.is_array());
            }
            _ => {}
        }
    }
    value
}

fn is_empty_list(value: Option<&Value>) -> bool {
    value.and_then(Value::as_array).is_none_or(Vec::is_empty)
}

fn merged(field: &Field, declared: &Value, live: Option<&Value>, context: &Context) -> Value {
    match (&field.shape, declared) {
        (Shape::Object(fields), Value::Object(declared)) => {
            Value::Object(merged_object(fields, declared, live, context))
        }
        (Shape::Names(_), Value::Object(declared)) => {
            let mut names = live.and_then(Value::as_object).cloned().unwrap_or_default();
            for (name, value) in declared {
                if value.is_null() {
                    names.shift_remove(name);
                } else {
                    names.insert(name.clone(), value.clone());
                }
            }
            Value::Object(names)
        }
        (Shape::Names(_), Value::Null) => Value::Object(Map::new()),
        (Shape::List(list), Value::Array(entries)) => {
            let live = live.and_then(Value::as_array).filter(|live| same_entries(list, entries, live));
            match (list.of, live) {
                (Shape::Object(fields), Some(live)) => {
                    let entry = |(entry, live): (&Value, &Value)| match entry {
                        Value::Object(entry) => {
                            Value::Object(merged_object(fields, entry, Some(live), context))
                        }
                        other => other.clone(),
                    };
                    entries.iter().zip(live).map(entry).collect()
                }
                _ => declared.clone(),
            }
        }
        _ => declared.clone(),
    }
}

fn merged_object(
    fields: &[Field],
    declared: &Map<String, Value>,
    live: Option<&Value>,
    context: &Context,
) -> Map<String, Value> {
    let mut object = Map::new();
    for field in fields {
        let live = live.and_then(|live| live.get(field.name));
        let value = match declared.get(field.name) {
            None => kept(field, live, context),
            Some(declared) => replaced(field, declared, live, context),
        };
        if let Some(value) = value {
            object.insert(field.name.to_owned(), value);
        }
    }
    object
}

/// A value that nobody declares: sent again where it says something.
fn kept(field: &Field, live: Option<&Value>, context: &Context) -> Option<Value> {
    live.filter(|live| canonical(field, live, context).is_some()).cloned()
}

/// A declared value, or what takes it away.
fn replaced(field: &Field, declared: &Value, live: Option<&Value>, context: &Context) -> Option<Value> {
    let nested = matches!(field.shape, Shape::Object(_)) && declared.is_object();
    let names = matches!(field.shape, Shape::Names(_));
    if nested || names {
        let value = merged(field, declared, live, context);
        // An empty map of variables is how all are taken away; an empty nested object says nothing.
        return (names || canonical(field, &value, context).is_some()).then_some(value);
    }
    match canonical(field, declared, context) {
        Some(_) => Some(merged(field, declared, live, context)),
        None => field.absent.value(context),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::schema::find;

    #[test]
    fn declared_values_are_merged_over_live_ones() {
        let context = Context { log_group: Some("/aws/lambda/f".to_owned()) };
        let table = [
            (
                "Environment",
                json!({"Variables": {"NEW": "n", "OLD": "o2", "GONE": null}}),
                json!({"Variables": {"OLD": "o", "GONE": "g", "KEPT": "k"}}),
                json!({"Variables": {"OLD": "o2", "KEPT": "k", "NEW": "n"}}),
            ),
            (
                "Environment",
                json!({"Variables": null}),
                json!({"Variables": {"A": "1"}}),
                json!({"Variables": {}}),
            ),
            (
                "ImageConfig",
                json!({"Command": ["b"]}),
                json!({"Command": ["a"], "EntryPoint": ["/e"], "WorkingDirectory": ""}),
                json!({"EntryPoint": ["/e"], "Command": ["b"]}),
            ),
            ("ImageConfig", json!({"Command": null}), json!({"Command": ["a"]}), json!({})),
            (
                "VpcConfig",
                json!({"SubnetIds": ["subnet-2"]}),
                json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1"}),
                json!({"SubnetIds": ["subnet-2"], "SecurityGroupIds": ["sg-1"]}),
            ),
            (
                "VpcConfig",
                json!({"SubnetIds": [], "SecurityGroupIds": null}),
                json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "Ipv6AllowedForDualStack": true}),
                json!({"SubnetIds": [], "SecurityGroupIds": []}),
            ),
            (
                "LoggingConfig",
                json!({"LogFormat": "Text"}),
                json!({"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": "/x"}),
                json!({"LogFormat": "Text", "LogGroup": "/x"}),
            ),
            (
                "LoggingConfig",
                json!({"LogGroup": null}),
                json!({"LogGroup": "/x"}),
                json!({"LogGroup": "/aws/lambda/f"}),
            ),
            ("EphemeralStorage", json!({"Size": null}), json!({"Size": 1024}), json!({"Size": 512})),
            (
                "DeadLetterConfig",
                json!({"TargetArn": null}),
                json!({"TargetArn": "arn:x"}),
                json!({"TargetArn": ""}),
            ),
            ("MemorySize", json!(256), json!(128), json!(256)),
            ("FileSystemConfigs", json!([]), json!([{"Arn": "a", "LocalMountPath": "/mnt/a"}]), json!([])),
        ];
        for (name, declared, live, expected) in table {
            assert_eq!(
                whole_value(&find(name).unwrap().field, &declared, Some(&live), &context),
                expected,
                "{name}"
            );
        }
    }
}
