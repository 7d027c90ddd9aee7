//! The repository's policy: `policy …`, and its part of `deploy`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// How narrow an added permission is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Scope {
    /// This function only
    Function,
    /// Every function of the account in the Region, as Lambda itself writes it
    Account,
    /// No condition: the minimum of the AWS documentation
    None,
}

/// `policy …`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PolicyCommand {
    /// Print the repository's policy
    Show(PolicyRepository),
    /// Does the policy let Lambda pull? Exit 0 when it does, 3 otherwise
    Check(PolicyCheckArguments),
    /// Add the smallest missing permission; every other statement stays as it is
    Ensure(PolicyEnsureArguments),
}

/// The repository of a `policy` command.
#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyRepository {
    /// The repository: a name, or the full URI for another account
    #[arg(long, env = "LAMBDA_LIFT_REPOSITORY", value_name = "REPOSITORY")]
    pub(in crate::cli) repository: String,
}

/// For whom a policy is judged.
#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyAudience {
    /// The function's account (repeatable; default: the caller's, or the repository's with --policy-file)
    #[arg(long = "account", env = "LAMBDA_LIFT_ACCOUNT", value_name = "ID", value_delimiter = ',')]
    pub(in crate::cli) accounts: Vec<String>,
    /// The function (default: every function of the account)
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN")]
    pub(in crate::cli) function: Option<String>,
}

/// `policy check`
#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyCheckArguments {
    /// The repository: a name, or the full URI for another account
    #[arg(
        long,
        env = "LAMBDA_LIFT_REPOSITORY",
        value_name = "REPOSITORY",
        required_unless_present = "policy_file"
    )]
    pub(in crate::cli) repository: Option<String>,
    /// Judge this document instead of the repository's policy; needs no AWS
    #[arg(long, env = "LAMBDA_LIFT_POLICY_FILE", value_name = "FILE")]
    pub(in crate::cli) policy_file: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) audience: PolicyAudience,
}

/// `policy ensure`
#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyEnsureArguments {
    #[command(flatten)]
    pub(in crate::cli) repository: PolicyRepository,
    #[command(flatten)]
    pub(in crate::cli) audience: PolicyAudience,
    /// How narrow the added permission is
    #[arg(long, env = "LAMBDA_LIFT_POLICY_SCOPE", value_name = "SCOPE", default_value = "account")]
    pub(in crate::cli) policy_scope: Scope,
}
