//! How a live function differs from what is declared, key by key.

use serde_json::{Map, Value};

use super::canonical::{canonical, default_of};
use super::definition::Definition;
use super::schema::{Context, Field, List, Names, SETTINGS, Shape};
use crate::cloud::LiveFunction;
use crate::release::is_journal_key;

/// A declared value that the live function does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The setting, as a path of CreateFunction's keys: `Environment.Variables.TOKEN`, `MemorySize`.
    pub key: String,
    /// Whether something is new, other, or taken away.
    pub kind: ChangeKind,
    /// What is there now.
    pub from: Option<Shown>,
    /// What will be there.
    pub to: Option<Shown>,
}

impl std::fmt::Display for Change {
    /// `MemorySize: 128 → 512`, `+ Environment.Variables.TOKEN = (hidden)`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |value: &Option<Shown>| value.as_ref().map_or(String::new(), Shown::to_string);
        match self.kind {
            ChangeKind::Add => write!(formatter, "+ {} = {}", self.key, shown(&self.to)),
            ChangeKind::Change => {
                write!(formatter, "~ {}: {} → {}", self.key, shown(&self.from), shown(&self.to))
            }
            ChangeKind::Remove => write!(formatter, "- {} (was {})", self.key, shown(&self.from)),
        }
    }
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Nothing was there.
    Add,
    /// Something else was there.
    Change,
    /// Nothing will be there.
    Remove,
}

/// A value for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A text as it is, everything else as JSON.
    Value(String),
    /// The value of an environment variable, or of a setting that a template filled in: it is never shown.
    Hidden,
}

impl Shown {
    fn new(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Value(text.clone()),
            other => Self::Value(other.to_string()),
        }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(text) => formatter.write_str(text),
            Self::Hidden => formatter.write_str("(hidden)"),
        }
    }
}

/// Every difference between what is declared and what is live, in the order of CreateFunction's keys. Nothing
/// else is managed: code and architecture are not settings.
///
/// Tags are left out where they could not be read (`Tags` is null in [`LiveFunction::settings`]).
pub fn compare(definition: &Definition, live: &LiveFunction) -> Vec<Change> {
    let context = Context::of(live);
    let mut changes = Vec::new();
    for setting in &SETTINGS {
        changes.extend(setting_changes(&setting.field, definition.settings(), &live.settings, &context));
    }
    for change in changes.iter_mut().filter(|change| definition.is_hidden(&change.key)) {
        // What is there now may be an older value of the same secret.
        for shown in [&mut change.from, &mut change.to].into_iter().flatten() {
            *shown = Shown::Hidden;
        }
    }
    changes
}

/// The differences of one top-level setting.
pub(crate) fn setting_changes(
    field: &Field,
    declared: &Map<String, Value>,
    live: &Map<String, Value>,
    context: &Context,
) -> Vec<Change> {
    let Some(declared) = declared.get(field.name) else {
        return Vec::new();
    };
    let live = live.get(field.name);
    let unreadable_tags =
        matches!(field.shape, Shape::Names(Names::Tags)) && live.is_some_and(Value::is_null);
    let mut comparison = Comparison { context, changes: Vec::new() };
    if !unreadable_tags {
        comparison.field(field, field.name, declared, live);
    }
    comparison.changes
}

struct Comparison<'a> {
    context: &'a Context,
    changes: Vec<Change>,
}

