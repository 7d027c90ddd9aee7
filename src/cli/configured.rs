//! The command line, completed by the configuration file: flag > environment variable > file.
//!
//! The arguments are parsed twice. The first time nothing is required: it shows what was typed or is set, and where the file is. What the
//! file has for the rest is put behind what was typed, and all of it is parsed as ever, so that what goes with what is said in one place
//! only: the command line's own definition.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _};

use crate::config::{ConfigError, Configuration, Given, GivenValue, TargetConfiguration};
use crate::function::{self, Flags, Written};
use crate::lambroll::ExternalVariables;
use crate::permission::ValueUses;
use crate::report::{Failure, Stage};

use super::arguments::{self, Cli, without_idle_variables};
use super::configuration_file::{FILE_NAME, Surroundings, open};
use super::explanation;
use super::lambroll;
use super::misuse::Misuse;
use super::reach::{REACH, Reached};
use super::session::usage;
use super::targets::choose_among;
use super::typed::{Permitted, SETTINGS_OF_A_NEW_REPOSITORY, Typed};
use super::values::Values;

/// A target of the configuration file that was chosen.
#[derive(Debug)]
pub struct Chosen {
    /// What it is called.
    pub(super) name: String,
    /// When its turn is.
    pub(super) wave: u16,
    /// Where it is in the file.
    pub(super) place: String,
    /// What would have to be typed for it alone.
    pub(super) cli: Cli,
}

/// What files declare of the function.
#[derive(Debug, Clone, Default)]
pub(super) struct Declared {
    below: Vec<Written>,
    function_file: Option<Written>,
}

impl Declared {
    /// What the configuration file declares, the weakest first.
    pub(super) fn below(&self) -> &[Written] {
        &self.below
    }

    /// What the function file declares that was typed, with its templates filled in.
    pub(super) fn function_file(&self) -> Option<&Written> {
        self.function_file.as_ref()
    }

    /// Whether the configuration file declares nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.below.is_empty()
    }
}

/// How the configuration file is.
#[derive(Debug, Clone, Default)]
pub(super) struct FileState {
    /// Where it is; none where there is none, or it cannot be used.
    pub(super) file: Option<String>,
    /// Why it cannot be used.
    pub(super) problem: Option<Failure>,
}

/// What a process was asked for.
#[derive(Debug)]
pub enum Invocation {
    /// One command.
    One(Box<Cli>),
    /// The same command for several targets of the configuration file; at least one.
    Many(Vec<Chosen>),
}

impl Invocation {
    /// Parses this process's arguments and environment, and the configuration file.
    ///
    /// # Errors
    /// Fails where they name no command with its flags, where the file cannot be used, and where help or the version is all that is
    /// wanted.
    pub fn of_process() -> Result<Self, Misuse> {
        parse(std::env::args_os().collect())
    }
}

fn parse(arguments: Vec<OsString>) -> Result<Invocation, Misuse> {
    let one = |cli| Invocation::One(Box::new(cli));
    if let Some(code) = explanation::wanted(&arguments) {
        return Err(Misuse::explain(code));
    }
    let Ok(typed) = Typed::of(&arguments) else {
        // What is wrong is told with the usage line that says what is required.
        return strictly(&arguments).map(one).map_err(Misuse::of_process);
    };
    let globs = typed.texts("targets");
    if globs.is_empty() {
        let from_file = match FromFile::read(&typed) {
            // It is there to say what is wrong.
            Err(failure) if typed.command.get_name() == "doctor" => {
                FromFile { problem: Some(failure), ..FromFile::default() }
            }
            read => read.map_err(Misuse::of_file)?,
        };
        return from_file.complete(arguments, &typed).map(one);
    }
    let targets = choose(&typed, &globs).map_err(Misuse::of_file)?;
    let chosen = targets.into_iter().map(|target| {
        let about = format!("target {} ({})", target.name, target.place);
        let file = (Path::new(target.configuration.file()), &target.configuration);
        let from_file = FromFile::of(Some(file), &typed).map_err(Misuse::of_file);
        let cli = from_file.and_then(|from_file| from_file.complete(arguments.clone(), &typed));
        let cli = cli.map_err(|misuse| misuse.about(&about))?;
        Ok(Chosen { name: target.name, wave: target.wave, place: target.place, cli })
    });
    chosen.collect::<Result<_, _>>().map(Invocation::Many)
}

