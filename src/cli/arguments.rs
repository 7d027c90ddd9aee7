//! The command line as clap sees it. Values stay as typed; `settings` resolves them.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::Misuse;

/// What `--local` without a folder stands for. Not the empty text: clap refuses that, and so an empty LAMBDA_LIFT_LOCAL
/// does not turn a deploy to AWS into one to the stand-in.
pub(super) const DEFAULT_STATE: &str = "-";

/// How an image source is written.
const IMAGE_HELP: &str = "The image: docker-archive:FILE[:REF], oci:DIR[:REF], oci-archive:FILE[:REF], docker-daemon:REF, docker://HOST/REPOSITORY[:TAG|@DIGEST], or a path";

/// Takes a container image from this machine to a live AWS Lambda function
#[derive(Debug, Parser)]
#[command(name = "lambda-lift", version, max_term_width = 110, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// Parses this process's arguments and environment.
    ///
    /// An empty environment variable counts as not set, and so does a flag's that is false: CI systems hand an input that
    /// nobody gave on as an empty text.
    ///
    /// # Errors
    /// Fails where they name no command with its flags, and where help or the version is all that is wanted.
    pub fn of_process() -> Result<Self, Misuse> {
        let matches = without_idle_variables(Self::command()).try_get_matches();
        matches.and_then(|matches| Self::from_arg_matches(&matches)).map_err(Misuse::of_process)
    }
}

fn without_idle_variables(command: clap::Command) -> clap::Command {
    let is_idle = |arg: &Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| is_idle_value(arg, &value.to_string_lossy()))
    };
    let idle: Vec<clap::Id> =
        command.get_arguments().filter(|arg| is_idle(arg)).map(|arg| arg.get_id().clone()).collect();
    let command = idle.into_iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.env(None)));
    command.mut_subcommands(without_idle_variables)
}

/// Whether a variable's value says no more than its absence would.
fn is_idle_value(arg: &Arg, value: &str) -> bool {
    let off = ["0", "f", "false", "n", "no", "off"];
    value.is_empty()
        || (matches!(arg.get_action(), ArgAction::SetTrue)
            && off.contains(&value.to_ascii_lowercase().as_str()))
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Push the image, update or create the function, publish a version and move the alias
    Deploy(DeployArguments),
    /// Show what deploy would do; changes nothing
    Plan(PlanArguments),
    /// Push the image to Amazon ECR only
    Push(PushArguments),
    /// Is this image fit for Lambda? Needs no AWS account
    Check(CheckArguments),
    /// Show, check or ensure the pull permission in a repository's policy
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// AWS Region (default: AWS_REGION, then the profile's)
    #[arg(long, global = true, env = "LAMBDA_LIFT_REGION", value_name = "REGION")]
    pub(super) region: Option<String>,
    /// Profile of the AWS configuration files
    #[arg(long, global = true, env = "LAMBDA_LIFT_PROFILE", value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Send all AWS API calls to this URL
    #[arg(long, global = true, env = "LAMBDA_LIFT_ENDPOINT_URL", value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
    /// Connect here instead of the registry's own host (VPC endpoint, proxy, stand-in)
    #[arg(long, global = true, env = "LAMBDA_LIFT_REGISTRY_ENDPOINT", value_name = "URL")]
    pub(super) registry_endpoint: Option<String>,
    /// Allow a plain http registry or source endpoint that is not on this machine
    #[arg(long, global = true, env = "LAMBDA_LIFT_ALLOW_PLAIN_HTTP", value_parser = BoolishValueParser::new())]
    pub(super) allow_plain_http: bool,
    /// Another profile for the repository's account
    #[arg(long, global = true, env = "LAMBDA_LIFT_REPOSITORY_PROFILE", value_name = "NAME")]
    pub(super) repository_profile: Option<String>,
    /// Run against the built-in stand-in for AWS; nothing leaves this machine
    #[arg(
        long,
        global = true,
        env = "LAMBDA_LIFT_LOCAL",
        value_name = "DIR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = DEFAULT_STATE
    )]
    pub(super) local: Option<PathBuf>,
    /// How the result is written to stdout
    #[arg(long, global = true, env = "LAMBDA_LIFT_OUTPUT", value_name = "FORMAT", default_value = "human")]
    pub(super) output: OutputFormat,
    /// When to use colour
    #[arg(long, global = true, env = "LAMBDA_LIFT_COLOR", value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorChoice,
    /// No progress on stderr, only warnings
    #[arg(short, long, global = true, env = "LAMBDA_LIFT_QUIET", value_parser = BoolishValueParser::new())]
    pub(super) quiet: bool,
    /// More progress on stderr: every layer
    #[arg(short, long, global = true, env = "LAMBDA_LIFT_VERBOSE", value_parser = BoolishValueParser::new())]
    pub(super) verbose: bool,
}

