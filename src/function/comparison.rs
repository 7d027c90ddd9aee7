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

/// A declared value beside the live one. It holds no value of an environment variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Where it is, by CreateFunction's keys from the outside in. An entry of a list is in its list's name: `FileSystemConfigs[0]`.
    pub path: Vec<String>,
    /// What is there now, in its canonical form; where nothing is, what AWS takes instead.
    pub from: Option<Held>,
    /// What is declared, in the same form.
    pub to: Option<Held>,
    /// Whether both are the same.
    pub is_same: bool,
}

/// A value, or that it is not shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    /// The value.
    Value(Value),
    /// The value of an environment variable, or of a setting that a template filled in: it is never shown.
    Hidden,
}

impl From<&Held> for Shown {
    fn from(held: &Held) -> Self {
        match held {
            Held::Value(value) => Self::new(value),
            Held::Hidden => Self::Hidden,
        }
    }
}

impl From<&Compared> for Change {
    fn from(compared: &Compared) -> Self {
        let kind = match (&compared.from, &compared.to) {
            (None, _) => ChangeKind::Add,
            (Some(_), Some(_)) => ChangeKind::Change,
            (Some(_), None) => ChangeKind::Remove,
        };
        let shown = |held: &Option<Held>| held.as_ref().map(Shown::from);
        Self { key: compared.path.join("."), kind, from: shown(&compared.from), to: shown(&compared.to) }
    }
}

/// Every difference between what is declared and what is live, in the order of CreateFunction's keys. Nothing
/// else is managed: code and architecture are not settings.
///
/// Tags are left out where they could not be read (`Tags` is null in [`LiveFunction::settings`]).
pub fn compare(definition: &Definition, live: &LiveFunction) -> Vec<Change> {
    let all = compared(definition, Some(live));
    all.iter().filter(|compared| !compared.is_same).map(Change::from).collect()
}

/// The same, with what is declared and live alike among it. Without a function everything is new.
pub fn compared(definition: &Definition, live: Option<&LiveFunction>) -> Vec<Compared> {
    let mut all = match live {
        Some(live) => compare_all(definition.settings(), &live.settings, &Context::of(live)),
        None => compare_all(definition.settings(), &Map::new(), &Context::default()),
    };
    for compared in all.iter_mut().filter(|compared| definition.is_hidden(&compared.path.join("."))) {
        // What is there now may be an older value of the same secret.
        for held in [&mut compared.from, &mut compared.to].into_iter().flatten() {
            *held = Held::Hidden;
        }
    }
    all
}

/// Every setting of `declared`, beside that of `live`.
pub(crate) fn compare_all(
    declared: &Map<String, Value>,
    live: &Map<String, Value>,
    context: &Context,
) -> Vec<Compared> {
    SETTINGS.iter().flat_map(|setting| compare_setting(&setting.field, declared, live, context)).collect()
}

/// The differences of one top-level setting.
pub(crate) fn setting_changes(
    field: &Field,
    declared: &Map<String, Value>,
    live: &Map<String, Value>,
    context: &Context,
) -> Vec<Change> {
    let all = compare_setting(field, declared, live, context);
    all.iter().filter(|compared| !compared.is_same).map(Change::from).collect()
}

fn compare_setting(
    field: &Field,
    declared: &Map<String, Value>,
    live: &Map<String, Value>,
    context: &Context,
) -> Vec<Compared> {
    let Some(declared) = declared.get(field.name) else {
        return Vec::new();
    };
    let live = live.get(field.name);
    let unreadable_tags =
        matches!(field.shape, Shape::Names(Names::Tags)) && live.is_some_and(Value::is_null);
    let mut comparison = Comparison { context, compared: Vec::new() };
    if !unreadable_tags {
        comparison.field(field, &[field.name.to_owned()], declared, live);
    }
    comparison.compared
}

/// A path, and one step further in.
fn below(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

struct Comparison<'a> {
    context: &'a Context,
    compared: Vec<Compared>,
}

impl Comparison<'_> {
    fn field(&mut self, field: &Field, path: &[String], declared: &Value, live: Option<&Value>) {
        match (&field.shape, declared) {
            (Shape::Object(fields), Value::Object(declared)) => self.object(fields, path, declared, live),
            (Shape::Names(names), Value::Object(declared)) => {
                for (name, value) in declared {
                    self.name(*names, &below(path, name), value, live.and_then(|live| live.get(name)));
                }
            }
            (Shape::Names(names), Value::Null) => {
                let live = live.and_then(Value::as_object).into_iter().flatten();
                // The journal of the function's aliases is no setting.
                for (name, value) in live.filter(|(name, _)| !is_journal_key(name)) {
                    self.name(*names, &below(path, name), &Value::Null, Some(value));
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

    fn object(
        &mut self,
        fields: &[Field],
        path: &[String],
        declared: &Map<String, Value>,
        live: Option<&Value>,
    ) {
        for field in fields {
            if let Some(declared) = declared.get(field.name) {
                let live = live.and_then(|live| live.get(field.name));
                self.field(field, &below(path, field.name), declared, live);
            }
        }
    }

    fn entries(&mut self, list: &List, path: &[String], declared: &[Value], live: &[Value]) {
        let Shape::Object(fields) = list.of else { return };
        let (name, outer) = path.split_last().expect("a path begins with the setting's name");
        for (index, (declared, live)) in declared.iter().zip(live).enumerate() {
            if let Value::Object(declared) = declared {
                self.object(fields, &below(outer, &format!("{name}[{index}]")), declared, Some(live));
            }
        }
    }

    fn name(&mut self, names: Names, path: &[String], declared: &Value, live: Option<&Value>) {
        let wanted = Some(declared).filter(|value| !value.is_null());
        let held = |value: &Value| match names {
            Names::Variables => Held::Hidden,
            Names::Tags => Held::Value(value.clone()),
        };
        self.push(path, live.map(held), wanted.map(held), wanted == live);
    }

    fn leaf(&mut self, field: &Field, path: &[String], declared: &Value, live: Option<&Value>) {
        let wanted = canonical(field, declared, self.context);
        let have = live.and_then(|live| canonical(field, live, self.context));
        let is_same = wanted == have;
        let held = |value: Option<Value>| value.or_else(|| default_of(field, self.context)).map(Held::Value);
        self.push(path, held(have), held(wanted), is_same);
    }

    fn push(&mut self, path: &[String], from: Option<Held>, to: Option<Held>, is_same: bool) {
        if !is_same || from.is_some() || to.is_some() {
            self.compared.push(Compared { path: path.to_vec(), from, to, is_same });
        }
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
