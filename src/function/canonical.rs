//! One form for every way to say the same: what AWS adds, leaves out or reorders does not count.

use serde_json::{Map, Value};

use super::schema::{Absent, Context, Field, Names, SETTINGS, Shape};

/// The canonical form of a field's value, or none when it says no more than its absence does.
///
/// Keys that CreateFunction does not have (such as `VpcConfig.VpcId`) are dropped, sets are sorted, and
/// what equals the default is absent. The values of environment variables and tags are kept as they are:
/// a variable that is empty is not a variable that is absent.
pub(crate) fn canonical(field: &Field, value: &Value, context: &Context) -> Option<Value> {
    let value = canonical_shape(&field.shape, value, context)?;
    let is_default = field.absent.value(context).is_some_and(|default| default == value);
    (!is_default).then_some(value)
}

fn canonical_shape(shape: &Shape, value: &Value, context: &Context) -> Option<Value> {
    match (shape, value) {
        (_, Value::Null) => None,
        (Shape::Text(_) | Shape::Choice(_), Value::String(text)) if text.is_empty() => None,
        (Shape::List(list), Value::Array(entries)) => {
            let entry = |entry: &Value| canonical_shape(list.of, entry, context).unwrap_or(entry.clone());
            let mut entries: Vec<Value> = entries.iter().map(entry).collect();
            if !list.ordered {
                entries.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
                entries.dedup();
            }
            (!entries.is_empty()).then_some(Value::Array(entries))
        }
        (Shape::Object(fields), Value::Object(object)) => {
            let entry = |field: &Field| {
                let value = canonical(field, object.get(field.name)?, context)?;
                Some((field.name.to_owned(), value))
            };
            non_empty(fields.iter().filter_map(entry).collect())
        }
        (Shape::Names(_), Value::Object(names)) => {
            non_empty(names.iter().filter(|(_, value)| !value.is_null()).map(own).collect())
        }
        (Shape::Number, Value::Number(number)) => number.as_f64().map(Value::from),
        _ => Some(value.clone()),
    }
}

fn own((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn non_empty(object: Map<String, Value>) -> Option<Value> {
    (!object.is_empty()).then_some(Value::Object(object))
}

/// Every setting in its canonical form, tags left out.
pub(crate) fn canonical_settings(settings: &Map<String, Value>, context: &Context) -> Map<String, Value> {
    let fields = SETTINGS.iter().map(|setting| &setting.field);
    let entry = |field: &Field| {
        let value = canonical(field, settings.get(field.name)?, context)?;
        Some((field.name.to_owned(), value))
    };
    fields.filter(|field| !matches!(field.shape, Shape::Names(Names::Tags))).filter_map(entry).collect()
}

/// The value that counts where none is there: the default, as AWS shows it.
pub(crate) fn default_of(field: &Field, context: &Context) -> Option<Value> {
    match field.absent {
        // An empty text or list is how one says "none", not something to show.
        Absent::Text("") | Absent::EmptyList => None,
        absent => absent.value(context),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::schema::find;

    #[test]
    fn different_ways_to_say_the_same_have_one_form() {
        let context = Context { log_group: Some("/aws/lambda/f".to_owned()) };
        let table = [
            ("MemorySize", json!(128), None),
            ("MemorySize", json!(256), Some(json!(256))),
            ("Timeout", json!(3), None),
            ("EphemeralStorage", json!({"Size": 512}), None),
            ("Description", json!(""), None),
            ("VpcConfig", json!({"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""}), None),
            (
                "VpcConfig",
                json!({"VpcId": "vpc-1", "SubnetIds": ["subnet-b", "subnet-a", "subnet-b"],
                       "Ipv6AllowedForDualStack": false}),
                Some(json!({"SubnetIds": ["subnet-a", "subnet-b"]})),
            ),
            ("LoggingConfig", json!({"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}), None),
            ("TracingConfig", json!({"Mode": "PassThrough"}), None),
            ("DeadLetterConfig", json!({"TargetArn": ""}), None),
            ("ImageConfig", json!({"Command": [], "WorkingDirectory": ""}), None),
            ("ImageConfig", json!({"Command": ["b", "a"]}), Some(json!({"Command": ["b", "a"]}))),
            ("Environment", json!({"Variables": {}}), None),
            ("Environment", json!({"Variables": {"AB": ""}}), Some(json!({"Variables": {"AB": ""}}))),
            ("FileSystemConfigs", json!([]), None),
        ];
        for (name, value, expected) in table {
            assert_eq!(canonical(&find(name).unwrap().field, &value, &context), expected, "{name} {value}");
        }
    }
}