fn strictly(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = without_idle_variables(Cli::command()).try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

/// The commands that a broken file must not keep from working: a shell runs them at its start.
const WITHOUT_FILE: [&str; 2] = ["completions", "man"];

/// What the file has for a command.
#[derive(Default)]
struct FromFile {
    /// The file; none where there is none.
    file: Option<String>,
    given: Vec<Given>,
    declared: Declared,
    /// Whether the file has targets, none of which was chosen.
    has_targets: bool,
    /// What its values were read from.
    values: ValueUses,
    problem: Option<Failure>,
}

impl FromFile {
    fn read(typed: &Typed) -> Result<Self, Failure> {
        if WITHOUT_FILE.contains(&typed.command.get_name()) {
            return Ok(Self::default());
        }
        let file = configuration(typed)?;
        Self::of(file.as_ref().map(|(path, configuration)| (path.as_path(), configuration)), typed)
    }

    /// What a configuration file gives, and lambroll's files beside it.
    fn of(file: Option<(&Path, &Configuration)>, typed: &Typed) -> Result<Self, Failure> {
        let path = file.map_or(Path::new(""), |(path, _)| path);
        let mut given = options(typed)?;
        if let Some((_, configuration)) = file {
            let has = |id: &str| given.iter().any(|given: &Given| given.argument == id);
            let wanted = |_: &str, id: &str| REACH.contains(&id) && typed.lacks(id) && !has(id);
            let found = configuration.arguments(&wanted, &Surroundings::beside(path)).map_err(unusable)?;
            given.extend(found);
        }
        let Reached { reach, variables, external } = Reached::of(&typed.matches, &given)?;
        let values = Values::new(reach);
        let elsewhere = Elsewhere { values: &values, variables: &variables, external: &external };
        let permitted = Permitted::of(typed);
        let mut declared = Declared::default();
        if let Some((path, configuration)) = file {
            let sources = Surroundings::beside(path).with(&values, &variables);
            let wanted =
                |table: &str, id: &str| !REACH.contains(&id) && typed.lacks(id) && !typed.ends_before(table);
            // Two versions are compared with each other, whatever is declared.
            let takes_declaration = typed.argument("function_file").is_some() && !typed.has("from");
            values.prefetch(&configuration.asks(&wanted, takes_declaration));
            if let Some(permitted) = &permitted {
                values.prefetch(&permitted.asks(configuration).into_iter().collect::<Vec<_>>());
            }
            given.extend(configuration.arguments(&wanted, &sources).map_err(unusable)?);
            if takes_declaration {
                declared.below = elsewhere.declared(configuration, typed, &sources)?;
            }
            for argument in ["function", "functions"] {
                if typed.lacks(argument) && !takes_declaration {
                    given.extend(elsewhere.function_name(configuration, argument, &sources)?);
                }
            }
        }
        if let Some(path) = typed.matches.try_get_one::<PathBuf>("function_file").ok().flatten() {
            declared.function_file = Some(lambroll::function_file(path, &external, &elsewhere.sources())?);
        }
        let uses = permitted.map(|permitted| {
            let mut asks = file.map(|(_, configuration)| permitted.asks(configuration)).unwrap_or_default();
            if permitted.know_the_function() {
                // A function file is filled in as a whole, whatever is wanted of it.
                let of_configuration = file.map(|(_, configuration)| configuration.asks(&|_, _| true, true));
                let of_configuration = of_configuration.unwrap_or_default();
                asks.extend(values.asked().into_iter().filter(|ask| !of_configuration.contains(ask)));
            }
            values.uses(&asks)
        });
        let has_targets = file.is_some_and(|(_, configuration)| configuration.targets().next().is_some());
        let file = file.map(|(_, configuration)| configuration.file().to_owned());
        Ok(Self { file, given, declared, has_targets, values: uses.unwrap_or_default(), problem: None })
    }

    /// The command line with what the file gives put behind what was typed.
    fn complete(self, arguments: Vec<OsString>, typed: &Typed) -> Result<Cli, Misuse> {
        let completed = completed(arguments, &typed.command, &self.given);
        let mut cli = strictly(&completed).map_err(|error| {
            let hint = self.explain(&error, &typed.command);
            Misuse::of_process(error).hint(hint)
        })?;
        if let arguments::Command::Permissions(arguments) = &mut cli.command {
            arguments.values = self.values;
        }
        if let Some(declared) = cli.command.declared() {
            *declared = self.declared;
        } else if let arguments::Command::Doctor(arguments) = &mut cli.command {
            arguments.file = FileState { file: self.file, problem: self.problem };
        }
        Ok(cli)
    }

    /// What the file has to do with an error of the command line.
    fn explain(&self, error: &clap::Error, command: &Command) -> Option<String> {
        let text = error.to_string();
        let told = text.split("Usage:").next().unwrap_or_default();
        let named = |long: &str| told.split([' ', '\'', ',', '\n']).any(|word| word == long);
        let long_of = |given: &Given| {
            let argument = command.get_arguments().find(|argument| argument.get_id() == given.argument);
            argument.and_then(Arg::get_long).map(|long| format!("--{long}"))
        };
        let mut said: Vec<String> = Vec::new();
        for given in &self.given {
            if long_of(given).is_some_and(|long| named(&long)) {
                said.push(format!("{} is set at {}", given.key, given.place));
            } else if needs(given).is_some_and(named) {
                said.push(format!("{} at {} needs it", given.key, given.place));
            }
        }
        if error.kind() == ErrorKind::MissingRequiredArgument {
            said.push(match &self.file {
                Some(file)
                    if self.has_targets && command.get_arguments().any(|a| a.get_id() == "targets") =>
                {
                    format!("{file} has targets: choose with --target NAME, or all of them with --target '*'")
                }
                Some(file) => format!("{file} does not have it either"),
                None => format!("a file {FILE_NAME} may have it, too"),
            });
        }
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// The flag without which a key says nothing.
fn needs(given: &Given) -> Option<&'static str> {
    match given.argument {
        "smoke_expect" => Some("--smoke-event"),
        "allow_firing_alarm" => Some("--alarm"),
        id if SETTINGS_OF_A_NEW_REPOSITORY.contains(&id) => Some("--create-repository"),
        _ if given.key.starts_with("release.") => Some("--alias"),
        _ => None,
    }
}

fn unusable(error: ConfigError) -> Failure {
    Failure { kind: "config", stage: Stage::Usage, message: error.to_string(), hint: error.hint() }
}

/// The configuration file, in the environment that was asked for.
fn configuration(typed: &Typed) -> Result<Option<(PathBuf, Configuration)>, Failure> {
    let environment = typed.text("env_name").map(String::as_str);
    match (open(&typed.matches)?, environment) {
        (Some((path, bytes)), environment) => {
            let configuration = Configuration::new(&path, &bytes, environment).map_err(unusable)?;
            Ok(Some((path, configuration)))
        }
        (None, None) => Ok(None),
        (None, Some(name)) => Err(usage(
            format!("there is no {FILE_NAME}, and so no environment {name:?}"),
            Some("name the file with --config FILE, or leave --env-name out".to_owned()),
        )),
    }
}

/// What lambroll's option file gives.
fn options(typed: &Typed) -> Result<Vec<Given>, Failure> {
    let Some(path) = typed.matches.try_get_one::<PathBuf>("option").ok().flatten() else {
        return Ok(Vec::new());
    };
    let is_quiet = typed.matches.try_get_one::<bool>("quiet").ok().flatten().is_some_and(|quiet| *quiet);
    let mut given = lambroll::option_file(path, is_quiet)?;
    given.retain(|given| typed.lacks(given.argument));
    Ok(given)
}

/// The targets that the globs choose, by their names or their functions' in `[function]`.
fn choose(typed: &Typed, globs: &[String]) -> Result<Vec<TargetConfiguration>, Failure> {
    let Some((path, configuration)) = configuration(typed)? else {
        let hint = "name the file with --config FILE, or leave --target out".to_owned();
        return Err(usage(format!("there is no {FILE_NAME}, and so no target"), Some(hint)));
    };
    choose_among(configuration.file(), configuration.targets().collect(), globs, |target| {
        // A name that cannot be known here is told where it is used.
        let named = target.configuration.function_name("function", &Surroundings::beside(&path));
        match named.ok().flatten()?.value {
            GivenValue::Texts(texts) => texts.into_iter().next(),
            GivenValue::Flag(_) => None,
        }
    })
}

/// Values from elsewhere, for files that a configuration file names and for those that were typed.
struct Elsewhere<'a> {
    values: &'a Values,
    variables: &'a BTreeMap<String, String>,
    external: &'a ExternalVariables,
}

impl Elsewhere<'_> {
    fn sources(&self) -> lambroll::Sources<'_> {
        lambroll::Sources { variables: self.variables, values: Some(self.values) }
    }

    /// What `function-file` and `[function]` declare. A function file that was typed takes the place of the file's.
    fn declared(
        &self,
        configuration: &Configuration,
        typed: &Typed,
        sources: &Surroundings<'_>,
    ) -> Result<Vec<Written>, Failure> {
        let mut declarations = Vec::new();
        if !typed.has("function_file") {
            declarations.extend(self.function_file(configuration, sources)?);
        }
        declarations.extend(configuration.function(sources).map_err(unusable)?);
        Ok(declarations)
    }

    /// What is in `function-file`, checked, so that what is wrong with it is told with its own name.
    fn function_file(
        &self,
        configuration: &Configuration,
        sources: &Surroundings<'_>,
    ) -> Result<Option<Written>, Failure> {
        let Some((path, place)) = configuration.function_file(sources).map_err(unusable)? else {
            return Ok(None);
        };
        let beside = |message: String, hint: Option<String>| Failure {
            kind: "config",
            stage: Stage::Usage,
            message: format!("{message} ({place} names it)"),
            hint,
        };
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(beside(format!("{} is not a plain file", path.display()), None));
        }
        let read = lambroll::function_file(&path, self.external, &self.sources());
        let declaration = read.map_err(|failure| beside(failure.message, failure.hint))?;
        let checked = function::Definition::over(&[], Some(&declaration), &Flags::default(), None);
        checked.map_err(|error| beside(format!("{}: {error}", path.display()), None))?;
        Ok(Some(declaration))
    }

    /// The function's name, for the commands that want nothing else of it.
    fn function_name(
        &self,
        configuration: &Configuration,
        argument: &'static str,
        sources: &Surroundings<'_>,
    ) -> Result<Option<Given>, Failure> {
        if let Some(given) = configuration.function_name(argument, sources).map_err(unusable)? {
            return Ok(Some(given));
        }
        let Some(declaration) = self.function_file(configuration, sources)? else { return Ok(None) };
        let declared: serde_json::Value = serde_json::from_str(&declaration.text).unwrap_or_default();
        Ok(declared["FunctionName"].as_str().map(|name| Given {
            argument,
            key: "FunctionName of function-file".to_owned(),
            place: configuration.file().to_owned(),
            value: GivenValue::Texts(vec![name.to_owned()]),
        }))
    }
}

