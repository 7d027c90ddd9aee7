//! How a function stands, as plain data.

use std::time::SystemTime;

use crate::cloud::{DescribedImage, FunctionState, LiveFunction};
use crate::name::{AliasName, Architecture, Digest, FunctionName, ImageUri};
use crate::policy::Verdict;
use crate::preflight::Finding;
use crate::release::{Intent, Move, Place};

/// A function with its aliases and versions.
#[derive(Debug, Clone)]
pub struct Status {
    /// Its name.
    pub name: FunctionName,
    /// `$LATEST`, with the settings and the state of the function.
    pub latest: LiveFunction,
    /// Its aliases, by name; none when they could not be read.
    pub aliases: Option<Vec<AliasStatus>>,
    /// `$LATEST`, then published versions, newest first.
    pub versions: Vec<VersionStatus>,
    /// How many older versions were left out.
    pub left_out: usize,
    /// What could not be read or relied on.
    pub findings: Vec<Finding>,
    /// When it was so.
    pub seen: SystemTime,
}

impl Status {
    /// The version of this number, or `$LATEST`; none when it is not among those that were looked at.
    pub fn version(&self, version: &str) -> Option<&VersionStatus> {
        self.versions.iter().find(|found| found.version == version)
    }
}

/// An alias, in the light of its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct AliasStatus {
    /// Its name.
    pub name: AliasName,
    /// Where it sends its traffic.
    pub place: Place,
    /// Whether a release is under way.
    pub traffic: Traffic,
    /// The moves that are known to have happened, newest first.
    pub moves: Vec<Move>,
    /// Why the journal cannot be relied on; none when it can.
    pub trouble: Option<String>,
}

/// What goes on with an alias's traffic.
#[derive(Debug, Clone, PartialEq)]
pub enum Traffic {
    /// Nothing is under way.
    Still,
    /// A release is under way.
    Running(Box<Intent>),
    /// A release was interrupted: nobody continues it.
    Interrupted(Box<Intent>),
    /// Traffic is split, and not by a release that the journal knows.
    Foreign,
}

impl Traffic {
    /// The word of the JSON document.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Still => "still",
            Self::Running(_) => "running",
            Self::Interrupted(_) => "interrupted",
            Self::Foreign => "foreign",
        }
    }

    /// The release that is under way or was interrupted.
    pub fn release(&self) -> Option<&Intent> {
        match self {
            Self::Running(release) | Self::Interrupted(release) => Some(release),
            Self::Still | Self::Foreign => None,
        }
    }
}

/// A version, or `$LATEST`.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionStatus {
    /// Its number, or `$LATEST`.
    pub version: String,
    /// The aliases that send traffic to it.
    pub aliases: Vec<AliasName>,
    /// Where it is in its life; none when it could not be read.
    pub state: Option<FunctionState>,
    /// The execution role's ARN.
    pub role: Option<String>,
    /// Megabytes of memory.
    pub memory: Option<u64>,
    /// Seconds until an invocation is ended.
    pub timeout: Option<u64>,
    /// Its instruction set.
    pub architecture: Architecture,
    /// When what it holds was last changed.
    pub modified: Option<SystemTime>,
    /// The image that it runs; none for a zip version.
    pub image: Option<ImageStatus>,
}

/// The image of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageStatus {
    /// The manifest's digest.
    pub digest: Option<Digest>,
    /// Where it lies; none when that is not known.
    pub uri: Option<ImageUri>,
    /// Whether it is still there.
    pub stored: Stored,
    /// Whether Lambda may pull it.
    pub pull: Pull,
}

/// Whether an image is still in its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is, or it is in the repository's archive ([`DescribedImage::archived`]).
    Yes(DescribedImage),
    /// It was deleted, perhaps with its repository.
    No {
        /// What is not there.
        why: String,
    },
    /// It could not be seen.
    Unknown {
        /// Why.
        why: String,
    },
}

impl Stored {
    /// The word of the JSON document.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Yes(image) if image.archived => "archived",
            Self::Yes(_) => "yes",
            Self::No { .. } => "deleted",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// What the repository says of it.
    pub fn image(&self) -> Option<&DescribedImage> {
        match self {
            Self::Yes(image) => Some(image),
            Self::No { .. } | Self::Unknown { .. } => None,
        }
    }

    /// Why it is not there, or could not be seen.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Yes(_) => None,
            Self::No { why } | Self::Unknown { why } => Some(why),
        }
    }
}

/// Whether the repository's policy lets Lambda pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Granted, missing, denied or unknown.
    pub verdict: Verdict,
    /// Why it is not granted.
    pub why: Option<String>,
}
