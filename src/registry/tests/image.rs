//! Images for the tests of the push.

use std::io::Write;
use std::sync::Arc;

use crate::image::{BlobLocation, Compression, Config, Layer, LocalImage, MediaFlavor};
use crate::layer::{Encoder, Encoding};
use crate::name::Digest;
use crate::registry::PushRequest;

use super::model::FLOOR;

/// A tar archive with one file of noise, of about this many bytes; noise does not get smaller.
pub(super) fn archive(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let noise: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
    let mut header = tar::Header::new_gnu();
    header.set_size(length as u64);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, "noise", &noise[..]).unwrap();
    builder.into_inner().unwrap()
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(in crate::registry) fn layer(content: &[u8], compression: Compression) -> Layer {
    let stored = match compression {
        Compression::None => content.to_vec(),
        Compression::Gzip => gzip(content),
        Compression::Zstd => zstd::encode_all(content, 1).unwrap(),
    };
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&stored).unwrap();
    let size = stored.len() as u64;
    Layer {
        diff_id: Digest::of(content),
        media_type: None,
        location: BlobLocation::InFile { file: Arc::new(file), path: "image.tar".into(), offset: 0, size },
        stored_size: size,
        stored_digest: Some(Digest::of(&stored)),
        compression,
    }
}

pub(super) fn image(layers: Vec<Layer>) -> LocalImage {
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id.to_string()).collect();
    let config_bytes = serde_json::json!({"os": "linux", "rootfs": {"diff_ids": diff_ids}}).to_string();
    LocalImage {
        source: "image.tar".to_owned(),
        config_digest: Digest::of(config_bytes.as_bytes()),
        config_bytes: config_bytes.into_bytes(),
        config: Config::default(),
        layers,
        flavor: MediaFlavor::Docker,
        original: None,
        choice: None,
    }
}

pub(super) fn request(image: &LocalImage) -> PushRequest<'_> {
    PushRequest {
        image,
        known: Vec::new(),
        tags: vec!["v1".parse().unwrap()],
        default_tag: crate::plan::default_tag,
        jobs: 4,
        part_size: FLOOR as u64 * 4,
        encoding: Encoding::Gzip(Encoder::default().level),
        uncompressed_limit: 1 << 30,
        cache: None,
        uploads: None,
        present: None,
        mounting: true,
        mount_from: Vec::new(),
        origins: None,
        gate: None,
    }
}
