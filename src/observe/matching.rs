//! Which layers of the local image are known without reading them.
//!
//! Layers are matched by diff id against the image that the function or its alias runs now, which was read by digest, and
//! against the cache of digests that this tool computed itself. Never against a tag: whoever may push to the repository
//! could make a tag name an image whose configuration lies about its layers, and so choose what we deploy.

use std::collections::HashMap;

use crate::image::{Layer, LocalImage};
use crate::layer::Encoding;
use crate::name::Digest;
use crate::registry::{Descriptor, Manifest};

use super::{KnownLayer, LayerFacts, LayerOrigin};

/// An image that the function or its alias runs, as the registry has it.
#[derive(Debug, Clone)]
pub(super) struct RunningImage {
    /// Its manifest.
    pub(super) manifest: Manifest,
    /// The digest of its configuration.
    pub(super) config: Digest,
    /// Its layers, base first.
    pub(super) layers: Vec<Descriptor>,
    /// The diff ids of those layers, when its configuration was read.
    pub(super) diff_ids: Option<Vec<Digest>>,
}

impl RunningImage {
    /// Whether it is the local image: the same configuration states the same diff ids, whoever compressed the layers.
    pub(super) fn is(&self, local: &LocalImage) -> bool {
        self.config == local.config_digest && self.layers.len() == local.layers.len()
    }
}

/// Layers of running images by diff id. Only gzip layers: others cannot stand in a manifest of every flavor.
pub(super) fn by_diff_id(running: &[RunningImage]) -> HashMap<Digest, KnownLayer> {
    let mut known = HashMap::new();
    for image in running {
        let Some(diff_ids) = &image.diff_ids else { continue };
        if diff_ids.len() != image.layers.len() {
            continue;
        }
        for (diff_id, layer) in diff_ids.iter().zip(&image.layers) {
            if layer.media_type.ends_with("gzip") {
                let entry = KnownLayer { digest: layer.digest, size: layer.size, origin: LayerOrigin::Running };
                known.entry(*diff_id).or_insert(entry);
            }
        }
    }
    known
}

/// What is known of each layer of the local image. A running image's manifest proves that the registry has its layers.
pub(super) fn match_layers(
    local: &LocalImage,
    running: &[RunningImage],
    cached: impl Fn(&Layer) -> Option<KnownLayer>,
) -> Vec<LayerFacts> {
    let by_diff_id = by_diff_id(running);
    local
        .layers
        .iter()
        .map(|layer| {
            if let Some(known) = by_diff_id.get(&layer.diff_id) {
                return LayerFacts { known: Some(*known), stored: true };
            }
            let as_stored = Encoding::default().encoder_for(layer.compression).is_none();
            let known = layer
                .stored_digest
                .filter(|_| as_stored)
                .map(|digest| KnownLayer { digest, size: layer.stored_size, origin: LayerOrigin::Source })
                .or_else(|| cached(layer));
            LayerFacts { known, stored: false }
        })
        .collect()
}