/// Format of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// Text for a person
    Human,
    /// Exactly one JSON document
    Json,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Which image, and how it moves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Image and repository")]
pub(super) struct ImageArguments {
    #[arg(long, env = "LAMBDA_LIFT_IMAGE", value_name = "SOURCE", help = IMAGE_HELP)]
    pub(super) image: String,
    #[command(flatten)]
    pub(super) from: SourceArguments,
    /// The repository: a name, or the full URI for another account
    #[arg(long, env = "LAMBDA_LIFT_REPOSITORY", value_name = "REPOSITORY")]
    pub(super) repository: String,
    /// A tag for the image (repeatable; default: sha256-<first 12 hex digits of the digest>)
    #[arg(long = "tag", env = "LAMBDA_LIFT_TAG", value_name = "TAG", value_delimiter = ',')]
    pub(super) tags: Vec<String>,
    /// The architecture to choose from an index, and that the image must have
    #[arg(long, env = "LAMBDA_LIFT_ARCH", value_name = "x86_64|arm64")]
    pub(super) arch: Option<String>,
    /// Create the repository when it is missing
    #[arg(long, env = "LAMBDA_LIFT_CREATE_REPOSITORY", value_parser = BoolishValueParser::new())]
    pub(super) create_repository: bool,
    /// Created repository: scan each image at push
    #[arg(long, env = "LAMBDA_LIFT_SCAN_ON_PUSH", requires = "create_repository", value_parser = BoolishValueParser::new())]
    pub(super) scan_on_push: bool,
    /// Created repository: a tag can never be moved to another image
    #[arg(long, env = "LAMBDA_LIFT_IMMUTABLE_TAGS", requires = "create_repository", value_parser = BoolishValueParser::new())]
    pub(super) immutable_tags: bool,
    /// Created repository: encrypt with this KMS key (ARN, id or alias)
    #[arg(long, env = "LAMBDA_LIFT_KMS_KEY", value_name = "KEY", requires = "create_repository")]
    pub(super) kms_key: Option<String>,
    /// How layers that are not gzip are sent: as gzip of a level, 1 (fast) to 9 (small), or as they are stored (default: 3)
    #[arg(long, env = "LAMBDA_LIFT_COMPRESSION", value_name = "LEVEL|keep")]
    pub(super) compression: Option<String>,
    /// A repository of the same registry whose layers may be taken over (repeatable): a name or the full URI
    #[arg(long, env = "LAMBDA_LIFT_MOUNT_FROM", value_name = "REPOSITORY", value_delimiter = ',')]
    pub(super) mount_from: Vec<String>,
    /// Large layers that are sent at the same time; four times as many small ones move beside them
    #[arg(long, env = "LAMBDA_LIFT_JOBS", value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) jobs: u16,
    /// Size of an upload part in MiB
    #[arg(long, env = "LAMBDA_LIFT_CHUNK_SIZE", value_name = "MiB", value_parser = clap::value_parser!(u16).range(5..=1024))]
    pub(super) chunk_size: Option<u16>,
    /// End the push when it takes longer in all: seconds, or 90s, 10m, 1h (default: as long as something moves)
    #[arg(long, env = "LAMBDA_LIFT_PUSH_TIMEOUT", value_name = "DURATION")]
    pub(super) push_timeout: Option<String>,
    /// Give a request to the registry up, and try again, when nothing moves for so long: seconds, or 90s, 10m
    #[arg(long, env = "LAMBDA_LIFT_STALL_TIMEOUT", value_name = "DURATION", default_value = "120s")]
    pub(super) stall_timeout: String,
}

