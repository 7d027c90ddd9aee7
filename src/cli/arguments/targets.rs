//! Which targets of the configuration file, and how many at a time: `deploy`, `plan`, `release`, `rollback`, `status` and `prune`.

use clap::Args;
use clap::builder::BoolishValueParser;

/// Which targets.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Many targets")]
pub(in crate::cli) struct Targets {
    /// Run for these `[[target]]` entries of the configuration file, by their names or their functions' (repeatable; * and ? are wildcards)
    #[arg(long = "target", env = "LAMBDA_LIFT_TARGET", value_name = "GLOB", value_delimiter = ',')]
    pub(in crate::cli) targets: Vec<String>,
}

/// Which targets, and how many of them at a time.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Many targets")]
pub(in crate::cli) struct TargetArguments {
    #[command(flatten)]
    pub(in crate::cli) which: Targets,
    /// So many targets at a time
    #[arg(long, env = "LAMBDA_LIFT_MAX_PARALLEL", value_name = "N", default_value_t = 50, requires = "targets", value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(in crate::cli) max_parallel: u16,
}

/// Which targets, and what a failure of one means for the others.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Many targets")]
pub(in crate::cli) struct FleetArguments {
    #[command(flatten)]
    pub(in crate::cli) chosen: TargetArguments,
    /// Go on with the other targets when one is refused or fails (default: those under way end, the rest are skipped)
    #[arg(long, env = "LAMBDA_LIFT_KEEP_GOING", requires = "targets", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) keep_going: bool,
    /// How long the replication of an image from one registry to another is waited for: seconds, or 90s, 10m, 1h
    #[arg(
        long,
        env = "LAMBDA_LIFT_REPLICATION_TIMEOUT",
        value_name = "DURATION",
        default_value = "30m",
        requires = "targets"
    )]
    pub(in crate::cli) replication_timeout: String,
}
