//! Manifests and indexes as they are written, and the descriptors in them.

use std::collections::HashMap;

use serde::Deserialize;

use crate::name::Digest;

use super::error::Problem;
use super::strict_json::{self, Object, null_is_default};

/// `vnd.docker.reference.type` says of a manifest in an index that it is not an image but is about one: BuildKit's
/// attestations.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// What a manifest or index says about a blob.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) media_type: String,
    #[serde(deserialize_with = "digest")]
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) annotations: HashMap<String, String>,
    #[serde(default, deserialize_with = "platform")]
    pub(super) platform: Option<Platform>,
    pub(super) artifact_type: Option<String>,
}

/// For what a manifest's image was built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Platform {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) os: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) architecture: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) variant: String,
}

/// A manifest or an index: the two are told apart by what they have, since both may come without a media type.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<u64>,
    #[serde(default, deserialize_with = "null_is_default")]
    media_type: String,
    artifact_type: Option<String>,
    config: Option<Object<Descriptor>>,
    layers: Option<Vec<Object<Descriptor>>>,
    manifests: Option<Vec<Object<Descriptor>>>,
    #[serde(rename = "fsLayers")]
    schema_one_layers: Option<serde::de::IgnoredAny>,
}

/// What a document is.
#[derive(Debug, Clone)]
pub(super) enum Parsed {
    Index(Vec<Descriptor>),
    Manifest(Box<Manifest>),
}

/// An image manifest (or an artifact's, which looks the same).
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    /// As the document says; empty when it does not.
    pub(super) media_type: String,
    pub(super) artifact_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
}

impl Descriptor {
    /// A descriptor that says no more than it has to.
    pub(super) fn plain(media_type: String, digest: Digest, size: u64) -> Self {
        let annotations = HashMap::new();
        Self { media_type, digest, size, annotations, platform: None, artifact_type: None }
    }

    /// Whether this is a note about an image rather than an image.
    pub(super) fn is_attestation(&self) -> bool {
        self.annotations.contains_key(REFERENCE_TYPE)
            || self
                .platform
                .as_ref()
                .is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown")
    }
}

impl Platform {
    pub(super) fn is_stated(&self) -> bool {
        !self.os.is_empty() || !self.architecture.is_empty()
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Escaped: it is text out of the image.
        let or_unknown =
            |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.escape_debug().to_string() };
        write!(formatter, "{}/{}", or_unknown(&self.os), or_unknown(&self.architecture))?;
        if self.variant.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.variant.escape_debug()) }
    }
}

/// Parses a manifest or index. `stated` is the media type in the descriptor that led here, when there is one.
pub(super) fn parse(bytes: &[u8], stated: &str, what: &str) -> Result<Parsed, Problem> {
    let Object(document): Object<Document> = strict_json::parse(bytes, what)?;
    if document.schema_version == Some(1) || document.schema_one_layers.is_some() {
        return Err(Problem::SchemaOne { what: what.to_owned() });
    }
    if document.schema_version != Some(2) {
        return Err(Problem::invalid(what, "its schemaVersion is not 2"));
    }
    // CVE-2021-41190: one document that is a manifest to one reader and an index to another.
    if !document.media_type.is_empty() && !stated.is_empty() && document.media_type != stated {
        let why =
            format!("it says that it is {:?}, and what leads to it says {stated:?}", document.media_type);
        return Err(Problem::invalid(what, why));
    }
    let claimed = if document.media_type.is_empty() { stated } else { &document.media_type };
    let parsed = match document {
        Document { manifests: Some(_), layers, config, .. } if layers.is_some() || config.is_some() => {
            return Err(Problem::invalid(what, "it is a manifest and an index at once"));
        }
        Document { manifests: Some(manifests), .. } => Parsed::Index(plain(manifests)),
        Document {
            config: Some(Object(config)),
            layers: Some(layers),
            ref media_type,
            ref artifact_type,
            ..
        } => {
            let (media_type, artifact_type) = (media_type.clone(), artifact_type.clone());
            Parsed::Manifest(Box::new(Manifest { media_type, artifact_type, config, layers: plain(layers) }))
        }
        _ => return Err(Problem::invalid(what, "it has neither config and layers nor manifests")),
    };
    let claims_index = super::media_type::is_index(claimed);
    let claims_manifest = super::media_type::is_manifest(claimed);
    match &parsed {
        Parsed::Index(_) if claims_manifest => {
            Err(Problem::invalid(what, "it is an index and says that it is a manifest"))
        }
        Parsed::Manifest(_) if claims_index => {
            Err(Problem::invalid(what, "it is a manifest and says that it is an index"))
        }
        _ => Ok(parsed),
    }
}

fn plain(descriptors: Vec<Object<Descriptor>>) -> Vec<Descriptor> {
    descriptors.into_iter().map(|Object(descriptor)| descriptor).collect()
}

fn platform<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Platform>, D::Error> {
    Ok(Option::<Object<Platform>>::deserialize(deserializer)?.map(|Object(platform)| platform))
}

fn digest<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}"#;

    #[test]
    fn manifests_and_indexes_are_told_apart_by_content() {
        let manifest = format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[]}}"#);
        assert!(matches!(parse(manifest.as_bytes(), "", "it"), Ok(Parsed::Manifest(_))));
        assert!(matches!(parse(br#"{"schemaVersion":2,"manifests":[]}"#, "", "it"), Ok(Parsed::Index(_))));
    }

    #[test]
    fn ambiguous_and_old_documents_are_refused() {
        let index = "application/vnd.oci.image.index.v1+json";
        let image = "application/vnd.oci.image.manifest.v1+json";
        let table = [
            (format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[],"manifests":[]}}"#), ""),
            (format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[]}}"#), index),
            (r#"{"schemaVersion":2,"manifests":[]}"#.to_owned(), image),
            (format!(r#"{{"schemaVersion":2,"mediaType":"{index}","manifests":[]}}"#), image),
            (format!(r#"{{"schemaVersion":2,"mediaType":"{image}","manifests":[]}}"#), ""),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(), ""),
            (r#"{"schemaVersion":2}"#.to_owned(), ""),
            (r#"{"manifests":[]}"#.to_owned(), ""),
            (
                format!(
                    r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[{}]}}"#,
                    CONFIG.replace(":2,", ":-2,")
                ),
                "",
            ),
            (
                format!(
                    r#"{{"schemaVersion":2,"config":{},"layers":[]}}"#,
                    CONFIG.replace("sha256", "sha512")
                ),
                "",
            ),
            (r#"{"schemaVersion":2,"layers":[]}"#.to_owned(), ""),
            ("[]".to_owned(), ""),
            (r#"[2,"",null,null,null,[]]"#.to_owned(), ""),
            (format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[["","sha256:{:064}",1]]}}"#, 0), ""),
        ];
        for (document, stated) in table {
            assert!(parse(document.as_bytes(), stated, "it").is_err(), "{document} as {stated}");
        }
    }

    #[test]
    fn platforms_print_as_people_write_them() {
        let platform = |os: &str, architecture: &str, variant: &str| Platform {
            os: os.into(),
            architecture: architecture.into(),
            variant: variant.into(),
        };
        assert_eq!(platform("linux", "arm64", "v8").to_string(), "linux/arm64/v8");
        assert_eq!(platform("linux", "amd64", "").to_string(), "linux/amd64");
        assert_eq!(platform("", "\u{1b}[31m", "").to_string(), "unknown/\\u{1b}[31m");
    }
}
