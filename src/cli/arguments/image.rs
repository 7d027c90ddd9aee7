//! Which image, where it comes from, and how it moves to the registry: `push` and `check`, and their part of `deploy`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueHint};

use super::suggestion::{ARCHITECTURES, COMPRESSIONS};
use crate::cli::configured::Declared;

/// How an image source is written.
const IMAGE_HELP: &str = "The image: docker-archive:FILE[:REF], oci:DIR[:REF], oci-archive:FILE[:REF], docker-daemon:REF, docker://HOST/REPOSITORY[:TAG|@DIGEST], or a path";

/// Which image, and how it moves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Image and repository")]
pub(in crate::cli) struct ImageArguments {
    #[arg(long, env = "LAMBDA_LIFT_IMAGE", value_name = "SOURCE", help = IMAGE_HELP, value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) image: String,
    #[command(flatten)]
    pub(in crate::cli) from: SourceArguments,
    /// The repository: a name, or the full URI for another account
    #[arg(long, env = "LAMBDA_LIFT_REPOSITORY", value_name = "REPOSITORY")]
    pub(in crate::cli) repository: String,
    /// A tag for the image (repeatable; default: sha256-<first 12 hex digits of the digest>)
    #[arg(long = "tag", env = "LAMBDA_LIFT_TAG", value_name = "TAG", value_delimiter = ',')]
    pub(in crate::cli) tags: Vec<String>,
    /// The architecture to choose from an index, and that the image must have
    #[arg(long, env = "LAMBDA_LIFT_ARCH", value_name = "x86_64|arm64", value_parser = ARCHITECTURES, hide_possible_values = true)]
    pub(in crate::cli) arch: Option<String>,
    /// Create the repository when it is missing
    #[arg(long, env = "LAMBDA_LIFT_CREATE_REPOSITORY", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) create_repository: bool,
    /// Created repository: scan each image at push
    #[arg(long, env = "LAMBDA_LIFT_SCAN_ON_PUSH", requires = "create_repository", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) scan_on_push: bool,
    /// Created repository: a tag can never be moved to another image
    #[arg(long, env = "LAMBDA_LIFT_IMMUTABLE_TAGS", requires = "create_repository", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) immutable_tags: bool,
    /// Created repository: encrypt with this KMS key (ARN, id or alias)
    #[arg(long, env = "LAMBDA_LIFT_KMS_KEY", value_name = "KEY", requires = "create_repository")]
    pub(in crate::cli) kms_key: Option<String>,
    /// How layers that are not gzip are sent: as gzip of a level, 1 (fast) to 9 (small), or as they are stored (default: 1 and 3 in turns)
    #[arg(long, env = "LAMBDA_LIFT_COMPRESSION", value_name = "LEVEL|keep", value_parser = COMPRESSIONS, hide_possible_values = true)]
    pub(in crate::cli) compression: Option<String>,
    /// A repository of the same registry whose layers may be taken over (repeatable): a name or the full URI
    #[arg(long, env = "LAMBDA_LIFT_MOUNT_FROM", value_name = "REPOSITORY", value_delimiter = ',')]
    pub(in crate::cli) mount_from: Vec<String>,
    /// Large layers that are sent at the same time; four times as many small ones move beside them
    #[arg(long, env = "LAMBDA_LIFT_JOBS", value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(in crate::cli) jobs: u16,
    /// Size of an upload part in MiB
    #[arg(long, env = "LAMBDA_LIFT_CHUNK_SIZE", value_name = "MiB", value_parser = clap::value_parser!(u16).range(5..=1024))]
    pub(in crate::cli) chunk_size: Option<u16>,
    /// End the push when it takes longer in all: seconds, or 90s, 10m, 1h (default: as long as something moves)
    #[arg(long, env = "LAMBDA_LIFT_PUSH_TIMEOUT", value_name = "DURATION")]
    pub(in crate::cli) push_timeout: Option<String>,
    /// Give a request to the registry up, and try again, when nothing moves for so long: seconds, or 90s, 10m
    #[arg(long, env = "LAMBDA_LIFT_STALL_TIMEOUT", value_name = "DURATION", default_value = "120s")]
    pub(in crate::cli) stall_timeout: String,
    /// Only tell what this check finds, whatever it is (repeatable): docs/checks.md says which may be
    #[arg(long, env = "LAMBDA_LIFT_ALLOW", value_name = "CHECK", value_delimiter = ',')]
    pub(in crate::cli) allow: Vec<String>,
}

