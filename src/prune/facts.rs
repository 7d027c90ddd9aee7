//! What must be known before anything can go.

use std::collections::{BTreeMap, BTreeSet};

use crate::cloud::{CodeUse, RegistryRules, StoredImage};
use crate::name::{AccountId, AliasName, Digest, FunctionName, RepositoryName, Version};
use crate::release::{Journal, Place};

/// Everything that a plan is made of.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The account of the functions.
    pub account: AccountId,
    /// The functions that were named.
    pub functions: Vec<FunctionFacts>,
    /// The repositories that were named.
    pub repositories: Vec<RepositoryFacts>,
    /// What every version of every function of account and Region runs. Empty where no repository was named.
    pub uses: Vec<CodeUse>,
    /// Now, in seconds since 1970.
    pub now: u64,
}

/// A function, and everything that refers to its versions.
#[derive(Debug, Clone)]
pub struct FunctionFacts {
    /// Its name.
    pub name: FunctionName,
    /// Its published versions with the digest that each runs; none for a zip version.
    pub versions: BTreeMap<Version, Option<Digest>>,
    /// Every digest that GetFunction tells of its `$LATEST`; none for a zip archive.
    pub latest: Vec<Digest>,
    /// Its aliases.
    pub aliases: Vec<AliasFacts>,
    /// Versions and aliases that carry provisioned concurrency.
    pub provisioned: BTreeSet<String>,
}

/// An alias, and what is remembered of it.
#[derive(Debug, Clone)]
pub struct AliasFacts {
    /// Its name.
    pub name: AliasName,
    /// Where it sends its traffic.
    pub place: Place,
    /// What it ran before, and the move that was last begun.
    pub journal: Journal,
}

/// A repository, and what it holds.
#[derive(Debug, Clone)]
pub struct RepositoryFacts {
    /// The account that it belongs to.
    pub owner: AccountId,
    /// Its name.
    pub name: RepositoryName,
    /// Its policy.
    pub policy: Option<String>,
    /// What its registry says; none where that cannot be read: only its own account can.
    pub registry: Option<RegistryRules>,
    /// Everything that it holds.
    pub images: Vec<StoredImage>,
    /// What each index among the images lists.
    pub children: BTreeMap<Digest, Vec<Digest>>,
}
