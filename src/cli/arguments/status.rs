//! `status`.

use clap::Args;
use clap::builder::BoolishValueParser;

use super::targets::TargetArguments;

/// `status`
#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArguments {
    /// The function: a name or an ARN
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN")]
    pub(in crate::cli) function: String,
    /// Only this alias (repeatable; default: all of them)
    #[arg(long = "alias", env = "LAMBDA_LIFT_ALIAS", value_name = "NAME", value_delimiter = ',')]
    pub(in crate::cli) aliases: Vec<String>,
    /// So many of the newest versions, beside those that an alias runs or ran before
    #[arg(long, env = "LAMBDA_LIFT_VERSIONS", value_name = "N", default_value_t = 20)]
    pub(in crate::cli) versions: u16,
    /// Look again and again: draws on a terminal, elsewhere tells what changed; ends by Ctrl-C, exit 0
    #[arg(long, env = "LAMBDA_LIFT_WATCH", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) watch: bool,
    /// The pause between two looks, one second at least
    #[arg(
        long,
        env = "LAMBDA_LIFT_INTERVAL",
        value_name = "DURATION",
        default_value = "5s",
        requires = "watch"
    )]
    pub(in crate::cli) interval: String,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetArguments,
}
