//! The manifest that an image is pushed with, and what another image's manifest says of its layers.
//!
//! Pure: the same image and layers give the same bytes. Media types come from the image's flavor and the
//! layers' compression, so Docker's and OCI's are never mixed.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::image::{Compression, Layer, LocalImage, MediaFlavor};
use crate::layer::Encoding;
use crate::name::Digest;

/// A layer as the manifest names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerDescriptor {
    /// The digest of the bytes in the registry.
    pub digest: Digest,
    /// Their size.
    pub size: u64,
    /// How they are compressed.
    pub compression: Compression,
}

/// A manifest ready to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageManifest {
    /// Its media type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
    /// Their digest: the image's digest.
    pub digest: Digest,
}

/// A layer of an image in the registry, with the diff id that its configuration gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedLayer {
    /// The digest of the uncompressed content.
    pub diff_id: Digest,
    /// The layer in the registry.
    pub descriptor: LayerDescriptor,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestDocument {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    config: DescriptorDocument,
    layers: Vec<DescriptorDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescriptorDocument {
    media_type: String,
    size: u64,
    digest: String,
}

/// The manifest for `image` with these layers, base layer first. The source's own manifest, byte for byte,
/// when it can be pushed and names exactly these layers; otherwise one made from the image's flavor.
pub fn manifest_for(image: &LocalImage, layers: &[LayerDescriptor]) -> ImageManifest {
    match &image.original {
        Some(original) if original.pushable && is_as_stored(image, layers) => ImageManifest {
            media_type: original.media_type.clone(),
            bytes: original.bytes.clone().into(),
            digest: original.digest,
        },
        _ => built_manifest(image, layers),
    }
}

/// A layer as the source has it, when it is pushed unchanged and its digest is known without reading it: stated by the
/// source, or, of an uncompressed layer, its diff id.
pub fn as_stored(layer: &Layer, encoding: Encoding) -> Option<LayerDescriptor> {
    let plain = (layer.compression == Compression::None).then_some(layer.diff_id);
    let digest = layer.stored_digest.or(plain)?;
    let unchanged = encoding.encoder_for(layer.compression).is_none();
    unchanged.then_some(LayerDescriptor { digest, size: layer.stored_size, compression: layer.compression })
}

fn is_as_stored(image: &LocalImage, layers: &[LayerDescriptor]) -> bool {
    image.layers.len() == layers.len()
        && image
            .layers
            .iter()
            .zip(layers)
            .all(|(stored, pushed)| stored.stored_digest.is_some_and(|digest| digest == pushed.digest))
}

fn built_manifest(image: &LocalImage, layers: &[LayerDescriptor]) -> ImageManifest {
    let media_type = manifest_media_type(image.flavor).to_owned();
    let document = ManifestDocument {
        schema_version: 2,
        media_type: media_type.clone(),
        config: DescriptorDocument {
            media_type: config_media_type(image.flavor).to_owned(),
            size: image.config_bytes.len() as u64,
            digest: image.config_digest.to_string(),
        },
        layers: layers.iter().map(|layer| layer_document(image.flavor, layer)).collect(),
    };
    // Serialising plain structs into memory cannot fail; an empty manifest would be refused by any registry.
    let bytes = Bytes::from(serde_json::to_vec(&document).unwrap_or_default());
    ImageManifest { media_type, digest: Digest::of(&bytes), bytes }
}

fn layer_document(flavor: MediaFlavor, layer: &LayerDescriptor) -> DescriptorDocument {
    DescriptorDocument {
        media_type: layer_media_type(flavor, layer.compression).to_owned(),
        size: layer.size,
        digest: layer.digest.to_string(),
    }
}

/// The media type of an image manifest.
pub fn manifest_media_type(flavor: MediaFlavor) -> &'static str {
    match flavor {
        MediaFlavor::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        MediaFlavor::Oci => "application/vnd.oci.image.manifest.v1+json",
    }
}

/// The media type of an image's configuration.
pub fn config_media_type(flavor: MediaFlavor) -> &'static str {
    match flavor {
        MediaFlavor::Docker => "application/vnd.docker.container.image.v1+json",
        MediaFlavor::Oci => "application/vnd.oci.image.config.v1+json",
    }
}

