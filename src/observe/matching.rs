//! Which layers of the local image are known without reading them.
//!
//! Layers are matched by diff id against the image that the function or its alias runs now, which was read by digest, and
//! against the cache of digests that this tool computed itself. Never against a tag: whoever may push to the repository
//! could make a tag name an image whose configuration lies about its layers, and so choose what we deploy.

use std::collections::{HashMap, HashSet};

use crate::image::{Compression, Layer, LocalImage};
use crate::layer::Encoding;
use crate::name::Digest;
use crate::registry::{
    ImageManifest, LayerDescriptor, PublishedLayer, as_stored, manifest_for, published_layers,
};

use super::{KnownLayer, LayerFacts, LayerOrigin};

/// The local image as a manifest that runs already: the same configuration states the same diff ids, whoever
/// compressed the layers and wrote the manifest. Unless layers are to be kept as they are stored: then theirs must be the
/// very same bytes.
pub(super) fn as_running(
    local: &LocalImage,
    running: &ImageManifest,
    encoding: Encoding,
) -> Option<Vec<LayerFacts>> {
    let layers = published_layers(&running.bytes, &local.config_bytes);
    let same = !layers.is_empty() && layers.len() == local.layers.len();
    let kept = |(layer, published): (&Layer, &PublishedLayer)| {
        as_stored(layer, encoding).is_none_or(|own| own.digest == published.descriptor.digest)
    };
    let fits = same && (encoding != Encoding::Keep || local.layers.iter().zip(&layers).all(kept));
    fits.then(|| layers.iter().map(|layer| running_layer(layer.descriptor)).collect())
}

fn running_layer(LayerDescriptor { digest, size, compression }: LayerDescriptor) -> LayerFacts {
    let origin = LayerOrigin::Running;
    let known = KnownLayer { digest, size, compression, uncompressed_bytes: None, origin };
    LayerFacts { known: Some(known), stored: true }
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
    encoding: Encoding,
    cached: impl Fn(&Layer) -> Option<KnownLayer>,
) -> Vec<LayerFacts> {
    // Only gzip layers: others cannot stand in a manifest of every flavor.
    let gzip = running.iter().filter(|layer| layer.descriptor.compression == Compression::Gzip);
    let by_diff_id: HashMap<Digest, LayerDescriptor> =
        gzip.map(|layer| (layer.diff_id, layer.descriptor)).collect();
    let by_digest: HashSet<(Digest, Digest)> =
        running.iter().map(|layer| (layer.diff_id, layer.descriptor.digest)).collect();
    let of_layer = |layer: &Layer| match as_stored(layer, encoding) {
        Some(own) if by_digest.contains(&(layer.diff_id, own.digest)) => running_layer(own),
        Some(LayerDescriptor { digest, size, compression }) => {
            let (uncompressed_bytes, origin) = (layer.known_uncompressed_size(), LayerOrigin::Source);
            let known = KnownLayer { digest, size, compression, uncompressed_bytes, origin };
            LayerFacts { known: Some(known), stored: false }
        }
        None => match by_diff_id.get(&layer.diff_id) {
            Some(descriptor) => running_layer(*descriptor),
            None => LayerFacts { known: cached(layer), stored: false },
        },
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
        let layers = as_running(&local, &manifest(&local, Digest::of(b"gzip")), Encoding::default()).unwrap();
        assert!(layers[0].stored && layers[0].known.unwrap().digest == Digest::of(b"gzip"));

        let mut foreign = image();
        foreign.config_bytes.push(b' ');
        foreign.config_digest = Digest::of(&foreign.config_bytes);
        assert_eq!(as_running(&local, &manifest(&foreign, Digest::of(b"evil")), Encoding::default()), None);
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
        let cached = KnownLayer {
            digest: Digest::of(b"cached"),
            size: 5,
            compression: Compression::Gzip,
            uncompressed_bytes: Some(9),
            origin: LayerOrigin::Cache,
        };
        type Case<'a> = (&'a [PublishedLayer], Option<KnownLayer>, Option<LayerOrigin>, bool);
        let table: [Case<'_>; 5] = [
            (&running, Some(cached), Some(LayerOrigin::Running), true),
            (&other, Some(cached), Some(LayerOrigin::Cache), false),
            (&zstd, None, None, false),
            (&other, None, None, false),
            (&[], None, None, false),
        ];
        for (running, cached, origin, stored) in table {
            let found = match_layers(&local, running, Encoding::default(), |_| cached);
            assert_eq!((found[0].known.map(|known| known.origin), found[0].stored), (origin, stored));
            assert_eq!(manifest_of(&local, &found).is_some(), origin.is_some());
        }
    }

    #[test]
    fn what_is_kept_as_it_is_stored_is_matched_by_its_own_bytes_only() {
        let mut local = image();
        let layer = &mut local.layers[0];
        layer.compression = Compression::Zstd;
        layer.stored_digest = Some(Digest::of(b"zstd"));
        let diff_id = layer.diff_id;
        let published = |content: &[u8], compression| PublishedLayer {
            diff_id,
            descriptor: LayerDescriptor { digest: Digest::of(content), size: 4, compression },
        };
        let origin = |running: &[PublishedLayer], encoding| {
            let found = match_layers(&local, running, encoding, |_| None);
            (found[0].known.map(|known| (known.digest, known.origin)), found[0].stored)
        };
        let gzip = [published(b"gzip", Compression::Gzip)];
        let zstd = [published(b"zstd", Compression::Zstd)];
        let (kept, level) = (Encoding::Keep, Encoding::default());
        assert_eq!(origin(&gzip, kept), (Some((Digest::of(b"zstd"), LayerOrigin::Source)), false));
        assert_eq!(origin(&zstd, kept), (Some((Digest::of(b"zstd"), LayerOrigin::Running)), true));
        assert_eq!(origin(&gzip, level), (Some((Digest::of(b"gzip"), LayerOrigin::Running)), true));
        assert_eq!(origin(&zstd, level), (None, false));

        let running = manifest(&local, Digest::of(b"gzip"));
        assert!(as_running(&local, &running, level).is_some());
        assert_eq!(as_running(&local, &running, kept), None);
    }
}
