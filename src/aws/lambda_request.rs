//! Settings on their way to Lambda.

use std::collections::HashMap;

use aws_sdk_lambda::types;

use super::lambda_settings::{
    CapacityProviderConfig, DeadLetterConfig, DurableConfig, Environment, EphemeralStorage, FileSystemConfig,
    ImageConfig, LoggingConfig, SettingError, TenancyConfig, TracingConfig, VpcConfig,
};

/// Writes settings into a request: CreateFunction and UpdateFunctionConfiguration name them alike.
macro_rules! configure {
    ($request:expr, $settings:expr) => {
        $request
            .set_description($settings.description)
            .set_role($settings.role)
            .set_memory_size($settings.memory_size)
            .set_timeout($settings.timeout)
            .set_environment($settings.environment.map(Into::into))
            .set_image_config($settings.image_config.map(Into::into))
            .set_ephemeral_storage(
                $settings
                    .ephemeral_storage
                    .map($crate::aws::lambda_request::to_ephemeral_storage)
                    .transpose()?,
            )
            .set_vpc_config($settings.vpc_config.map(Into::into))
            .set_file_system_configs(
                $settings
                    .file_system_configs
                    .map($crate::aws::lambda_request::to_file_systems)
                    .transpose()?,
            )
            .set_dead_letter_config($settings.dead_letter_config.map(Into::into))
            .set_kms_key_arn($settings.kms_key_arn)
            .set_tracing_config($settings.tracing_config.map(Into::into))
            .set_logging_config($settings.logging_config.map(Into::into))
            .set_durable_config($settings.durable_config.map(Into::into))
            .set_capacity_provider_config(
                $settings
                    .capacity_provider_config
                    .map($crate::aws::lambda_request::to_capacity_provider)
                    .transpose()?,
            )
    };
}
pub(super) use configure;

impl From<Environment> for types::Environment {
    fn from(from: Environment) -> Self {
        let variables = from.variables.map(|variables| variables.into_iter().collect::<HashMap<_, _>>());
        Self::builder().set_variables(variables).build()
    }
}

impl From<ImageConfig> for types::ImageConfig {
    fn from(from: ImageConfig) -> Self {
        Self::builder()
            .set_entry_point(from.entry_point)
            .set_command(from.command)
            .set_working_directory(from.working_directory)
            .build()
    }
}

impl From<VpcConfig> for types::VpcConfig {
    fn from(from: VpcConfig) -> Self {
        Self::builder()
            .set_subnet_ids(from.subnet_ids)
            .set_security_group_ids(from.security_group_ids)
            .set_ipv6_allowed_for_dual_stack(from.ipv6_allowed_for_dual_stack)
            .build()
    }
}

impl From<DeadLetterConfig> for types::DeadLetterConfig {
    fn from(from: DeadLetterConfig) -> Self {
        Self::builder().set_target_arn(from.target_arn).build()
    }
}

impl From<TracingConfig> for types::TracingConfig {
    fn from(from: TracingConfig) -> Self {
        Self::builder().set_mode(from.mode.as_deref().map(Into::into)).build()
    }
}

impl From<LoggingConfig> for types::LoggingConfig {
    fn from(from: LoggingConfig) -> Self {
        Self::builder()
            .set_log_format(from.log_format.as_deref().map(Into::into))
            .set_application_log_level(from.application_log_level.as_deref().map(Into::into))
            .set_system_log_level(from.system_log_level.as_deref().map(Into::into))
            .set_log_group(from.log_group)
            .build()
    }
}

impl From<DurableConfig> for types::DurableConfig {
    fn from(from: DurableConfig) -> Self {
        Self::builder()
            .set_execution_timeout(from.execution_timeout)
            .set_retention_period_in_days(from.retention_period_in_days)
            .set_kms_key_arn(from.kms_key_arn)
            .build()
    }
}

fn built<T, E>(key: &str, built: Result<T, E>) -> Result<T, SettingError> {
    built.map_err(|_| SettingError::Shape(key.to_owned()))
}

pub(super) fn to_ephemeral_storage(from: EphemeralStorage) -> Result<types::EphemeralStorage, SettingError> {
    built("EphemeralStorage", types::EphemeralStorage::builder().size(from.size).build())
}

pub(super) fn to_file_systems(
    from: Vec<FileSystemConfig>,
) -> Result<Vec<types::FileSystemConfig>, SettingError> {
    let one = |from: FileSystemConfig| {
        let read = from.s3_files_config.map(|config| {
            types::S3FilesConfig::builder()
                .set_direct_s3_read(config.direct_s3_read.as_deref().map(Into::into))
                .build()
        });
        let builder =
            types::FileSystemConfig::builder().arn(from.arn).local_mount_path(from.local_mount_path);
        built("FileSystemConfigs", builder.set_s3_files_config(read).build())
    };
    from.into_iter().map(one).collect()
}

pub(super) fn to_capacity_provider(
    from: CapacityProviderConfig,
) -> Result<types::CapacityProviderConfig, SettingError> {
    let from = from.lambda_managed_instances_capacity_provider_config;
    let instances = types::LambdaManagedInstancesCapacityProviderConfig::builder()
        .capacity_provider_arn(from.capacity_provider_arn)
        .set_per_execution_environment_max_concurrency(from.per_execution_environment_max_concurrency)
        .set_execution_environment_memory_gib_per_v_cpu(from.execution_environment_memory_gib_per_v_cpu)
        .build();
    let instances = built("CapacityProviderConfig", instances)?;
    Ok(types::CapacityProviderConfig::builder()
        .lambda_managed_instances_capacity_provider_config(instances)
        .build())
}

pub(super) fn to_tenancy(from: TenancyConfig) -> Result<types::TenancyConfig, SettingError> {
    let mode = types::TenantIsolationMode::from(from.tenant_isolation_mode.as_str());
    built("TenancyConfig", types::TenancyConfig::builder().tenant_isolation_mode(mode).build())
}
