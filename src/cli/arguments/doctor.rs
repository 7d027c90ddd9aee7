//! What is looked at: `doctor`.

use clap::Args;

use super::image::SourceArguments;
use crate::cli::configured::FileState;

/// `doctor`
#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArguments {
    /// Look at the registry of this repository: a name, or the full URI for another account
    #[arg(long, env = "LAMBDA_LIFT_REPOSITORY", value_name = "REPOSITORY")]
    pub(in crate::cli) repository: Option<String>,
    /// The longest that each look may take: seconds, or 90s, 1m
    #[arg(
        long = "timeout",
        env = "LAMBDA_LIFT_DOCTOR_TIMEOUT",
        value_name = "DURATION",
        default_value = "5s"
    )]
    pub(in crate::cli) patience: String,
    #[command(flatten)]
    pub(in crate::cli) from: SourceArguments,
    /// How the configuration file is
    #[arg(skip)]
    pub(in crate::cli) file: FileState,
}
