//! What was typed or is set in the environment, before anything else completes it.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _};

use crate::config::Configuration;
use crate::values::Ask;

use super::arguments::{Cli, EngineName, ForCommand, is_off, without_idle_variables};

/// What was typed or is set in the environment.
pub(super) struct Typed {
    /// The command that was typed, as it is defined.
    pub(super) command: Command,
    /// What was found for it.
    pub(super) matches: ArgMatches,
}

impl Typed {
    pub(super) fn of(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let mut command = Cli::command();
        command.build();
        let lenient = without_requirements(without_idle_variables(Cli::command()));
        let mut matches = lenient.try_get_matches_from(arguments)?;
        while let Some((name, below)) = matches.remove_subcommand() {
            command = command.find_subcommand(&name).cloned().unwrap_or(command);
            matches = below;
        }
        Ok(Self { command, matches })
    }

    pub(super) fn argument(&self, id: &str) -> Option<&Arg> {
        self.command.get_arguments().find(|argument| argument.get_id() == id)
    }

    /// Whether the command knows the argument and it was typed or is set.
    pub(super) fn has(&self, id: &str) -> bool {
        let Some(argument) = self.argument(id) else { return false };
        let source = self.matches.value_source(id);
        matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) || is_turned_off(argument)
    }

    /// Whether the file may give the argument: nobody else did, and nobody gave what stands against it.
    pub(super) fn lacks(&self, id: &str) -> bool {
        let Some(argument) = self.argument(id) else { return false };
        let conflicts = self.command.get_arg_conflicts_with(argument);
        let is_needless = (SETTINGS_OF_A_NEW_REPOSITORY.contains(&id) && self.is_off("create_repository"))
            || (CODEDEPLOY_GROUP.contains(&id) && self.moves_traffic_itself())
            || (CODEDEPLOY_DETAILS.contains(&id) && (self.moves_traffic_itself() || self.has("resume")));
        // Whoever names what shall be pruned means that, and nothing beside it.
        let is_named = PRUNED.contains(&id) && PRUNED.iter().any(|id| self.has(id));
        !self.has(id)
            && !conflicts.iter().any(|other| self.has(other.get_id().as_str()))
            && !is_needless
            && !is_named
    }

    /// Whether what a table of the file is about does not come about: without a version there is no release.
    pub(super) fn ends_before(&self, table: &str) -> bool {
        table == "release" && self.has("no_publish") && !self.is_off("no_publish")
    }

    /// Whether somebody asked for no help of CodeDeploy's, so that the file's settings of it say nothing.
    fn moves_traffic_itself(&self) -> bool {
        let engine = self.matches.try_get_one::<EngineName>("engine").ok().flatten();
        self.has("engine") && engine == Some(&EngineName::Direct)
    }

    fn is_off(&self, id: &str) -> bool {
        self.argument(id).is_some_and(is_turned_off)
    }

    pub(super) fn text(&self, id: &str) -> Option<&String> {
        self.matches.try_get_one::<String>(id).ok().flatten()
    }

    pub(super) fn texts(&self, id: &str) -> Vec<String> {
        self.matches.try_get_many::<String>(id).ok().flatten().into_iter().flatten().cloned().collect()
    }
}

/// What says something only together with `--create-repository`.
pub(super) const SETTINGS_OF_A_NEW_REPOSITORY: [&str; 3] = ["scan_on_push", "immutable_tags", "kms_key"];
/// The deployment group of CodeDeploy.
const CODEDEPLOY_GROUP: [&str; 2] = ["codedeploy_application", "codedeploy_group"];
/// What else CodeDeploy is told when a release begins.
const CODEDEPLOY_DETAILS: [&str; 5] =
    ["create_codedeploy", "codedeploy_role", "hook_before", "hook_after", "detach"];
/// What is named to be pruned.
const PRUNED: [&str; 2] = ["functions", "repositories"];

/// Whether a flag's variable says that it does not hold. Elsewhere that is as good as nothing; here it stands against the file.
fn is_turned_off(argument: &Arg) -> bool {
    let value = argument.get_env().and_then(std::env::var_os);
    value.is_some_and(|value| is_off(argument, &value.to_string_lossy()))
}

/// The commands that `permissions` is asked about.
pub(super) struct Permitted(Vec<Command>);

impl Permitted {
    /// None where it is another command that was typed.
    pub(super) fn of(typed: &Typed) -> Option<Self> {
        let asked = typed.matches.try_get_many::<ForCommand>("work").ok().flatten()?;
        let named = |command: &ForCommand| {
            let mut found = Cli::command();
            found.build();
            for name in command.words() {
                found = found.find_subcommand(name).cloned()?;
            }
            Some(found)
        };
        Some(Self(asked.filter_map(named).collect()))
    }

    /// What they fetch for what they take from the file.
    pub(super) fn asks(&self, configuration: &Configuration) -> BTreeSet<Ask> {
        let wanted = |_: &str, id: &str| self.take(id);
        let mut asks: BTreeSet<Ask> =
            configuration.asks(&wanted, self.take("function_file")).into_iter().collect();
        if self.know_the_function() {
            asks.extend(configuration.asks_of_name());
        }
        asks
    }

    /// Whether any of them is about a function.
    pub(super) fn know_the_function(&self) -> bool {
        ["function_file", "function", "functions"].iter().any(|id| self.take(id))
    }

    fn take(&self, id: &str) -> bool {
        let takes = |command: &Command| command.get_arguments().any(|argument| argument.get_id() == id);
        self.0.iter().any(takes)
    }
}

/// The command as it is when everything may still come from elsewhere.
fn without_requirements(command: Command) -> Command {
    let ids: Vec<clap::Id> = command.get_arguments().map(|argument| argument.get_id().clone()).collect();
    let nothing = || Resettable::<clap::Id>::Reset;
    let command = ids.into_iter().fold(command, |command, id| {
        command.mut_arg(id, |argument| {
            argument.required(false).requires(nothing()).required_unless_present(nothing())
        })
    });
    command.mut_subcommands(without_requirements)
}
