//! Blobs that are taken over from other repositories of the registry, instead of being sent.
//!
//! Only a blob whose digest is known is asked for, and only under that digest, so it does not matter who put it into the
//! other repository. Asking costs nothing: a registry that does not mount the blob opens an upload in the same answer, and
//! that upload is used.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::Registry;
use super::blob::MountOutcome;
use super::origins::Origins;
use super::upload::UploadSession;
use crate::event::{Event, Reporter};
use crate::name::{Digest, RegistryHost, RepositoryName};

/// Whether a registry mounts blobs, as far as that is known before it is tried. Amazon ECR does where the account's setting
/// `BLOB_MOUNTING` is enabled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MountRule {
    /// It does not: nothing is tried.
    Disabled,
    /// Not known: a source that does not give the first blob is not asked again.
    #[default]
    Unknown,
    /// It does: a source that does not give one blob may have the next.
    Enabled,
}

/// What is remembered of one registry.
#[derive(Debug, Clone, Copy)]
pub struct RememberedOrigins<'a> {
    /// Where blobs were put.
    pub origins: &'a Origins,
    /// The registry that is pushed to.
    pub registry: &'a RegistryHost,
}

/// What came of trying to mount a blob.
pub(super) enum MountAttempt {
    /// The repository has it now.
    Mounted,
    /// It must be sent, into this upload.
    Session(UploadSession),
    /// It must be sent.
    Nothing,
}

/// The sources of one push.
pub(super) struct Mounting<'a> {
    pub(super) from: &'a [RepositoryName],
    pub(super) rule: MountRule,
    pub(super) remembered: Option<RememberedOrigins<'a>>,
    pub(super) given_up: Mutex<HashSet<RepositoryName>>,
}

impl Mounting<'_> {
    /// Tries to take `digest` over from the likeliest source, or the next where one refuses.
    pub(super) async fn attempt(
        &self,
        registry: &Registry,
        digest: &Digest,
        reporter: &dyn Reporter,
    ) -> MountAttempt {
        for source in self.sources(digest, registry.repository()) {
            match registry.mount(digest, &source).await {
                Ok(MountOutcome::Mounted) => return MountAttempt::Mounted,
                Ok(MountOutcome::Session(session)) => {
                    if self.rule != MountRule::Enabled {
                        self.give_up(source);
                    }
                    return MountAttempt::Session(session);
                }
                Err(error) => {
                    let text = format!("nothing is mounted from {source}: {error}");
                    reporter.report(Event::Note { text });
                    self.give_up(source);
                    // A refusal is about the source; where there was no answer, the upload may fare better.
                    if error.refusal().is_none() {
                        return MountAttempt::Nothing;
                    }
                }
            }
        }
        MountAttempt::Nothing
    }

    /// Where `digest` may be: where it was put before, then where anything may be.
    fn sources(&self, digest: &Digest, target: &RepositoryName) -> Vec<RepositoryName> {
        if self.rule == MountRule::Disabled {
            return Vec::new();
        }
        let remembered = self.remembered.map(|known| known.origins.of(digest, known.registry));
        let mut sources: Vec<RepositoryName> = Vec::new();
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        for source in remembered.unwrap_or_default().iter().chain(self.from) {
            if source != target && !given_up.contains(source) && !sources.contains(source) {
                sources.push(source.clone());
            }
        }
        sources
    }

    fn give_up(&self, source: RepositoryName) {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).insert(source);
    }

    /// Remembers that the repository was given `digest`.
    pub(super) async fn note(&self, registry: &Registry, digest: Digest) {
        let Some(RememberedOrigins { origins, registry: host }) = self.remembered else { return };
        let (origins, host, repository) = (origins.clone(), host.clone(), registry.repository().clone());
        let _ = tokio::task::spawn_blocking(move || origins.note(&digest, &host, &repository)).await;
    }
}
