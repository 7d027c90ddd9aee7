//! What ECR holds, and what may be done with it: the part that the control plane and the registry share.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::OwnedMutexGuard;

use super::Place;
use super::access;
use super::refusal::Refusal;
use super::registries::Registries;
use super::replication::Replications;
use super::repository::{Image, Layer};
use super::token::Tokens;
use super::upload::{Progress, Upload, Uploads};
use crate::blobs::{BlobStore, is_digest};
use crate::error::StartError;
use crate::images::{Images, StoredImage};
use crate::limits::RegistryLimits;
use crate::settings::{Quirks, Settings};
use crate::text::epoch_milliseconds;

/// Amazon ECR, all accounts and Regions of it.
#[derive(Debug)]
pub(crate) struct Ecr {
    pub(crate) registries: Registries,
    pub(crate) blobs: BlobStore,
    pub(crate) uploads: Uploads,
    pub(crate) tokens: Tokens,
    pub(crate) downloads: super::download::Downloads,
    pub(crate) quirks: Quirks,
    pub(crate) limits: RegistryLimits,
    pub(crate) reported_expiry: Option<SystemTime>,
    pub(crate) validator_lag: Duration,
    pub(crate) replications: Replications,
}

impl Ecr {
    /// Opens the state folder.
    pub(crate) fn open(state: &Path, settings: &Settings) -> Result<Self, StartError> {
        let fault = |source| StartError::File { path: state.to_owned(), source };
        let blobs = BlobStore::open(state).map_err(fault)?;
        Ok(Ecr {
            registries: Registries::open(state)?,
            uploads: Uploads::restore(blobs.uploads()).map_err(fault)?,
            blobs,
            tokens: Tokens::new(settings.token_lifetime, settings.token_uses),
            downloads: super::download::Downloads::new(),
            quirks: settings.quirks.clone(),
            limits: settings.registry_limits.clone(),
            reported_expiry: settings.reported_expiry,
            validator_lag: settings.validator_lag,
            replications: Replications::new(settings.replication.clone()),
        })
    }

    /// Whether `caller` may do `action` (`ecr:PutImage`) with a repository, as far as its policy decides.
    pub(crate) fn authorize(
        &self,
        caller: &str,
        place: &Place,
        repository: &str,
        action: &str,
    ) -> Result<(), Refusal> {
        let known = self.registries.read(place, repository, |found| found.policy.clone());
        let policy = match known {
            Ok(policy) => policy,
            // Strangers do not learn which repositories there are.
            Err(_) if caller != place.account => None,
            Err(missing) => return Err(missing),
        };
        if access::permits(policy.as_deref(), caller, &place.account, action) {
            return Ok(());
        }
        let arn = crate::identity::user_arn(caller, &place.region);
        Err(Refusal::denied(&arn, action, place, repository))
    }

    /// Opens an upload and tells its id.
    pub(crate) fn open_upload(&self, place: &Place, repository: &str) -> Result<String, Refusal> {
        self.registries.read(place, repository, |_| ())?;
        let (path, file) = self.blobs.new_upload().map_err(|error| Refusal::state(&error))?;
        let upload = Upload::new(place, repository, path, file).map_err(|error| Refusal::state(&error))?;
        let id = upload.id.clone();
        self.uploads.open(upload);
        Ok(id)
    }

    /// The right to add the next part, of `length` bytes and from `first` on (where that is known): parts come one
    /// after the other, and not without end.
    pub(crate) fn next_part(
        &self,
        upload: &Upload,
        first: Option<u64>,
        length: Option<u64>,
    ) -> Result<OwnedMutexGuard<Progress>, Refusal> {
        let Ok(progress) = upload.progress.clone().try_lock_owned() else {
            let committed = upload.committed();
            return Err(Refusal::part_offset(first.unwrap_or(committed), committed));
        };
        self.check_part(&progress, first, length)?;
        Ok(progress)
    }

    /// The same for a registry that lets the caller wait until the part before has arrived.
    pub(crate) async fn queued_part(
        &self,
        upload: &Upload,
        first: Option<u64>,
        length: Option<u64>,
    ) -> Result<OwnedMutexGuard<Progress>, Refusal> {
        let progress = upload.progress.clone().lock_owned().await;
        self.check_part(&progress, first, length)?;
        Ok(progress)
    }

    fn check_part(
        &self,
        progress: &Progress,
        first: Option<u64>,
        length: Option<u64>,
    ) -> Result<(), Refusal> {
        let stored = progress.size();
        if let Some(first) = first.filter(|first| self.quirks.offsets_checked && *first != stored) {
            return Err(Refusal::part_offset(first, stored));
        }
        if progress.parts() >= self.limits.parts {
            return Err(Refusal::too_many_parts(self.limits.parts));
        }
        if stored.saturating_add(length.unwrap_or(0)) > self.limits.layer_bytes {
            return Err(Refusal::layer_too_large(self.limits.layer_bytes));
        }
        Ok(())
    }

