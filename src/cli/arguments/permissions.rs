//! What the policy is for: `permissions`.

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::function::FunctionArguments;
use crate::permission::ValueUses;

/// A command that the policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ForCommand {
    /// deploy
    Deploy,
    /// plan
    Plan,
    /// push
    Push,
    /// release
    Release,
    /// rollback
    Rollback,
    /// status
    Status,
    /// prune
    Prune,
    /// init
    Init,
    /// diff without an image; with one, add plan
    Diff,
    /// invoke
    Invoke,
    /// policy show and policy check
    PolicyCheck,
    /// policy ensure
    PolicyEnsure,
}

impl ForCommand {
    /// The words that are typed for it.
    pub(in crate::cli) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Deploy => &["deploy"],
            Self::Plan => &["plan"],
            Self::Push => &["push"],
            Self::Release => &["release"],
            Self::Rollback => &["rollback"],
            Self::Status => &["status"],
            Self::Prune => &["prune"],
            Self::Init => &["init"],
            Self::Diff => &["diff"],
            Self::Invoke => &["invoke"],
            Self::PolicyCheck => &["policy", "check"],
            Self::PolicyEnsure => &["policy", "ensure"],
        }
    }
}

/// `permissions`
#[derive(Debug, Args)]
pub(in crate::cli) struct PermissionsArguments {
    /// The command that is to be allowed (repeatable)
    #[arg(
        long = "for",
        env = "LAMBDA_LIFT_FOR",
        value_name = "COMMAND",
        value_delimiter = ',',
        default_value = "deploy"
    )]
    pub(in crate::cli) work: Vec<ForCommand>,
    /// The account that the function is in (default: that of its ARN or its role, then the caller's)
    #[arg(long, env = "LAMBDA_LIFT_ACCOUNT", value_name = "ID")]
    pub(in crate::cli) account: Option<String>,
    /// The alias carries provisioned concurrency, which a release takes along
    #[arg(long, env = "LAMBDA_LIFT_PROVISIONED_CONCURRENCY", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) provisioned_concurrency: bool,
    /// Ask IAM which of them the caller lacks; exit 3 when it lacks any
    #[arg(long, env = "LAMBDA_LIFT_CHECK", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) check: bool,
    #[command(flatten)]
    pub(in crate::cli) trust: TrustArguments,
    #[command(flatten)]
    pub(in crate::cli) image: PermittedImage,
    #[command(flatten)]
    pub(in crate::cli) function: FunctionArguments,
    /// What the configuration's values were read from
    #[arg(skip)]
    pub(in crate::cli) values: ValueUses,
}

/// Which workflow may assume the role.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trust of GitHub Actions")]
pub(in crate::cli) struct TrustArguments {
    /// Add the trust policy of a role for workflows of this repository
    #[arg(long, env = "LAMBDA_LIFT_GITHUB_OIDC", value_name = "OWNER/REPOSITORY")]
    pub(in crate::cli) github_oidc: Option<String>,
    /// Only its jobs for this branch (repeatable; default: main, unless an environment is named)
    #[arg(
        long = "branch",
        env = "LAMBDA_LIFT_BRANCH",
        value_name = "NAME",
        value_delimiter = ',',
        requires = "github_oidc"
    )]
    pub(in crate::cli) branches: Vec<String>,
    /// Only its jobs that name this environment of GitHub (repeatable)
    #[arg(
        long = "environment",
        env = "LAMBDA_LIFT_ENVIRONMENT",
        value_name = "NAME",
        value_delimiter = ',',
        requires = "github_oidc"
    )]
    pub(in crate::cli) github_environments: Vec<String>,
    /// The host of a GitHub Enterprise Server
    #[arg(long, env = "LAMBDA_LIFT_GITHUB_HOST", value_name = "HOST", requires = "github_oidc")]
    pub(in crate::cli) github_host: Option<String>,
}

/// What of an image and its repository decides about permissions.
#[derive(Debug, Args)]
#[command(next_help_heading = "Image and repository")]
pub(in crate::cli) struct PermittedImage {
    /// The image: one in a repository of Amazon ECR has to be read
    #[arg(long, env = "LAMBDA_LIFT_IMAGE", value_name = "SOURCE")]
    pub(in crate::cli) image: Option<String>,
    /// Profile for a docker:// source in Amazon ECR (default: the identity that deploys)
    #[arg(long, env = "LAMBDA_LIFT_SOURCE_PROFILE", value_name = "NAME")]
    pub(in crate::cli) source_profile: Option<String>,
    /// The repository: a name, or the full URI for another account
    #[arg(long, env = "LAMBDA_LIFT_REPOSITORY", value_name = "REPOSITORY")]
    pub(in crate::cli) repository: Option<String>,
    /// Repositories that prune looks at (repeatable; default: the repository)
    #[arg(
        long = "prune-repository",
        env = "LAMBDA_LIFT_PRUNE_REPOSITORY",
        value_name = "REPOSITORY",
        value_delimiter = ','
    )]
    pub(in crate::cli) repositories: Vec<String>,
    /// Create the repository when it is missing
    #[arg(long, env = "LAMBDA_LIFT_CREATE_REPOSITORY", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) create_repository: bool,
    /// Created repository: encrypt with this KMS key (ARN, id or alias)
    #[arg(long, env = "LAMBDA_LIFT_KMS_KEY", value_name = "KEY", requires = "create_repository")]
    pub(in crate::cli) kms_key: Option<String>,
    /// A repository of the same registry whose layers may be taken over (repeatable): a name or the full URI
    #[arg(long, env = "LAMBDA_LIFT_MOUNT_FROM", value_name = "REPOSITORY", value_delimiter = ',')]
    pub(in crate::cli) mount_from: Vec<String>,
}
