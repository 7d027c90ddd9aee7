//! An image whose manifest is known and whose blobs are files with names of the store's own: that of the stand-in's registry.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::name::Digest;

use super::assemble::{WholeImage, described_layer};
use super::config;
use super::descriptor::{self, Descriptor, Parsed};
use super::error::Problem;
use super::files::{MAX_CONFIG, check_digest};
use super::media_type;
use super::{BlobLocation, Compression, ImageError, Layer, LocalImage};

/// Opens the image of this manifest. `locate` says in which file a blob lies, if anywhere. Blocks.
///
/// # Errors
/// Fails when it is no manifest of an image, and when a blob is missing, of another size, or not what its digest says.
pub fn open_stored(
    source: &str,
    media_type: &str,
    manifest: Vec<u8>,
    locate: &dyn Fn(&Digest) -> Option<PathBuf>,
) -> Result<LocalImage, ImageError> {
    open(source, media_type, manifest, locate).map_err(|problem| ImageError::new(source, problem))
}

fn open(
    source: &str,
    media_type: &str,
    bytes: Vec<u8>,
    locate: &dyn Fn(&Digest) -> Option<PathBuf>,
) -> Result<LocalImage, Problem> {
    let digest = Digest::of(&bytes);
    let what = format!("the manifest {digest}");
    let Parsed::Manifest(manifest) = descriptor::parse(&bytes, media_type, &what)? else {
        return Err(Problem::invalid(what, "it is an index and not a manifest"));
    };
    let config_bytes = read(&manifest.config, locate)?;
    let parsed = config::parse(&config_bytes)?;
    parsed.check_layer_count(manifest.layers.len())?;
    let layers = manifest.layers.iter().zip(&parsed.diff_ids);
    let layers = layers
        .map(|(layer, diff_id)| locate_layer(layer, *diff_id, &parsed.config.os, locate))
        .collect::<Result<Vec<Layer>, Problem>>()?;
    let descriptor = Descriptor::plain(media_type.to_owned(), digest, bytes.len() as u64);
    let (manifest, config) = (*manifest, parsed.config);
    Ok(WholeImage { descriptor, bytes, manifest, config_bytes, config, layers }.into_view(source))
}

fn read(descriptor: &Descriptor, locate: &dyn Fn(&Digest) -> Option<PathBuf>) -> Result<Vec<u8>, Problem> {
    let what = "the image configuration";
    if descriptor.size > MAX_CONFIG {
        let what = what.to_owned();
        return Err(Problem::TooLarge { what, size: descriptor.size, limit: MAX_CONFIG });
    }
    let location = blob(descriptor, what, locate)?;
    let path = location.path().to_owned();
    let bytes = std::fs::read(&path).map_err(|reason| Problem::Unreadable { path, reason })?;
    check_digest(&bytes, descriptor.digest, what)?;
    Ok(bytes)
}

fn blob(
    descriptor: &Descriptor,
    what: &str,
    locate: &dyn Fn(&Digest) -> Option<PathBuf>,
) -> Result<BlobLocation, Problem> {
    let missing = || Problem::Missing { what: what.to_owned(), name: descriptor.digest.to_string() };
    let path = locate(&descriptor.digest).ok_or_else(missing)?;
    let unreadable = |reason| Problem::Unreadable { path: path.clone(), reason };
    let file = File::open(&path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size != descriptor.size {
        return Err(Problem::WrongSize { what: what.to_owned(), stated: descriptor.size, found: size });
    }
    Ok(BlobLocation::InFile { file: Arc::new(file), path, offset: 0, size })
}

fn locate_layer(
    descriptor: &Descriptor,
    diff_id: Digest,
    operating_system: &str,
    locate: &dyn Fn(&Digest) -> Option<PathBuf>,
) -> Result<Layer, Problem> {
    let digest = descriptor.digest;
    media_type::require_ordinary_layer(&descriptor.media_type, digest, operating_system)?;
    let location = blob(descriptor, &format!("layer {digest}"), locate)?;
    let head = location.head();
    let head = head.map_err(|reason| Problem::Unreadable { path: location.path().to_owned(), reason })?;
    let compression =
        Compression::of_head(&head).map_err(|format| Problem::LayerCompression { diff_id, format })?;
    Ok(described_layer(descriptor, diff_id, compression, location))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Place, open, simple_layout};
    use super::*;

    #[test]
    fn an_image_is_the_same_by_its_manifest_and_in_a_layout() {
        let place = Place::new();
        let directory = place.directory("layout", &simple_layout());
        let expected = open(&directory, "", "", None).unwrap();
        let original = expected.original.clone().unwrap();
        let locate = |digest: &Digest| Some(directory.join(format!("blobs/sha256/{}", digest.hex())));
        let by_manifest = |locate: &dyn Fn(&Digest) -> Option<PathBuf>| {
            open_stored("stored", &original.media_type, original.bytes.clone(), locate)
        };
        let found = by_manifest(&locate).unwrap();
        assert_eq!(
            (found.config_digest, found.layers.len()),
            (expected.config_digest, expected.layers.len())
        );

        let missing = by_manifest(&|digest| locate(digest).filter(|path| path.ends_with("none")));
        assert!(missing.unwrap_err().to_string().contains("image configuration"));
        let layer = found.layers[0].stored_digest.unwrap();
        std::fs::write(locate(&layer).unwrap(), b"short").unwrap();
        assert!(by_manifest(&locate).is_err());
    }
}
