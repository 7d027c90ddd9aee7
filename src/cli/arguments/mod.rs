//! The command line as clap sees it, a file for what belongs together. Values stay as typed; `settings` resolves them.

mod diff;
mod doctor;
mod engine;
mod function;
mod image;
mod init;
mod invoke;
mod permissions;
mod policy;
mod prune;
mod release;
mod status;
mod suggestion;
mod targets;
mod values;

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::configured::Declared;
use crate::fleet::Order;
pub(super) use diff::DiffArguments;
pub(super) use doctor::DoctorArguments;
pub(super) use engine::{EngineArguments, EngineName, GroupArguments};
pub(super) use function::{DeployArguments, FunctionArguments, PlanArguments};
pub(super) use image::{CheckArguments, ImageArguments, ProofArguments, PushArguments, SourceArguments};
pub(super) use init::{InitArguments, InitVariables};
pub(super) use invoke::InvokeArguments;
pub(super) use permissions::{ForCommand, PermissionsArguments, PermittedImage, TrustArguments};
pub(super) use policy::{
    PolicyAudience, PolicyCheckArguments, PolicyCommand, PolicyEnsureArguments, PolicyRepository, Scope,
};
pub(super) use prune::PruneArguments;
pub(super) use release::{NoData, OnInterrupt, ReleaseArguments, RollbackArguments, WatchArguments};
pub(super) use status::StatusArguments;
pub(super) use targets::TargetArguments;
pub(super) use values::ValueArguments;

/// What `--local` without a folder stands for. Not the empty text: clap refuses that, and so an empty LAMBDA_LIFT_LOCAL
/// does not turn a deploy to AWS into one to the stand-in.
pub(super) const DEFAULT_STATE: &str = "-";

/// Takes a container image from this machine to a live AWS Lambda function
#[derive(Debug, Parser)]
#[command(name = "lambda-lift", version, max_term_width = 110, propagate_version = true)]
pub struct Cli {
    /// Tell what an error's code means, why it happens and what to do; without a code, list them all
    #[arg(long, value_name = "CODE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "told by `explanation` before a command is asked for")]
    pub(super) explain: Option<Option<String>>,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The command without the variables that say no more than their absence would: an empty one counts as not set, and so does a flag's
/// that is false. CI systems hand an input that nobody gave on as an empty text.
pub(super) fn without_idle_variables(command: clap::Command) -> clap::Command {
    let is_idle = |arg: &Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| is_idle_value(arg, &value.to_string_lossy()))
    };
    let idle: Vec<clap::Id> =
        command.get_arguments().filter(|arg| is_idle(arg)).map(|arg| arg.get_id().clone()).collect();
    let command = idle.into_iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.env(None)));
    command.mut_subcommands(without_idle_variables)
}

/// Whether a variable's value says no more than its absence would.
fn is_idle_value(arg: &Arg, value: &str) -> bool {
    value.is_empty() || is_off(arg, value)
}

