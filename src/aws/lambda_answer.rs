//! Functions and settings as Lambda answers them.

use std::time::SystemTime;

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{self, FunctionConfiguration};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format as DateTimeFormat;
use serde_json::Value;

use super::error::Operation;
use super::lambda_settings::{
    CapacityProviderConfig, DeadLetterConfig, DurableConfig, Environment, EphemeralStorage, FileSystemConfig,
    ImageConfig, LoggingConfig, ManagedInstances, ReadError, S3FilesConfig, Settings, TenancyConfig,
    TracingConfig, VpcConfig,
};
use crate::cloud::{CloudError, FunctionState, LiveFunction, PackageType, PublishedVersion};
use crate::http::without_signed_queries;
use crate::name::{Architecture, Digest, Version};

/// The answers to CreateFunction, UpdateFunctionCode and UpdateFunctionConfiguration are types of their own with
/// the fields of a FunctionConfiguration.
macro_rules! as_configuration {
    ($answer:expr) => {
        aws_sdk_lambda::types::FunctionConfiguration::builder()
            .set_function_arn($answer.function_arn)
            .set_version($answer.version)
            .set_package_type($answer.package_type)
            .set_architectures($answer.architectures)
            .set_code_sha256($answer.code_sha256)
            .set_revision_id($answer.revision_id)
            .set_last_modified($answer.last_modified)
            .set_state($answer.state)
            .set_state_reason($answer.state_reason)
            .set_state_reason_code($answer.state_reason_code)
            .set_last_update_status($answer.last_update_status)
            .set_last_update_status_reason($answer.last_update_status_reason)
            .set_last_update_status_reason_code($answer.last_update_status_reason_code)
            .set_description($answer.description)
            .set_role($answer.role)
            .set_memory_size($answer.memory_size)
            .set_timeout($answer.timeout)
            .set_environment($answer.environment)
            .set_image_config_response($answer.image_config_response)
            .set_ephemeral_storage($answer.ephemeral_storage)
            .set_vpc_config($answer.vpc_config)
            .set_file_system_configs($answer.file_system_configs)
            .set_dead_letter_config($answer.dead_letter_config)
            .set_kms_key_arn($answer.kms_key_arn)
            .set_tracing_config($answer.tracing_config)
            .set_logging_config($answer.logging_config)
            .set_durable_config($answer.durable_config)
            .set_capacity_provider_config($answer.capacity_provider_config)
            .set_tenancy_config($answer.tenancy_config)
            .build()
    };
}
pub(super) use as_configuration;

/// A function from GetFunction's answer.
pub(super) fn live_function(call: Operation, answer: &GetFunctionOutput) -> Result<LiveFunction, CloudError> {
    let configuration =
        answer.configuration().ok_or_else(|| call.unexpected("the answer has no configuration"))?;
    let mut function = function(call, configuration)?;
    if let Some(code) = answer.code() {
        function.image_uri = code.image_uri().map(str::to_owned);
        function.resolved_image_uri = code.resolved_image_uri().map(str::to_owned);
    }
    if function.package_type == PackageType::Image && function.image_digest.is_none() {
        let resolved = function.resolved_image_uri.as_deref().and_then(|uri| uri.split_once('@'));
        function.image_digest = resolved.and_then(|(_, digest)| digest.parse().ok());
    }
    let tags = answer.tags().filter(|tags| !tags.is_empty());
    if answer.tags_error().is_some() {
        function.settings.insert("Tags".to_owned(), Value::Null);
    } else if let Some(tags) = tags {
        let mut tags: Vec<(&String, &String)> = tags.iter().collect();
        tags.sort();
        let tags = tags.into_iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        function.settings.insert("Tags".to_owned(), Value::Object(tags));
    }
    Ok(function)
}

/// A function from a configuration, which knows neither the image's URI nor the tags.
pub(super) fn function(
    call: Operation,
    configuration: &FunctionConfiguration,
) -> Result<LiveFunction, CloudError> {
    let arn = configuration.function_arn().ok_or_else(|| call.unexpected("the function has no ARN"))?;
    let version = configuration.version().unwrap_or("$LATEST").to_owned();
    let package_type = match configuration.package_type() {
        Some(types::PackageType::Image) => PackageType::Image,
        None | Some(types::PackageType::Zip) => PackageType::Zip,
        Some(other) => return Err(call.unexpected(format!("unknown package type {other}"))),
    };
    Ok(LiveFunction {
        arn: arn.strip_suffix(":$LATEST").unwrap_or(arn).to_owned(),
        version,
        package_type,
        architecture: architecture(call, configuration)?,
        image_digest: image_digest(configuration),
        image_uri: None,
        resolved_image_uri: None,
        state: state(configuration),
        revision_id: configuration.revision_id().map(str::to_owned),
        modified: configuration.last_modified().and_then(moment),
        settings: Settings::from(configuration).to_json(),
    })
}

