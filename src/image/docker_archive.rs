//! The table of contents of Docker's own archives: `manifest.json`, which `docker save` has written since 1.10, as do
//! podman, skopeo, kaniko, crane and Jib. The layers lie in the archive under any name, compressed or not.

use std::collections::HashMap;

use serde::Deserialize;

use crate::name::Digest;

use super::config;
use super::error::Problem;
use super::files::{Files, MAX_CONFIG, MAX_MANIFEST, check_digest};
use super::media_type::{self, LayerType};
use super::selector::Selector;
use super::strict_json::{self, Object, null_is_default};
use super::{Layer, LocalImage, MediaFlavor};

/// The table of contents.
pub(super) const MANIFEST: &str = "manifest.json";

/// What archives had before Docker 1.10 instead.
pub(super) const OLD_TABLE: &str = "repositories";

/// One image of an archive.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    #[serde(default, deserialize_with = "null_is_default")]
    repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    layers: Vec<String>,
    /// By diff id; Docker writes it for foreign layers, and since 25 for all.
    #[serde(default, deserialize_with = "null_is_default")]
    layer_sources: HashMap<String, Object<LayerSource>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayerSource {
    #[serde(default, deserialize_with = "null_is_default")]
    media_type: String,
}

/// Opens one image of an archive.
pub(super) fn open(files: &Files, source: &str, selector: &Selector) -> Result<LocalImage, Problem> {
    let entries = entries(files)?;
    let entry = select(&entries, selector)?;
    let config_bytes = files.require(&entry.config, "the image configuration")?;
    let config_bytes = config_bytes.read("the image configuration", MAX_CONFIG)?;
    if let Some(stated) = digest_in_name(&entry.config) {
        check_digest(&config_bytes, stated, "the image configuration")?;
    }
    let parsed = config::parse(&config_bytes)?;
    parsed.check_layer_count(entry.layers.len())?;
    let layers = entry.layers.iter().zip(&parsed.diff_ids);
    let layers = layers
        .map(|(name, diff_id)| locate_layer(files, entry, name, *diff_id, &parsed.config.os))
        .collect::<Result<Vec<Layer>, Problem>>()?;
    Ok(LocalImage {
        source: source.to_owned(),
        config_digest: Digest::of(&config_bytes),
        config_bytes,
        config: parsed.config,
        layers,
        flavor: MediaFlavor::Docker,
        original: None,
        choice: None,
    })
}

/// Whether the table names this configuration, where it says so by digest.
pub(super) fn names_config(files: &Files, config: Digest) -> Result<bool, Problem> {
    Ok(entries(files)?.iter().any(|entry| digest_in_name(&entry.config).is_none_or(|named| named == config)))
}

fn entries(files: &Files) -> Result<Vec<Entry>, Problem> {
    let bytes = files.require(MANIFEST, "the table of contents")?.read(MANIFEST, MAX_MANIFEST)?;
    let entries: Vec<Object<Entry>> = strict_json::parse(&bytes, MANIFEST)?;
    Ok(entries.into_iter().map(|Object(entry)| entry).collect())
}

fn select<'a>(entries: &'a [Entry], selector: &Selector) -> Result<&'a Entry, Problem> {
    let fitting: Vec<&Entry> = match selector {
        Selector::Only => entries.iter().collect(),
        Selector::Name(given, None) => {
            return Err(Problem::bad_reference(given, "it is not an image name as Docker has them"));
        }
        Selector::Name(..) => {
            entries.iter().filter(|entry| entry.repo_tags.iter().any(|tag| selector.is_named(tag))).collect()
        }
        Selector::Position(position) => entries.get(*position).into_iter().collect(),
        Selector::Digest(digest) => {
            entries.iter().filter(|entry| digest_in_name(&entry.config) == Some(*digest)).collect()
        }
    };
    match (fitting.split_first(), selector) {
        (None, Selector::Only) => Err(Problem::NotAnImageStore { why: "manifest.json is empty" }),
        (None, _) => Err(Problem::NoSuchImage { given: selector.to_string(), names: listed(entries.iter()) }),
        (Some((first, rest)), _) => {
            let same = |other: &&Entry| other.config == first.config && other.layers == first.layers;
            if rest.iter().all(same) {
                Ok(first)
            } else {
                Err(Problem::SeveralImages { names: listed(fitting) })
            }
        }
    }
}

/// The images as a person can name them.
fn listed<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<String> {
    let name = |(position, entry): (usize, &Entry)| match entry.repo_tags.first() {
        Some(tag) => tag.escape_debug().to_string(),
        None => digest_in_name(&entry.config).map_or(format!("@{position}"), |digest| format!("@{digest}")),
    };
    entries.into_iter().enumerate().map(name).collect()
}

/// The digest that a file's name claims: `<hex>.json`, `<hex>`, `sha256:<hex>` (kaniko, crane) and `blobs/sha256/<hex>`.
fn digest_in_name(name: &str) -> Option<Digest> {
    let name = name.rsplit('/').next()?;
    let name = name.strip_prefix("sha256:").unwrap_or(name);
    Digest::from_hex(name.strip_suffix(".json").unwrap_or(name)).ok()
}

fn locate_layer(
    files: &Files,
    entry: &Entry,
    name: &str,
    diff_id: Digest,
    operating_system: &str,
) -> Result<Layer, Problem> {
    let media_type =
        entry.layer_sources.get(&diff_id.to_string()).map(|Object(source)| source.media_type.clone());
    let media_type = media_type.filter(|media_type| !media_type.is_empty());
    if let Some(media_type) = &media_type {
        let (digest, media_type) = (diff_id, media_type.clone());
        match media_type::layer_type(&media_type) {
            LayerType::Ordinary(..) => {}
            LayerType::Foreign => {
                return Err(Problem::ForeignLayer {
                    digest,
                    media_type,
                    operating_system: operating_system.to_owned(),
                });
            }
            LayerType::Encrypted => return Err(Problem::EncryptedLayer { digest, media_type }),
            LayerType::Unknown => return Err(Problem::UnknownLayer { digest, media_type }),
        }
    }
    let what = format!("layer {diff_id}");
    let file = files.require(name, &what)?;
    let compression = file.compression()?.map_err(|format| Problem::LayerCompression { diff_id, format })?;
    // Only a content-addressed store states the digest of what it stores: elsewhere the hexadecimal part of a name is
    // a diff id, a chain id, or nothing.
    let stored_digest = name.strip_prefix("blobs/sha256/").and_then(|hex| Digest::from_hex(hex).ok());
    Ok(Layer {
        diff_id,
        media_type,
        stored_size: file.location.size(),
        stored_digest,
        compression,
        location: file.location,
    })
}
