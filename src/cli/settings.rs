//! From arguments as typed to what the pipeline understands. Everything that is wrong here ends with exit 2.

use std::time::Duration;

use crate::apply::ApplySettings;
use crate::cloud::{Encryption, RepositorySettings};
use crate::function::{Definition, EnvironmentVariable, Flags};
use crate::image::SourceRef;
use crate::name::{Architecture, FunctionRef, NameError, Region, RepositoryRef};
use crate::plan::{DeploySpec, FunctionSpec};
use crate::policy::PolicyScope;
use crate::registry::PushSettings;
use crate::report::Failure;

use super::arguments::{FunctionArguments, ImageArguments, Scope};
use super::session::usage;

/// The image, and the specification apart from the Region, which the connection knows.
pub(super) struct Resolved {
    pub(super) source: SourceRef,
    pub(super) repository: RepositoryRef,
    pub(super) tags: Vec<crate::name::Tag>,
    pub(super) architecture: Option<Architecture>,
    pub(super) create_repository: Option<RepositorySettings>,
    pub(super) function: Option<FunctionSpec>,
    pub(super) apply: ApplySettings,
}

impl Resolved {
    /// The specification, once the configured Region is known.
    pub(super) fn spec(&self, region: Region) -> DeploySpec {
        DeploySpec {
            repository: self.repository.clone(),
            region,
            tags: self.tags.clone(),
            create_repository: self.create_repository.clone(),
            architecture: self.architecture,
            function: self.function.clone(),
        }
    }
}

/// Resolves the arguments of `push`, and with `function` those of `deploy` and `plan`.
pub(super) fn resolve(
    image: ImageArguments,
    function: Option<FunctionArguments>,
) -> Result<Resolved, Failure> {
    let source = source(&image.image)?;
    let create_repository = image.create_repository.then(|| RepositorySettings {
        scan_on_push: image.scan_on_push,
        immutable_tags: image.immutable_tags,
        encryption: image.kms_key.clone().map_or(Encryption::Aes256, Encryption::Kms),
    });
    let mut tags: Vec<crate::name::Tag> = Vec::new();
    for tag in &image.tags {
        let tag = parse::<crate::name::Tag>(tag)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let mut push = PushSettings { jobs: usize::from(image.jobs), ..PushSettings::default() };
    if let Some(mebibytes) = image.chunk_size {
        push.chunk_size = u64::from(mebibytes) << 20;
    }
    let mut architecture = image.arch.as_deref().map(parse::<Architecture>).transpose()?;
    let mut wait_timeout = Duration::ZERO;
    let function = match function {
        None => None,
        Some(arguments) => {
            wait_timeout = duration(&arguments.wait_timeout)?;
            let (spec, declared) = function_spec(arguments)?;
            architecture = agree(architecture, declared)?;
            Some(spec)
        }
    };
    Ok(Resolved {
        source,
        repository: parse(&image.repository)?,
        tags,
        architecture,
        create_repository,
        function,
        apply: ApplySettings { wait_timeout, push },
    })
}

/// `--image`, and `check`'s argument.
pub(super) fn source(text: &str) -> Result<SourceRef, Failure> {
    text.parse().map_err(|error: crate::image::ImageError| usage(error.to_string(), error.hint()))
}

/// `--arch` as typed.
pub(super) fn architecture(text: Option<&str>) -> Result<Option<Architecture>, Failure> {
    text.map(parse).transpose()
}

fn agree(flag: Option<Architecture>, file: Option<Architecture>) -> Result<Option<Architecture>, Failure> {
    match (flag, file) {
        (Some(flag), Some(file)) if flag != file => Err(usage(
            format!("--arch says {flag}, Architectures in the function file says {file}"),
            Some("make them agree, or leave one out".to_owned()),
        )),
        (flag, file) => Ok(flag.or(file)),
    }
}

fn function_spec(arguments: FunctionArguments) -> Result<(FunctionSpec, Option<Architecture>), Failure> {
    let definition = definition(&arguments)?;
    let declared = definition.architecture();
    let named = match (&arguments.function, definition.function_name()) {
        (Some(flag), file) => {
            let named: FunctionRef = parse(flag)?;
            if let Some(file) = file.filter(|file| **file != named.name) {
                return Err(usage(
                    format!("--function says {}, FunctionName in the function file says {file}", named.name),
                    Some("make them agree, or leave FunctionName out of the file".to_owned()),
                ));
            }
            named
        }
        (None, Some(file)) => FunctionRef { name: file.clone(), region: None, account: None },
        (None, None) => {
            return Err(usage(
                "no function was named".to_owned(),
                Some("add --function NAME, or FunctionName to the function file".to_owned()),
            ));
        }
    };
    let publish = arguments.publish || !arguments.no_publish;
    let alias = arguments.alias.as_deref().map(parse).transpose()?;
    if alias.is_some() && !publish {
        return Err(usage(
            "--alias needs a published version, and --no-publish forbids one".to_owned(),
            Some("leave one of them out".to_owned()),
        ));
    }
    let FunctionRef { name, region, account } = named;
    let policy_scope = scope(arguments.policy_scope);
    Ok((FunctionSpec { name, region, account, definition, publish, alias, policy_scope }, declared))
}

fn definition(arguments: &FunctionArguments) -> Result<Definition, Failure> {
    let file = match &arguments.function_file {
        None => None,
        Some(path) => Some(read_text(path)?),
    };
    let from_variable = std::env::var("LAMBDA_LIFT_ENV").ok();
    let flags = Flags {
        role: arguments.role.clone(),
        memory: arguments.memory,
        timeout: arguments.timeout,
        ephemeral_storage: arguments.ephemeral_storage,
        description: arguments.description.clone(),
        environment: environment(&arguments.environment, from_variable.as_deref())?,
        entrypoint: arguments.entrypoint.clone(),
        command: arguments.command.clone(),
        working_directory: arguments.working_directory.clone(),
    };
    let definition = match (&arguments.function_file, file) {
        (Some(path), Some(text)) => Definition::from_file(&text, &flags)
            .map_err(|error| usage(format!("{}: {error}", path.display()), None))?,
        _ => Definition::from_flags(&flags).map_err(|error| usage(error.to_string(), None))?,
    };
    Ok(definition)
}

/// `K=V` as it is; `K` alone takes its value from this process, so that a secret need not stand in argv. The environment
/// variable behind the flag holds one variable a line.
fn environment(given: &[String], from_variable: Option<&str>) -> Result<Vec<EnvironmentVariable>, Failure> {
    let from_lines = |text: &String| from_variable == Some(text.as_str());
    let mut variables = Vec::new();
    for text in given {
        let lines: Vec<&str> = if from_lines(text) { text.lines().collect() } else { vec![text.as_str()] };
        for line in lines {
            let (name, value) = match line.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => (line, inherited(line)?),
            };
            variables.push(EnvironmentVariable::new(name, value).map_err(|error| usage(error.to_string(), None))?);
        }
    }
    Ok(variables)
}

