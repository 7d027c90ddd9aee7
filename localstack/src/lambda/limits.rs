//! What a function's settings may be.

use serde_json::json;

use super::configuration::{Configuration, Environment, ImageConfig};
use super::refusal::Refusal;

const ROLE_PATTERN: &str = "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";

/// The names that Lambda itself gives values to.
const RESERVED_VARIABLES: [&str; 16] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_TASK_ROOT",
];

/// Refuses the first setting that Lambda would not take.
pub(super) fn check(configuration: &Configuration) -> Result<(), Refusal> {
    range("memorySize", configuration.memory_size, 128, 10_240)?;
    range("timeout", configuration.timeout, 1, 900)?;
    range(
        "ephemeralStorage.size",
        configuration.ephemeral_storage.as_ref().map(|disk| disk.size),
        512,
        10_240,
    )?;
    length("description", configuration.description.as_deref().unwrap_or_default().chars().count(), 256)?;
    if let Some(role) = configuration.role.as_deref().filter(|role| role_account(role).is_none()) {
        let constraint = format!("Member must satisfy regular expression pattern: {ROLE_PATTERN}");
        return Err(Refusal::constraint("role", role, &constraint));
    }
    if let Some(vpc) = &configuration.vpc_config {
        length("vpcConfig.subnetIds", vpc.subnet_ids.len(), 16)?;
        length("vpcConfig.securityGroupIds", vpc.security_group_ids.len(), 5)?;
    }
    for file_system in configuration.file_system_configs.iter().flatten() {
        let path = &file_system.local_mount_path;
        let name = path.strip_prefix("/mnt/").unwrap_or_default();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(fits) {
            let constraint = "Member must satisfy regular expression pattern: ^/mnt/[a-zA-Z0-9-_.]+$";
            return Err(Refusal::constraint("fileSystemConfigs.1.member.localMountPath", path, constraint));
        }
    }
    length("fileSystemConfigs", configuration.file_system_configs.as_ref().map_or(0, Vec::len), 1)?;
    if let Some(tracing) = configuration.tracing_config.as_ref()
        && !["Active", "PassThrough"].contains(&tracing.mode.as_str())
    {
        let constraint = "Member must satisfy enum value set: [Active, PassThrough]";
        return Err(Refusal::constraint("tracingConfig.mode", &tracing.mode, constraint));
    }
    configuration.image_config.as_ref().map_or(Ok(()), image)?;
    configuration.environment.as_ref().map_or(Ok(()), environment)
}

fn range(member: &str, value: Option<i64>, least: i64, most: i64) -> Result<(), Refusal> {
    let (word, bound) = match value {
        Some(value) if value < least => ("greater", least),
        Some(value) if value > most => ("less", most),
        _ => return Ok(()),
    };
    let constraint = format!("Member must have value {word} than or equal to {bound}");
    Err(Refusal::constraint(member, value.unwrap_or_default(), &constraint))
}

fn length(member: &str, length: usize, most: usize) -> Result<(), Refusal> {
    if length <= most {
        return Ok(());
    }
    let constraint = format!("Member must have length less than or equal to {most}");
    Err(Refusal::constraint(member, format!("[{length} items]"), &constraint))
}

fn image(config: &ImageConfig) -> Result<(), Refusal> {
    length("imageConfig.entryPoint", config.entry_point.as_ref().map_or(0, Vec::len), 1500)?;
    length("imageConfig.command", config.command.as_ref().map_or(0, Vec::len), 1500)?;
    length(
        "imageConfig.workingDirectory",
        config.working_directory.as_deref().unwrap_or_default().len(),
        1000,
    )?;
    if json!(config).to_string().len() > 16 * 1024 {
        return Err(Refusal::invalid("The image settings must be smaller than 16 KB."));
    }
    Ok(())
}

