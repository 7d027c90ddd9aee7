//! The local image beside the registry: which layers are known, which are there, what each tag names.

use crate::image::{Layer, LocalImage, UNCOMPRESSED_LIMIT, announce};
use crate::layer::{CachedLayer, Compressors, Encoding, LayerContent, LayerSummary, PassSettings, summarize};
use crate::memory::Memory;
use crate::name::{Digest, Tag};
use crate::plan::{DeploySpec, default_tag};
use crate::registry::{ImageManifest, Registry};

use super::matching::{as_running, manifest_of, match_layers};
use super::questions::{Answers, NamedTag, known_blobs};
use super::{ImageFacts, KnownLayer, LayerFacts, LayerOrigin, MountFacts, ObserveError, RepositoryFacts};

/// One look at the image, and everything that it needs.
pub(super) struct ImageObserver<'a> {
    pub(super) spec: &'a DeploySpec,
    pub(super) registry: &'a Registry,
    pub(super) repository: &'a RepositoryFacts,
    /// The digests that the function and its alias run.
    pub(super) running: &'a [Digest],
    pub(super) mount: MountFacts,
    pub(super) memory: Option<&'a Memory>,
    /// Whether layers are read to learn their digests.
    pub(super) compute_digests: bool,
}

impl ImageObserver<'_> {
    /// Compares `local` with the registry.
    pub(super) async fn look(&self, local: LocalImage) -> Result<ImageFacts, ObserveError> {
        let encoding = self.spec.encoding;
        let mut layers = match_layers(&local, &[], encoding, |layer| self.cached(layer));
        if matches!(self.repository, RepositoryFacts::Missing) {
            // Nothing is there, and there is nobody to ask.
            let read =
                if self.compute_digests { self.compute(&local, &mut layers).await? } else { Vec::new() };
            return Ok(ImageFacts { read, ..self.facts(local, layers, &Answers::default()) });
        }
        let expected = manifest_of(&local, &layers).map(|manifest| manifest.digest);
        let blobs = known_blobs(&local, &layers);
        let mut answers = Answers::first(self.spec, self.registry, self.running, expected, &blobs).await?;
        for manifest in &answers.running {
            if let Some(layers) = as_running(&local, manifest, encoding) {
                return Ok(self.facts_of(local, layers, manifest.clone(), &answers.named));
            }
        }
        let mut read = Vec::new();
        let whole = expected.is_some_and(|digest| answers.has_manifest(&digest));
        if !whole {
            if layers.iter().any(|layer| may_be_running(layer, &answers)) {
                let published = answers.running_layers(self.registry).await?;
                layers = match_layers(&local, &published, encoding, |layer| self.cached(layer));
            }
            if self.compute_digests || is_pinned(self.repository, &answers.named) {
                read = self.compute(&local, &mut layers).await?;
            }
            let digest = manifest_of(&local, &layers).map(|manifest| manifest.digest);
            let blobs = known_blobs(&local, &layers);
            answers.ask_for_the_rest(self.spec, self.registry, digest, blobs).await?;
        }
        Ok(ImageFacts { read, ..self.facts(local, layers, &answers) })
    }

    /// Reads the layers whose digest is not known, and remembers what comes out. Answers what is in them.
    async fn compute(
        &self,
        local: &LocalImage,
        layers: &mut [LayerFacts],
    ) -> Result<Vec<LayerContent>, ObserveError> {
        let compressors = Compressors::for_this_machine();
        let settings = PassSettings {
            encoding: self.spec.encoding,
            uncompressed_limit: UNCOMPRESSED_LIMIT,
            verified: None,
        };
        let unknown = local.layers.iter().zip(layers.iter()).filter(|(_, facts)| facts.known.is_none());
        announce(unknown.map(|(layer, _)| layer));
        let mut read = Vec::new();
        for (layer, facts) in local.layers.iter().zip(layers.iter_mut()) {
            if facts.known.is_some() {
                continue;
            }
            let summary = summarize(&compressors, layer, settings).await?;
            if let Some(memory) = self.memory {
                // A cache that cannot be written costs time at the next run, nothing else.
                let _ = memory.layers.store(&summary);
            }
            read.extend(summary.content());
            let LayerSummary { digest, size, compression, uncompressed_bytes, .. } = summary;
            let (uncompressed_bytes, origin) = (Some(uncompressed_bytes), LayerOrigin::Computed);
            facts.known = Some(KnownLayer { digest, size, compression, uncompressed_bytes, origin });
        }
        Ok(read)
    }

    /// What this tool made of a layer before, on this machine.
    fn cached(&self, layer: &Layer) -> Option<KnownLayer> {
        cached(self.memory?, layer, self.spec.encoding)
    }

    /// The facts once everything was asked.
    fn facts(&self, local: LocalImage, mut layers: Vec<LayerFacts>, answers: &Answers) -> ImageFacts {
        let manifest = manifest_of(&local, &layers);
        if let Some(manifest) = manifest.as_ref().filter(|manifest| answers.has_manifest(&manifest.digest)) {
            // A registry has a manifest only with all that it names.
            layers.iter_mut().for_each(|layer| layer.stored = true);
            return self.facts_of(local, layers, manifest.clone(), &answers.named);
        }
        for layer in &mut layers {
            layer.stored |= layer.known.is_some_and(|known| answers.has_blob(&known.digest));
        }
        let config_stored = answers.has_blob(&local.config_digest);
        let tags = self.tags(manifest.as_ref(), &answers.named);
        let mount = self.mount.clone();
        ImageFacts {
            local,
            layers,
            manifest,
            read: Vec::new(),
            manifest_stored: false,
            config_stored,
            mount,
            tags,
        }
    }

    /// The facts of an image that is there.
    fn facts_of(
        &self,
        local: LocalImage,
        layers: Vec<LayerFacts>,
        manifest: ImageManifest,
        named: &[NamedTag],
    ) -> ImageFacts {
        let tags = self.tags(Some(&manifest), named);
        ImageFacts {
            local,
            layers,
            manifest: Some(manifest),
            read: Vec::new(),
            manifest_stored: true,
            config_stored: true,
            mount: self.mount.clone(),
            tags,
        }
    }

    /// The tags that the image shall carry, with what each names now.
    fn tags(&self, manifest: Option<&ImageManifest>, named: &[NamedTag]) -> Vec<NamedTag> {
        let tags: Vec<Tag> = match manifest {
            _ if !self.spec.tags.is_empty() => self.spec.tags.clone(),
            Some(manifest) => vec![default_tag(&manifest.digest)],
            None => Vec::new(),
        };
        let names = |tag: &Tag| named.iter().find(|(known, _)| known == tag).and_then(|(_, digest)| *digest);
        tags.into_iter().map(|tag| (names(&tag), tag)).map(|(digest, tag)| (tag, digest)).collect()
    }
}