fn inherited(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| {
        usage(
            format!("--env {name} takes its value from this process's environment, and it has no {name}"),
            Some(format!("export {name}, or write --env {name}=VALUE")),
        )
    })
}

/// Reads a file that the user named.
pub(super) fn read_text(path: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| usage(format!("{} cannot be read: {error}", path.display()), None))
}

/// The scope under the policy's own type.
pub(super) fn scope(scope: Scope) -> PolicyScope {
    match scope {
        Scope::Function => PolicyScope::Function,
        Scope::Account => PolicyScope::Account,
        Scope::None => PolicyScope::None,
    }
}

/// Parses a name; what is wrong with it is a usage error.
pub(super) fn parse<T: std::str::FromStr<Err = NameError>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: NameError| usage(error.to_string(), None))
}

/// `90`, `90s`, `10m`, `1h`: at most a day.
fn duration(text: &str) -> Result<Duration, Failure> {
    let refuse = || usage(format!("{text:?} is not a duration"), Some("write 90s, 10m or 1h".to_owned()));
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(refuse()),
    };
    let count: u64 = digits.parse().map_err(|_| refuse())?;
    match count.checked_mul(factor) {
        Some(seconds) if (1..=86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(usage(format!("{text:?} must be between one second and one day"), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_or_are_seconds() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600), ("24h", 86_400)] {
            assert_eq!(duration(text).unwrap().as_secs(), seconds, "{text}");
        }
        for bad in ["", "m", "1d", "-1s", "0", "25h", "1.5m", "99999999999999999999"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