/// Where an image comes from that is not in a file, and what is known of it from earlier runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Image and repository")]
pub(super) struct SourceArguments {
    /// The Docker daemon of docker-daemon: sources, as unix://PATH or tcp://HOST:PORT (default: DOCKER_HOST, the
    /// Docker context in use, then the sockets of Docker and podman)
    #[arg(long, env = "LAMBDA_LIFT_DOCKER_HOST", value_name = "URL")]
    pub(super) docker_host: Option<String>,
    /// Profile of the AWS configuration files for a docker:// source in Amazon ECR (default: the identity that deploys)
    #[arg(long, env = "LAMBDA_LIFT_SOURCE_PROFILE", value_name = "NAME")]
    pub(super) source_profile: Option<String>,
    /// Connect here instead of the host of a docker:// source (VPC endpoint, proxy, stand-in)
    #[arg(long, env = "LAMBDA_LIFT_SOURCE_ENDPOINT", value_name = "URL")]
    pub(super) source_endpoint: Option<String>,
    /// Where things are remembered between runs (default: lambda-lift in the user's cache folder)
    #[arg(long, env = "LAMBDA_LIFT_CACHE_DIR", value_name = "DIR")]
    pub(super) cache_dir: Option<PathBuf>,
    /// Remember nothing, and know nothing of earlier runs
    #[arg(long, env = "LAMBDA_LIFT_NO_CACHE", value_parser = BoolishValueParser::new())]
    pub(super) no_cache: bool,
}

/// Which function, and how it shall be.
#[derive(Debug, Args)]
#[command(next_help_heading = "Function")]
pub(super) struct FunctionArguments {
    /// The function: a name or an ARN (default: FunctionName in the function file)
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN")]
    pub(super) function: Option<String>,
    /// Declared settings in the shape of the CreateFunction request (JSON)
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION_FILE", value_name = "FILE")]
    pub(super) function_file: Option<PathBuf>,
    /// The execution role
    #[arg(long, env = "LAMBDA_LIFT_ROLE", value_name = "ARN")]
    pub(super) role: Option<String>,
    /// Memory in MB
    #[arg(long, env = "LAMBDA_LIFT_MEMORY", value_name = "MB")]
    pub(super) memory: Option<u32>,
    /// Time limit of an invocation in seconds
    #[arg(long, env = "LAMBDA_LIFT_TIMEOUT", value_name = "SECONDS")]
    pub(super) timeout: Option<u32>,
    /// Size of /tmp in MB
    #[arg(long, env = "LAMBDA_LIFT_EPHEMERAL_STORAGE", value_name = "MB")]
    pub(super) ephemeral_storage: Option<u32>,
    /// A description
    #[arg(long, env = "LAMBDA_LIFT_DESCRIPTION", value_name = "TEXT")]
    pub(super) description: Option<String>,
    /// An environment variable: K=V, or K to take its value from this process's environment (repeatable)
    #[arg(long = "env", env = "LAMBDA_LIFT_ENV", hide_env_values = true, value_name = "K=V")]
    pub(super) environment: Vec<String>,
    /// Override of the image's ENTRYPOINT (repeatable, one argument each)
    #[arg(long, env = "LAMBDA_LIFT_ENTRYPOINT", value_name = "ARG", allow_hyphen_values = true)]
    pub(super) entrypoint: Vec<String>,
    /// Override of the image's CMD (repeatable, one argument each)
    #[arg(long, env = "LAMBDA_LIFT_COMMAND", value_name = "ARG", allow_hyphen_values = true)]
    pub(super) command: Vec<String>,
    /// Override of the image's WORKDIR
    #[arg(long, env = "LAMBDA_LIFT_WORKING_DIRECTORY", value_name = "DIR")]
    pub(super) working_directory: Option<String>,
    /// Publish a version (the default)
    #[arg(long, overrides_with = "no_publish")]
    pub(super) publish: bool,
    /// Do not publish a version
    #[arg(long, env = "LAMBDA_LIFT_NO_PUBLISH", value_parser = BoolishValueParser::new())]
    pub(super) no_publish: bool,
    /// Create this alias, or move it to the new version
    #[arg(long, env = "LAMBDA_LIFT_ALIAS", value_name = "NAME")]
    pub(super) alias: Option<String>,
    /// How the alias's traffic moves
    #[arg(
        long,
        env = "LAMBDA_LIFT_STRATEGY",
        value_name = "STRATEGY",
        default_value = "all-at-once",
        requires = "alias"
    )]
    pub(super) strategy: Strategy,
    /// How narrow the pull permission is that is added to the repository's policy
    #[arg(long, env = "LAMBDA_LIFT_POLICY_SCOPE", value_name = "SCOPE", default_value = "account")]
    pub(super) policy_scope: Scope,
    /// How long to wait for the function to settle after each change: seconds, or 90s, 10m, 1h
    #[arg(long, env = "LAMBDA_LIFT_WAIT_TIMEOUT", value_name = "DURATION", default_value = "10m")]
    pub(super) wait_timeout: String,
}

/// How the alias's traffic moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Strategy {
    /// All traffic at once
    AllAtOnce,
}

