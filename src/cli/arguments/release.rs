//! How traffic moves, and what may stop it: `release` and `rollback`, and their part of `deploy`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::engine::{EngineArguments, GroupArguments};
use super::suggestion::STRATEGIES;
use super::targets::{FleetArguments, TargetArguments};

/// What `--on-interrupt` decides.
pub(super) const ON_INTERRUPT_HELP: &str = "What Ctrl-C or SIGTERM does to traffic that is on its way";

/// What happens to traffic that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum OnInterrupt {
    /// Move it back to what was before
    Rollback,
    /// Leave it as it is, to be resumed
    Hold,
    /// Move all of it to the new version at once
    Finish,
}

/// What may keep a new version from traffic.
#[derive(Debug, Args)]
#[command(next_help_heading = "Watching the release")]
pub(in crate::cli) struct WatchArguments {
    /// Invoke the new version with this event (a file with JSON) before it gets traffic
    #[arg(long, env = "LAMBDA_LIFT_SMOKE_EVENT", value_name = "FILE", requires = "alias")]
    pub(in crate::cli) smoke_event: Option<PathBuf>,
    /// What its answer must say, such as '$.ok == true' (default: no statusCode of 400 or more)
    #[arg(long, env = "LAMBDA_LIFT_SMOKE_EXPECT", value_name = "EXPECTATION", requires = "smoke_event")]
    pub(in crate::cli) smoke_expect: Option<String>,
    /// A CloudWatch alarm, metric or composite, that moves traffic back when it fires (repeatable)
    #[arg(long = "alarm", env = "LAMBDA_LIFT_ALARM", value_name = "NAME", requires = "alias")]
    pub(in crate::cli) alarms: Vec<String>,
    /// An alarm that may fire when the release begins, since it is the fix (repeatable)
    #[arg(long, env = "LAMBDA_LIFT_ALLOW_FIRING_ALARM", value_name = "NAME", requires = "alarms")]
    pub(in crate::cli) allow_firing_alarm: Vec<String>,
    /// Watch for this long after all traffic has moved
    #[arg(long, env = "LAMBDA_LIFT_BAKE", value_name = "DURATION", requires = "alias")]
    pub(in crate::cli) bake: Option<String>,
    /// Move back when more of the new version's invocations end in errors: 1%
    #[arg(long, env = "LAMBDA_LIFT_MAX_ERROR_RATE", value_name = "PERCENT", requires = "alias")]
    pub(in crate::cli) max_error_rate: Option<String>,
    /// Move back when its error rate lies more points above the old version's: 0.5%
    #[arg(long, env = "LAMBDA_LIFT_MAX_ERROR_RATE_INCREASE", value_name = "PERCENT", requires = "alias")]
    pub(in crate::cli) max_error_rate_increase: Option<String>,
    /// Move back when its 95th percentile of durations lies higher above the old version's: 20%
    #[arg(long, env = "LAMBDA_LIFT_MAX_LATENCY_INCREASE", value_name = "PERCENT", requires = "alias")]
    pub(in crate::cli) max_latency_increase: Option<String>,
    /// Judge by metrics only from so many invocations on
    #[arg(long, env = "LAMBDA_LIFT_MIN_INVOCATIONS", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) min_invocations: u32,
    /// What fewer invocations than that mean when a step ends
    #[arg(long, env = "LAMBDA_LIFT_ON_NO_DATA", value_name = "WHAT", default_value = "rollback")]
    pub(in crate::cli) on_no_data: NoData,
}

/// What too little data means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum NoData {
    /// No data is not health: move back
    Rollback,
    /// Go on
    Continue,
}

/// `release`
#[derive(Debug, Args)]
pub(in crate::cli) struct ReleaseArguments {
    /// The function: a name or an ARN
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN")]
    pub(in crate::cli) function: String,
    /// The alias; it must exist
    #[arg(long, env = "LAMBDA_LIFT_ALIAS", value_name = "NAME")]
    pub(in crate::cli) alias: String,
    /// The version that gets the traffic: a number, or latest for the one that was published last
    #[arg(
        long,
        env = "LAMBDA_LIFT_TO",
        value_name = "VERSION|latest",
        required_unless_present = "resume",
        conflicts_with = "resume"
    )]
    pub(in crate::cli) to: Option<String>,
    /// How traffic moves: all-at-once, canary:10%:5m, linear:10%:1m, steps:1%:1m,10%:5m, or CodeDeploy's name for one
    #[arg(
        long,
        env = "LAMBDA_LIFT_STRATEGY",
        value_name = "STRATEGY",
        default_value = "all-at-once",
        value_parser = STRATEGIES,
        hide_possible_values = true,
        conflicts_with = "resume"
    )]
    pub(in crate::cli) strategy: String,
    /// Go on with the release that was interrupted, by its own strategy
    #[arg(long, env = "LAMBDA_LIFT_RESUME", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) resume: bool,
    #[arg(
        long,
        env = "LAMBDA_LIFT_ON_INTERRUPT",
        value_name = "WHAT",
        default_value = "rollback",
        help = ON_INTERRUPT_HELP
    )]
    pub(in crate::cli) on_interrupt: OnInterrupt,
    #[command(flatten)]
    pub(in crate::cli) watch: WatchArguments,
    #[command(flatten)]
    pub(in crate::cli) engine: EngineArguments,
    #[command(flatten)]
    pub(in crate::cli) fleet: FleetArguments,
}

/// `rollback`
#[derive(Debug, Args)]
pub(in crate::cli) struct RollbackArguments {
    /// The function: a name or an ARN
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN")]
    pub(in crate::cli) function: String,
    /// The alias
    #[arg(long, env = "LAMBDA_LIFT_ALIAS", value_name = "NAME")]
    pub(in crate::cli) alias: String,
    /// To this version (default: what the alias ran before, as the journal on the function tells)
    #[arg(long, env = "LAMBDA_LIFT_TO", value_name = "VERSION")]
    pub(in crate::cli) to: Option<String>,
    /// So many moves back
    #[arg(long, env = "LAMBDA_LIFT_STEPS", value_name = "N", default_value_t = 1, conflicts_with = "to", value_parser = clap::value_parser!(u8).range(1..=11))]
    pub(in crate::cli) steps: u8,
    #[command(flatten)]
    pub(in crate::cli) group: GroupArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetArguments,
}
