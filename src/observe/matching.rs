//! Which layers of the local image are known without reading them.
//!
//! Layers are matched by diff id against the image that the function or its alias runs now, which was read by digest, and
//! against the cache of digests that this tool computed itself. Never against a tag: whoever may push to the repository
//! could make a tag name an image whose configuration lies about its layers, and so choose what we deploy.

use std::collections::HashMap;

use crate::image::{Compression, Layer, LocalImage};
use crate::layer::Encoding;
use crate::name::Digest;
use crate::registry::{ImageManifest, LayerDescriptor, PublishedLayer, manifest_for, published_layers};

use super::{KnownLayer, LayerFacts, LayerOrigin};

/// The local image as a manifest that runs already: the same configuration states the same diff ids, whoever
/// compressed the layers and wrote the manifest.
pub(super) fn as_running(local: &LocalImage, running: &ImageManifest) -> Option<Vec<LayerFacts>> {
    let layers = published_layers(&running.bytes, &local.config_bytes);
    let of_layer = |layer: &PublishedLayer| LayerFacts {
        known: Some(KnownLayer {
            digest: layer.descriptor.digest,
            size: layer.descriptor.size,
            origin: LayerOrigin::Running,
        }),
        stored: true,
    };
    let same = !layers.is_empty() && layers.len() == local.layers.len();
    same.then(|| layers.iter().map(of_layer).collect())
}

/// The digest of the configuration that a manifest names.
pub(super) fn config_digest(manifest: &ImageManifest) -> Option<Digest> {
    let document: serde_json::Value = serde_json::from_slice(&manifest.bytes).ok()?;
    document.get("config")?.get("digest")?.as_str()?.parse().ok()
}

/// What is known of each layer of the local image. The manifest of an image that runs proves that the registry has its
/// layers. A digest that the source states stays as it is, so that an image keeps its own digest.
pub(super) fn match_layers(
    local: &LocalImage,
    running: &[PublishedLayer],
    cached: impl Fn(&Layer) -> Option<KnownLayer>,
) -> Vec<LayerFacts> {
    // Only gzip layers: others cannot stand in a manifest of every flavor.
    let gzip = running.iter().filter(|layer| layer.descriptor.compression == Compression::Gzip);
    let by_diff_id: HashMap<Digest, LayerDescriptor> =
        gzip.map(|layer| (layer.diff_id, layer.descriptor)).collect();
    let of_layer = |layer: &Layer| {
        let as_stored = Encoding::default().encoder_for(layer.compression).is_none();
        let own = layer.stored_digest.filter(|_| as_stored);
        let found = by_diff_id.get(&layer.diff_id).filter(|found| own.is_none_or(|own| own == found.digest));
        if let Some(LayerDescriptor { digest, size, .. }) = found {
            let known = KnownLayer { digest: *digest, size: *size, origin: LayerOrigin::Running };
            return LayerFacts { known: Some(known), stored: true };
        }
        let from_source =
            |digest| KnownLayer { digest, size: layer.stored_size, origin: LayerOrigin::Source };
        LayerFacts { known: own.map(from_source).or_else(|| cached(layer)), stored: false }
    };
    local.layers.iter().map(of_layer).collect()
}

/// The manifest, once every layer is known.
pub(super) fn manifest_of(local: &LocalImage, layers: &[LayerFacts]) -> Option<ImageManifest> {
    let descriptors: Option<Vec<LayerDescriptor>> =
        layers.iter().map(|layer| layer.known.map(KnownLayer::descriptor)).collect();
    descriptors.map(|descriptors| manifest_for(local, &descriptors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::image;

    fn manifest(image: &LocalImage, digest: Digest) -> ImageManifest {
        manifest_for(image, &[LayerDescriptor { digest, size: 4, compression: Compression::Gzip }])
    }

    #[test]
    fn an_image_runs_already_only_when_the_manifest_names_this_very_configuration() {
        let local = image();
        let layers = as_running(&local, &manifest(&local, Digest::of(b"gzip"))).unwrap();
        assert!(layers[0].stored && layers[0].known.unwrap().digest == Digest::of(b"gzip"));

        let mut foreign = image();
        foreign.config_bytes.push(b' ');
        foreign.config_digest = Digest::of(&foreign.config_bytes);
        assert_eq!(as_running(&local, &manifest(&foreign, Digest::of(b"evil"))), None);
    }

    #[test]
    fn a_configuration_whose_diff_ids_do_not_fit_the_manifest_teaches_nothing() {
        let local = image();
        let manifest = manifest(&local, Digest::of(b"gzip"));
        assert_eq!(published_layers(&manifest.bytes, b"{\"rootfs\":{\"diff_ids\":[]}}"), []);
        assert_eq!(published_layers(b"{}", &local.config_bytes), []);
        assert_eq!(published_layers(&manifest.bytes, &local.config_bytes).len(), 1);
        assert_eq!(config_digest(&manifest), Some(local.config_digest));
    }

    #[test]
    fn a_layer_is_known_from_what_runs_else_from_the_cache_else_not() {
        let local = image();
        let descriptor =
            LayerDescriptor { digest: Digest::of(b"gzip"), size: 4, compression: Compression::Gzip };
        let running = [PublishedLayer { diff_id: local.layers[0].diff_id, descriptor }];
        let other = [PublishedLayer { diff_id: Digest::of(b"other"), descriptor }];
        let zstd = [PublishedLayer {
            descriptor: LayerDescriptor { compression: Compression::Zstd, ..descriptor },
            ..running[0]
        }];
        let cached = KnownLayer { digest: Digest::of(b"cached"), size: 5, origin: LayerOrigin::Cache };
        type Case<'a> = (&'a [PublishedLayer], Option<KnownLayer>, Option<LayerOrigin>, bool);
        let table: [Case<'_>; 5] = [
            (&running, Some(cached), Some(LayerOrigin::Running), true),
            (&other, Some(cached), Some(LayerOrigin::Cache), false),
            (&zstd, None, None, false),
            (&other, None, None, false),
            (&[], None, None, false),
        ];
        for (running, cached, origin, stored) in table {
            let found = match_layers(&local, running, |_| cached);
            assert_eq!((found[0].known.map(|known| known.origin), found[0].stored), (origin, stored));
            assert_eq!(manifest_of(&local, &found).is_some(), origin.is_some());
        }
    }
}
