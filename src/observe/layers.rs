//! The local image beside the registry: which layers are known, which are there, what each tag names.

use futures_util::future::try_join_all;
use tokio::join;

use crate::image::{Layer, LocalImage, UNCOMPRESSED_LIMIT};
use crate::layer::{CachedLayer, Compressors, Encoding, LayerCache, PassSettings, summarize};
use crate::name::{Digest, Tag};
use crate::plan::{DeploySpec, default_tag};
use crate::registry::{Descriptor, Manifest, Registry, build_manifest};

use super::matching::{RunningImage, match_layers};
use super::{ImageFacts, KnownLayer, LayerFacts, LayerOrigin, ObserveError, Observer};

impl Observer<'_> {
    /// Compares `local` with the registry; with none, the repository does not exist and nothing is there.
    pub(super) async fn image_facts(
        &self,
        spec: &DeploySpec,
        local: LocalImage,
        registry: Option<&Registry>,
        running: &[Digest],
    ) -> Result<ImageFacts, ObserveError> {
        let cache = LayerCache::new(&self.cache_directory);
        let cached = |layer: &Layer| cached(&cache, layer);
        let original = local.original.as_ref().filter(|original| original.pushable);
        let Some(registry) = registry else {
            let layers = match_layers(&local, &[], cached);
            return self.without_registry(spec, local, layers).await;
        };

        // The digests that the image may turn out to have: what each default tag names is asked at once.
        let mut candidates: Vec<Digest> = running.to_vec();
        candidates.extend(original.map(|original| original.digest));
        let wanted_tags = wanted_tags(spec, &candidates);
        let tag_heads = try_join_all(wanted_tags.iter().map(|tag| registry.head_manifest(tag.as_str())));
        let manifests = try_join_all(candidates.iter().map(|digest| registry.get_manifest(&digest.to_string())));
        let (heads, manifests) = join!(tag_heads, manifests);
        let named: Vec<(Tag, Option<Digest>)> = wanted_tags.into_iter().zip(heads?).collect();
        let stored: Vec<Manifest> = manifests?.into_iter().flatten().collect();

        let running_images = self.running_images(registry, &local, &stored, running).await?;
        if let Some(same) = running_images.iter().find(|image| image.is(&local)) {
            let layers = same.layers.iter().map(stored_layer).collect();
            return Ok(image_facts(spec, local, layers, Some(same.manifest.clone()), true, &named));
        }
        let mut layers = match_layers(&local, &running_images, cached);
        if self.compute_digests {
            self.compute(&local, &mut layers, &cache).await?;
        }
        let manifest = manifest_of(&local, &layers);
        let there = |digest: Digest| stored.iter().any(|manifest| manifest.digest == digest);
        let known_to_be_there = manifest.as_ref().is_some_and(|manifest| there(manifest.digest));
        if known_to_be_there {
            layers.iter_mut().for_each(|layer| layer.stored = true);
            return Ok(image_facts(spec, local, layers, manifest, true, &named));
        }
        self.ask_for_the_rest(spec, registry, local, layers, manifest, named).await
    }

    /// Without a repository everything is still to be sent.
    async fn without_registry(
        &self,
        spec: &DeploySpec,
        local: LocalImage,
        mut layers: Vec<LayerFacts>,
    ) -> Result<ImageFacts, ObserveError> {
        if self.compute_digests {
            let cache = LayerCache::new(&self.cache_directory);
            self.compute(&local, &mut layers, &cache).await?;
        }
        let manifest = manifest_of(&local, &layers);
        Ok(image_facts(spec, local, layers, manifest, false, &[]))
    }

    /// Manifests that run, with their diff ids where a layer of the local image could be among them.
    async fn running_images(
        &self,
        registry: &Registry,
        local: &LocalImage,
        stored: &[Manifest],
        running: &[Digest],
    ) -> Result<Vec<RunningImage>, ObserveError> {
        let images = stored.iter().filter(|manifest| running.contains(&manifest.digest)).map(|manifest| async {
            let Ok(content) = manifest.content() else { return Ok(None) };
            let config = content.config.digest;
            let diff_ids = if config == local.config_digest {
                Some(local.layers.iter().map(|layer| layer.diff_id).collect())
            } else {
                registry.get_blob(&config).await?.and_then(|bytes| crate::image::diff_ids(&bytes).ok())
            };
            let manifest = manifest.clone();
            Ok::<_, ObserveError>(Some(RunningImage { manifest, config, layers: content.layers, diff_ids }))
        });
        Ok(try_join_all(images).await?.into_iter().flatten().collect())
    }

    /// Reads the layers whose digest is not known, and remembers what comes out.
    async fn compute(
        &self,
        local: &LocalImage,
        layers: &mut [LayerFacts],
        cache: &LayerCache,
    ) -> Result<(), ObserveError> {
        let compressors = Compressors::for_this_machine();
        let settings =
            PassSettings { encoding: Encoding::default(), uncompressed_limit: UNCOMPRESSED_LIMIT };
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

    /// Asks for the manifest and the layers that no manifest has proven to be there.
    async fn ask_for_the_rest(
        &self,
        spec: &DeploySpec,
        registry: &Registry,
        local: LocalImage,
        mut layers: Vec<LayerFacts>,
        manifest: Option<Manifest>,
        mut named: Vec<(Tag, Option<Digest>)>,
    ) -> Result<ImageFacts, ObserveError> {
        let digest = manifest.as_ref().map(|manifest| manifest.digest);
        let default = digest.filter(|_| spec.tags.is_empty()).map(|digest| default_tag(&digest));
        let unnamed = default.filter(|tag| named.iter().all(|(known, _)| known != tag));
        let by_digest = async {
            match digest {
                Some(digest) => registry.head_manifest(&digest.to_string()).await,
                None => Ok(None),
            }
        };
        let by_tag = async {
            match &unnamed {
                Some(tag) => registry.head_manifest(tag.as_str()).await,
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
        named.extend(unnamed.map(|tag| Ok::<_, ObserveError>((tag, by_tag?))).transpose()?);
        for (layer, there) in layers.iter_mut().zip(blobs?) {
            layer.stored = stored || there;
        }
        Ok(image_facts(spec, local, layers, manifest, stored, &named))
    }
}

/// The tags whose present meaning is worth asking: those given, or the default tag of each digest it may turn out to be.
fn wanted_tags(spec: &DeploySpec, candidates: &[Digest]) -> Vec<Tag> {
    if spec.tags.is_empty() { candidates.iter().map(default_tag).collect() } else { spec.tags.clone() }
}

/// The manifest, once every layer is known.
fn manifest_of(local: &LocalImage, layers: &[LayerFacts]) -> Option<Manifest> {
    let known: Option<Vec<KnownLayer>> = layers.iter().map(|layer| layer.known).collect();
    let descriptors: Vec<(Digest, u64)> = known?.iter().map(|known| (known.digest, known.size)).collect();
    Some(build_manifest(local, &descriptors))
}

fn image_facts(
    spec: &DeploySpec,
    local: LocalImage,
    layers: Vec<LayerFacts>,
    manifest: Option<Manifest>,
    manifest_stored: bool,
    named: &[(Tag, Option<Digest>)],
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

fn stored_layer(layer: &Descriptor) -> LayerFacts {
    let known = KnownLayer { digest: layer.digest, size: layer.size, origin: LayerOrigin::Running };
    LayerFacts { known: Some(known), stored: true }
}

/// What this tool made of a layer before, on this machine.
fn cached(cache: &LayerCache, layer: &Layer) -> Option<KnownLayer> {
    let encoder = Encoding::default().encoder_for(layer.compression)?;
    let CachedLayer { digest, size, .. } = cache.look_up(&layer.diff_id, encoder)?;
    Some(KnownLayer { digest, size, origin: LayerOrigin::Cache })
}