impl Comparison<'_> {
    fn field(&mut self, field: &Field, path: &str, declared: &Value, live: Option<&Value>) {
        match (&field.shape, declared) {
            (Shape::Object(fields), Value::Object(declared)) => self.object(fields, path, declared, live),
            (Shape::Names(names), Value::Object(declared)) => {
                for (name, value) in declared {
                    self.name(*names, &format!("{path}.{name}"), value, live.and_then(|live| live.get(name)));
                }
            }
            (Shape::Names(names), Value::Null) => {
                let live = live.and_then(Value::as_object).into_iter().flatten();
                // The journal of the function's aliases is no setting.
                for (name, value) in live.filter(|(name, _)| !is_journal_key(name)) {
                    self.name(*names, &format!("{path}.{name}"), &Value::Null, Some(value));
                }
            }
            (Shape::List(list), Value::Array(declared)) => {
                let live_entries = live.and_then(Value::as_array);
                match live_entries.filter(|live| same_entries(list, declared, live)) {
                    Some(live_entries) => self.entries(list, path, declared, live_entries),
                    None => self.leaf(field, path, &Value::Array(declared.clone()), live),
                }
            }
            _ => self.leaf(field, path, declared, live),
        }
    }

    fn object(&mut self, fields: &[Field], path: &str, declared: &Map<String, Value>, live: Option<&Value>) {
        for field in fields {
            if let Some(declared) = declared.get(field.name) {
                let live = live.and_then(|live| live.get(field.name));
                self.field(field, &format!("{path}.{}", field.name), declared, live);
            }
        }
    }

    fn entries(&mut self, list: &List, path: &str, declared: &[Value], live: &[Value]) {
        let Shape::Object(fields) = list.of else { return };
        for (index, (declared, live)) in declared.iter().zip(live).enumerate() {
            if let Value::Object(declared) = declared {
                self.object(fields, &format!("{path}[{index}]"), declared, Some(live));
            }
        }
    }

    fn name(&mut self, names: Names, path: &str, declared: &Value, live: Option<&Value>) {
        let wanted = Some(declared).filter(|value| !value.is_null());
        if wanted != live {
            let shown = |value: &Value| match names {
                Names::Variables => Shown::Hidden,
                Names::Tags => Shown::new(value),
            };
            self.push(path, live.map(shown), wanted.map(shown));
        }
    }

    fn leaf(&mut self, field: &Field, path: &str, declared: &Value, live: Option<&Value>) {
        let wanted = canonical(field, declared, self.context);
        let have = live.and_then(|live| canonical(field, live, self.context));
        if wanted != have {
            let shown = |value: Option<Value>| {
                value.or_else(|| default_of(field, self.context)).as_ref().map(Shown::new)
            };
            self.push(path, shown(have), shown(wanted));
        }
    }

    fn push(&mut self, key: &str, from: Option<Shown>, to: Option<Shown>) {
        let kind = match (&from, &to) {
            (None, _) => ChangeKind::Add,
            (Some(_), Some(_)) => ChangeKind::Change,
            (Some(_), None) => ChangeKind::Remove,
        };
        self.changes.push(Change { key: key.to_owned(), kind, from, to });
    }
}

