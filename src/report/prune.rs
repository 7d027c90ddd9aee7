//! What `prune` looked at, as plain data.

use std::time::Duration;

use super::sizes;
use crate::name::Digest;

/// Every version and image that was looked at, and what is or was done with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PruneReport {
    /// `--keep`.
    pub keep: usize,
    /// `--min-age`.
    pub min_age: Duration,
    /// The versions, function by function.
    pub versions: Vec<PrunedVersion>,
    /// The images, repository by repository.
    pub images: Vec<PrunedImage>,
    /// Whether a person was asked, saw all of this and said no.
    pub declined: bool,
}

/// A version of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunedVersion {
    /// The function's name.
    pub function: String,
    /// The version's number.
    pub version: String,
    /// What it runs; none for a zip version.
    pub digest: Option<Digest>,
    /// What is done with it.
    pub fate: Fate,
}

/// An image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunedImage {
    /// The repository's name.
    pub repository: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// Compressed bytes, those that it shares with other images included; none for an index, whose images count.
    pub size: Option<u64>,
    /// When it was pushed, in seconds since 1970.
    pub pushed: Option<u64>,
    /// What is done with it.
    pub fate: Fate,
}

/// What is done with a version or an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Whether it goes.
    pub goes: bool,
    /// Why, as a stable word.
    pub reason: &'static str,
    /// Why, for a person.
    pub detail: String,
    /// Whether it has gone.
    pub deleted: bool,
}

impl Fate {
    /// What was planned stays after all.
    pub(crate) fn spare(&mut self, reason: &'static str, detail: String) {
        *self = Self { goes: false, reason, detail, deleted: false };
    }
}

impl PruneReport {
    /// How many bytes go at most: layers that an image shares with one that stays do not.
    pub fn bytes(&self) -> u64 {
        sizes::sum(self.images.iter().filter(|image| image.fate.goes).filter_map(|image| image.size))
    }

    /// The fate of a version.
    pub(crate) fn version(&mut self, function: &str, version: &str) -> Option<&mut Fate> {
        let is_it = |one: &&mut PrunedVersion| one.function == function && one.version == version;
        self.versions.iter_mut().find(is_it).map(|one| &mut one.fate)
    }

    /// The fate of an image.
    pub(crate) fn image(&mut self, repository: &str, digest: &Digest) -> Option<&mut Fate> {
        let is_it = |one: &&mut PrunedImage| one.repository == repository && one.digest == *digest;
        self.images.iter_mut().find(is_it).map(|one| &mut one.fate)
    }
}