    /// The upload of that id in that repository.
    pub(crate) fn upload(&self, id: &str, place: &Place, repository: &str) -> Result<Arc<Upload>, Refusal> {
        let found = self.uploads.find(id, place, repository);
        found.ok_or_else(|| Refusal::upload_missing(id, repository, &place.account))
    }

    /// Turns an upload into a layer. Whatever the outcome, the upload is over.
    pub(crate) fn finish_upload(
        &self,
        upload: &Upload,
        progress: &Progress,
        digest: &str,
    ) -> Result<(), Refusal> {
        self.uploads.close(&upload.id);
        if progress.is_undersized() {
            return Err(Refusal::part_too_small());
        }
        if progress.digest() != digest {
            return Err(Refusal::layer_digest_differs(digest));
        }
        let layer = Layer { size: progress.size(), committed_at: epoch_milliseconds(SystemTime::now()) };
        self.registries.write(&upload.place, &upload.repository, |repository| {
            // Inside the lock, so that nobody finds the file unused between its birth and its first use.
            self.blobs.adopt(&upload.path, digest).map_err(|error| Refusal::state(&error))?;
            repository.layers.insert(digest.to_owned(), layer);
            Ok(())
        })
    }

    /// The size of a layer that the repository has.
    pub(crate) fn layer_size(
        &self,
        place: &Place,
        repository: &str,
        digest: &str,
    ) -> Result<Option<u64>, Refusal> {
        self.registries.read(place, repository, |found| found.layers.get(digest).map(|layer| layer.size))
    }

    /// Mounts a layer of another repository of the same registry; false where that is not possible.
    pub(crate) fn mount(
        &self,
        place: &Place,
        repository: &str,
        source: &str,
        digest: &str,
    ) -> Result<bool, Refusal> {
        let enabled = self.registries.look(place, |registry| {
            registry.settings.get("BLOB_MOUNTING").is_some_and(|value| value == "ENABLED")
        });
        let strict = self.quirks.mounting_wants_setting;
        if strict && !enabled {
            return Ok(false);
        }
        let encryption =
            |found: &super::repository::Repository| (found.encryption.clone(), found.kms_key.clone());
        let found = self.registries.read(place, source, |found| {
            let referred = !strict || found.refers_to(digest);
            found.layers.get(digest).filter(|_| referred).map(|layer| (layer.clone(), encryption(found)))
        });
        let Ok(Some((layer, source_encryption))) = found else { return Ok(false) };
        self.registries.write(place, repository, |target| {
            let fits = encryption(target) == source_encryption;
            if fits {
                target.layers.entry(digest.to_owned()).or_insert(layer);
            }
            Ok(fits)
        })
    }

    /// The image that a tag or digest names, with its digest.
    pub(crate) fn image(
        &self,
        place: &Place,
        repository: &str,
        reference: &str,
    ) -> Result<Option<(String, Image)>, Refusal> {
        self.registries.read(place, repository, |found| {
            let digest = found.resolve(reference)?;
            Some((digest.to_owned(), found.images.get(digest)?.clone()))
        })
    }

    /// Notes that an image was pulled.
    pub(crate) fn note_pull(&self, place: &Place, repository: &str, digest: &str, now: f64) {
        // Losing the time of a pull must not fail the pull.
        let _ = self.registries.write(place, repository, |found| {
            if let Some(image) = found.images.get_mut(digest) {
                image.pulled_at = Some(now);
            }
            Ok(())
        });
    }

    /// The bytes of a manifest.
    pub(crate) fn manifest(&self, digest: &str) -> Result<Vec<u8>, Refusal> {
        self.blobs.read(digest).map_err(|error: io::Error| Refusal::state(&error))
    }
}

impl Images for Ecr {
    fn find(&self, account: &str, region: &str, repository: &str, reference: &str) -> Option<StoredImage> {
        let (digest, image) = self.image(&Place::new(account, region), repository, reference).ok()??;
        let manifest = self.manifest(&digest).ok()?;
        Some(StoredImage { digest, media_type: image.media_type, manifest })
    }

    fn policy(&self, account: &str, region: &str, repository: &str) -> Option<Option<String>> {
        self.registries.read(&Place::new(account, region), repository, |found| found.policy.clone()).ok()
    }

    fn blob(&self, digest: &str) -> Option<PathBuf> {
        let path = is_digest(digest).then(|| self.blobs.path(digest));
        path.filter(|path| path.is_file())
    }

    fn set_policy(&self, account: &str, region: &str, repository: &str, text: &str) {
        let text = match super::policy_document::reformatted(text) {
            Some(reformatted) if self.quirks.policies_reformatted => reformatted,
            _ => text.to_owned(),
        };
        // The border has no room for a refusal: what could not be set is not there when it is read again.
        let _ = self.registries.write(&Place::new(account, region), repository, |found| {
            found.policy = Some(text);
            Ok(())
        });
    }
}