/// How narrow an added permission is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scope {
    /// This function only
    Function,
    /// Every function of the account in the Region, as Lambda itself writes it
    Account,
    /// No condition: the minimum of the AWS documentation
    None,
}

/// `deploy`
#[derive(Debug, Args)]
pub(super) struct DeployArguments {
    #[command(flatten)]
    pub(super) image: ImageArguments,
    #[command(flatten)]
    pub(super) function: FunctionArguments,
}

/// `plan`
#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    pub(super) deploy: DeployArguments,
    /// Exit with 10 when changes are pending
    #[arg(long, env = "LAMBDA_LIFT_DETAILED_EXIT_CODE", value_parser = BoolishValueParser::new())]
    pub(super) detailed_exit_code: bool,
}

/// `push`
#[derive(Debug, Args)]
pub(super) struct PushArguments {
    #[command(flatten)]
    pub(super) image: ImageArguments,
}

/// `check`
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[arg(env = "LAMBDA_LIFT_IMAGE", value_name = "SOURCE", help = IMAGE_HELP)]
    pub(super) image: String,
    #[command(flatten)]
    pub(super) from: SourceArguments,
    /// The architecture that the image must have
    #[arg(long, env = "LAMBDA_LIFT_ARCH", value_name = "x86_64|arm64")]
    pub(super) arch: Option<String>,
    /// The function it is for: declared settings in the shape of the CreateFunction request (JSON)
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION_FILE", value_name = "FILE")]
    pub(super) function_file: Option<PathBuf>,
    /// Refuse for warnings and for what could not be decided, too
    #[arg(long, env = "LAMBDA_LIFT_STRICT", value_parser = BoolishValueParser::new())]
    pub(super) strict: bool,
}

/// `policy …`
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Print the repository's policy
    Show(PolicyRepository),
    /// Does the policy let Lambda pull? Exit 0 when it does, 3 otherwise
    Check(PolicyCheckArguments),
    /// Add the smallest missing permission; every other statement stays as it is
    Ensure(PolicyEnsureArguments),
}

/// The repository of a `policy` command.
#[derive(Debug, Args)]
pub(super) struct PolicyRepository {
    /// The repository: a name, or the full URI for another account
    #[arg(long, env = "LAMBDA_LIFT_REPOSITORY", value_name = "REPOSITORY")]
    pub(super) repository: String,
}

/// For whom a policy is judged.
#[derive(Debug, Args)]
pub(super) struct PolicyAudience {
    /// The function's account (repeatable; default: the caller's, or the repository's with --policy-file)
    #[arg(long = "account", env = "LAMBDA_LIFT_ACCOUNT", value_name = "ID", value_delimiter = ',')]
    pub(super) accounts: Vec<String>,
    /// The function (default: every function of the account)
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION", value_name = "NAME|ARN")]
    pub(super) function: Option<String>,
}

/// `policy check`
#[derive(Debug, Args)]
pub(super) struct PolicyCheckArguments {
    /// The repository: a name, or the full URI for another account
    #[arg(
        long,
        env = "LAMBDA_LIFT_REPOSITORY",
        value_name = "REPOSITORY",
        required_unless_present = "policy_file"
    )]
    pub(super) repository: Option<String>,
    /// Judge this document instead of the repository's policy; needs no AWS
    #[arg(long, env = "LAMBDA_LIFT_POLICY_FILE", value_name = "FILE")]
    pub(super) policy_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) audience: PolicyAudience,
}

/// `policy ensure`
#[derive(Debug, Args)]
pub(super) struct PolicyEnsureArguments {
    #[command(flatten)]
    pub(super) repository: PolicyRepository,
    #[command(flatten)]
    pub(super) audience: PolicyAudience,
    /// How narrow the added permission is
    #[arg(long, env = "LAMBDA_LIFT_POLICY_SCOPE", value_name = "SCOPE", default_value = "account")]
    pub(super) policy_scope: Scope,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variables_and_false_flags_count_as_not_set() {
        let flag = Arg::new("flag").long("flag").action(ArgAction::SetTrue);
        let option = Arg::new("option").long("option").action(ArgAction::Set);
        let table = [
            (&flag, "", true),
            (&flag, "False", true),
            (&flag, "0", true),
            (&flag, "true", false),
            (&flag, "nonsense", false),
            (&option, "", true),
            (&option, "false", false),
            (&option, "0", false),
        ];
        for (arg, value, idle) in table {
            assert_eq!(is_idle_value(arg, value), idle, "{} {value:?}", arg.get_id());
        }
    }
}
