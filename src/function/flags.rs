//! Settings that were declared on the command line, in plain types. They win over the function file.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::problem::Problem;
use crate::name::{Architecture, RoleArn};

/// What flags declare. What is none or empty is not declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// The wanted architecture.
    pub architecture: Option<Architecture>,
    /// `Role`
    pub role: Option<RoleArn>,
    /// `MemorySize` in MB.
    pub memory: Option<u32>,
    /// `Timeout` in seconds.
    pub timeout: Option<u32>,
    /// `EphemeralStorage.Size` in MB.
    pub ephemeral_storage: Option<u32>,
    /// `Description`
    pub description: Option<String>,
    /// `Environment.Variables`, merged over what the file has.
    pub environment: Vec<EnvironmentVariable>,
    /// `ImageConfig.EntryPoint`
    pub entry_point: Option<Vec<String>>,
    /// `ImageConfig.Command`
    pub command: Option<Vec<String>>,
    /// `ImageConfig.WorkingDirectory`
    pub working_directory: Option<String>,
    /// `VpcConfig.SubnetIds`
    pub subnets: Option<Vec<String>>,
    /// `VpcConfig.SecurityGroupIds`
    pub security_groups: Option<Vec<String>>,
    /// `KMSKeyArn`
    pub kms_key: Option<String>,
    /// `DeadLetterConfig.TargetArn`
    pub dead_letter_target: Option<String>,
    /// `TracingConfig.Mode`
    pub tracing: Option<String>,
    /// `LoggingConfig.LogFormat`
    pub log_format: Option<String>,
    /// `LoggingConfig.LogGroup`
    pub log_group: Option<String>,
    /// `Tags`, merged over what the file has.
    pub tags: Vec<(String, String)>,
}

impl Flags {
    /// Writes what is declared over `settings`, key by key at the lowest level.
    pub(crate) fn overlay(&self, settings: &mut Map<String, Value>) -> Vec<Problem> {
        let whole: [(&str, Option<Value>); 15] = [
            ("Role", self.role.as_ref().map(|role| role.as_str().into())),
            ("MemorySize", self.memory.map(Value::from)),
            ("Timeout", self.timeout.map(Value::from)),
            ("EphemeralStorage.Size", self.ephemeral_storage.map(Value::from)),
            ("Description", self.description.clone().map(Value::from)),
            ("ImageConfig.EntryPoint", self.entry_point.clone().map(Value::from)),
            ("ImageConfig.Command", self.command.clone().map(Value::from)),
            ("ImageConfig.WorkingDirectory", self.working_directory.clone().map(Value::from)),
            ("VpcConfig.SubnetIds", self.subnets.clone().map(Value::from)),
            ("VpcConfig.SecurityGroupIds", self.security_groups.clone().map(Value::from)),
            ("KMSKeyArn", self.kms_key.clone().map(Value::from)),
            ("DeadLetterConfig.TargetArn", self.dead_letter_target.clone().map(Value::from)),
            ("TracingConfig.Mode", self.tracing.clone().map(Value::from)),
            ("LoggingConfig.LogFormat", self.log_format.clone().map(Value::from)),
            ("LoggingConfig.LogGroup", self.log_group.clone().map(Value::from)),
        ];
        for (path, value) in whole.into_iter().filter_map(|(path, value)| Some((path, value?))) {
            put(settings, &path.split('.').collect::<Vec<_>>(), value);
        }
        let variables = self.environment.iter().map(|variable| (&variable.name, &variable.value));
        let mut problems = put_names(settings, &["Environment", "Variables"], variables);
        let tags = self.tags.iter().map(|(key, value)| (key, value));
        problems.extend(put_names(settings, &["Tags"], tags));
        problems
    }
}

/// Puts one value at a path. Where the file has something that is no object on the way, nothing is put:
/// the validation tells what is wrong there.
fn put(settings: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            settings.insert((*name).to_owned(), value);
        }
        [name, rest @ ..] => {
            let inner = settings.entry(*name).or_insert_with(|| Value::Object(Map::new()));
            if inner.is_null() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn put_names<'a>(
    settings: &mut Map<String, Value>,
    path: &[&str],
    names: impl Iterator<Item = (&'a String, &'a String)>,
) -> Vec<Problem> {
    let mut seen: Vec<&str> = Vec::new();
    let mut problems = Vec::new();
    for (name, value) in names {
        if seen.contains(&name.as_str()) {
            problems.push(Problem::new(format!("{}.{name}", path.join(".")), "it is given twice by flags"));
        }
        seen.push(name);
        let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
        put(settings, &path, value.as_str().into());
    }
    problems
}

/// An environment variable from a flag. Its value is secret: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvironmentVariable {
    /// The variable's name.
    pub name: String,
    /// Its value; may be empty.
    pub value: String,
}

impl std::fmt::Debug for EnvironmentVariable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}=(hidden)", self.name)
    }
}

/// A text that is not `NAME=VALUE`. It does not repeat the text, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an environment variable is given as NAME=VALUE, with a name in front of the first '='")]
pub struct EnvironmentVariableError;

impl FromStr for EnvironmentVariable {
    type Err = EnvironmentVariableError;

    fn from_str(text: &str) -> Result<Self, EnvironmentVariableError> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err(EnvironmentVariableError),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flags_win_over_the_file_at_the_lowest_level() {
        let flags = Flags {
            memory: Some(1024),
            command: Some(vec!["b".to_owned()]),
            environment: vec!["NEW=1".parse().unwrap(), "OLD=a=b".parse().unwrap()],
            log_group: Some("/x".to_owned()),
            ..Flags::default()
        };
        let mut settings = json!({
            "MemorySize": 512, "Timeout": 9, "LoggingConfig": null,
            "ImageConfig": {"Command": ["a"], "EntryPoint": ["/e"]},
            "Environment": {"Variables": {"OLD": null, "KEPT": "k"}},
        });
        assert_eq!(flags.overlay(settings.as_object_mut().unwrap()), []);
        let expected = json!({
            "MemorySize": 1024, "Timeout": 9, "LoggingConfig": {"LogGroup": "/x"},
            "ImageConfig": {"Command": ["b"], "EntryPoint": ["/e"]},
            "Environment": {"Variables": {"OLD": "a=b", "KEPT": "k", "NEW": "1"}},
        });
        assert_eq!(settings, expected);
    }

    #[test]
    fn nothing_declared_changes_nothing() {
        let mut settings = Map::new();
        assert_eq!(Flags::default().overlay(&mut settings), []);
        assert!(settings.is_empty());
    }

    #[test]
    fn a_wrong_type_in_the_file_is_left_for_the_validation() {
        let flags = Flags { environment: vec!["AB=1".parse().unwrap()], ..Flags::default() };
        let mut settings = json!({"Environment": "oops"});
        flags.overlay(settings.as_object_mut().unwrap());
        assert_eq!(settings, json!({"Environment": "oops"}));
    }

    #[test]
    fn variables_given_twice_and_texts_without_a_name_are_refused_without_their_values() {
        let twice = vec!["AB=hunter2".parse().unwrap(), "AB=hunter3".parse().unwrap()];
        let flags = Flags { environment: twice, ..Flags::default() };
        let problems = flags.overlay(&mut Map::new());
        assert_eq!(problems[0].key, "Environment.Variables.AB");
        assert!(!format!("{problems:?}{flags:?}").contains("hunter"));
        for bad in ["", "hunter2", "=hunter2"] {
            let error = bad.parse::<EnvironmentVariable>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter"));
        }
    }
}