/// What this tool made of a layer before, on this machine, with the encoder that `encoding` asks for.
pub(super) fn cached(memory: &Memory, layer: &Layer, encoding: Encoding) -> Option<KnownLayer> {
    let encoder = encoding.encoder_for(layer.compression)?;
    let CachedLayer { digest, size, uncompressed_bytes } = memory.layers.look_up(&layer.diff_id, encoder)?;
    Some(KnownLayer {
        digest,
        size,
        // An encoder always makes gzip.
        compression: crate::image::Compression::Gzip,
        uncompressed_bytes: Some(uncompressed_bytes),
        origin: LayerOrigin::Cache,
    })
}

/// Whether an image that runs may spare us this layer: its digest is not known, or nothing says that the repository has
/// what we would make of it. A digest that the source states is kept, whatever runs.
fn may_be_running(layer: &LayerFacts, answers: &Answers) -> bool {
    match layer.known {
        None => true,
        Some(known) => known.origin == LayerOrigin::Cache && !answers.has_blob(&known.digest),
    }
}

/// Whether a wanted tag names an image already and can never be moved: then our digest must be known before anything is
/// sent.
fn is_pinned(repository: &RepositoryFacts, named: &[NamedTag]) -> bool {
    let RepositoryFacts::Present(repository) = repository else { return false };
    named.iter().any(|(tag, digest)| digest.is_some() && repository.mutability.keeps(tag))
}