/// Whether two lists have the same entries by their identity, so that they are compared and merged entry by
/// entry: what a file leaves open about an entry stays as it is only if it is the same entry.
pub(crate) fn same_entries(list: &List, declared: &[Value], live: &[Value]) -> bool {
    list.identity.is_some_and(|key| {
        declared.len() == live.len()
            && declared.iter().zip(live).all(|(declared, live)| declared.get(key) == live.get(key))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::samples::{declared, live};

    /// `declared` against `live`, as lines `KIND KEY FROM → TO`.
    fn changes(wanted: Value, settings: Value) -> Vec<String> {
        let line = |change: Change| {
            let shown = |value: Option<Shown>| value.map_or("-".to_owned(), |value| value.to_string());
            format!("{:?} {} {} → {}", change.kind, change.key, shown(change.from), shown(change.to))
        };
        compare(&declared(wanted), &live(settings)).into_iter().map(line).collect()
    }

    #[test]
    fn what_is_not_declared_is_left_alone() {
        let rich = json!({
            "MemorySize": 1024, "Environment": {"Variables": {"TOKEN": "x"}}, "Description": "d",
            "ImageConfig": {"Command": ["a"], "EntryPoint": ["/e"]}, "Tags": {"team": "shop"},
        });
        for wanted in [
            json!({}),
            json!({"Environment": {}}),
            json!({"Environment": {"Variables": {}}}),
            json!({"ImageConfig": {"Command": ["a"]}}),
            json!({"Tags": {}}),
            json!({"Environment": {"Variables": {"GONE": null}}}),
        ] {
            assert_eq!(changes(wanted, rich.clone()), [""; 0]);
        }
    }

    #[test]
    fn differences_are_told_by_key() {
        let table = [
            (json!({"MemorySize": 512}), json!({"MemorySize": 128}), "Change MemorySize 128 → 512"),
            (json!({"MemorySize": 512}), json!({}), "Change MemorySize 128 → 512"),
            (json!({"MemorySize": 128}), json!({"MemorySize": 512}), "Change MemorySize 512 → 128"),
            (json!({"Description": "d"}), json!({}), "Add Description - → d"),
            (json!({"Description": ""}), json!({"Description": "d"}), "Remove Description d → -"),
            (
                json!({"ImageConfig": {"Command": ["b"]}}),
                json!({"ImageConfig": {"Command": ["a"], "EntryPoint": ["/e"]}}),
                r#"Change ImageConfig.Command ["a"] → ["b"]"#,
            ),
            (
                json!({"ImageConfig": {"Command": null, "EntryPoint": ["/e"]}}),
                json!({"ImageConfig": {"Command": ["a"], "EntryPoint": ["/e"]}}),
                r#"Remove ImageConfig.Command ["a"] → -"#,
            ),
            (
                json!({"ImageConfig": {"Command": ["a", "b"]}}),
                json!({"ImageConfig": {"Command": ["b", "a"]}}),
                r#"Change ImageConfig.Command ["b","a"] → ["a","b"]"#,
            ),
            (
                json!({"EphemeralStorage": {"Size": null}}),
                json!({"EphemeralStorage": {"Size": 1024}}),
                "Change EphemeralStorage.Size 1024 → 512",
            ),
            (
                json!({"VpcConfig": {"SecurityGroupIds": ["sg-2"]}}),
                json!({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1"}}),
                r#"Change VpcConfig.SecurityGroupIds ["sg-1"] → ["sg-2"]"#,
            ),
            (
                json!({"LoggingConfig": {"LogGroup": "/shop"}}),
                json!({"LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/shop"}}),
                "Change LoggingConfig.LogGroup /aws/lambda/shop → /shop",
            ),
            (
                json!({"TracingConfig": {"Mode": "Active"}}),
                json!({}),
                "Change TracingConfig.Mode PassThrough → Active",
            ),
            (
                json!({"DeadLetterConfig": {"TargetArn": null}}),
                json!({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q"}}),
                "Remove DeadLetterConfig.TargetArn arn:aws:sqs:eu-west-1:123456789012:q → -",
            ),
            (
                json!({"Environment": {"Variables": {"NEW": "hunter2"}}}),
                json!({"Environment": {"Variables": {"OLD": "hunter3"}}}),
                "Add Environment.Variables.NEW - → (hidden)",
            ),
            (
                json!({"Environment": {"Variables": {"OLD": "hunter2"}}}),
                json!({"Environment": {"Variables": {"OLD": "hunter3"}}}),
                "Change Environment.Variables.OLD (hidden) → (hidden)",
            ),
            (
                json!({"Environment": {"Variables": null}}),
                json!({"Environment": {"Variables": {"OLD": "hunter3"}}}),
                "Remove Environment.Variables.OLD (hidden) → -",
            ),
            (
                json!({"Environment": {"Variables": {"EMPTY": ""}}}),
                json!({}),
                "Add Environment.Variables.EMPTY - → (hidden)",
            ),
            (
                json!({"Tags": {"team": "b"}}),
                json!({"Tags": {"team": "a", "x": "y"}}),
                "Change Tags.team a → b",
            ),
            (
                json!({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}),
                json!({}),
                "Add TenancyConfig.TenantIsolationMode - → PER_TENANT",
            ),
        ];
        for (wanted, settings, line) in table {
            assert_eq!(changes(wanted, settings), [line]);
        }
    }

    #[test]
    fn what_aws_adds_orders_or_leaves_out_is_no_difference() {
        let table = [
            (
                json!({"VpcConfig": {"SubnetIds": ["subnet-b", "subnet-a"]}}),
                json!({"VpcConfig": {"SubnetIds": ["subnet-a", "subnet-b"], "VpcId": "vpc-1"}}),
            ),
            (json!({"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": null}}), json!({})),
            (json!({"LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/shop"}}), json!({})),
            (json!({"MemorySize": 128, "Timeout": 3, "EphemeralStorage": {"Size": 512}}), json!({})),
            (
                json!({"TracingConfig": {"Mode": "PassThrough"}, "KMSKeyArn": "", "FileSystemConfigs": []}),
                json!({}),
            ),
            (json!({"Tags": {"team": "shop"}}), json!({"Tags": null})),
        ];
        for (wanted, settings) in table {
            assert_eq!(changes(wanted, settings), [""; 0]);
        }
    }

    #[test]
    fn a_file_system_is_merged_only_with_itself() {
        let system = |access_point: &str, mode: Option<&str>| {
            let arn = format!("arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/{access_point}");
            let mut config = json!({"Arn": arn, "LocalMountPath": "/mnt/a"});
            if let Some(mode) = mode {
                config["S3FilesConfig"] = json!({"DirectS3Read": mode});
            }
            json!({"FileSystemConfigs": [config]})
        };
        assert_eq!(changes(system("a", None), system("a", Some("DISABLED"))), [""; 0]);
        let lines = changes(system("a", Some("ENABLED")), system("a", Some("DISABLED")));
        assert_eq!(lines, ["Change FileSystemConfigs[0].S3FilesConfig.DirectS3Read DISABLED → ENABLED"]);
        assert!(
            changes(system("b", None), system("a", Some("DISABLED")))[0]
                .starts_with("Change FileSystemConfigs [{")
        );
    }
}
