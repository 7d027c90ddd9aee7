//! The local image beside the registry: which layers are known, which are there, what each tag names.

use futures_util::future::try_join_all;
use tokio::join;

use crate::image::{Layer, LocalImage, UNCOMPRESSED_LIMIT};
use crate::layer::{CachedLayer, Compressors, Encoding, LayerCache, PassSettings, summarize};
use crate::name::{Digest, Tag};
use crate::plan::{DeploySpec, default_tag};
use crate::registry::{ImageManifest, PublishedLayer, Reference, Registry, RegistryError, published_layers};

use super::matching::{as_running, config_digest, manifest_of, match_layers};
use super::{ImageFacts, KnownLayer, LayerFacts, LayerOrigin, ObserveError, Observer, RepositoryFacts};

/// The largest image configuration that is read. Real ones have some kilobytes.
const LARGEST_CONFIG: usize = 8 << 20;

/// A tag and what it names now.
type NamedTag = (Tag, Option<Digest>);

impl Observer<'_> {
    /// Compares `local` with the registry. `running` are the digests that the function and its alias run.
    pub(super) async fn image_facts(
        &self,
        spec: &DeploySpec,
        local: LocalImage,
        registry: &Registry,
        repository: &RepositoryFacts,
        running: &[Digest],
    ) -> Result<ImageFacts, ObserveError> {
        let cache = LayerCache::new(&self.cache_directory);
        let cached = |layer: &Layer| cached(&cache, layer);
        if matches!(repository, RepositoryFacts::Missing) {
            // Nothing is there, and there is nobody to ask.
            let mut layers = match_layers(&local, &[], cached);
            if self.compute_digests {
                self.compute(&local, &mut layers, &cache).await?;
            }
            let manifest = manifest_of(&local, &layers);
            return Ok(image_facts(spec, local, layers, manifest, false, &[]));
        }

        // The digests that the image may turn out to have: what each default tag names is asked at once.
        let original = local.original.as_ref().filter(|original| original.pushable);
        let mut candidates: Vec<Digest> = running.to_vec();
        candidates.extend(original.map(|original| original.digest).filter(|own| !running.contains(own)));
        let (mut named, stored) = ask_tags_and_manifests(spec, registry, &candidates).await?;
        for manifest in stored.iter().filter(|manifest| running.contains(&manifest.digest)) {
            if let Some(layers) = as_running(&local, manifest) {
                return Ok(image_facts(spec, local, layers, Some(manifest.clone()), true, &named));
            }
        }

        let published = running_layers(registry, &stored, running).await?;
        let mut layers = match_layers(&local, &published, cached);
        if self.compute_digests || is_pinned(repository, &named) {
            self.compute(&local, &mut layers, &cache).await?;
        }
        let manifest = manifest_of(&local, &layers);
        let digest = manifest.as_ref().map(|manifest| manifest.digest);
        if digest.is_some_and(|digest| stored.iter().any(|manifest| manifest.digest == digest)) {
            layers.iter_mut().for_each(|layer| layer.stored = true);
            return Ok(image_facts(spec, local, layers, manifest, true, &named));
        }
        let stored = ask_for_the_rest(spec, registry, digest, &mut layers, &mut named).await?;
        Ok(image_facts(spec, local, layers, manifest, stored, &named))
    }

    /// Reads the layers whose digest is not known, and remembers what comes out.
    async fn compute(
        &self,
        local: &LocalImage,
        layers: &mut [LayerFacts],
        cache: &LayerCache,
    ) -> Result<(), ObserveError> {
        let compressors = Compressors::for_this_machine();
        let settings = PassSettings {
            encoding: Encoding::default(),
            uncompressed_limit: UNCOMPRESSED_LIMIT,
            verified: None,
        };
        for (layer, facts) in local.layers.iter().zip(layers.iter_mut()) {
            if facts.known.is_some() {
                continue;
            }
            let summary = summarize(&compressors, layer, settings).await?;
            // A cache that cannot be written costs time at the next run, nothing else.
            let _ = cache.store(&summary);
            facts.known = Some(KnownLayer {
                digest: summary.digest,
                size: summary.size,
                origin: LayerOrigin::Computed,
            });
        }
        Ok(())
    }
}

