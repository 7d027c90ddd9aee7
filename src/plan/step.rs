//! The closed list of things that a deploy may do. Nothing is left to decide when a step is carried out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::cloud::RepositorySettings;
use crate::function::Change;
use crate::name::{AliasName, Architecture, Digest, Tag, Version};

/// What will be done, in this order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The steps; empty when everything is as it should be.
    pub steps: Vec<Step>,
    /// The published version that is what the function shall be; none when one is still to be published, or none is wanted.
    pub version: Option<Version>,
}

/// One thing to do.
#[derive(Debug, Clone)]
pub enum Step {
    /// Create the repository.
    CreateRepository(RepositorySettings),
    /// Send what the registry lacks, the manifest last.
    PushImage(PushStep),
    /// Add the smallest pull permission to the repository's policy.
    GrantPull(GrantStep),
    /// Create the function.
    CreateFunction(CreateStep),
    /// Change settings, before the code changes or after it.
    UpdateConfiguration(ConfigurationStep),
    /// Point the function at the image.
    UpdateCode(CodeStep),
    /// Add or change resource tags of the function.
    TagFunction(TagStep),
    /// Publish `$LATEST` as a version.
    PublishVersion,
    /// Create the alias, or point all of its traffic at one version.
    MoveAlias(AliasStep),
}

impl Step {
    /// The step's stable name in events and in the JSON document.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateRepository(_) => "create_repository",
            Self::PushImage(_) => "push_image",
            Self::GrantPull(_) => "grant_pull",
            Self::CreateFunction(_) => "create_function",
            Self::UpdateConfiguration(_) => "update_configuration",
            Self::UpdateCode(_) => "update_code",
            Self::TagFunction(_) => "tag_function",
            Self::PublishVersion => "publish_version",
            Self::MoveAlias(step) if step.current.is_none() => "create_alias",
            Self::MoveAlias(_) => "move_alias",
        }
    }
}

/// What of the image moves where.
#[derive(Debug, Clone)]
pub struct PushStep {
    /// The tags to put; empty for the default tag of a digest that the push computes.
    pub tags: Vec<Tag>,
    /// The manifest's digest, when it is known before the push.
    pub digest: Option<Digest>,
}

/// A change of the repository's policy.
#[derive(Debug, Clone)]
pub struct GrantStep {
    /// The policy that the plan was made for; it must still be there when the new one is written.
    pub current: Option<String>,
    /// The whole new policy.
    pub text: String,
    /// The Sids of the statements that were added or extended.
    pub statements: Vec<String>,
    /// Those statements as JSON, for a person.
    pub preview: String,
}

/// A function to create.
#[derive(Debug, Clone)]
pub struct CreateStep {
    /// The settings, in the shape of CreateFunction.
    pub settings: Map<String, Value>,
    /// Its architecture.
    pub architecture: Architecture,
}

/// Settings to change.
#[derive(Debug, Clone)]
pub struct ConfigurationStep {
    /// What is sent, whole values in the shape of CreateFunction.
    pub settings: Map<String, Value>,
    /// The differences, for a person. Environment values are not in them.
    pub changes: Vec<Change>,
}

/// Code to change.
#[derive(Debug, Clone)]
pub struct CodeStep {
    /// The digest that runs now.
    pub from: Option<Digest>,
    /// The digest that shall run; none until the push has computed it.
    pub to: Option<Digest>,
    /// The architecture to send.
    pub architecture: Architecture,
}

/// Tags to set.
#[derive(Debug, Clone)]
pub struct TagStep {
    /// The tags to add or replace.
    pub tags: BTreeMap<String, String>,
}

/// An alias to create or move.
#[derive(Debug, Clone)]
pub struct AliasStep {
    /// The alias.
    pub name: AliasName,
    /// The version that it points to now; none when it does not exist.
    pub current: Option<String>,
    /// The weights by which it spreads traffic now, which end; version to weight.
    pub weights: BTreeMap<String, f64>,
    /// Where it goes; none for the version that this plan publishes.
    pub to: Option<Version>,
    /// The alias's revision that the plan was made for.
    pub revision_id: Option<String>,
}