fn environment(environment: &Environment) -> Result<(), Refusal> {
    const UNABLE: &str = "Lambda was unable to configure your environment variables because the environment \
                          variables you have provided";
    for name in environment.variables.keys() {
        let mut bytes = name.bytes();
        let starts = bytes.next().is_some_and(|first| first.is_ascii_alphabetic());
        if !starts || name.len() < 2 || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            let constraint = "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: \
                              [a-zA-Z]([a-zA-Z0-9_])+]";
            return Err(Refusal::constraint("environment.variables", name, constraint));
        }
    }
    let reserved: Vec<&str> =
        RESERVED_VARIABLES.into_iter().filter(|name| environment.variables.contains_key(*name)).collect();
    if !reserved.is_empty() {
        return Err(Refusal::invalid(format!(
            "{UNABLE} contains reserved keys that are currently not supported for modification. \
             Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    let measured = json!(environment.variables).to_string();
    if measured.len() > 4096 {
        // AWS really does repeat the values here: whoever passes this text on leaks them.
        return Err(Refusal::invalid(format!(
            "{UNABLE} exceeded the 4KB limit. String measured: {measured}"
        )));
    }
    Ok(())
}

/// The account of a role's ARN; none when the text is no such ARN.
pub(super) fn role_account(arn: &str) -> Option<&str> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = fields.as_slice() else { return None };
    let name = resource.strip_prefix("role")?;
    let name = name.strip_prefix('/').unwrap_or(name);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&byte);
    let sound = (partition.is_empty() || partition.starts_with("aws"))
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(fits);
    sound.then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_beyond_the_limits_are_refused() {
        let long = "x".repeat(4096);
        for (settings, part) in [
            (
                json!({"MemorySize": 127}),
                "'127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128",
            ),
            (json!({"MemorySize": 10241}), "less than or equal to 10240"),
            (json!({"Timeout": 0}), "at 'timeout'"),
            (json!({"Timeout": 901}), "less than or equal to 900"),
            (json!({"EphemeralStorage": {"Size": 511}}), "greater than or equal to 512"),
            (json!({"EphemeralStorage": {"Size": 10241}}), "less than or equal to 10240"),
            (json!({"Description": "d".repeat(257)}), "'description'"),
            (
                json!({"Role": "r1"}),
                "Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws",
            ),
            (json!({"VpcConfig": {"SubnetIds": vec!["subnet-1"; 17], "SecurityGroupIds": []}}), "subnetIds"),
            (
                json!({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": vec!["sg-1"; 6]}}),
                "securityGroupIds",
            ),
            (json!({"FileSystemConfigs": [{"Arn": "a", "LocalMountPath": "/tmp/x"}]}), "^/mnt/"),
            (
                json!({"FileSystemConfigs": [{"Arn": "a", "LocalMountPath": "/mnt/x"}, {"Arn": "a", "LocalMountPath": "/mnt/y"}]}),
                "fileSystemConfigs",
            ),
            (json!({"TracingConfig": {"Mode": "On"}}), "[Active, PassThrough]"),
            (json!({"ImageConfig": {"Command": vec!["c"; 1501]}}), "imageConfig.command"),
            (json!({"ImageConfig": {"WorkingDirectory": "/".repeat(1001)}}), "workingDirectory"),
            (json!({"ImageConfig": {"Command": vec!["c".repeat(100); 200]}}), "16 KB"),
            (json!({"Environment": {"Variables": {"1A": "x"}}}), "environment.variables"),
            (
                json!({"Environment": {"Variables": {"AWS_REGION": "x"}}}),
                "Reserved keys used in this request: AWS_REGION",
            ),
            (
                json!({"Environment": {"Variables": {"LARGE": long}}}),
                "exceeded the 4KB limit. String measured: {\"LARGE\":\"xxx",
            ),
        ] {
            let configuration: Configuration = serde_json::from_value(settings).unwrap();
            let refusal = check(&configuration).unwrap_err();
            assert_eq!(refusal.status, 400);
            assert!(refusal.message.contains(part), "{part}: {}", refusal.message);
        }
    }

    #[test]
    fn settings_at_the_limits_are_taken() {
        for settings in [
            json!({}),
            json!({"MemorySize": 128, "Timeout": 1, "EphemeralStorage": {"Size": 512}}),
            json!({"MemorySize": 10240, "Timeout": 900, "EphemeralStorage": {"Size": 10240}}),
            json!({"Role": "arn:aws-cn:iam::123456789012:role/service-role/a.b+c=d,e@f-g_h"}),
            json!({"Environment": {"Variables": {"LARGE": "x".repeat(4096 - "{\"LARGE\":\"\"}".len())}}}),
            json!({"ImageConfig": {"Command": vec!["c"; 1500]}}),
        ] {
            let configuration: Configuration = serde_json::from_value(settings).unwrap();
            assert_eq!(check(&configuration), Ok(()));
        }
    }
}
