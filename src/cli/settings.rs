//! From arguments as typed to what the pipeline understands. Everything that is wrong here ends with exit 2.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::apply::ApplySettings;
use crate::cloud::{Encryption, InvocationMode, RepositorySettings};
use crate::config::{self, QuantityError};
use crate::event::Reporter;
use crate::function::{Definition, EnvironmentVariable, EnvironmentVariableError, Flags, Written};
use crate::image::{SourceAccess, SourceRef};
use crate::layer::{Encoding, Level};
use crate::memory::Memory;
use crate::name::{Architecture, FunctionRef, NameError, Region, RepositoryRef};
use crate::plan::{DeploySpec, FunctionSpec};
use crate::policy::PolicyScope;
use crate::preflight::Allowed;
use crate::private_folder::Distrust;
use crate::registry::{DEFAULT_PART_SIZE, RetryPolicy};
use crate::report::Failure;

use super::arguments::{FunctionArguments, ImageArguments, Scope, SourceArguments};
use super::configured::Declared;
use super::docker::daemon_settings;
use super::engine::engine;
use super::session::{default_cache_directory, usage};
use super::traffic::traffic;

/// The image, and the specification apart from the Region, which the connection knows.
pub(super) struct Resolved {
    pub(super) source: SourceRef,
    pub(super) from: SourceArguments,
    pub(super) access: SourceAccess,
    pub(super) repository: RepositoryRef,
    pub(super) tags: Vec<crate::name::Tag>,
    pub(super) architecture: Option<Architecture>,
    pub(super) create_repository: Option<RepositorySettings>,
    pub(super) encoding: Encoding,
    pub(super) mount_from: Vec<RepositoryRef>,
    pub(super) function: Option<FunctionSpec>,
    pub(super) apply: ApplySettings,
    /// The checks whose findings are only told.
    pub(super) allowed: Allowed,
    /// Why nothing is remembered although it was not forbidden.
    pub(super) distrust: Option<Distrust>,
    /// How failures of the registry are answered.
    pub(super) retry: RetryPolicy,
}

impl Resolved {
    /// The specification, once the configured Region is known.
    pub(super) fn spec(&self, region: Region) -> DeploySpec {
        DeploySpec {
            repository: self.repository.clone(),
            region,
            tags: self.tags.clone(),
            create_repository: self.create_repository.clone(),
            encoding: self.encoding,
            mount_from: self.mount_from.clone(),
            architecture: self.architecture,
            function: self.function.clone(),
        }
    }
}

/// Resolves the arguments of `push`, and with `function` those of `deploy` and `plan`.
pub(super) fn resolve(
    image: ImageArguments,
    function: Option<FunctionArguments>,
    reporter: Arc<dyn Reporter>,
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
    let part_size = image.chunk_size.map_or(DEFAULT_PART_SIZE, |mebibytes| u64::from(mebibytes) << 20);
    let mut architecture = image.arch.as_deref().map(parse::<Architecture>).transpose()?;
    let retry = RetryPolicy { stall: duration(&image.stall_timeout)?, ..RetryPolicy::default() };
    let push_timeout = image.push_timeout.as_deref().map(duration).transpose()?;
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
    let encoding = image.compression.as_deref().map(encoding).transpose()?.unwrap_or_default();
    let mount_from = image.mount_from.iter().map(|name| parse(name)).collect::<Result<_, _>>()?;
    let (memory, distrust) = memory(&image.from);
    let allowed = allowed(&image.allow)?;
    Ok(Resolved {
        source,
        access: source_access(&image.from, reporter),
        from: image.from,
        repository: parse(&image.repository)?,
        tags,
        architecture,
        create_repository,
        encoding,
        mount_from,
        function,
        apply: ApplySettings { wait_timeout, jobs: usize::from(image.jobs), part_size, push_timeout, memory },
        retry,
        allowed,
        distrust,
    })
}

/// `--image`, and `check`'s argument.
pub(super) fn source(text: &str) -> Result<SourceRef, Failure> {
    text.parse().map_err(|error: crate::image::ImageError| usage(error.to_string(), error.hint()))
}

