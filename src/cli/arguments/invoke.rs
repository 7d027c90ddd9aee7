//! `invoke`.

use clap::Args;
use clap::builder::BoolishValueParser;

/// `invoke`
#[derive(Debug, Args)]
pub(in crate::cli) struct InvokeArguments {
    /// The function: a name or an ARN
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN")]
    pub(in crate::cli) function: String,
    /// What of it to invoke: a version's number, an alias, or $LATEST (default: --alias, else $LATEST)
    #[arg(long, env = "LAMBDA_LIFT_QUALIFIER", value_name = "VERSION|ALIAS|$LATEST")]
    pub(in crate::cli) qualifier: Option<String>,
    /// Invoke what this alias runs
    #[arg(long, env = "LAMBDA_LIFT_ALIAS", value_name = "NAME", conflicts_with = "qualifier")]
    pub(in crate::cli) alias: Option<String>,
    /// The event: a JSON text, @FILE to read it from there, or - for standard input
    #[arg(
        long,
        env = "LAMBDA_LIFT_PAYLOAD",
        hide_env_values = true,
        value_name = "TEXT|@FILE|-",
        default_value = "{}"
    )]
    pub(in crate::cli) payload: String,
    /// Send the event as it is, without a look at whether it is JSON
    #[arg(long, env = "LAMBDA_LIFT_RAW", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) raw: bool,
    /// Do not wait for the answer: Lambda queues the event, and runs the function later
    #[arg(
        long = "async",
        env = "LAMBDA_LIFT_ASYNC",
        value_parser = BoolishValueParser::new(),
        conflicts_with = "dry_run"
    )]
    pub(in crate::cli) queue: bool,
    /// Run nothing: only ask Lambda whether it could be invoked
    #[arg(long, env = "LAMBDA_LIFT_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) dry_run: bool,
    /// How long to wait for a function that is being prepared, or is busy: seconds, or 90s, 10m, 1h
    #[arg(long, env = "LAMBDA_LIFT_WAIT_TIMEOUT", value_name = "DURATION", default_value = "5m")]
    pub(in crate::cli) wait_timeout: String,
}
