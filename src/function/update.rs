//! What to send to bring a live function to what is declared, and in which order.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::canonical::canonical;
use super::comparison::setting_changes;
use super::definition::Definition;
use super::merge::whole_value;
use super::schema::{Context, Field, SETTINGS, Setting, Timing};
use super::validation::environment_too_large;
use crate::cloud::{HiddenVariables, LiveFunction};

/// What to send, in two halves around the code update.
///
/// Lambda takes code and configuration in two calls, so for a moment one of them is new and the other old, and
/// it may stay that way when the second call fails. The halves are cut so that the code that runs always has
/// what it needs:
///
/// - Before the code goes what the *new* image may need and the old one does not mind: new variables, more
///   memory, time and storage, another role, a VPC, a file system where none was. If Lambda refuses it, the
///   function is as it was, and its code too.
/// - After the code goes what the *old* image may still need: variables that are removed or have another value,
///   decreases, what is detached, and `ImageConfig`, which belongs to the image. If the code update fails, the
///   old image still finds all of it as it was.
///
/// When the code does not change, [`SettingsToSend::combined`] is one call for both.
#[derive(Clone, Default, PartialEq)]
pub struct SettingsToSend {
    /// Whole values for an UpdateFunctionConfiguration before the code; empty when there is none to make.
    pub before_code: Map<String, Value>,
    /// Whole values for an UpdateFunctionConfiguration after the code; empty when there is none to make.
    pub after_code: Map<String, Value>,
    /// Tags for TagResource: those that are new or have another value.
    pub tags: BTreeMap<String, String>,
}

impl SettingsToSend {
    /// Both halves as one, for a function whose code stays as it is.
    pub fn combined(&self) -> Map<String, Value> {
        let mut all = self.before_code.clone();
        all.extend(self.after_code.clone());
        all
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.before_code.is_empty() && self.after_code.is_empty() && self.tags.is_empty()
    }
}

impl std::fmt::Debug for SettingsToSend {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SettingsToSend")
            .field("before_code", &HiddenVariables(&self.before_code))
            .field("after_code", &HiddenVariables(&self.after_code))
            .field("tags", &self.tags)
            .finish()
    }
}

/// The settings that the function will have: what is declared over what is live, each setting whole. Those of a function that is
/// new are what is declared.
pub fn settings_after(definition: &Definition, live: Option<&LiveFunction>) -> Map<String, Value> {
    let Some(live) = live else { return definition.settings().clone() };
    let context = Context::of(live);
    let mut settings = live.settings.clone();
    for setting in &SETTINGS {
        let name = setting.field.name;
        if let Some(declared) = definition.settings().get(name) {
            let whole = whole_value(&setting.field, declared, live.settings.get(name), &context);
            settings.insert(name.to_owned(), whole);
        }
    }
    settings
}

/// What to send so that [`super::compare`] finds no more changes. Keys that only CreateFunction takes are left
/// out: [`super::check_against`] tells about them.
pub fn settings_to_send(definition: &Definition, live: &LiveFunction) -> SettingsToSend {
    let context = Context::of(live);
    let mut halves = SettingsToSend::default();
    let mut unnoticed = Map::new();
    for setting in &SETTINGS {
        let name = setting.field.name;
        let changes = setting_changes(&setting.field, definition.settings(), &live.settings, &context);
        let Some(declared) = definition.settings().get(name).filter(|_| !changes.is_empty()) else {
            continue;
        };
        let live = live.settings.get(name);
        let whole = whole_value(&setting.field, declared, live, &context);
        match half(setting, live, &whole, &context) {
            Half::Before => _ = halves.before_code.insert(name.to_owned(), whole),
            Half::After => _ = halves.after_code.insert(name.to_owned(), whole),
            Half::Either => _ = unnoticed.insert(name.to_owned(), whole),
            Half::Both(additions) => {
                halves.before_code.insert(name.to_owned(), additions);
                halves.after_code.insert(name.to_owned(), whole);
            }
            Half::Tags => halves.tags = new_tags(live, &whole),
            Half::Neither => {}
        }
    }
    keep_mount_and_network_together(&mut halves);
    // What no code notices travels with a call that is made anyway: each call is a wait.
    let only_after = halves.before_code.is_empty() && !halves.after_code.is_empty();
    if only_after { &mut halves.after_code } else { &mut halves.before_code }.extend(unnoticed);
    halves
}

enum Half {
    Before,
    After,
    Either,
    /// This value before, the whole one after.
    Both(Value),
    Tags,
    Neither,
}