/// How a source that is not in a file is reached.
pub(super) fn source_access(arguments: &SourceArguments, reporter: Arc<dyn Reporter>) -> SourceAccess {
    SourceAccess { daemon: daemon_settings(arguments), reporter, ..SourceAccess::default() }
}

/// What is remembered between runs, unless nothing is wanted; or why nothing of it is to be believed.
pub(super) fn memory(arguments: &SourceArguments) -> (Option<Memory>, Option<Distrust>) {
    let memory = (!arguments.no_cache).then(|| Memory::in_folder(cache_folder(arguments)));
    let distrust = memory.as_ref().and_then(Memory::distrust);
    (memory.filter(|_| distrust.is_none()), distrust)
}

/// Where things are remembered.
pub(super) fn cache_folder(arguments: &SourceArguments) -> PathBuf {
    arguments.cache_dir.clone().unwrap_or_else(default_cache_directory)
}

/// `--compression` as typed: a level from 1 to 9, or `keep`.
fn encoding(text: &str) -> Result<Encoding, Failure> {
    let level = text.parse().ok().and_then(Level::new).map(Encoding::Gzip);
    let kept = (text == "keep").then_some(Encoding::Keep);
    level.or(kept).ok_or_else(|| {
        let hint = "write a level from 1 (fast) to 9 (small), or keep".to_owned();
        usage(format!("--compression {text:?} is neither a level nor keep"), Some(hint))
    })
}

/// `--allow` as typed.
pub(super) fn allowed(checks: &[String]) -> Result<Allowed, Failure> {
    Allowed::of(checks.iter().map(String::as_str))
        .map_err(|error| usage(error.to_string(), Some(error.hint())))
}

/// `--arch` as typed.
pub(super) fn architecture(text: Option<&str>) -> Result<Option<Architecture>, Failure> {
    text.map(parse).transpose()
}

/// One architecture of a flag and a function file that may both name one.
pub(super) fn agree(
    flag: Option<Architecture>,
    file: Option<Architecture>,
) -> Result<Option<Architecture>, Failure> {
    match (flag, file) {
        (Some(flag), Some(file)) if flag != file => Err(usage(
            format!("--arch says {flag}, Architectures in the function file says {file}"),
            Some("make them agree, or leave one out".to_owned()),
        )),
        (flag, file) => Ok(flag.or(file)),
    }
}

/// What the arguments, and what the configuration file declares, want of the function; and its architecture, where one is declared.
pub(super) fn function_spec(
    arguments: FunctionArguments,
) -> Result<(FunctionSpec, Option<Architecture>), Failure> {
    let named = arguments.function.as_deref().map(parse::<FunctionRef>).transpose()?;
    let file = arguments.function_file.as_deref();
    let definition = definition(file, &arguments.declared, &flags(&arguments)?, named.as_ref())?;
    let declared = definition.architecture;
    let Some(FunctionRef { name, region, account }) = definition.function.clone() else {
        return Err(usage(
            "no function was named".to_owned(),
            Some("add --function NAME, or FunctionName to the function file or to [function] of lambda-lift.toml".to_owned()),
        ));
    };
    let publish = arguments.publish || (!arguments.no_publish && definition.publish.unwrap_or(true));
    let alias = arguments.alias.as_deref().map(parse).transpose()?;
    if alias.is_some() && !publish {
        return Err(usage(
            "--alias needs a published version, and --no-publish (or Publish in the function file) forbids one"
                .to_owned(),
            Some("leave one of them out".to_owned()),
        ));
    }
    let policy_scope = scope(arguments.policy_scope);
    let traffic = traffic(
        &arguments.strategy,
        arguments.on_interrupt,
        &arguments.watch,
        engine(&arguments.engine, false)?,
    )?;
    Ok((FunctionSpec { name, region, account, definition, publish, alias, traffic, policy_scope }, declared))
}

fn flags(arguments: &FunctionArguments) -> Result<Flags, Failure> {
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    Ok(Flags {
        role: arguments.role.as_deref().map(parse).transpose()?,
        memory: arguments.memory,
        timeout: arguments.timeout,
        ephemeral_storage: arguments.ephemeral_storage,
        description: arguments.description.clone(),
        environment: environment(&arguments.environment, std::env::var("LAMBDA_LIFT_ENV").ok().as_deref())?,
        entry_point: some(&arguments.entrypoint),
        command: some(&arguments.command),
        working_directory: arguments.working_directory.clone(),
        ..Flags::default()
    })
}

