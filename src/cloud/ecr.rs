//! Amazon ECR's control plane, as far as a deploy needs it.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use async_trait::async_trait;

use super::CloudError;
use crate::name::{AccountId, Digest, RepositoryName, Tag};

/// A repository as DescribeRepositories tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// `arn:PARTITION:ecr:REGION:ACCOUNT:repository/NAME`
    pub arn: String,
    /// `<host>/<name>`, the host being the registry's own.
    pub uri: String,
    /// Whether a tag may be moved to another image.
    pub mutability: TagMutability,
}

/// ECR's `imageTagMutability` with its exclusion filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagMutability {
    /// MUTABLE
    Mutable,
    /// IMMUTABLE
    Immutable,
    /// IMMUTABLE_WITH_EXCLUSION: tags that match one of these wildcards stay mutable.
    ImmutableExcept(Vec<String>),
    /// MUTABLE_WITH_EXCLUSION: tags that match one of these wildcards are immutable.
    MutableExcept(Vec<String>),
}

/// An image as DescribeImages tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedImage {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// Bytes of its layers as they are stored, which is compressed.
    pub size: Option<u64>,
    /// When it was pushed last.
    pub pushed: Option<SystemTime>,
    /// Whether it was put into the archive, from which nothing is pulled until it is restored.
    pub archived: bool,
}

impl TagMutability {
    /// Whether `tag` can never be moved to another image.
    pub fn keeps(&self, tag: &Tag) -> bool {
        let matches = |filters: &[String]| filters.iter().any(|filter| fits(filter, tag.as_str()));
        match self {
            Self::Mutable => false,
            Self::Immutable => true,
            Self::ImmutableExcept(filters) => !matches(filters),
            Self::MutableExcept(filters) => matches(filters),
        }
    }
}

/// Whether a text fits an exclusion filter, in which `*` stands for any run of characters.
fn fits(filter: &str, text: &str) -> bool {
    let Some((start, rest)) = filter.split_once('*') else {
        return filter == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

/// How a repository is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositorySettings {
    /// Whether ECR scans each image at push (`imageScanningConfiguration.scanOnPush`).
    pub scan_on_push: bool,
    /// Whether tags are immutable.
    pub immutable_tags: bool,
    /// Encryption at rest.
    pub encryption: Encryption,
}

/// Encryption of a repository at rest. It cannot be changed after creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// AES256, ECR's default.
    Aes256,
    /// KMS with this key (ARN, id or alias).
    Kms(String),
}

/// An image, an index of images or an artifact as DescribeImages tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// The manifest's digest.
    pub digest: Digest,
    /// Its tags; none when it is untagged.
    pub tags: Vec<String>,
    /// `imageSizeInBytes`: layers and configuration, compressed. Images that share layers count them each.
    pub size: u64,
    /// When it was pushed, in seconds since 1970; none when ECR does not say.
    pub pushed: Option<u64>,
    /// The manifest's media type, which tells an index from an image.
    pub media_type: Option<String>,
    /// The image that an artifact (signature, attestation, …) is about.
    pub subject: Option<Digest>,
}

/// What became of one image of BatchDeleteImage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageDeletion {
    /// It is gone, or was gone already.
    Gone,
    /// An index that is still there lists it: failure code and reason.
    StillListed(String),
    /// ECR keeps it: failure code and reason.
    Refused(String),
    /// The answer does not say: it may be gone.
    Unsaid,
}

/// A destination to which a registry replicates images of a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaPlace {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
}

/// What a registry says about all of its repositories, as far as it is about one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryRules {
    /// The account.
    pub account: AccountId,
    /// Where images of the repository are replicated to.
    pub replicas: Vec<ReplicaPlace>,
    /// The registry's own policy, which may let others pull beside the repository's.
    pub policy: Option<String>,
}

/// The right to speak to a registry for some hours.
#[derive(Clone)]
pub struct RegistryCredential {
    /// What follows `Authorization: Basic `. Secret: it never enters an event, a log line or an error.
    pub basic: String,
    /// When AWS says that it ends. Clocks are wrong on real machines, so a fresh one is used whatever this says.
    pub expires_at: Option<SystemTime>,
    /// The registry's address as ECR gives it (`https://<account>.dkr.ecr.<region>.amazonaws.com`).
    pub proxy_endpoint: Option<String>,
}

impl std::fmt::Debug for RegistryCredential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RegistryCredential(hidden, expires {:?})", self.expires_at)
    }
}

