//! A function's settings, as requests carry them and as a revision keeps them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The settings that CreateFunction and UpdateFunctionConfiguration share. What is absent is not set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Configuration {
    pub(super) role: Option<String>,
    pub(super) description: Option<String>,
    pub(super) timeout: Option<i64>,
    pub(super) memory_size: Option<i64>,
    pub(super) environment: Option<Environment>,
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
    pub(super) image_config: Option<ImageConfig>,
    pub(super) vpc_config: Option<VpcConfig>,
    pub(super) file_system_configs: Option<Vec<FileSystem>>,
    #[serde(rename = "KMSKeyArn")]
    pub(super) kms_key_arn: Option<String>,
    pub(super) dead_letter_config: Option<DeadLetter>,
    pub(super) tracing_config: Option<Tracing>,
    pub(super) logging_config: Option<BTreeMap<String, Value>>,
    pub(super) handler: Option<String>,
    pub(super) runtime: Option<String>,
    pub(super) layers: Option<Vec<String>>,
    pub(super) snap_start: Option<Value>,
}

/// Environment variables. Their values are never printed.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Environment {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) variables: BTreeMap<String, String>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.variables.keys()).finish()
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EphemeralStorage {
    pub(super) size: i64,
}

/// What overrides the image's own settings. Absent members are left to the image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ImageConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) entry_point: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) working_directory: Option<String>,
}

impl ImageConfig {
    /// Empty members and absent ones are the same to Lambda.
    fn without_empty_members(self) -> Option<ImageConfig> {
        let config = ImageConfig {
            entry_point: self.entry_point.filter(|list| !list.is_empty()),
            command: self.command.filter(|list| !list.is_empty()),
            working_directory: self.working_directory.filter(|text| !text.is_empty()),
        };
        (config != ImageConfig::default()).then_some(config)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct VpcConfig {
    pub(super) subnet_ids: Vec<String>,
    pub(super) security_group_ids: Vec<String>,
    pub(super) ipv6_allowed_for_dual_stack: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FileSystem {
    pub(super) arn: String,
    pub(super) local_mount_path: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeadLetter {
    #[serde(default)]
    pub(super) target_arn: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tracing {
    pub(super) mode: String,
}

impl Configuration {
    /// Lays newer settings over these: what they do not name stays, what they name is replaced whole, and an
    /// empty value clears.
    pub(super) fn overlay(&mut self, newer: Configuration) {
        fn replace<T>(old: &mut Option<T>, new: Option<T>) {
            if new.is_some() {
                *old = new;
            }
        }
        replace(&mut self.role, newer.role);
        replace(&mut self.description, newer.description);
        replace(&mut self.timeout, newer.timeout);
        replace(&mut self.memory_size, newer.memory_size);
        replace(&mut self.environment, newer.environment);
        replace(&mut self.ephemeral_storage, newer.ephemeral_storage);
        replace(&mut self.vpc_config, newer.vpc_config);
        replace(&mut self.file_system_configs, newer.file_system_configs);
        replace(&mut self.kms_key_arn, newer.kms_key_arn);
        replace(&mut self.dead_letter_config, newer.dead_letter_config);
        replace(&mut self.tracing_config, newer.tracing_config);
        replace(&mut self.logging_config, newer.logging_config);
        replace(&mut self.handler, newer.handler);
        replace(&mut self.runtime, newer.runtime);
        replace(&mut self.layers, newer.layers);
        replace(&mut self.snap_start, newer.snap_start);
        if let Some(image_config) = newer.image_config {
            self.image_config = image_config.without_empty_members();
        }
        self.clear_empty();
    }

    /// Forgets the values by which a request says "none".
    fn clear_empty(&mut self) {
        let none = |text: &Option<String>| text.as_deref() == Some("");
        if none(&self.kms_key_arn) {
            self.kms_key_arn = None;
        }
        self.environment.take_if(|environment| environment.variables.is_empty());
        self.dead_letter_config.take_if(|config| config.target_arn.is_empty());
        self.vpc_config.take_if(|vpc| vpc.subnet_ids.is_empty() && vpc.security_group_ids.is_empty());
        self.file_system_configs.take_if(|configs| configs.is_empty());
        self.layers.take_if(|layers| layers.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Configuration {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn settings_that_a_request_does_not_name_stay() {
        let mut configuration = read(json!({"MemorySize": 512, "Timeout": 9, "KMSKeyArn": "arn:k",
            "Environment": {"Variables": {"A": "1", "B": "2"}}, "DeadLetterConfig": {"TargetArn": "arn:d"}}));
        configuration.overlay(read(json!({"Timeout": 10, "Environment": {"Variables": {"C": "3"}}})));
        assert_eq!(configuration.memory_size, Some(512));
        assert_eq!(configuration.timeout, Some(10));
        let variables = configuration.environment.clone().unwrap().variables;
        assert_eq!(variables.keys().collect::<Vec<_>>(), ["C"], "the environment is replaced whole");
        configuration.overlay(read(json!({"KMSKeyArn": "", "DeadLetterConfig": {"TargetArn": ""},
            "Environment": {"Variables": {}}, "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}})));
        assert_eq!(configuration, read(json!({"MemorySize": 512, "Timeout": 10})));
    }

    #[test]
    fn image_settings_are_replaced_whole_and_cleared_by_an_empty_object() {
        let mut configuration = Configuration::default();
        configuration.overlay(read(json!({"ImageConfig": {"EntryPoint": ["/a"], "Command": ["b"]}})));
        configuration.overlay(read(json!({"ImageConfig": {"Command": ["c"], "EntryPoint": []}})));
        let expected = ImageConfig { command: Some(vec!["c".to_owned()]), ..ImageConfig::default() };
        assert_eq!(configuration.image_config, Some(expected));
        configuration.overlay(read(json!({"Timeout": 5})));
        assert!(configuration.image_config.is_some());
        configuration.overlay(read(json!({"ImageConfig": {}})));
        assert_eq!(configuration.image_config, None);
    }

    #[test]
    fn debug_output_shows_no_environment_values() {
        let configuration = read(json!({"Environment": {"Variables": {"TOKEN": "hunter2"}}}));
        let text = format!("{configuration:?}");
        assert!(text.contains("TOKEN") && !text.contains("hunter2"), "{text}");
    }
}