/// What was typed, and behind it what the file gives.
fn completed(mut arguments: Vec<OsString>, command: &Command, given: &[Given]) -> Vec<OsString> {
    let mut flags: Vec<OsString> = Vec::new();
    let mut positional: Vec<OsString> = Vec::new();
    for given in given {
        let argument = command.get_arguments().find(|argument| argument.get_id() == given.argument);
        let long = argument.and_then(Arg::get_long);
        match (&given.value, long) {
            (GivenValue::Flag(true), Some(long)) => flags.push(format!("--{long}").into()),
            (GivenValue::Texts(texts), Some(long)) => {
                flags.extend(texts.iter().map(|text| OsString::from(format!("--{long}={text}"))));
            }
            (GivenValue::Texts(texts), None) => positional.extend(texts.iter().map(OsString::from)),
            (GivenValue::Flag(_), _) => {}
        }
    }
    // Behind a `--` of the user, which only commands with a positional argument take, flags would be none.
    let takes_positional = command.get_positionals().next().is_some();
    let end = arguments.iter().position(|argument| takes_positional && argument == "--");
    let end = end.unwrap_or_else(|| {
        arguments.push("--".into());
        arguments.len() - 1
    });
    arguments.splice(end..end, flags);
    if positional.is_empty() && arguments.last().is_some_and(|last| last == "--") {
        arguments.pop();
    }
    arguments.extend(positional);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn given(argument: &'static str, texts: &[&str]) -> Given {
        let value = GivenValue::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
        Given { argument, key: argument.to_owned(), place: "x.toml:1:1".to_owned(), value }
    }

    #[test]
    fn what_the_file_gives_stands_behind_what_was_typed() {
        let image = given("image", &["-app.tar"]);
        let region = given("region", &["eu-west-1"]);
        for (line, expected) in [
            ("lambda-lift check", "lambda-lift check --region=eu-west-1 -- -app.tar"),
            ("lambda-lift check --", "lambda-lift check --region=eu-west-1 -- -app.tar"),
            ("lambda-lift push --jobs 2", "lambda-lift push --jobs 2 --image=-app.tar --region=eu-west-1"),
        ] {
            let typed = Typed::of(&words(line)).unwrap();
            let all = completed(words(line), &typed.command, &[image.clone(), region.clone()]);
            assert_eq!(all, words(expected), "{line}");
        }
    }

    #[test]
    fn the_file_gives_only_what_nobody_else_did_and_what_nothing_stands_against() {
        for (line, id, lacks) in [
            ("deploy", "image", true),
            ("deploy --image x", "image", false),
            ("deploy --strategy all-at-once", "strategy", false),
            ("release", "strategy", true),
            ("release --resume", "strategy", false),
            ("push", "strategy", false),
            ("policy ensure", "accounts", true),
            ("--region x status", "region", false),
            ("prune", "repositories", true),
            ("prune --function f", "repositories", false),
            ("prune --repository r", "functions", false),
            ("status", "aliases", true),
            ("release", "hook_before", true),
            ("release --engine codedeploy", "hook_before", true),
            ("release --engine direct", "hook_before", false),
            ("release --engine direct", "codedeploy_group", false),
            ("release --resume", "hook_before", false),
            ("release --resume", "codedeploy_group", true),
        ] {
            let typed = Typed::of(&words(&format!("lambda-lift {line}"))).unwrap();
            assert_eq!(typed.lacks(id), lacks, "{line}: {id}");
        }
    }

    #[test]
    fn without_a_version_the_file_asks_for_no_release() {
        for (line, table, ends) in [
            ("deploy --no-publish", "release", true),
            ("deploy --no-publish", "push", false),
            ("deploy", "release", false),
            ("rollback", "release", false),
        ] {
            let typed = Typed::of(&words(&format!("lambda-lift {line}"))).unwrap();
            assert_eq!(typed.ends_before(table), ends, "{line}: {table}");
        }
    }

    #[test]
    fn what_the_file_declares_is_not_in_a_debug_output() {
        let declared = Declared { below: vec![Written::plain("hunter2")], ..Declared::default() };
        assert!(!format!("{declared:?}").contains("hunter2"));
    }

    #[test]
    fn every_key_of_a_file_stands_for_an_argument_of_a_command() {
        let mut root = Cli::command();
        root.build();
        let mut commands = vec![root];
        let mut ids = std::collections::BTreeSet::new();
        while let Some(command) = commands.pop() {
            ids.extend(command.get_arguments().map(|argument| argument.get_id().to_string()));
            commands.extend(command.get_subcommands().cloned());
        }
        for argument in crate::config::arguments() {
            assert!(ids.contains(argument), "no command has {argument}");
        }
    }
}