/// Hands out registry credentials. Each call asks AWS anew.
#[async_trait]
pub trait RegistryAuthorizer: Send + Sync {
    /// ECR GetAuthorizationToken.
    async fn authorize(&self) -> Result<RegistryCredential, CloudError>;
}

/// What we read from ECR. `registry` is the account of the repository; none for the caller's own.
#[async_trait]
pub trait EcrReader: RegistryAuthorizer {
    /// DescribeRepositories of one name; none when it does not exist.
    async fn repository(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
    ) -> Result<Option<Repository>, CloudError>;

    /// GetRepositoryPolicy; none when the repository has no policy.
    async fn repository_policy(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
    ) -> Result<Option<String>, CloudError>;

    /// BatchGetImage: those of these digests (at most 100) that the repository still has. None when the repository itself is
    /// gone.
    async fn stored_images(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<Option<Vec<Digest>>, CloudError>;

    /// DescribeImages: those of these digests (any number) that the repository still has. None when the repository itself is gone.
    ///
    /// Unlike BatchGetImage it counts as no pull, so that looking keeps no image alive that a lifecycle rule is to delete.
    async fn described_images(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<Option<Vec<DescribedImage>>, CloudError>;

    /// BatchCheckLayerAvailability: whether the repository has each of at most [`BLOBS_A_CALL`] blobs (layers and
    /// configurations alike). A blob of which ECR does not say so clearly is not in the answer.
    ///
    /// There are other ways to ask, so it is asked once: what fails is not tried again.
    async fn blobs_stored(
        &self,
        registry: &AccountId,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<HashMap<Digest, bool>, CloudError>;

    /// DescribeImages, all pages: everything that the repository holds. None when the repository does not exist.
    async fn images(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
    ) -> Result<Option<Vec<StoredImage>>, CloudError>;

    /// BatchGetImage: the manifests of these digests, however many. Those that do not exist any more are left out;
    /// one that cannot be read for another reason is an error.
    async fn manifests(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<Vec<(Digest, String)>, CloudError>;

    /// DescribeRegistry and GetRegistryPolicy of the caller's own registry, as far as they are about this repository.
    async fn registry_rules(&self, name: &RepositoryName) -> Result<RegistryRules, CloudError>;

    /// GetAccountSetting of `BLOB_MOUNTING`, for the caller's own registry: whether a blob may be taken over from
    /// another repository. Asked once, as above.
    async fn mounts_blobs(&self) -> Result<bool, CloudError>;
}

/// How many digests one call of [`EcrReader::blobs_stored`] takes.
pub const BLOBS_A_CALL: usize = 100;

/// How many images one call of [`EcrWriter::delete_images`] takes.
pub const IMAGES_A_CALL: usize = 100;

/// What we change in ECR.
#[async_trait]
pub trait EcrWriter: Send + Sync {
    /// CreateRepository, with resource tags.
    async fn create_repository(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        settings: &RepositorySettings,
        tags: &BTreeMap<String, String>,
    ) -> Result<Repository, CloudError>;

    /// SetRepositoryPolicy, never with `force`.
    async fn set_repository_policy(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        text: &str,
    ) -> Result<(), CloudError>;

    /// BatchDeleteImage by digest of at most [`IMAGES_A_CALL`] images: each goes with all of its tags. Tells of each what became of
    /// it, in their order.
    async fn delete_images(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<Vec<ImageDeletion>, CloudError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusion_filters_say_which_tags_are_kept() {
        let tag = |text: &str| text.parse::<Tag>().unwrap();
        let filters = vec!["dev-*".to_owned(), "*-rc*-x".to_owned(), "latest".to_owned()];
        let table = [
            ("dev-1", true),
            ("dev-", true),
            ("dev", false),
            ("1-rc2-x", true),
            ("1-rc-x", true),
            ("1-rc2", false),
            ("latest", true),
            ("latest2", false),
        ];
        for (text, excluded) in table {
            assert_eq!(
                TagMutability::ImmutableExcept(filters.clone()).keeps(&tag(text)),
                !excluded,
                "{text}"
            );
            assert_eq!(TagMutability::MutableExcept(filters.clone()).keeps(&tag(text)), excluded, "{text}");
        }
        assert!(TagMutability::Immutable.keeps(&tag("a")) && !TagMutability::Mutable.keeps(&tag("a")));
    }
}
