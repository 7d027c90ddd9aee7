//! What may go: `prune`.

use clap::Args;
use clap::builder::BoolishValueParser;

use super::targets::Targets;

/// `prune`
#[derive(Debug, Args)]
pub(in crate::cli) struct PruneArguments {
    /// A function whose versions may go (repeatable): a name or an ARN
    #[arg(long = "function", env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN", value_delimiter = ',')]
    pub(in crate::cli) functions: Vec<String>,
    /// How many moves of each alias can be rolled back afterwards, and how many of the newest versions stay in any case
    #[arg(long, env = "LAMBDA_LIFT_KEEP", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) keep: u16,
    /// A repository whose images may go that no function runs (repeatable): a name, or the full URI for another account
    #[arg(
        long = "repository",
        env = "LAMBDA_LIFT_REPOSITORY",
        value_name = "REPOSITORY",
        value_delimiter = ','
    )]
    pub(in crate::cli) repositories: Vec<String>,
    /// Images that were pushed less than this ago stay, since a deploy may be about to use them: 90s, 10m, 1h, 7d
    #[arg(long, env = "LAMBDA_LIFT_MIN_AGE", value_name = "DURATION", default_value = "24h")]
    pub(in crate::cli) min_age: String,
    /// You have looked: no function of this account, or of any with '*', needs what is deleted (repeatable)
    #[arg(
        long = "account-checked",
        env = "LAMBDA_LIFT_ACCOUNT_CHECKED",
        value_name = "ID",
        value_delimiter = ','
    )]
    pub(in crate::cli) accounts_checked: Vec<String>,
    /// Delete without a question
    #[arg(short, long, env = "LAMBDA_LIFT_YES", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) chosen: Targets,
}
