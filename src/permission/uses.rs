//! What a configuration makes us do, as far as permissions go.

use crate::name::{AccountId, FunctionName, Region, RepositoryName, RoleArn};

/// A command whose calls need permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// `deploy`
    Deploy,
    /// `plan`
    Plan,
    /// `push`
    Push,
    /// `release`
    Release,
    /// `rollback`
    Rollback,
    /// `status`
    Status,
    /// `prune`
    Prune,
    /// `init`
    Init,
    /// `diff`
    Diff,
    /// `invoke`
    Invoke,
    /// `policy show` and `policy check`
    PolicyCheck,
    /// `policy ensure`
    PolicyEnsure,
}

impl Work {
    /// The command's name, for the words of a statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Plan => "plan",
            Self::Push => "push",
            Self::Release => "release",
            Self::Rollback => "rollback",
            Self::Status => "status",
            Self::Prune => "prune",
            Self::Init => "init",
            Self::Diff => "diff",
            Self::Invoke => "invoke",
            Self::PolicyCheck => "policy check",
            Self::PolicyEnsure => "policy ensure",
        }
    }
}

/// A repository with all that its ARN says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPlace {
    /// The account that owns it.
    pub account: AccountId,
    /// The Region that it is in.
    pub region: Region,
    /// Its name.
    pub name: RepositoryName,
}

impl RepositoryPlace {
    /// `arn:aws:ecr:eu-west-1:123456789012:repository/shop`
    pub fn arn(&self) -> String {
        let Self { account, region, name } = self;
        format!("arn:{}:ecr:{region}:{account}:repository/{name}", region.partition().arn_name())
    }
}

/// A KMS key as it may be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KmsKey {
    /// Its ARN.
    Arn(String),
    /// `alias/NAME`: which key that is only KMS knows.
    Alias(String),
    /// Its id.
    Id(String),
}

impl KmsKey {
    /// Reads a key's ARN, an alias's ARN, `alias/NAME`, or an id.
    pub fn of(text: &str) -> Self {
        let name = text.split_once(":alias/").map(|(_, name)| name).or(text.strip_prefix("alias/"));
        match name {
            Some(name) => Self::Alias(format!("alias/{name}")),
            None if text.starts_with("arn:") => Self::Arn(text.to_owned()),
            None => Self::Id(text.to_owned()),
        }
    }
}

/// CodeDeploy, as a configuration uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeDeployUses {
    /// The application.
    pub application: String,
    /// The deployment group.
    pub group: String,
    /// The deployment configuration; none where no deployment is created.
    pub config: Option<String>,
    /// Whether what is missing is made.
    pub creates: bool,
    /// The role that a new group is given.
    pub role: Option<RoleArn>,
}

/// The function, as a configuration uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionUses {
    /// Its name.
    pub name: FunctionName,
    /// The declared execution role: without one a function is never created, and no role is passed.
    pub role: Option<RoleArn>,
    /// Whether any setting is declared.
    pub has_settings: bool,
    /// Whether a version is published.
    pub publishes: bool,
    /// Whether an alias is moved.
    pub has_alias: bool,
    /// Whether subnets are declared.
    pub has_network: bool,
    /// Whether a file system is declared.
    pub has_file_system: bool,
    /// The declared key for environment variables.
    pub key: Option<KmsKey>,
    /// Whether tags are declared.
    pub has_tags: bool,
    /// Whether alarms are watched.
    pub watches_alarms: bool,
    /// Whether metrics of the new version are watched.
    pub watches_metrics: bool,
    /// Whether a new version is invoked before it gets traffic.
    pub has_smoke_test: bool,
    /// Whether the alias carries provisioned concurrency.
    pub is_provisioned: bool,
    /// CodeDeploy, where it moves the traffic.
    pub codedeploy: Option<CodeDeployUses>,
}

/// A parameter of AWS Systems Manager whose value the configuration takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterUse {
    /// As it is asked for: a name, a path or an ARN, each perhaps with `:VERSION` or `:LABEL`.
    pub name: String,
    /// Whether it is a SecureString, or that is not known.
    pub may_be_secret: bool,
}

/// An object in Amazon S3 that is read for values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectUse {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// What the configuration's values are read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueUses {
    /// Parameters.
    pub parameters: Vec<ParameterUse>,
    /// Terraform's states in Amazon S3.
    pub states: Vec<ObjectUse>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uses {
    /// The commands that are to be allowed.
    pub work: Vec<Work>,
    /// The account of the function, or of the one who pushes.
    pub account: AccountId,
    /// The function's Region.
    pub region: Region,
    /// The repository; none for `prune` alone.
    pub repository: Option<RepositoryPlace>,
    /// The repositories that `prune` looks at.
    pub pruned: Vec<RepositoryPlace>,
    /// Whether the repository is used with an identity of its own.
    pub has_repository_identity: bool,
    /// The repository that the image comes from, where it comes from Amazon ECR.
    pub source: Option<RepositoryPlace>,
    /// Whether the source is read with an identity of its own.
    pub has_source_identity: bool,
    /// Repositories whose layers may be taken over.
    pub mount_from: Vec<RepositoryPlace>,
    /// Whether the repository may be created.
    pub creates_repository: bool,
    /// The key of a repository that is created.
    pub repository_key: Option<KmsKey>,
    /// The function; none where only a repository is meant.
    pub function: Option<FunctionUses>,
    /// What values are read from.
    pub values: ValueUses,
}

impl Uses {
    /// Whether one of these commands is to be allowed.
    pub(super) fn does(&self, work: &[Work]) -> bool {
        self.work.iter().any(|one| work.contains(one))
    }
}