/// Where an image comes from that is not in a file, and what is known of it from earlier runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Image and repository")]
pub(in crate::cli) struct SourceArguments {
    /// The Docker daemon of docker-daemon: sources, as unix://PATH or tcp://HOST:PORT (default: DOCKER_HOST, the
    /// Docker context in use, then the sockets of Docker and podman)
    #[arg(long, env = "LAMBDA_LIFT_DOCKER_HOST", value_name = "URL")]
    pub(in crate::cli) docker_host: Option<String>,
    /// Profile of the AWS configuration files for a docker:// source in Amazon ECR (default: the identity that deploys)
    #[arg(long, env = "LAMBDA_LIFT_SOURCE_PROFILE", value_name = "NAME")]
    pub(in crate::cli) source_profile: Option<String>,
    /// Connect here instead of the host of a docker:// source (VPC endpoint, proxy, stand-in)
    #[arg(long, env = "LAMBDA_LIFT_SOURCE_ENDPOINT", value_name = "URL")]
    pub(in crate::cli) source_endpoint: Option<String>,
    /// Where things are remembered between runs (default: lambda-lift in the user's cache folder)
    #[arg(long, env = "LAMBDA_LIFT_CACHE_DIR", value_name = "DIR")]
    pub(in crate::cli) cache_dir: Option<PathBuf>,
    /// Remember nothing, and know nothing of earlier runs
    #[arg(long, env = "LAMBDA_LIFT_NO_CACHE", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) no_cache: bool,
}

/// `push`
#[derive(Debug, Args)]
pub(in crate::cli) struct PushArguments {
    #[command(flatten)]
    pub(in crate::cli) image: ImageArguments,
    #[command(flatten)]
    pub(in crate::cli) proof: ProofArguments,
}

/// Whether the image is run here before it is sent: `deploy`, `plan` and `push`.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Image and repository")]
pub(in crate::cli) struct ProofArguments {
    /// Run the image here first, without Docker, under Lambda's constraints (Linux): it is sent only when it does well
    #[arg(long, env = "LAMBDA_LIFT_RUN", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) run: bool,
    /// A file with an event (JSON) that the image has to answer when it is run here (repeatable, in this order)
    #[arg(
        long = "event",
        env = "LAMBDA_LIFT_EVENT",
        value_name = "FILE",
        value_delimiter = ',',
        requires = "run"
    )]
    pub(in crate::cli) events: Vec<PathBuf>,
    /// How long it may take for an event when it is run here: seconds, or 90s, 10m (default: the function's Timeout, or 3 seconds)
    #[arg(long, env = "LAMBDA_LIFT_RUN_TIMEOUT", value_name = "DURATION", requires = "run")]
    pub(in crate::cli) run_timeout: Option<String>,
}

/// `check`
#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArguments {
    #[arg(env = "LAMBDA_LIFT_IMAGE", value_name = "SOURCE", help = IMAGE_HELP, value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) image: String,
    #[command(flatten)]
    pub(in crate::cli) from: SourceArguments,
    /// The architecture that the image must have
    #[arg(long, env = "LAMBDA_LIFT_ARCH", value_name = "x86_64|arm64", value_parser = ARCHITECTURES, hide_possible_values = true)]
    pub(in crate::cli) arch: Option<String>,
    /// The function it is for: declared settings in the shape of the CreateFunction request (JSON)
    #[arg(long, env = "LAMBDA_LIFT_FUNCTION_FILE", value_name = "FILE")]
    pub(in crate::cli) function_file: Option<PathBuf>,
    /// What the configuration file declares
    #[arg(skip)]
    pub(in crate::cli) declared: Declared,
    /// Look at the manifest and the configuration only: do not read the layers
    #[arg(long, env = "LAMBDA_LIFT_METADATA_ONLY", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) metadata_only: bool,
    /// Refuse for warnings and for what could not be decided, too
    #[arg(long, env = "LAMBDA_LIFT_STRICT", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) strict: bool,
    /// Only tell what this check finds, whatever it is (repeatable): docs/checks.md says which may be
    #[arg(long, env = "LAMBDA_LIFT_ALLOW", value_name = "CHECK", value_delimiter = ',')]
    pub(in crate::cli) allow: Vec<String>,
    /// Prove it by running the image here, without Docker, under Lambda's constraints (Linux)
    #[arg(long, env = "LAMBDA_LIFT_RUN", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) run: bool,
    /// A file with an event (JSON) that the image has to answer (repeatable, in this order)
    #[arg(
        long = "event",
        env = "LAMBDA_LIFT_EVENT",
        value_name = "FILE",
        value_delimiter = ',',
        requires = "run"
    )]
    pub(in crate::cli) events: Vec<PathBuf>,
    /// How long it may take for an event: seconds, or 90s, 10m (default: the function's Timeout, or 3 seconds)
    #[arg(long, env = "LAMBDA_LIFT_RUN_TIMEOUT", value_name = "DURATION", requires = "run")]
    pub(in crate::cli) timeout: Option<String>,
    /// Keep it up after that, and answer Lambda's Invoke there until Ctrl-C; on this machine alone
    #[arg(
        long,
        env = "LAMBDA_LIFT_SERVE",
        value_name = "ADDR:PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "127.0.0.1:9000",
        requires = "run"
    )]
    pub(in crate::cli) serve: Option<String>,
}