/// Whether the value of a flag's variable turns it off.
pub(super) fn is_off(arg: &Arg, value: &str) -> bool {
    let off = ["0", "f", "false", "n", "no", "off"];
    matches!(arg.get_action(), ArgAction::SetTrue) && off.contains(&value.to_ascii_lowercase().as_str())
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Push the image, update or create the function, publish a version and move the alias
    Deploy(DeployArguments),
    /// Show what deploy would do; changes nothing
    Plan(PlanArguments),
    /// Push the image to Amazon ECR only
    Push(PushArguments),
    /// Move an alias to a published version, all at once or step by step
    Release(ReleaseArguments),
    /// Move an alias back to what it ran before
    Rollback(RollbackArguments),
    /// Show how a function stands: aliases, releases, versions, images; changes nothing
    Status(StatusArguments),
    /// Write lambda-lift.toml from a function that is there; changes nothing in AWS
    Init(InitArguments),
    /// Show what is different between a function and its declaration, or two of its versions; changes nothing
    Diff(DiffArguments),
    /// Run a function once, and print its answer
    Invoke(InvokeArguments),
    /// Delete versions and images that nothing needs; shows them first, and asks
    Prune(PruneArguments),
    /// Is this image fit for Lambda? Needs no AWS account
    Check(CheckArguments),
    /// Show, check or ensure the pull permission in a repository's policy
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print the least IAM policy for the steps that this configuration uses
    Permissions(Box<PermissionsArguments>),
    /// Look at everything that a deploy needs on this machine: configuration, credentials, network, Docker
    Doctor(DoctorArguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}

impl Command {
    /// How many targets are worked on at a time, and whether one that fails leaves the others alone.
    pub(super) fn order(&self) -> Order {
        let order = |chosen: &TargetArguments, keep_going| Order {
            max_parallel: usize::from(chosen.max_parallel),
            keep_going,
        };
        match self {
            Self::Deploy(DeployArguments { fleet, .. }) | Self::Release(ReleaseArguments { fleet, .. }) => {
                order(&fleet.chosen, fleet.keep_going)
            }
            Self::Plan(arguments) => order(&arguments.deploy.fleet.chosen, true),
            // Whoever moves back, or looks, wants it for all of them.
            Self::Rollback(arguments) => order(&arguments.targets, true),
            Self::Status(arguments) => order(&arguments.targets, true),
            // `prune`: what one deletes another may look at. No other command has targets.
            _ => Order { max_parallel: 1, keep_going: false },
        }
    }

    /// Where what the configuration file declares of the function goes, for the commands that want it.
    pub(super) fn declared(&mut self) -> Option<&mut Declared> {
        match self {
            Self::Deploy(arguments) => Some(&mut arguments.function.declared),
            Self::Plan(arguments) => Some(&mut arguments.deploy.function.declared),
            Self::Diff(arguments) => Some(&mut arguments.function.declared),
            Self::Check(arguments) => Some(&mut arguments.declared),
            Self::Permissions(arguments) => Some(&mut arguments.function.declared),
            _ => None,
        }
    }
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// The configuration file (default: lambda-lift.toml in the working directory, or above it up to the repository's root)
    #[arg(long, global = true, env = "LAMBDA_LIFT_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, global = true, env = "LAMBDA_LIFT_NO_CONFIG", value_parser = BoolishValueParser::new())]
    pub(super) no_config: bool,
    /// The environment of the configuration file: its table [env.NAME]
    #[arg(long, global = true, env = "LAMBDA_LIFT_ENV_NAME", value_name = "NAME")]
    pub(super) env_name: Option<String>,
    /// AWS Region (default: AWS_REGION, then the profile's)
    #[arg(long, global = true, env = "LAMBDA_LIFT_REGION", value_name = "REGION")]
    pub(super) region: Option<String>,
    /// Profile of the AWS configuration files
    #[arg(long, global = true, env = "LAMBDA_LIFT_PROFILE", value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// A role to assume before anything else, for instance in another account
    #[arg(long, global = true, env = "LAMBDA_LIFT_ASSUME_ROLE", value_name = "ARN")]
    pub(super) assume_role: Option<String>,
    /// The external id that the role's trust policy asks for
    #[arg(long, global = true, env = "LAMBDA_LIFT_EXTERNAL_ID", value_name = "ID", requires = "assume_role")]
    pub(super) external_id: Option<String>,
    /// Refuse to work in any AWS account but this one
    #[arg(long, global = true, env = "LAMBDA_LIFT_EXPECT_ACCOUNT", value_name = "ID")]
    pub(super) expect_account: Option<String>,
    /// Send all AWS API calls to this URL
    #[arg(long, global = true, env = "LAMBDA_LIFT_ENDPOINT_URL", value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
    /// Connect here instead of the registry's own host (VPC endpoint, proxy, stand-in)
    #[arg(long, global = true, env = "LAMBDA_LIFT_REGISTRY_ENDPOINT", value_name = "URL")]
    pub(super) registry_endpoint: Option<String>,
    /// Allow a plain http registry or source endpoint that is not on this machine
    #[arg(long, global = true, env = "LAMBDA_LIFT_ALLOW_PLAIN_HTTP", value_parser = BoolishValueParser::new())]
    pub(super) allow_plain_http: bool,
    /// Another profile for the repository's account
    #[arg(long, global = true, env = "LAMBDA_LIFT_REPOSITORY_PROFILE", value_name = "NAME")]
    pub(super) repository_profile: Option<String>,
    /// Run against the built-in stand-in for AWS; nothing leaves this machine
    #[arg(
        long,
        global = true,
        env = "LAMBDA_LIFT_LOCAL",
        value_name = "DIR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = DEFAULT_STATE
    )]
    pub(super) local: Option<PathBuf>,
    /// In the stand-in, do not run functions: an invocation gets its event back as the answer
    #[arg(long, global = true, env = "LAMBDA_LIFT_LOCAL_ECHO", value_parser = BoolishValueParser::new())]
    pub(super) local_echo: bool,
    /// How the result is written to stdout
    #[arg(long, global = true, env = "LAMBDA_LIFT_OUTPUT", value_name = "FORMAT", default_value = "human")]
    pub(super) output: OutputFormat,
    /// When to use colour
    #[arg(long, global = true, env = "LAMBDA_LIFT_COLOR", value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorChoice,
    /// No progress on stderr, only warnings
    #[arg(short, long, global = true, env = "LAMBDA_LIFT_QUIET", value_parser = BoolishValueParser::new())]
    pub(super) quiet: bool,
    /// More progress on stderr: every layer
    #[arg(short, long, global = true, env = "LAMBDA_LIFT_VERBOSE", value_parser = BoolishValueParser::new())]
    pub(super) verbose: bool,
    /// Where templates take their values from: used before the command begins
    #[command(flatten)]
    pub(super) _values: ValueArguments,
}

/// Format of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// Text for a person
    Human,
    /// Exactly one JSON document
    Json,
    /// SARIF 2.1.0, for code scanning: `check` only
    Sarif,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variables_and_false_flags_count_as_not_set() {
        let flag = Arg::new("flag").long("flag").action(ArgAction::SetTrue);
        let option = Arg::new("option").long("option").action(ArgAction::Set);
        let table = [
            (&flag, "", true),
            (&flag, "False", true),
            (&flag, "0", true),
            (&flag, "true", false),
            (&flag, "nonsense", false),
            (&option, "", true),
            (&option, "false", false),
            (&option, "0", false),
        ];
        for (arg, value, idle) in table {
            assert_eq!(is_idle_value(arg, value), idle, "{} {value:?}", arg.get_id());
        }
    }
}