fn half(setting: &Setting, live: Option<&Value>, whole: &Value, context: &Context) -> Half {
    let says_something = |value: Option<&Value>| {
        value.is_some_and(|value| canonical(&setting.field, value, context).is_some())
    };
    let before_if = |early: bool| if early { Half::Before } else { Half::After };
    match setting.timing {
        Timing::WithImage => Half::After,
        Timing::Growth => {
            before_if(size(&setting.field, Some(whole), context) > size(&setting.field, live, context))
        }
        Timing::ByName => environment_halves(live, whole),
        Timing::Grant => before_if(says_something(Some(whole))),
        Timing::Mount => before_if(!says_something(live)),
        Timing::Unnoticed => Half::Either,
        Timing::CreateOnly => Half::Neither,
        Timing::Tag => Half::Tags,
    }
}

/// The number in `MemorySize`, `Timeout` or `EphemeralStorage.Size`, or what counts in its absence.
fn size(field: &Field, value: Option<&Value>, context: &Context) -> Option<i64> {
    let number = |value: &Value| value.as_i64().or_else(|| value.get("Size").and_then(Value::as_i64));
    let default = || match field.name {
        "EphemeralStorage" => Some(512),
        _ => field.absent.value(context).as_ref().and_then(number),
    };
    value.and_then(number).or_else(default)
}

fn environment_halves(live: Option<&Value>, whole: &Value) -> Half {
    let variables = |value: &Value| value.get("Variables").and_then(Value::as_object).cloned();
    let old = live.and_then(variables).unwrap_or_default();
    let new = variables(whole).unwrap_or_default();
    let added: Map<String, Value> = new
        .iter()
        .filter(|(name, _)| !old.contains_key(*name))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    let mut both = old.clone();
    both.extend(added.clone());
    if both == new {
        Half::Before
    } else if added.is_empty() || environment_too_large(&Value::Object(both.clone())).is_some() {
        // What is removed may have to make room first.
        Half::After
    } else {
        Half::Both(serde_json::json!({ "Variables": both }))
    }
}

/// A file system is reached through the VPC: where one of the two has to wait, the other waits with it.
fn keep_mount_and_network_together(halves: &mut SettingsToSend) {
    let pair = ["VpcConfig", "FileSystemConfigs"];
    if pair.iter().any(|name| halves.after_code.contains_key(*name)) {
        for name in pair {
            if let Some(value) = halves.before_code.shift_remove(name) {
                halves.after_code.insert(name.to_owned(), value);
            }
        }
    }
}

