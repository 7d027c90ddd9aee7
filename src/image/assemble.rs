//! From the documents of one image to the view of it: the same for files and registries.

use super::descriptor::{Descriptor, Manifest};
use super::media_type::{self, LayerType};
use super::{BlobLocation, Compression, Config, Layer, LocalImage, MediaFlavor, OriginalManifest};
use crate::name::Digest;

/// One image whose documents were read and verified, and whose layers are located.
pub(super) struct WholeImage {
    /// What leads to the manifest.
    pub(super) descriptor: Descriptor,
    /// The manifest as stored.
    pub(super) bytes: Vec<u8>,
    pub(super) manifest: Manifest,
    pub(super) config_bytes: Vec<u8>,
    pub(super) config: Config,
    /// Base layer first.
    pub(super) layers: Vec<Layer>,
}

impl WholeImage {
    pub(super) fn into_view(self, source: &str) -> LocalImage {
        let Self { descriptor, bytes, manifest, config_bytes, config, layers } = self;
        let stated =
            [&manifest.media_type, &descriptor.media_type].into_iter().find(|stated| !stated.is_empty());
        let media_type = stated.map_or(media_type::default_manifest(), String::as_str).to_owned();
        let flavor = media_type::manifest_flavor(&media_type).unwrap_or(MediaFlavor::Oci);
        let pushable = is_pushable(flavor, &manifest, &layers);
        LocalImage {
            source: source.to_owned(),
            config_digest: manifest.config.digest,
            config_bytes,
            config,
            layers,
            flavor,
            original: Some(OriginalManifest { media_type, digest: descriptor.digest, bytes, pushable }),
            choice: None,
        }
    }
}

/// The layer that a manifest's descriptor names.
pub(super) fn described_layer(
    descriptor: &Descriptor,
    diff_id: Digest,
    compression: Compression,
    location: BlobLocation,
) -> Layer {
    Layer {
        diff_id,
        media_type: Some(descriptor.media_type.clone()),
        stored_size: descriptor.size,
        stored_digest: Some(descriptor.digest),
        compression,
        location,
    }
}

/// Whether a manifest can be pushed as it is: one flavor throughout, and every layer gzip, in name and in content.
fn is_pushable(flavor: MediaFlavor, manifest: &Manifest, layers: &[Layer]) -> bool {
    let stated = media_type::manifest_flavor(&manifest.media_type);
    // OCI allows a manifest without a media type; ECR then has the Content-Type to go by.
    let manifest_agrees =
        stated == Some(flavor) || (manifest.media_type.is_empty() && flavor == MediaFlavor::Oci);
    let gzip = LayerType::Ordinary(flavor, Compression::Gzip);
    manifest_agrees
        && media_type::config_flavor(&manifest.config.media_type) == Some(flavor)
        && manifest.layers.iter().all(|layer| media_type::layer_type(&layer.media_type) == gzip)
        && layers.iter().all(|layer| layer.compression == Compression::Gzip)
}
