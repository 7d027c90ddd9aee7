//! What is asked of the registry about an image, wave by wave.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use tokio::join;

use crate::image::LocalImage;
use crate::name::{Digest, Tag};
use crate::plan::{DeploySpec, default_tag};
use crate::registry::{ImageManifest, PublishedLayer, Reference, Registry, RegistryError, published_layers};

use super::matching::config_digest;
use super::{LayerFacts, ObserveError};

/// The largest image configuration that is read. Real ones have some kilobytes.
const LARGEST_CONFIG: usize = 8 << 20;

/// A tag and what it names now.
pub(super) type NamedTag = (Tag, Option<Digest>);

/// What is known of the repository by now. It grows with each wave, and nothing is asked twice.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// What each tag names that was asked for.
    pub(super) named: Vec<NamedTag>,
    /// Manifests of images that run, as far as the repository has them and they may be read.
    pub(super) running: Vec<ImageManifest>,
    /// Whether manifests of other digests are there.
    manifests: HashMap<Digest, bool>,
    /// Whether blobs are there.
    blobs: HashMap<Digest, bool>,
}

impl Answers {
    /// The first wave: the images that run, the image that this one will be if nothing is reused (`expected`), what the
    /// tags name, and the blobs whose digests are known by now.
    pub(super) async fn first(
        spec: &DeploySpec,
        registry: &Registry,
        running: &[Digest],
        expected: Option<Digest>,
        blobs: &HashSet<Digest>,
    ) -> Result<Self, ObserveError> {
        let other = expected.filter(|digest| !running.contains(digest));
        // What the image will be called without a tag of its own is asked for at once, whichever image it turns out to be.
        let tags: Vec<Tag> = match spec.tags.as_slice() {
            [] => running.iter().chain(&other).map(default_tag).collect(),
            given => given.to_vec(),
        };
        let blobs: Vec<Digest> = blobs.iter().copied().collect();
        let (heads, manifests, stored, blobs) = join!(
            try_join_all(tags.iter().map(|tag| named_digest(registry, Reference::Tag(tag)))),
            try_join_all(running.iter().map(|digest| stored_manifest(registry, digest))),
            try_join_all(other.iter().map(|digest| named_digest(registry, Reference::Digest(digest)))),
            registry.blobs_at_once(&blobs),
        );
        Ok(Self {
            named: tags.iter().cloned().zip(heads?).collect(),
            running: manifests?.into_iter().flatten().collect(),
            manifests: other.into_iter().zip(stored?.iter().map(Option::is_some)).collect(),
            blobs,
        })
    }

    /// Whether the manifest is there, as far as it was asked for.
    pub(super) fn has_manifest(&self, digest: &Digest) -> bool {
        let runs = self.running.iter().any(|manifest| manifest.digest == *digest);
        runs || self.manifests.get(digest) == Some(&true)
    }

    /// Whether the blob is there, as far as it was asked for.
    pub(super) fn has_blob(&self, digest: &Digest) -> bool {
        self.blobs.get(digest) == Some(&true)
    }

    /// The layers of the images that run, by diff id. Their configurations are read by the digests that their manifests
    /// name.
    pub(super) async fn running_layers(
        &self,
        registry: &Registry,
    ) -> Result<Vec<PublishedLayer>, ObserveError> {
        let layers = self.running.iter().map(|manifest| async {
            let Some(config) = config_digest(manifest) else { return Ok(Vec::new()) };
            match registry.get_blob(&config, LARGEST_CONFIG).await {
                Ok(config) => Ok(published_layers(&manifest.bytes, &config)),
                Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(Vec::new()),
                Err(error) => Err(ObserveError::from(error)),
            }
        });
        Ok(try_join_all(layers).await?.into_iter().flatten().collect())
    }

    /// The last wave: the manifest, its default tag, and the blobs that nothing has proven to be there. There is none when
    /// nothing of it is open.
    pub(super) async fn ask_for_the_rest(
        &mut self,
        spec: &DeploySpec,
        registry: &Registry,
        digest: Option<Digest>,
        blobs: HashSet<Digest>,
    ) -> Result<(), ObserveError> {
        let default = digest.filter(|_| spec.tags.is_empty()).map(|digest| default_tag(&digest));
        let tag = default.filter(|tag| self.named.iter().all(|(known, _)| known != tag));
        let digest =
            digest.filter(|digest| !self.manifests.contains_key(digest) && !self.has_manifest(digest));
        let open: HashSet<Digest> =
            blobs.into_iter().filter(|digest| !self.blobs.contains_key(digest)).collect();
        let (by_digest, by_tag, stored) = join!(
            try_join_all(digest.iter().map(|digest| named_digest(registry, Reference::Digest(digest)))),
            try_join_all(tag.iter().map(|tag| named_digest(registry, Reference::Tag(tag)))),
            registry.stored_blobs(&open),
        );
        let (by_digest, by_tag, stored) = (by_digest?, by_tag?, stored?);
        self.manifests.extend(digest.into_iter().zip(by_digest.iter().map(Option::is_some)));
        self.named.extend(tag.into_iter().zip(by_tag));
        self.blobs.extend(open.into_iter().map(|digest| (digest, stored.contains(&digest))));
        Ok(())
    }
}

/// The blobs that an image needs and whose digests are known by now.
pub(super) fn known_blobs(local: &LocalImage, layers: &[LayerFacts]) -> HashSet<Digest> {
    let open = layers.iter().filter(|layer| !layer.stored).filter_map(|layer| layer.known);
    open.map(|known| known.digest).chain([local.config_digest]).collect()
}

/// The digest that a tag or digest has in the repository; none when there is nothing, or it may not be read.
async fn named_digest(
    registry: &Registry,
    reference: Reference<'_>,
) -> Result<Option<Digest>, RegistryError> {
    match registry.head_manifest(reference).await {
        // A role that may push but not read: what is there shows at the push.
        Err(error) if error.status() == Some(403) => Ok(None),
        found => found,
    }
}

/// The manifest with this digest; none when the repository does not have it, or it may not be read.
async fn stored_manifest(
    registry: &Registry,
    digest: &Digest,
) -> Result<Option<ImageManifest>, RegistryError> {
    match registry.get_manifest(Reference::Digest(digest)).await {
        Ok(found) => {
            Ok(Some(ImageManifest { media_type: found.media_type, bytes: found.bytes, digest: found.digest }))
        }
        // Without it more is sent than needed, which a role that may push but not read has to live with.
        Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(None),
        Err(error) => Err(error),
    }
}