fn new_tags(live: Option<&Value>, whole: &Value) -> BTreeMap<String, String> {
    let old = |key: &String| live.and_then(|live| live.get(key));
    let whole = whole.as_object().into_iter().flatten();
    let changed = whole.filter(|(key, value)| old(key) != Some(*value));
    changed.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::samples::{declared, live};

    fn halves(wanted: Value, settings: Value) -> (Value, Value) {
        let sent = settings_to_send(&declared(wanted), &live(settings));
        (Value::Object(sent.before_code), Value::Object(sent.after_code))
    }

    #[test]
    fn each_setting_goes_where_a_working_function_is_left() {
        let none = json!({});
        let queue = json!({"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q"});
        let vpc = json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]});
        let detached = json!({"SubnetIds": [], "SecurityGroupIds": []});
        let before = [
            (json!({"MemorySize": 512}), none.clone(), json!({"MemorySize": 512})),
            (json!({"Timeout": 9}), json!({"Timeout": 5}), json!({"Timeout": 9})),
            (
                json!({"EphemeralStorage": {"Size": 600}}),
                none.clone(),
                json!({"EphemeralStorage": {"Size": 600}}),
            ),
            (
                json!({"Environment": {"Variables": {"NEW": "n"}}}),
                json!({"Environment": {"Variables": {"OLD": "o"}}}),
                json!({"Environment": {"Variables": {"OLD": "o", "NEW": "n"}}}),
            ),
            (json!({"VpcConfig": vpc}), none.clone(), json!({"VpcConfig": vpc})),
            (json!({"DeadLetterConfig": queue}), none.clone(), json!({"DeadLetterConfig": queue})),
            (json!({"Description": "d"}), none.clone(), json!({"Description": "d"})),
        ];
        for (wanted, settings, expected) in before {
            assert_eq!(halves(wanted, settings), (expected, none.clone()));
        }
        let after = [
            (json!({"MemorySize": 128}), json!({"MemorySize": 512}), json!({"MemorySize": 128})),
            (
                json!({"EphemeralStorage": {"Size": null}}),
                json!({"EphemeralStorage": {"Size": 600}}),
                json!({"EphemeralStorage": {"Size": 512}}),
            ),
            (
                json!({"Environment": {"Variables": {"OLD": null}}}),
                json!({"Environment": {"Variables": {"OLD": "o", "KEPT": "k"}}}),
                json!({"Environment": {"Variables": {"KEPT": "k"}}}),
            ),
            (
                json!({"Environment": {"Variables": {"OLD": "o2"}}}),
                json!({"Environment": {"Variables": {"OLD": "o"}}}),
                json!({"Environment": {"Variables": {"OLD": "o2"}}}),
            ),
            (
                json!({"ImageConfig": {"Command": ["b"]}}),
                none.clone(),
                json!({"ImageConfig": {"Command": ["b"]}}),
            ),
            (
                json!({"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}}),
                json!({"VpcConfig": vpc}),
                json!({"VpcConfig": detached}),
            ),
            (
                json!({"DeadLetterConfig": {"TargetArn": ""}}),
                json!({"DeadLetterConfig": queue}),
                json!({"DeadLetterConfig": {"TargetArn": ""}}),
            ),
            (
                json!({"ImageConfig": {"Command": ["b"]}, "Description": "d"}),
                none.clone(),
                json!({"ImageConfig": {"Command": ["b"]}, "Description": "d"}),
            ),
        ];
        for (wanted, settings, expected) in after {
            assert_eq!(halves(wanted, settings), (none.clone(), expected));
        }
    }

    #[test]
    fn variables_that_are_new_and_others_that_change_are_sent_in_two_halves() {
        let (before, after) = halves(
            json!({"Environment": {"Variables": {"NEW": "n", "OLD": "o2", "GONE": null}}}),
            json!({"Environment": {"Variables": {"OLD": "o", "GONE": "g", "KEPT": "k"}}}),
        );
        assert_eq!(
            before,
            json!({"Environment": {"Variables": {"OLD": "o", "GONE": "g", "KEPT": "k", "NEW": "n"}}})
        );
        assert_eq!(after, json!({"Environment": {"Variables": {"OLD": "o2", "KEPT": "k", "NEW": "n"}}}));
    }

    #[test]
    fn what_would_not_fit_together_is_sent_after_the_code_alone() {
        let (before, after) = halves(
            json!({"Environment": {"Variables": {"NEW": "n".repeat(3000), "GONE": null}}}),
            json!({"Environment": {"Variables": {"GONE": "g".repeat(3000)}}}),
        );
        assert_eq!(before, json!({}));
        assert_eq!(after["Environment"]["Variables"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn a_mount_and_its_network_move_together() {
        let mount = |name: &str| {
            json!([{"Arn": format!("arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/{name}"),
                    "LocalMountPath": "/mnt/a"}])
        };
        let vpc = |name: &str| json!({"SubnetIds": [name], "SecurityGroupIds": ["sg-1"]});
        let both = |name: &str| json!({"VpcConfig": vpc(&format!("subnet-{name}")), "FileSystemConfigs": mount(name)});
        let (before, after) = halves(both("b"), both("a"));
        assert_eq!((before, after["VpcConfig"].clone()), (json!({}), vpc("subnet-b")));
        let (before, after) = halves(both("a"), json!({}));
        assert_eq!((before, after), (both("a"), json!({})));
    }

    #[test]
    fn tags_and_create_only_keys_are_no_part_of_the_configuration() {
        let sent = settings_to_send(
            &declared(
                json!({"Tags": {"a": "1", "b": "2"}, "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}),
            ),
            &live(json!({"Tags": {"a": "1", "b": "1", "c": "1"}})),
        );
        assert_eq!(sent.tags, BTreeMap::from([("b".to_owned(), "2".to_owned())]));
        assert!(sent.combined().is_empty() && !sent.is_empty());
    }

    #[test]
    fn debug_output_hides_environment_values() {
        let sent = settings_to_send(
            &declared(json!({"Environment": {"Variables": {"NEW": "hunter2", "OLD": "hunter3"}}})),
            &live(json!({"Environment": {"Variables": {"OLD": "hunter4"}}})),
        );
        let text = format!("{sent:?}");
        assert!(text.contains("NEW") && !text.contains("hunter"), "{text}");
    }
}