/// What is declared of the function: by the configuration file, over it by a function file, over that by flags.
pub(super) fn definition(
    file: Option<&Path>,
    declared: &Declared,
    flags: &Flags,
    named: Option<&FunctionRef>,
) -> Result<Definition, Failure> {
    // Templates were filled in when the arguments were completed, which the tests of this module leave out.
    let read = match (declared.function_file(), file) {
        (Some(rendered), _) => Some(rendered.clone()),
        (None, Some(path)) => Some(Written::plain(read_text(path)?)),
        (None, None) => None,
    };
    Definition::over(declared.below(), read.as_ref(), flags, named).map_err(|error| {
        let message = match file {
            Some(path) => format!("{}: {error}", path.display()),
            None => error.to_string(),
        };
        usage(message, None)
    })
}

/// `K=V` as it is; `K` alone takes its value from this process, so that a secret need not stand in argv. The environment
/// variable behind the flag holds one variable a line.
fn environment(given: &[String], from_variable: Option<&str>) -> Result<Vec<EnvironmentVariable>, Failure> {
    let mut variables = Vec::new();
    for text in given {
        let lines = if from_variable == Some(text) { text.lines().collect() } else { vec![text.as_str()] };
        for line in lines {
            let whole = if line.contains('=') { line.to_owned() } else { inherited(line)? };
            variables.push(
                whole.parse().map_err(|error: EnvironmentVariableError| usage(error.to_string(), None))?,
            );
        }
    }
    Ok(variables)
}

fn inherited(name: &str) -> Result<String, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(format!("{name}={value}")),
        Err(_) => Err(usage(
            format!(
                "--env {name} takes its value from this process's environment, which has no such variable"
            ),
            Some(format!("export {name}, or write --env {name}=VALUE")),
        )),
    }
}

/// The largest function file or policy that is read. Real ones have some kilobytes.
const LARGEST_TEXT: u64 = 4 << 20;

/// Reads a file that the user named.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    read_at_most(path, LARGEST_TEXT, "far more than such a file needs")
}

/// Reads an event that the user named.
pub(super) fn read_event(path: &Path) -> Result<String, Failure> {
    read_at_most(path, InvocationMode::Wait.most_bytes() as u64, "more than Lambda takes in an event")
}

fn read_at_most(path: &Path, most: u64, too_many: &str) -> Result<String, Failure> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(most + 1).read_to_string(&mut text));
    read.map_err(|error| usage(format!("{} cannot be read: {error}", path.display()), None))?;
    if text.len() as u64 > most {
        let message = format!("{} has more than {most} bytes, {too_many}", path.display());
        return Err(usage(message, None));
    }
    Ok(text)
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
pub(super) fn duration(text: &str) -> Result<Duration, Failure> {
    config::duration(text).map_err(no_quantity)
}

/// A quantity that is none is a usage error.
pub(super) fn no_quantity(error: QuantityError) -> Failure {
    usage(error.to_string(), error.hint().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compression_is_a_level_or_keep() {
        let level = |number| Level::new(number).map(Encoding::Gzip);
        for (text, expected) in
            [("1", level(1)), ("9", level(9)), ("keep", Some(Encoding::Keep)), ("0", None), ("10", None)]
        {
            assert_eq!(encoding(text).ok(), expected, "{text}");
        }
        for bad in ["", "Keep", "-1", "gzip", "3.5"] {
            assert!(encoding(bad).unwrap_err().hint.is_some(), "{bad}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("function.json");
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read_text(&path).unwrap(), "{}");
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(read_text(&path).unwrap_err().message.contains("more than"));
        assert!(read_text(folder.path()).is_err());
        assert!(read_event(&path).unwrap_err().message.contains("Lambda"));
        std::fs::write(&path, " ".repeat(6 << 20)).unwrap();
        assert_eq!(read_event(&path).unwrap().len(), 6 << 20, "as much as Lambda takes");
    }
}
