//! Where templates take their values from. The names are lambroll's.

use std::path::PathBuf;

use clap::Args;

/// Where templates take their values from.
#[derive(Debug, Default, Args, Clone)]
#[command(next_help_heading = "Values for templates")]
pub(in crate::cli) struct ValueArguments {
    /// Terraform's state: a path, s3://BUCKET/KEY, or https://…
    #[arg(long, global = true, env = "LAMBDA_LIFT_TFSTATE", hide_env_values = true, value_name = "PLACE")]
    pub(in crate::cli) tfstate: Option<String>,
    /// Another state, known as PREFIXtfstate (repeatable)
    #[arg(
        long,
        global = true,
        env = "LAMBDA_LIFT_PREFIXED_TFSTATE",
        hide_env_values = true,
        value_name = "PREFIX=PLACE",
        value_delimiter = ';'
    )]
    pub(in crate::cli) prefixed_tfstate: Vec<String>,
    /// A file with environment variables for templates: NAME=value in each line (repeatable)
    #[arg(long, global = true, env = "LAMBDA_LIFT_ENVFILE", value_name = "FILE", value_delimiter = ',')]
    pub(in crate::cli) envfile: Vec<PathBuf>,
    /// An external variable of a Jsonnet function file, as a text (repeatable)
    #[arg(
        long,
        global = true,
        env = "LAMBDA_LIFT_EXT_STR",
        hide_env_values = true,
        value_name = "NAME=TEXT"
    )]
    pub(in crate::cli) ext_str: Vec<String>,
    /// An external variable of a Jsonnet function file, as Jsonnet (repeatable)
    #[arg(
        long,
        global = true,
        env = "LAMBDA_LIFT_EXT_CODE",
        hide_env_values = true,
        value_name = "NAME=JSONNET"
    )]
    pub(in crate::cli) ext_code: Vec<String>,
    /// lambroll's option file (JSON or Jsonnet), for what is neither typed nor set
    #[arg(long, global = true, env = "LAMBDA_LIFT_OPTION", value_name = "FILE")]
    pub(in crate::cli) option: Option<PathBuf>,
}