/// An entry of ListVersionsByFunction; none for `$LATEST` and whatever else has no number.
pub(super) fn published_version(
    call: Operation,
    configuration: &FunctionConfiguration,
) -> Result<Option<PublishedVersion>, CloudError> {
    let Ok(version) = configuration.version().unwrap_or_default().parse::<Version>() else {
        return Ok(None);
    };
    Ok(Some(PublishedVersion {
        version,
        image_digest: image_digest(configuration),
        settings: Settings::from(configuration).to_json(),
        architecture: architecture(call, configuration)?,
    }))
}

fn architecture(call: Operation, configuration: &FunctionConfiguration) -> Result<Architecture, CloudError> {
    match configuration.architectures().first() {
        None => Ok(Architecture::X86_64),
        Some(name) => name.as_str().parse().map_err(|error| call.unexpected(format!("{error}"))),
    }
}

/// A time as Lambda writes it: `2026-11-27T09:30:00.000+0000`. RFC 3339 has a colon within the zone.
fn moment(text: &str) -> Option<SystemTime> {
    let zone = text.len().checked_sub(5).and_then(|at| text.split_at_checked(at));
    let is_zone = |zone: &str| zone.is_ascii() && zone.starts_with(['+', '-']) && !zone.contains(':');
    let with_colon = zone.filter(|(_, zone)| is_zone(zone));
    let text = with_colon
        .map_or_else(|| text.to_owned(), |(clock, zone)| format!("{clock}{}:{}", &zone[..3], &zone[3..]));
    let moment = DateTime::from_str(&text, DateTimeFormat::DateTimeWithOffset).ok()?;
    SystemTime::try_from(moment).ok()
}

/// The manifest's digest. `CodeSha256` is its bare hex for an image, and base64 for a zip archive: it tells also where the package
/// type is not told.
pub(super) fn image_digest(configuration: &FunctionConfiguration) -> Option<Digest> {
    let zip = configuration.package_type() == Some(&types::PackageType::Zip);
    let digest = configuration.code_sha256().filter(|_| !zip)?;
    Digest::from_hex(digest).or_else(|_| digest.parse()).ok()
}

fn state(from: &FunctionConfiguration) -> FunctionState {
    FunctionState {
        state: from.state().map(|word| word.as_str().to_owned()),
        state_reason: from.state_reason().map(without_signed_queries),
        state_reason_code: from.state_reason_code().map(|code| code.as_str().to_owned()),
        last_update_status: from.last_update_status().map(|word| word.as_str().to_owned()),
        last_update_reason: from.last_update_status_reason().map(without_signed_queries),
        last_update_reason_code: from.last_update_status_reason_code().map(|code| code.as_str().to_owned()),
    }
}

impl From<&FunctionConfiguration> for Settings {
    fn from(from: &FunctionConfiguration) -> Self {
        Self {
            description: given(from.description()),
            role: given(from.role()),
            memory_size: from.memory_size(),
            timeout: from.timeout(),
            environment: from.environment().and_then(environment),
            image_config: from.image_config_response().and_then(image_config),
            ephemeral_storage: from
                .ephemeral_storage()
                .map(|storage| EphemeralStorage { size: storage.size() }),
            vpc_config: from.vpc_config().and_then(vpc_config),
            file_system_configs: file_systems(from.file_system_configs()),
            dead_letter_config: given(from.dead_letter_config().and_then(|config| config.target_arn()))
                .map(|target_arn| DeadLetterConfig { target_arn: Some(target_arn) }),
            kms_key_arn: given(from.kms_key_arn()),
            tracing_config: from
                .tracing_config()
                .and_then(|config| config.mode())
                .map(|mode| TracingConfig { mode: Some(mode.as_str().to_owned()) }),
            logging_config: from.logging_config().map(logging_config),
            durable_config: from.durable_config().map(|config| DurableConfig {
                execution_timeout: config.execution_timeout(),
                retention_period_in_days: config.retention_period_in_days(),
                kms_key_arn: given(config.kms_key_arn()),
            }),
            capacity_provider_config: from.capacity_provider_config().and_then(capacity_provider),
            tenancy_config: from.tenancy_config().map(|config| TenancyConfig {
                tenant_isolation_mode: config.tenant_isolation_mode().as_str().to_owned(),
            }),
            tags: None,
        }
    }
}

