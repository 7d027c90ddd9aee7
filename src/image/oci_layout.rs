//! OCI image layouts: `index.json`, and blobs by digest. In a directory, in an archive, or inside what Docker 25 and
//! later save. (OCI image specification 1.1, image-layout.md.)

use serde::Deserialize;

use crate::name::Architecture;

use super::assemble::{WholeImage, described_layer};
use super::candidates::{Candidates, all_descriptors, read_config};
use super::descriptor::{self, Descriptor, Parsed};
use super::error::Problem;
use super::files::{Files, MAX_MANIFEST};
use super::media_type;
use super::selector::Selector;
use super::{
    Compression, Layer, LocalImage, platform,
    strict_json::{self, Object},
};

/// The table of contents.
pub(super) const INDEX: &str = "index.json";

/// The marker file.
const MARKER: &str = "oci-layout";

/// A name or, from many tools, the tag only.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The full name, where containerd or Docker wrote the layout.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Opens one image of a layout.
pub(super) fn open(
    files: &Files,
    source: &str,
    selector: &Selector,
    wanted: Option<Architecture>,
) -> Result<LocalImage, Problem> {
    check_marker(files)?;
    let bytes = files.require(INDEX, "the table of contents")?.read(INDEX, MAX_MANIFEST)?;
    let Parsed::Index(entries) = descriptor::parse(&bytes, "", INDEX)? else {
        return Err(Problem::invalid(INDEX, "it is a manifest and not an index"));
    };
    let entries = select(files, &entries, selector)?;
    let candidates = Candidates::collect(files, &entries)?;
    let (chosen, choice) = platform::choose(candidates, wanted)?;
    let (descriptor, bytes, manifest) = chosen.read(files)?;
    let (config_bytes, parsed) = read_config(files, &manifest)?;
    parsed.check_layer_count(manifest.layers.len())?;
    let layers = manifest.layers.iter().zip(&parsed.diff_ids);
    let layers = layers
        .map(|(layer, diff_id)| locate_layer(files, layer, *diff_id, &parsed.config.os))
        .collect::<Result<Vec<Layer>, Problem>>()?;
    let whole = WholeImage { descriptor, bytes, manifest, config_bytes, config: parsed.config, layers };
    Ok(LocalImage { choice, ..whole.into_view(source) })
}

fn check_marker(files: &Files) -> Result<(), Problem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    // Some tools forget it, and everything that we rely on is in index.json.
    let Some(file) = files.find(MARKER)? else { return Ok(()) };
    let Object(marker): Object<Marker> = strict_json::parse(&file.read(MARKER, MAX_MANIFEST)?, MARKER)?;
    if marker.image_layout_version.starts_with("1.") {
        return Ok(());
    }
    Err(Problem::invalid(MARKER, format!("version {:?} is not known", marker.image_layout_version)))
}

/// The entries of `index.json` that belong to the image that is meant.
fn select(files: &Files, entries: &[Descriptor], selector: &Selector) -> Result<Vec<Descriptor>, Problem> {
    let chosen: Vec<Descriptor> = match selector {
        Selector::Only => entries.to_vec(),
        Selector::Name(_) => {
            let named = |entry: &&Descriptor| names(entry).any(|name| selector.is_named(name));
            entries.iter().filter(named).cloned().collect()
        }
        Selector::Position(position) => entries.get(*position).cloned().into_iter().collect(),
        Selector::Digest(digest) => {
            let all = all_descriptors(files, entries)?;
            all.into_iter().filter(|descriptor| descriptor.digest == *digest).take(1).collect()
        }
    };
    let images: Vec<Descriptor> = match selector {
        Selector::Digest(_) | Selector::Position(_) => chosen,
        _ => chosen.into_iter().filter(|entry| !entry.is_attestation()).collect(),
    };
    if images.is_empty() && *selector != Selector::Only {
        return Err(Problem::NoSuchImage { given: selector.to_string(), names: listed(entries) });
    }
    if several_images(&images) {
        return Err(Problem::SeveralImages { names: listed(&images) });
    }
    Ok(images)
}

/// Whether entries are different images, rather than one image under several names or for several platforms.
fn several_images(entries: &[Descriptor]) -> bool {
    let Some((first, rest)) = entries.split_first() else { return false };
    if rest.iter().all(|entry| entry.digest == first.digest) {
        return false;
    }
    // Some tools list the platforms of one image here and not in an index of their own.
    let platforms: Vec<_> = entries.iter().filter_map(|entry| entry.platform.as_ref()).collect();
    let distinct = (1..platforms.len()).all(|index| !platforms[..index].contains(&platforms[index]));
    let one_name = rest.iter().all(|entry| names(entry).eq(names(first)));
    !(one_name && distinct && platforms.len() == entries.len())
}

fn names(entry: &Descriptor) -> impl Iterator<Item = &str> {
    [CONTAINERD_NAME, REF_NAME].into_iter().filter_map(|key| entry.annotations.get(key)).map(String::as_str)
}

/// The entries as a person can name them.
fn listed(entries: &[Descriptor]) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.is_attestation()) {
        let name = match names(entry).next() {
            Some(name) => format!("{} (@{})", name.escape_debug(), entry.digest),
            None => format!("@{}", entry.digest),
        };
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list
}

fn locate_layer(
    files: &Files,
    descriptor: &Descriptor,
    diff_id: crate::name::Digest,
    operating_system: &str,
) -> Result<Layer, Problem> {
    let digest = descriptor.digest;
    media_type::require_ordinary_layer(&descriptor.media_type, digest, operating_system)?;
    let what = format!("layer {digest}");
    let file = files.require_blob(descriptor, &what)?;
    let compression = file.compression()?.map_err(|format| Problem::LayerCompression { diff_id, format })?;
    if compression == Compression::None && digest != diff_id {
        let why = format!("it is not compressed, so its digest and its diff id {diff_id} should be the same");
        return Err(Problem::invalid(what, why));
    }
    Ok(described_layer(descriptor, diff_id, compression, file.location))
}
