//! The table of contents of Docker's own archives: `manifest.json`, which `docker save` has written since 1.10, as do
//! podman, skopeo, kaniko, crane and Jib. The layers lie in the archive under any name, compressed or not.

use std::collections::HashMap;

use serde::Deserialize;

use crate::name::Digest;

use super::config;
use super::error::Problem;
use super::files::{Files, MAX_CONFIG, MAX_MANIFEST, check_digest};
use super::media_type;
use super::selector::{Selector, is_reference};
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
        Selector::Name(_) => {
            entries.iter().filter(|entry| entry.repo_tags.iter().any(|tag| selector.is_named(tag))).collect()
        }
        Selector::Position(position) => entries.get(*position).into_iter().collect(),
        Selector::Digest(digest) => {
            entries.iter().filter(|entry| digest_in_name(&entry.config) == Some(*digest)).collect()
        }
    };
    match (fitting.split_first(), selector) {
        (None, Selector::Only) => Err(Problem::NotAnImageStore { why: "manifest.json is empty" }),
        (None, Selector::Name(given)) if !is_reference(given) => {
            Err(Problem::bad_reference(given, "it is not an image name as Docker has them"))
        }
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
        media_type::require_ordinary_layer(media_type, diff_id, operating_system)?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixture::{Place, TarFile, Tree, config, docker_tree, gzip, layer_tar, open};
    use super::super::{Compression, ImageErrorKind};
    use super::*;

    fn archive(tree: &Tree) -> Vec<u8> {
        TarFile::of(tree).finish()
    }

    /// One image whose files have these names.
    fn named(config_name: &str, layer_names: &[&str], layers: &[Vec<u8>]) -> Tree {
        let plain: Vec<Vec<u8>> = (0..layers.len()).map(|n| layer_tar(&n.to_string())).collect();
        let mut tree = Tree::new();
        tree.insert(config_name.into(), config("amd64", &plain));
        for (name, layer) in layer_names.iter().zip(layers) {
            tree.insert((*name).into(), layer.clone());
        }
        let entry = json!([{"Config": config_name, "RepoTags": null, "Layers": layer_names}]);
        tree.insert("manifest.json".into(), serde_json::to_vec(&entry).unwrap());
        tree
    }

    #[test]
    fn an_image_is_found_by_name_position_and_digest() {
        let place = Place::new();
        let tree = docker_tree(&["app:v1", "app:v2", "registry.example/team/app:latest"]);
        let path = place.write("three.tar", &archive(&tree));
        let open = |reference: &str| open(&path, "docker-archive:", reference, None);
        let second = open(":@1").unwrap();
        assert_eq!(open(":app:v2").unwrap().config_digest, second.config_digest);
        assert_eq!(open(":docker.io/library/app:v2").unwrap().config_digest, second.config_digest);
        assert_eq!(open(&format!(":@{}", second.config_digest)).unwrap().config_digest, second.config_digest);
        assert!(open(":registry.example/team/app").is_ok());
        for (reference, kind) in [
            ("", ImageErrorKind::Ambiguous),
            (":app", ImageErrorKind::NotFound),
            (":@3", ImageErrorKind::NotFound),
            (":team/app", ImageErrorKind::NotFound),
            (":Not A Name", ImageErrorKind::Usage),
        ] {
            let error = open(reference).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            if kind != ImageErrorKind::Usage {
                assert!(
                    error.to_string().contains("app:v1, app:v2, registry.example/team/app:latest"),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn the_view_has_what_the_configuration_and_the_files_say() {
        let image = Place::new().open(&archive(&docker_tree(&["app:v1"]))).unwrap();
        assert_eq!(
            (image.flavor, image.original.is_none(), image.choice.is_none()),
            (MediaFlavor::Docker, true, true)
        );
        assert_eq!(image.config.architecture_name, "arm64");
        assert_eq!(image.config_digest, Digest::of(&image.config_bytes));
        for layer in &image.layers {
            assert_eq!(layer.compression, Compression::None);
            assert_eq!(layer.known_uncompressed_size(), Some(layer.stored_size));
            assert_eq!((&layer.media_type, layer.stored_digest), (&None, None));
        }
    }

    #[test]
    fn names_and_compression_of_every_producer_are_understood() {
        let plain = [layer_tar("0"), layer_tar("1")];
        let packed: Vec<Vec<u8>> = plain.iter().map(|layer| gzip(layer)).collect();
        let config_digest = Digest::of(&config("amd64", &plain));
        let hex = config_digest.hex();
        for (config_name, layers) in [
            (format!("{hex}.json"), &plain[..]),
            (format!("sha256:{hex}"), &packed[..]),
            (format!("blobs/sha256/{hex}"), &plain[..]),
            ("config.json".to_owned(), &packed[..]),
            (hex.clone(), &plain[..]),
        ] {
            let tree = named(&config_name, &["a.tar.gz", "b/layer.tar"], layers);
            let image = Place::new().open(&archive(&tree)).unwrap();
            assert_eq!(image.config_digest, config_digest, "{config_name}");
            let compression = if layers == plain { Compression::None } else { Compression::Gzip };
            assert!(image.layers.iter().all(|layer| layer.compression == compression));
        }
    }

    #[test]
    fn a_configuration_that_is_not_the_one_its_name_claims_is_refused() {
        let tree = named(&format!("{}.json", Digest::of(b"other").hex()), &[], &[]);
        let error = Place::new().open(&archive(&tree)).unwrap_err();
        assert!(error.to_string().contains("should have the digest"), "{error}");
    }

    #[test]
    fn a_broken_table_of_contents_is_refused() {
        let good = docker_tree(&["app:v1"]);
        let table = |text: &str| {
            let mut tree = good.clone();
            tree.insert("manifest.json".into(), text.as_bytes().to_vec());
            Place::new().open(&archive(&tree)).unwrap_err().to_string()
        };
        let config =
            good.keys().find(|name| name.ends_with(".json") && !name.starts_with("manifest")).unwrap();
        let layer = good.keys().find(|name| name.ends_with(".tar")).unwrap();
        for (text, says) in [
            ("", "manifest.json is not what it should be"),
            ("[]", "manifest.json is empty"),
            ("{}", "expected a sequence"),
            ("[{}]", "missing field `Config`"),
            (r#"[["c","l"]]"#, "expected an object"),
            (&format!(r#"[{{"Config":"{config}"}}]"#), "0 layers, and the configuration names 2"),
            (&format!(r#"[{{"Config":"{config}","Layers":["{layer}","{layer}","{layer}"]}}]"#), "3 layers"),
            (&format!(r#"[{{"Config":"{config}","Layers":["{layer}","none.tar"]}}]"#), "is not there"),
            (
                &format!(r#"[{{"Config":"{config}","Layers":["{layer}","../x"]}}]"#),
                "leads out of the archive",
            ),
            (r#"[{"Config":"/etc/passwd","Layers":[]}]"#, "absolute name"),
            (r#"[{"Config":"none.json","Layers":[]}]"#, "no \"none.json\""),
            (r#"[{"Config":"a","Config":"b","Layers":[]}]"#, "there twice"),
            (&format!(r#"[{{"Config":"{layer}"}}]"#), "the image configuration is not"),
        ] {
            let message = table(text);
            assert!(message.contains(says), "{text}: {message}");
        }
    }

    #[test]
    fn foreign_layers_are_refused_and_told_apart_from_windows_ones() {
        let mut tree = docker_tree(&["app:v1"]);
        let mut table: serde_json::Value = serde_json::from_slice(&tree["manifest.json"]).unwrap();
        let diff_id = Digest::of(&layer_tar("base")).to_string();
        table[0]["LayerSources"] = json!({diff_id.clone(): {
            "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": 1, "digest": diff_id,
        }});
        tree.insert("manifest.json".into(), serde_json::to_vec(&table).unwrap());
        let error = Place::new().open(&archive(&tree)).unwrap_err();
        assert!(error.to_string().contains("may not be redistributed"), "{error}");
        assert_eq!(error.kind(), ImageErrorKind::Unsupported);
    }
}