/// A text that says something: an empty one is how AWS answers what is not set.
fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn given_list(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn environment(from: &types::EnvironmentResponse) -> Option<Environment> {
    let error = from
        .error()
        .map(|error| ReadError { error_code: given(error.error_code()), message: given(error.message()) });
    let variables = from.variables().filter(|variables| !variables.is_empty());
    let variables = variables
        .map(|variables| variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect());
    (variables.is_some() || error.is_some()).then_some(Environment { variables, error })
}

fn image_config(from: &types::ImageConfigResponse) -> Option<ImageConfig> {
    let error = from
        .error()
        .map(|error| ReadError { error_code: given(error.error_code()), message: given(error.message()) });
    let config = from.image_config();
    let config = ImageConfig {
        entry_point: config.and_then(|config| given_list(config.entry_point())),
        command: config.and_then(|config| given_list(config.command())),
        working_directory: config.and_then(|config| given(config.working_directory())),
        error,
    };
    let says_something = config.entry_point.is_some()
        || config.command.is_some()
        || config.working_directory.is_some()
        || config.error.is_some();
    says_something.then_some(config)
}

/// A function that is in no VPC has a VpcConfig with empty lists.
fn vpc_config(from: &types::VpcConfigResponse) -> Option<VpcConfig> {
    let config = VpcConfig {
        subnet_ids: given_list(from.subnet_ids()),
        security_group_ids: given_list(from.security_group_ids()),
        ipv6_allowed_for_dual_stack: from.ipv6_allowed_for_dual_stack(),
    };
    (config.subnet_ids.is_some() || config.security_group_ids.is_some()).then_some(config)
}

fn file_systems(from: &[types::FileSystemConfig]) -> Option<Vec<FileSystemConfig>> {
    let one = |from: &types::FileSystemConfig| FileSystemConfig {
        arn: from.arn().to_owned(),
        local_mount_path: from.local_mount_path().to_owned(),
        s3_files_config: from.s3_files_config().map(|config| S3FilesConfig {
            direct_s3_read: config.direct_s3_read().map(|mode| mode.as_str().to_owned()),
        }),
    };
    (!from.is_empty()).then(|| from.iter().map(one).collect())
}

fn logging_config(from: &types::LoggingConfig) -> LoggingConfig {
    LoggingConfig {
        log_format: from.log_format().map(|format| format.as_str().to_owned()),
        application_log_level: from.application_log_level().map(|level| level.as_str().to_owned()),
        system_log_level: from.system_log_level().map(|level| level.as_str().to_owned()),
        log_group: given(from.log_group()),
    }
}

fn capacity_provider(from: &types::CapacityProviderConfig) -> Option<CapacityProviderConfig> {
    let instances = from.lambda_managed_instances_capacity_provider_config()?;
    let instances = ManagedInstances {
        capacity_provider_arn: instances.capacity_provider_arn().to_owned(),
        per_execution_environment_max_concurrency: instances.per_execution_environment_max_concurrency(),
        execution_environment_memory_gib_per_v_cpu: instances.execution_environment_memory_gib_per_v_cpu(),
    };
    Some(CapacityProviderConfig { lambda_managed_instances_capacity_provider_config: instances })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_time_is_read_with_any_zone_and_nothing_else_is_one() {
        let at = |seconds, milliseconds| {
            Some(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(milliseconds))
        };
        let table = [
            ("2026-11-27T09:30:00.000+0000", at(1_795_771_800, 0)),
            ("2026-11-27T10:30:00.250+0100", at(1_795_771_800, 250)),
            ("2026-11-27T09:30:00+00:00", at(1_795_771_800, 0)),
            ("2026-11-27T09:30:00Z", at(1_795_771_800, 0)),
            ("2026-11-27", None),
            ("+000é", None),
            ("é+0é0", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(moment(text), expected, "{text:?}");
        }
    }
}