/// What each wanted tag names, and which of the candidates the repository has, in one wave.
async fn ask_tags_and_manifests(
    spec: &DeploySpec,
    registry: &Registry,
    candidates: &[Digest],
) -> Result<(Vec<NamedTag>, Vec<ImageManifest>), ObserveError> {
    let tags: Vec<Tag> =
        if spec.tags.is_empty() { candidates.iter().map(default_tag).collect() } else { spec.tags.clone() };
    let heads = try_join_all(tags.iter().map(|tag| named_digest(registry, Reference::Tag(tag))));
    let manifests = try_join_all(candidates.iter().map(|digest| stored_manifest(registry, digest)));
    let (heads, manifests) = join!(heads, manifests);
    Ok((tags.iter().cloned().zip(heads?).collect(), manifests?.into_iter().flatten().collect()))
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

/// The layers of the images that run, by diff id. Their configurations are read by the digests that their manifests name.
async fn running_layers(
    registry: &Registry,
    stored: &[ImageManifest],
    running: &[Digest],
) -> Result<Vec<PublishedLayer>, ObserveError> {
    let layers = stored.iter().filter(|manifest| running.contains(&manifest.digest)).map(|manifest| async {
        let Some(config) = config_digest(manifest) else { return Ok(Vec::new()) };
        match registry.get_blob(&config, LARGEST_CONFIG).await {
            Ok(config) => Ok(published_layers(&manifest.bytes, &config)),
            Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(Vec::new()),
            Err(error) => Err(ObserveError::from(error)),
        }
    });
    Ok(try_join_all(layers).await?.into_iter().flatten().collect())
}

/// Asks for the manifest, its default tag, and the layers that no manifest has proven to be there. Answers whether the
/// manifest is there.
async fn ask_for_the_rest(
    spec: &DeploySpec,
    registry: &Registry,
    digest: Option<Digest>,
    layers: &mut [LayerFacts],
    named: &mut Vec<NamedTag>,
) -> Result<bool, ObserveError> {
    let default = digest.filter(|_| spec.tags.is_empty()).map(|digest| default_tag(&digest));
    let unnamed = default.filter(|tag| named.iter().all(|(known, _)| known != tag));
    let by_digest = async {
        match &digest {
            Some(digest) => named_digest(registry, Reference::Digest(digest)).await,
            None => Ok(None),
        }
    };
    let by_tag = async {
        match &unnamed {
            Some(tag) => named_digest(registry, Reference::Tag(tag)).await,
            None => Ok(None),
        }
    };
    let blobs = try_join_all(layers.iter().map(|layer| async {
        match layer.known {
            Some(known) if !layer.stored => registry.blob_exists(&known.digest).await,
            _ => Ok(layer.stored),
        }
    }));
    let (by_digest, by_tag, blobs) = join!(by_digest, by_tag, blobs);
    let stored = by_digest?.is_some();
    let by_tag = by_tag?;
    named.extend(unnamed.map(|tag| (tag, by_tag)));
    for (layer, there) in layers.iter_mut().zip(blobs?) {
        layer.stored = stored || there;
    }
    Ok(stored)
}

/// Whether a wanted tag names an image already and can never be moved: then our digest must be known before anything is
/// sent.
fn is_pinned(repository: &RepositoryFacts, named: &[NamedTag]) -> bool {
    let RepositoryFacts::Present(repository) = repository else { return false };
    named.iter().any(|(tag, digest)| digest.is_some() && repository.mutability.keeps(tag))
}

fn image_facts(
    spec: &DeploySpec,
    local: LocalImage,
    layers: Vec<LayerFacts>,
    manifest: Option<ImageManifest>,
    manifest_stored: bool,
    named: &[NamedTag],
) -> ImageFacts {
    let tags: Vec<Tag> = match &manifest {
        _ if !spec.tags.is_empty() => spec.tags.clone(),
        Some(manifest) => vec![default_tag(&manifest.digest)],
        None => Vec::new(),
    };
    let names = |tag: &Tag| named.iter().find(|(known, _)| known == tag).and_then(|(_, digest)| *digest);
    let tags = tags.into_iter().map(|tag| (names(&tag), tag)).map(|(digest, tag)| (tag, digest)).collect();
    ImageFacts { local, layers, manifest, manifest_stored, tags }
}

/// What this tool made of a layer before, on this machine.
fn cached(cache: &LayerCache, layer: &Layer) -> Option<KnownLayer> {
    let encoder = Encoding::default().encoder_for(layer.compression)?;
    let CachedLayer { digest, size, .. } = cache.look_up(&layer.diff_id, encoder)?;
    Some(KnownLayer { digest, size, origin: LayerOrigin::Cache })
}