/// The media type of a layer.
pub fn layer_media_type(flavor: MediaFlavor, compression: Compression) -> &'static str {
    match (flavor, compression) {
        (MediaFlavor::Docker, Compression::Gzip) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        (MediaFlavor::Docker, Compression::None) => "application/vnd.docker.image.rootfs.diff.tar",
        (MediaFlavor::Docker, Compression::Zstd) => "application/vnd.docker.image.rootfs.diff.tar.zstd",
        (MediaFlavor::Oci, Compression::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
        (MediaFlavor::Oci, Compression::None) => "application/vnd.oci.image.layer.v1.tar",
        (MediaFlavor::Oci, Compression::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
    }
}

/// How a layer of this media type is compressed; none for types that are not plain layers.
fn compression_of(media_type: &str) -> Option<Compression> {
    let flavors = [MediaFlavor::Docker, MediaFlavor::Oci];
    [Compression::Gzip, Compression::None, Compression::Zstd].into_iter().find(|&compression| {
        flavors.iter().any(|&flavor| layer_media_type(flavor, compression) == media_type)
    })
}

/// The layers of an image in the registry by diff id: `manifest` and `config` as fetched by digest. Empty
/// when they do not fit together. Layers of other kinds (foreign, encrypted) are left out.
pub fn published_layers(manifest: &[u8], config: &[u8]) -> Vec<PublishedLayer> {
    #[derive(Deserialize)]
    struct ConfigDocument {
        rootfs: RootFs,
    }
    #[derive(Deserialize)]
    struct RootFs {
        diff_ids: Vec<String>,
    }
    let manifest = serde_json::from_slice::<ManifestDocument>(manifest);
    let config_document = serde_json::from_slice::<ConfigDocument>(config);
    let (Ok(manifest), Ok(ConfigDocument { rootfs })) = (manifest, config_document) else {
        return Vec::new();
    };
    let is_its_config = manifest.config.digest == Digest::of(config).to_string();
    if !is_its_config || manifest.layers.len() != rootfs.diff_ids.len() {
        return Vec::new();
    }
    let published = |(layer, diff_id): (&DescriptorDocument, &String)| {
        let descriptor = LayerDescriptor {
            digest: layer.digest.parse().ok()?,
            size: layer.size,
            compression: compression_of(&layer.media_type)?,
        };
        Some(PublishedLayer { diff_id: diff_id.parse().ok()?, descriptor })
    };
    manifest.layers.iter().zip(&rootfs.diff_ids).filter_map(published).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::image::{BlobLocation, Config, OriginalManifest};

    fn image(flavor: MediaFlavor, stored: &[&str]) -> LocalImage {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let layer = |content: &&str| Layer {
            diff_id: Digest::of(content.as_bytes()),
            media_type: None,
            location: BlobLocation::InFile {
                file: Arc::clone(&file),
                path: "image.tar".into(),
                offset: 0,
                size: 0,
            },
            stored_size: 0,
            stored_digest: Some(Digest::of(format!("gzip {content}").as_bytes())),
            compression: Compression::Gzip,
        };
        let diff_ids: Vec<_> =
            stored.iter().map(|content| Digest::of(content.as_bytes()).to_string()).collect();
        let config_bytes = serde_json::json!({"rootfs": {"diff_ids": diff_ids}}).to_string().into_bytes();
        LocalImage {
            source: "image.tar".to_owned(),
            config_digest: Digest::of(&config_bytes),
            config_bytes,
            config: Config::default(),
            layers: stored.iter().map(layer).collect(),
            flavor,
            original: None,
            choice: None,
        }
    }

    fn descriptors(image: &LocalImage) -> Vec<LayerDescriptor> {
        let descriptor = |layer: &Layer| LayerDescriptor {
            digest: layer.stored_digest.unwrap(),
            size: 9,
            compression: Compression::Gzip,
        };
        image.layers.iter().map(descriptor).collect()
    }

    #[test]
    fn media_types_are_of_one_flavor_throughout() {
        for (flavor, own, other) in
            [(MediaFlavor::Docker, "docker", "oci"), (MediaFlavor::Oci, "oci", "docker")]
        {
            let image = image(flavor, &["a", "b"]);
            let manifest = manifest_for(&image, &descriptors(&image));
            let text = std::str::from_utf8(&manifest.bytes).unwrap();
            assert_eq!(text.matches(&format!("application/vnd.{own}.")).count(), 4, "{text}");
            assert!(!text.contains(&format!("application/vnd.{other}.")));
            assert!(
                text.starts_with(&format!(r#"{{"schemaVersion":2,"mediaType":"{}""#, manifest.media_type))
            );
            assert_eq!(manifest.digest, Digest::of(&manifest.bytes));
        }
    }

    #[test]
    fn the_sources_own_manifest_is_used_only_when_nothing_about_it_changed() {
        let mut image = image(MediaFlavor::Oci, &["a", "b"]);
        let bytes = b"{ \"as\": \"stored\" }".to_vec();
        let digest = Digest::of(&bytes);
        let media_type = "stored/type".to_owned();
        image.original = Some(OriginalManifest { media_type, bytes, digest, pushable: true });
        let same = descriptors(&image);
        assert_eq!(manifest_for(&image, &same).digest, digest);
        assert_eq!(manifest_for(&image, &same).media_type, "stored/type");
        let mut changed = same.clone();
        changed[1].digest = Digest::of(b"recompressed");
        assert_ne!(manifest_for(&image, &changed).digest, digest);
        image.original.as_mut().unwrap().pushable = false;
        assert_ne!(manifest_for(&image, &same).digest, digest);
    }

    #[test]
    fn layers_of_a_published_image_are_paired_with_their_diff_ids() {
        let image = image(MediaFlavor::Docker, &["a", "b"]);
        let descriptors = descriptors(&image);
        let manifest = manifest_for(&image, &descriptors);
        let published = published_layers(&manifest.bytes, &image.config_bytes);
        let expected: Vec<_> = image
            .layers
            .iter()
            .zip(descriptors)
            .map(|(layer, descriptor)| PublishedLayer { diff_id: layer.diff_id, descriptor })
            .collect();
        assert_eq!(published, expected);
    }

    #[test]
    fn a_published_image_that_does_not_fit_together_gives_nothing() {
        let image = image(MediaFlavor::Docker, &["a", "b"]);
        let manifest = manifest_for(&image, &descriptors(&image));
        let other_config = image.config_bytes.iter().copied().chain(*b" ").collect::<Vec<_>>();
        let fewer = manifest_for(&image, &descriptors(&image)[..1]);
        let cases: [(&[u8], &[u8]); 5] = [
            (&manifest.bytes, &other_config),
            (&fewer.bytes, &image.config_bytes),
            (b"", b""),
            (b"{}", b"{}"),
            (&image.config_bytes, &manifest.bytes),
        ];
        for (manifest, config) in cases {
            assert_eq!(published_layers(manifest, config), []);
        }
        let foreign = String::from_utf8(manifest.bytes.to_vec())
            .unwrap()
            .replace("rootfs.diff.tar.gzip", "rootfs.foreign.diff.tar.gzip");
        assert_eq!(published_layers(foreign.as_bytes(), &image.config_bytes), []);
    }
}
