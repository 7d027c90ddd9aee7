//! How a push fails.

use super::error::RegistryError;
use crate::layer::LayerError;
use crate::name::{Digest, RepositoryName, Tag};

/// A push that did not succeed. No manifest was put, unless only the reading back failed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// A layer cannot be read, or is not what it claims to be.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The registry refused a step, or could not be reached.
    #[error("{what}")]
    Registry {
        /// What could not be done, for a person.
        what: String,
        /// Why.
        source: Box<RegistryError>,
    },
    /// The layers hold more than they may.
    #[error("the image holds more than {limit} bytes uncompressed; its largest layers are {}", told(largest))]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
        /// The largest layers, largest first. Reading stopped at the limit: they may hold more than is said.
        largest: Vec<LayerSize>,
    },
    /// The push did not end in time.
    #[error("the push did not end within {} s; {}", limit.as_secs_f32(), told_missing(missing, *total))]
    TimedOut {
        /// How long it might have taken.
        limit: std::time::Duration,
        /// How many layers the image has, repeated ones counted once.
        total: usize,
        /// The layers that are not in the registry yet, base layer first, by diff id.
        missing: Vec<Digest>,
    },
    /// The tag names another image, and may not be moved.
    #[error("tag {tag} of {repository} names another image already, and may not be moved")]
    ImmutableTag {
        /// The tag.
        tag: Tag,
        /// The repository.
        repository: RepositoryName,
        /// The registry's answer.
        source: Box<RegistryError>,
    },
    /// What is in the image keeps it from being published.
    #[error("the image was not published, because of what is in it")]
    Unfit,
    /// The registry took the manifest and gives out another one.
    #[error("the registry gives out another manifest than was put: its digest is {found}, not {expected}")]
    NotVerified {
        /// The digest of the manifest that was put.
        expected: Digest,
        /// What was read back, as the reader told it.
        found: String,
    },
}

/// How much a layer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerSize {
    /// The layer.
    pub diff_id: Digest,
    /// Bytes of its uncompressed content that were counted.
    pub uncompressed_bytes: u64,
}

impl PushError {
    pub(super) fn registry(what: impl Into<String>, source: RegistryError) -> Self {
        Self::Registry { what: what.into(), source: Box::new(source) }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Layer(error) => error.hint(),
            Self::Registry { source, .. } => source.hint(),
            Self::TooLarge { .. } => Some(
                "Lambda takes images of at most 10 GB uncompressed: make these layers smaller, or move data \
                 out of the image"
                    .to_owned(),
            ),
            Self::TimedOut { .. } => Some(
                "run the same command again: it goes on where this one stopped; or give it longer with \
                 --push-timeout"
                    .to_owned(),
            ),
            // Whoever judged says more.
            Self::Unfit => None,
            Self::ImmutableTag { .. } => Some("push under another --tag".to_owned()),
            Self::NotVerified { .. } => Some(
                "something between here and the registry changes what it gives out; check proxies".to_owned(),
            ),
        }
    }
}

fn told(largest: &[LayerSize]) -> String {
    let one = |layer: &LayerSize| format!("{} with {} bytes", layer.diff_id, layer.uncompressed_bytes);
    largest.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// How many missing layers are named.
const MISSING_TOLD: usize = 5;

fn told_missing(missing: &[Digest], total: usize) -> String {
    if missing.is_empty() {
        return format!("all {total} layers are in the registry, the manifest is not");
    }
    let named: Vec<_> = missing.iter().take(MISSING_TOLD).map(Digest::to_string).collect();
    let more = if missing.len() > MISSING_TOLD { ", …" } else { "" };
    format!("missing are {} of {total} layers: {}{more}", missing.len(), named.join(", "))
}
