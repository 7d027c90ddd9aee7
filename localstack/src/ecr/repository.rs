//! What one repository holds. Plain data: it does not know where it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::matches_wildcard;

/// A repository with its settings, layers and images.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Repository {
    pub(crate) name: String,
    /// Seconds since 1970.
    pub(crate) created_at: f64,
    pub(crate) mutability: Mutability,
    /// Wildcard patterns of tags that are the exception to `mutability`.
    pub(crate) exclusions: Vec<String>,
    pub(crate) scan_on_push: bool,
    /// `AES256`, `KMS` or `KMS_DSSE`.
    pub(crate) encryption: String,
    pub(crate) kms_key: Option<String>,
    pub(crate) resource_tags: BTreeMap<String, String>,
    pub(crate) policy: Option<String>,
    pub(crate) lifecycle_policy: Option<String>,
    /// By digest.
    pub(crate) layers: BTreeMap<String, Layer>,
    /// By digest.
    pub(crate) images: BTreeMap<String, Image>,
    /// Tags, and the digests they name.
    pub(crate) tags: BTreeMap<String, String>,
}

/// Whether a tag may be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mutability {
    Mutable,
    Immutable,
    ImmutableWithExclusion,
    MutableWithExclusion,
}

impl Mutability {
    pub(crate) const NAMES: [(&str, Mutability); 4] = [
        ("MUTABLE", Mutability::Mutable),
        ("IMMUTABLE", Mutability::Immutable),
        ("IMMUTABLE_WITH_EXCLUSION", Mutability::ImmutableWithExclusion),
        ("MUTABLE_WITH_EXCLUSION", Mutability::MutableWithExclusion),
    ];

    pub(crate) fn named(name: &str) -> Option<Mutability> {
        Mutability::NAMES.iter().find(|(known, _)| *known == name).map(|(_, mutability)| *mutability)
    }

    pub(crate) fn name(self) -> &'static str {
        Mutability::NAMES.iter().find(|(_, known)| *known == self).map_or("MUTABLE", |(name, _)| name)
    }

    pub(crate) fn has_exclusions(self) -> bool {
        matches!(self, Mutability::ImmutableWithExclusion | Mutability::MutableWithExclusion)
    }
}

/// A blob that the repository has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layer {
    pub(crate) size: u64,
    /// Milliseconds since 1970.
    pub(crate) committed_at: u64,
}

/// An image, or an index of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) media_type: String,
    /// The configuration's media type, or the manifest's own artifact type.
    pub(crate) artifact_type: Option<String>,
    /// Compressed: the configuration and all layers.
    pub(crate) size: u64,
    /// Seconds since 1970.
    pub(crate) pushed_at: f64,
    /// Seconds since 1970.
    pub(crate) pulled_at: Option<f64>,
    /// Digests of the configuration and the layers.
    pub(crate) blobs: Vec<String>,
    /// Digests of the manifests that an index lists.
    pub(crate) children: Vec<String>,
    /// The manifest that this one is about: an artifact's subject.
    #[serde(default)]
    pub(crate) subject: Option<String>,
}

impl Repository {
    /// Whether a tag that exists may not be put again.
    pub(crate) fn is_immutable(&self, tag: &str) -> bool {
        let excluded = self.exclusions.iter().any(|pattern| matches_wildcard(pattern, tag));
        match self.mutability {
            Mutability::Mutable => false,
            Mutability::Immutable => true,
            Mutability::ImmutableWithExclusion => !excluded,
            Mutability::MutableWithExclusion => excluded,
        }
    }

    /// The digest that a tag or a digest names, if there is such an image.
    pub(crate) fn resolve(&self, reference: &str) -> Option<&str> {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        self.images.get_key_value(digest).map(|(digest, _)| digest.as_str())
    }

    /// The tags that name a digest.
    pub(crate) fn tags_of(&self, digest: &str) -> Vec<String> {
        self.tags.iter().filter(|(_, named)| *named == digest).map(|(tag, _)| tag.clone()).collect()
    }

    /// Whether an image of this repository consists of the blob, among others.
    pub(crate) fn refers_to(&self, blob: &str) -> bool {
        self.images.values().any(|image| image.blobs.iter().any(|known| known == blob))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn empty() -> Repository {
        Repository {
            name: "app".into(),
            created_at: 0.0,
            mutability: Mutability::Mutable,
            exclusions: Vec::new(),
            scan_on_push: false,
            encryption: "AES256".into(),
            kms_key: None,
            resource_tags: BTreeMap::new(),
            policy: None,
            lifecycle_policy: None,
            layers: BTreeMap::new(),
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn exclusion_filters_turn_the_rule_around() {
        let mut repository = empty();
        repository.exclusions = vec!["latest".into(), "dev-*".into()];
        for (mutability, latest, dev, release) in [
            (Mutability::Mutable, false, false, false),
            (Mutability::Immutable, true, true, true),
            (Mutability::ImmutableWithExclusion, false, false, true),
            (Mutability::MutableWithExclusion, true, true, false),
        ] {
            repository.mutability = mutability;
            let found = ["latest", "dev-7", "v1"].map(|tag| repository.is_immutable(tag));
            assert_eq!(found, [latest, dev, release], "{}", mutability.name());
        }
    }
}
