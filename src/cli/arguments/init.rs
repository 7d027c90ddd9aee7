//! `init`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

/// What becomes of the function's environment variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum InitVariables {
    /// Their names, in comments: they are not managed, and stay as they are
    Names,
    /// Templates that take the values from the environment of whoever deploys
    Templates,
    /// Their values, secrets among them; the file is for this user alone (mode 0600)
    Values,
}

/// `init`
#[derive(Debug, Args)]
pub(in crate::cli) struct InitArguments {
    /// The function: a name or an ARN
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN")]
    pub(in crate::cli) function: String,
    /// The alias that a deploy shall move (default: the only one that there is)
    #[arg(long, env = "LAMBDA_LIFT_ALIAS", value_name = "NAME")]
    pub(in crate::cli) alias: Option<String>,
    /// The configuration file to write
    #[arg(long, env = "LAMBDA_LIFT_OUTPUT_FILE", value_name = "FILE", default_value = "lambda-lift.toml")]
    pub(in crate::cli) output_file: PathBuf,
    /// Print the configuration file instead
    #[arg(
        long,
        env = "LAMBDA_LIFT_STDOUT",
        value_parser = BoolishValueParser::new(),
        conflicts_with_all = ["write_function_file", "force"]
    )]
    pub(in crate::cli) stdout: bool,
    /// Write what the function is into a file of its own, in the shape of the CreateFunction request, in place of `[function]`
    #[arg(
        id = "write_function_file",
        long = "function-file",
        env = "LAMBDA_LIFT_FUNCTION_FILE",
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "function.json"
    )]
    pub(in crate::cli) function_file: Option<PathBuf>,
    /// What is written of the function's environment variables
    #[arg(long, env = "LAMBDA_LIFT_VARIABLES", value_name = "WHAT", default_value = "names")]
    pub(in crate::cli) variables: InitVariables,
    /// Replace files that are there
    #[arg(long, env = "LAMBDA_LIFT_FORCE", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) force: bool,
}
