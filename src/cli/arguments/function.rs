//! Which function, and how it shall be: `deploy` and `plan`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::engine::EngineArguments;
use super::image::{ImageArguments, ProofArguments};
use super::policy::Scope;
use super::release::{ON_INTERRUPT_HELP, OnInterrupt, WatchArguments};
use super::suggestion::STRATEGIES;
use super::targets::FleetArguments;
use crate::cli::configured::Declared;

/// Which function, and how it shall be.
#[derive(Debug, Args)]
#[command(next_help_heading = "Function")]
pub(in crate::cli) struct FunctionArguments {
    /// The function: a name or an ARN (default: FunctionName in the function file)
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN")]
    pub(in crate::cli) function: Option<String>,
    /// Declared settings in the shape of the CreateFunction request: JSON, with templates as of lambroll, or Jsonnet
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION_FILE", value_name = "FILE")]
    pub(in crate::cli) function_file: Option<PathBuf>,
    /// What the configuration file declares
    #[arg(skip)]
    pub(in crate::cli) declared: Declared,
    /// The execution role
    #[arg(long, env = "LAMBDA_LIFT_ROLE", value_name = "ARN")]
    pub(in crate::cli) role: Option<String>,
    /// Memory in MB
    #[arg(long, env = "LAMBDA_LIFT_MEMORY", value_name = "MB")]
    pub(in crate::cli) memory: Option<u32>,
    /// Time limit of an invocation in seconds
    #[arg(long, env = "LAMBDA_LIFT_TIMEOUT", value_name = "SECONDS")]
    pub(in crate::cli) timeout: Option<u32>,
    /// Size of /tmp in MB
    #[arg(long, env = "LAMBDA_LIFT_EPHEMERAL_STORAGE", value_name = "MB")]
    pub(in crate::cli) ephemeral_storage: Option<u32>,
    /// A description
    #[arg(long, env = "LAMBDA_LIFT_DESCRIPTION", value_name = "TEXT")]
    pub(in crate::cli) description: Option<String>,
    /// An environment variable: K=V, or K to take its value from this process's environment (repeatable)
    #[arg(long = "env", env = "LAMBDA_LIFT_ENV", hide_env_values = true, value_name = "K=V")]
    pub(in crate::cli) environment: Vec<String>,
    /// Override of the image's ENTRYPOINT (repeatable, one argument each)
    #[arg(long, env = "LAMBDA_LIFT_ENTRYPOINT", value_name = "ARG", allow_hyphen_values = true)]
    pub(in crate::cli) entrypoint: Vec<String>,
    /// Override of the image's CMD (repeatable, one argument each)
    #[arg(long, env = "LAMBDA_LIFT_COMMAND", value_name = "ARG", allow_hyphen_values = true)]
    pub(in crate::cli) command: Vec<String>,
    /// Override of the image's WORKDIR
    #[arg(long, env = "LAMBDA_LIFT_WORKING_DIRECTORY", value_name = "DIR")]
    pub(in crate::cli) working_directory: Option<String>,
    /// Publish a version (the default)
    #[arg(long, overrides_with = "no_publish")]
    pub(in crate::cli) publish: bool,
    /// Do not publish a version
    #[arg(long, env = "LAMBDA_LIFT_NO_PUBLISH", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) no_publish: bool,
    /// Create this alias, or move it to the new version
    #[arg(long, env = "LAMBDA_LIFT_ALIAS", value_name = "NAME")]
    pub(in crate::cli) alias: Option<String>,
    /// How the alias's traffic moves: all-at-once, canary:10%:5m, linear:10%:1m, steps:1%:1m,10%:5m, or CodeDeploy's name for one
    #[arg(
        long,
        env = "LAMBDA_LIFT_STRATEGY",
        value_name = "STRATEGY",
        default_value = "all-at-once",
        value_parser = STRATEGIES,
        hide_possible_values = true,
        requires = "alias"
    )]
    pub(in crate::cli) strategy: String,
    #[arg(
        long,
        env = "LAMBDA_LIFT_ON_INTERRUPT",
        value_name = "WHAT",
        default_value = "rollback",
        requires = "alias",
        help = ON_INTERRUPT_HELP
    )]
    pub(in crate::cli) on_interrupt: OnInterrupt,
    #[command(flatten)]
    pub(in crate::cli) watch: WatchArguments,
    #[command(flatten)]
    pub(in crate::cli) engine: EngineArguments,
    /// How narrow the pull permission is that is added to the repository's policy
    #[arg(long, env = "LAMBDA_LIFT_POLICY_SCOPE", value_name = "SCOPE", default_value = "account")]
    pub(in crate::cli) policy_scope: Scope,
    /// How long to wait for the function to settle after each change: seconds, or 90s, 10m, 1h
    #[arg(long, env = "LAMBDA_LIFT_WAIT_TIMEOUT", value_name = "DURATION", default_value = "10m")]
    pub(in crate::cli) wait_timeout: String,
}

/// `deploy`
#[derive(Debug, Args)]
pub(in crate::cli) struct DeployArguments {
    #[command(flatten)]
    pub(in crate::cli) image: ImageArguments,
    #[command(flatten)]
    pub(in crate::cli) function: FunctionArguments,
    #[command(flatten)]
    pub(in crate::cli) proof: ProofArguments,
    #[command(flatten)]
    pub(in crate::cli) fleet: FleetArguments,
}

/// `plan`
#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArguments {
    #[command(flatten)]
    pub(in crate::cli) deploy: DeployArguments,
    /// Exit with 10 when changes are pending
    #[arg(long, env = "LAMBDA_LIFT_DETAILED_EXIT_CODE", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) detailed_exit_code: bool,
}
