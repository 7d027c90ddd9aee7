//! A function's settings as types, between our JSON in CreateFunction's shape and what the SDK sends and answers.
//!
//! Each setting is written down once as a type of its own, so that a key that is not mapped cannot be sent by
//! mistake: it is an error, never dropped. To map a new setting, add its type here, a line in `lambda_request`
//! and a line in `lambda_answer`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Every setting of an image function that the SDK knows.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_size: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<Environment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_config: Option<ImageConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vpc_config: Option<VpcConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_system_configs: Option<Vec<FileSystemConfig>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dead_letter_config: Option<DeadLetterConfig>,
    #[serde(rename = "KMSKeyArn", skip_serializing_if = "Option::is_none")]
    pub(super) kms_key_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tracing_config: Option<TracingConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logging_config: Option<LoggingConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) durable_config: Option<DurableConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) capacity_provider_config: Option<CapacityProviderConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tenancy_config: Option<TenancyConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<BTreeMap<String, String>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Environment {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variables: Option<BTreeMap<String, String>>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ReadError>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ImageConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entry_point: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) working_directory: Option<String>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ReadError>,
}

/// What AWS answers in place of a value that it could not read; never sent.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ReadError {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EphemeralStorage {
    pub(super) size: i32,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct VpcConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subnet_ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) security_group_ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ipv6_allowed_for_dual_stack: Option<bool>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FileSystemConfig {
    pub(super) arn: String,
    pub(super) local_mount_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) s3_files_config: Option<S3FilesConfig>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct S3FilesConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) direct_s3_read: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target_arn: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TracingConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct LoggingConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) application_log_level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_log_level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_group: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DurableConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution_timeout: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retention_period_in_days: Option<i32>,
    #[serde(rename = "KMSKeyArn", skip_serializing_if = "Option::is_none")]
    pub(super) kms_key_arn: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CapacityProviderConfig {
    pub(super) lambda_managed_instances_capacity_provider_config: ManagedInstances,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ManagedInstances {
    pub(super) capacity_provider_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) per_execution_environment_max_concurrency: Option<i32>,
    #[serde(rename = "ExecutionEnvironmentMemoryGiBPerVCpu", skip_serializing_if = "Option::is_none")]
    pub(super) execution_environment_memory_gib_per_v_cpu: Option<f64>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TenancyConfig {
    pub(super) tenant_isolation_mode: String,
}

/// A setting that cannot be sent. It names the key and never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SettingError {
    #[error("the setting {0} does not have the shape that Lambda takes")]
    Shape(String),
    #[error("the setting {0} is not one that this call takes")]
    NotTaken(String),
}

impl Settings {
    /// Reads settings in CreateFunction's shape. A key without a mapping is an error.
    pub(super) fn parse(settings: &Map<String, Value>) -> Result<Self, SettingError> {
        let mut parsed = Self::default();
        for (key, value) in settings {
            match key.as_str() {
                "Description" => parsed.description = shaped(key, value)?,
                "Role" => parsed.role = shaped(key, value)?,
                "MemorySize" => parsed.memory_size = shaped(key, value)?,
                "Timeout" => parsed.timeout = shaped(key, value)?,
                "Environment" => parsed.environment = shaped(key, value)?,
                "ImageConfig" => parsed.image_config = shaped(key, value)?,
                "EphemeralStorage" => parsed.ephemeral_storage = shaped(key, value)?,
                "VpcConfig" => parsed.vpc_config = shaped(key, value)?,
                "FileSystemConfigs" => parsed.file_system_configs = shaped(key, value)?,
                "DeadLetterConfig" => parsed.dead_letter_config = shaped(key, value)?,
                "KMSKeyArn" => parsed.kms_key_arn = shaped(key, value)?,
                "TracingConfig" => parsed.tracing_config = shaped(key, value)?,
                "LoggingConfig" => parsed.logging_config = shaped(key, value)?,
                "DurableConfig" => parsed.durable_config = shaped(key, value)?,
                "CapacityProviderConfig" => parsed.capacity_provider_config = shaped(key, value)?,
                "TenancyConfig" => parsed.tenancy_config = shaped(key, value)?,
                "Tags" => parsed.tags = shaped(key, value)?,
                _ => return Err(SettingError::NotTaken(key.clone())),
            }
        }
        Ok(parsed)
    }

    /// The settings as JSON. What the function does not have is absent.
    pub(super) fn to_json(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(settings)) => settings,
            // A struct of texts and numbers always becomes an object.
            _ => Map::new(),
        }
    }
}

fn shaped<T: DeserializeOwned>(key: &str, value: &Value) -> Result<Option<T>, SettingError> {
    // serde's own words may quote the value, which may be a secret.
    T::deserialize(value).map(Some).map_err(|_| SettingError::Shape(key.to_owned()))
}
