//! What the user asked for, resolved: flags, environment and files are behind us.

use crate::cloud::RepositorySettings;
use crate::function::Definition;
use crate::layer::Encoding;
use crate::name::{AliasName, Architecture, FunctionName, Region, RepositoryRef, RoleArn, Tag};
use crate::policy::PolicyScope;
use crate::release::TrafficSpec;

/// One image to one repository and, unless only a push was asked for, one function.
#[derive(Debug, Clone)]
pub struct DeploySpec {
    /// The repository, by name or by URI.
    pub repository: RepositoryRef,
    /// The Region of the configuration; a URI or ARN may say otherwise.
    pub region: Region,
    /// The tags that the image shall carry; empty for the default, [`default_tag`](crate::plan::default_tag).
    pub tags: Vec<Tag>,
    /// How to create the repository when it is missing; none to refuse.
    pub create_repository: Option<RepositorySettings>,
    /// The form in which layers are pushed.
    pub encoding: Encoding,
    /// Repositories whose layers may be taken over.
    pub mount_from: Vec<RepositoryRef>,
    /// The architecture that `--arch` or the function file names.
    pub architecture: Option<Architecture>,
    /// The function; none to push only.
    pub function: Option<FunctionSpec>,
}

/// The function that was asked for.
#[derive(Debug, Clone)]
pub struct FunctionSpec {
    /// Its bare name.
    pub name: FunctionName,
    /// The Region that its ARN names.
    pub region: Option<Region>,
    /// The account that its ARN names.
    pub account: Option<crate::name::AccountId>,
    /// The declared settings; what is absent is unmanaged.
    pub definition: Definition,
    /// Whether a version is published.
    pub publish: bool,
    /// The alias to create or move.
    pub alias: Option<AliasName>,
    /// How the alias's traffic moves.
    pub traffic: TrafficSpec,
    /// How narrow the pull permission is that we add to the repository's policy.
    pub policy_scope: PolicyScope,
}

impl DeploySpec {
    /// The Region that the repository is in.
    pub fn repository_region(&self) -> &Region {
        self.repository.registry.as_ref().map_or(&self.region, |registry| &registry.region)
    }

    /// The Region that the function is in.
    pub fn function_region(&self) -> &Region {
        self.function.as_ref().and_then(|function| function.region.as_ref()).unwrap_or(&self.region)
    }
}

impl FunctionSpec {
    /// The declared execution role, when there is one and it is well formed.
    pub fn role(&self) -> Option<RoleArn> {
        self.definition.role()?.parse().ok()
    }
}
