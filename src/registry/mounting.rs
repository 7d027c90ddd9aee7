//! Blobs that are taken over from other repositories of the registry, instead of being sent.
//!
//! Only a blob whose digest is known is asked for, and only under that digest, so it does not matter who put it into the
//! other repository. Asking costs nothing: a registry that does not mount the blob (it is not there, or mounting is not
//! enabled, which nobody may have been able to tell) opens an upload in the same answer, and that upload is used. So a
//! source that does not give one blob may be asked for the next, after those that it was not asked before.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Registry;
use super::blob::MountOutcome;
use super::origins::Origins;
use super::push::PushRequest;
use super::upload::UploadSession;
use crate::event::{Event, Reporter};
use crate::name::{Digest, RegistryHost, RepositoryName};

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
    /// There was nobody to ask: it must be sent.
    NotTried,
    /// Whoever was asked refused, or did not answer. It must be sent, unless it turns out to be there.
    Failed,
}

/// The sources of one push.
pub(super) struct Mounting<'a> {
    allowed: bool,
    remembered: Option<RememberedOrigins<'a>>,
    /// Where anything may be, the likeliest first. What gave the last blob comes first.
    sources: Mutex<Vec<RepositoryName>>,
    refused: Mutex<HashSet<RepositoryName>>,
}

impl<'a> Mounting<'a> {
    pub(super) fn new(request: &PushRequest<'a>) -> Self {
        Self {
            allowed: request.mounting,
            remembered: request.origins,
            sources: Mutex::new(request.mount_from.clone()),
            refused: Mutex::default(),
        }
    }

    /// Tries to take `digest` over from the likeliest source, or the next where one refuses.
    pub(super) async fn attempt(
        &self,
        registry: &Registry,
        digest: &Digest,
        reporter: &dyn Reporter,
    ) -> MountAttempt {
        let mut outcome = MountAttempt::NotTried;
        for source in self.sources_of(digest, registry.repository()) {
            match registry.mount(digest, &source).await {
                Ok(MountOutcome::Mounted) => {
                    self.place_first(source);
                    return MountAttempt::Mounted;
                }
                Ok(MountOutcome::Session(session)) => {
                    self.place_last(source);
                    return MountAttempt::Session(session);
                }
                Err(error) => {
                    let text = format!("nothing is mounted from {source}: {error}");
                    reporter.report(Event::Note { text });
                    lock(&self.refused).insert(source);
                    outcome = MountAttempt::Failed;
                    // A refusal is about the source; where there was no answer, the upload may fare better.
                    if error.refusal().is_none() {
                        break;
                    }
                }
            }
        }
        outcome
    }

    /// Where `digest` may be: where it was put before, then where anything may be.
    fn sources_of(&self, digest: &Digest, target: &RepositoryName) -> Vec<RepositoryName> {
        if !self.allowed {
            return Vec::new();
        }
        let remembered = self.remembered.map(|known| known.origins.of(digest, known.registry));
        let refused = lock(&self.refused);
        let mut sources: Vec<RepositoryName> = Vec::new();
        for source in remembered.unwrap_or_default().iter().chain(lock(&self.sources).iter()) {
            if source != target && !refused.contains(source) && !sources.contains(source) {
                sources.push(source.clone());
            }
        }
        sources
    }

    /// What has one layer of the image is the likeliest to have the next.
    fn place_first(&self, source: RepositoryName) {
        let mut sources = lock(&self.sources);
        sources.retain(|known| *known != source);
        sources.insert(0, source);
    }

    fn place_last(&self, source: RepositoryName) {
        let mut sources = lock(&self.sources);
        if let Some(at) = sources.iter().position(|known| *known == source) {
            let source = sources.remove(at);
            sources.push(source);
        }
    }

    /// Remembers that the repository was given `digest`.
    pub(super) async fn note(&self, registry: &Registry, digest: Digest) {
        let Some(RememberedOrigins { origins, registry: host }) = self.remembered else { return };
        let (origins, host, repository) = (origins.clone(), host.clone(), registry.repository().clone());
        let _ = tokio::task::spawn_blocking(move || origins.note(&digest, &host, &repository)).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
