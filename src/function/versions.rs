//! What is different between two versions of a function: the later one is taken as a declaration that leaves nothing open.

use serde_json::{Map, Value};

use super::canonical::canonical_settings;
use super::comparison::{Compared, compare_all, same_entries};
use super::schema::{Context, Names, SETTINGS, Shape};
use crate::cloud::LiveFunction;

/// Every setting that one of the two has, beside that of the other. Tags belong to the function, and not to a version.
pub fn compared_versions(from: &LiveFunction, to: &LiveFunction) -> Vec<Compared> {
    let context = Context::of(from);
    let (from, to) =
        (canonical_settings(&from.settings, &context), canonical_settings(&to.settings, &context));
    let mut declared = Map::new();
    for setting in SETTINGS.iter().filter(|setting| !matches!(setting.field.shape, Shape::Names(Names::Tags)))
    {
        let name = setting.field.name;
        if let Some(value) = completed(&setting.field.shape, to.get(name), from.get(name)) {
            declared.insert(name.to_owned(), value);
        }
    }
    compare_all(&declared, &from, &context)
}

/// A value with an explicit null wherever only the other one has something, so that what is absent counts as taken away.
fn completed(shape: &Shape, value: Option<&Value>, other: Option<&Value>) -> Option<Value> {
    if value.is_none() && other.is_none() {
        return None;
    }
    let within = |value: Option<&Value>, name: &str| value.and_then(|value| value.get(name)).cloned();
    Some(match shape {
        Shape::Object(fields) => {
            let entry = |field: &super::schema::Field| {
                let (value, other) = (within(value, field.name), within(other, field.name));
                Some((field.name.to_owned(), completed(&field.shape, value.as_ref(), other.as_ref())?))
            };
            Value::Object(fields.iter().filter_map(entry).collect())
        }
        Shape::Names(_) => {
            let names = [value, other].into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys);
            let entry = |name: &String| (name.clone(), within(value, name).unwrap_or(Value::Null));
            Value::Object(names.map(entry).collect())
        }
        Shape::List(list) => match (value, other) {
            (Some(Value::Array(entries)), Some(Value::Array(others)))
                if same_entries(list, entries, others) =>
            {
                let pairs = entries.iter().zip(others);
                pairs.filter_map(|(entry, other)| completed(list.of, Some(entry), Some(other))).collect()
            }
            _ => value.cloned().unwrap_or(Value::Null),
        },
        _ => value.cloned().unwrap_or(Value::Null),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::samples::live;
    use crate::function::{Change, same_function};

    #[test]
    fn what_one_version_has_and_the_other_has_not_is_seen_in_both_directions() {
        let mount = |more: Value| {
            let mut mount = json!({"Arn": "a", "LocalMountPath": "/mnt/a"});
            mount.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([mount])
        };
        let table = [
            (json!({"MemorySize": 256}), json!({}), vec!["~ MemorySize: 256 → 128"]),
            (json!({"Description": "a"}), json!({"Description": ""}), vec!["- Description (was a)"]),
            (
                json!({"Environment": {"Variables": {"AB": "hunter2", "CD": "1"}}}),
                json!({"Environment": {"Variables": {"CD": "2"}}}),
                vec![
                    "~ Environment.Variables.CD: (hidden) → (hidden)",
                    "- Environment.Variables.AB (was (hidden))",
                ],
            ),
            (
                json!({"Environment": {"Variables": {"AB": "hunter2"}}}),
                json!({}),
                vec!["- Environment.Variables.AB (was (hidden))"],
            ),
            (json!({"Tags": {"a": "b"}}), json!({}), vec![]),
            (
                json!({"ImageConfig": {"Command": ["a"]}}),
                json!({"ImageConfig": {"EntryPoint": ["b"]}}),
                vec!["+ ImageConfig.EntryPoint = [\"b\"]", "- ImageConfig.Command (was [\"a\"])"],
            ),
            (
                json!({"FileSystemConfigs": mount(json!({"S3FilesConfig": {"DirectS3Read": "ENABLED"}}))}),
                json!({"FileSystemConfigs": mount(json!({}))}),
                vec!["~ FileSystemConfigs[0].S3FilesConfig.DirectS3Read: ENABLED → AUTO"],
            ),
        ];
        for (one, other, expected) in table {
            let changes = |from: &Value, to: &Value| {
                let (from, to) = (live(from.clone()), live(to.clone()));
                let compared = compared_versions(&from, &to);
                let changes: Vec<String> = compared
                    .iter()
                    .filter(|compared| !compared.is_same)
                    .map(|compared| Change::from(compared).to_string())
                    .collect();
                assert_eq!(changes.is_empty(), same_function(&from, &to), "{from:?} {to:?}");
                changes
            };
            assert_eq!(changes(&one, &other), expected, "{one}");
            assert_eq!(changes(&other, &one).len(), expected.len(), "{one}");
        }
    }
}
