//! What is true on both sides before anything changes. Plain data: `plan` and `preflight` read it.

use crate::cloud::{Caller, CloudError, Deployment, LiveAlias, LiveFunction, PublishedVersion, Repository};
use crate::image::{Compression, LocalImage};
use crate::layer::LayerContent;
use crate::name::{AccountId, Digest, Region, RegistryHost, RepositoryName, RepositoryRef, Tag};
use crate::registry::{ImageManifest, LayerDescriptor};

/// Everything that was read.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Who we are to AWS.
    pub caller: Caller,
    /// The registry that the repository is in, with its account and Region.
    pub registry: RegistryHost,
    /// The image, and how much of it the registry has.
    pub image: ImageFacts,
    /// The repository.
    pub repository: RepositoryFacts,
    /// The repository's policy.
    pub policy: PolicyFacts,
    /// The function; none when only a push was asked for.
    pub function: Option<FunctionFacts>,
}

/// The local image beside the registry.
#[derive(Debug, Clone)]
pub struct ImageFacts {
    /// The view of the local image.
    pub local: LocalImage,
    /// One entry a layer, in the image's order.
    pub layers: Vec<LayerFacts>,
    /// The manifest that will be pushed or is there already; none while a layer's digest is not known.
    pub manifest: Option<ImageManifest>,
    /// What is in the layers that had to be read to know their digests.
    pub read: Vec<LayerContent>,
    /// Whether the repository has that manifest.
    pub manifest_stored: bool,
    /// Whether the repository has the configuration.
    pub config_stored: bool,
    /// From where layers may be taken over that the repository lacks.
    pub mount: MountFacts,
    /// The tags that the image shall carry, with what each names now. Without a digest of the image the default
    /// tag is not known yet, and is not listed.
    pub tags: Vec<(Tag, Option<Digest>)>,
}

impl ImageFacts {
    /// The manifest's digest, when it is known.
    pub fn digest(&self) -> Option<Digest> {
        self.manifest.as_ref().map(|manifest| manifest.digest)
    }
}

/// A layer beside the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerFacts {
    /// Digest and size as it is, or will be, in the registry, when they are known without reading the layer.
    pub known: Option<KnownLayer>,
    /// Whether the registry has it: proven by a manifest there, or by asking.
    pub stored: bool,
}

/// A layer whose bytes in the registry are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownLayer {
    /// Digest of the compressed bytes.
    pub digest: Digest,
    /// Their length.
    pub size: u64,
    /// How they are compressed.
    pub compression: Compression,
    /// Bytes of the uncompressed content, when that is known.
    pub uncompressed_bytes: Option<u64>,
    /// How we know.
    pub origin: LayerOrigin,
}

impl KnownLayer {
    /// The layer as a manifest names it.
    pub(crate) fn descriptor(self) -> LayerDescriptor {
        LayerDescriptor { digest: self.digest, size: self.size, compression: self.compression }
    }
}

/// From where layers may be taken over that the repository lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountFacts {
    /// Repositories of the same registry that may have them, the likeliest first.
    pub from: Vec<RepositoryName>,
    /// Whether it can succeed: not where the account's setting forbids it.
    pub is_possible: bool,
    /// Repositories that were named to mount from, but are in another registry.
    pub elsewhere: Vec<RepositoryRef>,
}

/// How a layer's digest is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerOrigin {
    /// The source stores these very bytes and states their digest.
    Source,
    /// The image that the function runs has a layer of the same diff id.
    Running,
    /// This tool compressed a layer of the same diff id before, on this machine.
    Cache,
    /// This tool compressed it just now, to show the plan.
    Computed,
}

/// The repository, as far as we may see it.
#[derive(Debug, Clone)]
pub enum RepositoryFacts {
    /// There is none of that name.
    Missing,
    /// It is there.
    Present(Repository),
    /// We may not describe it (`ecr:DescribeRepositories`), so whether it exists shows at the push.
    Unreadable(CloudError),
}

/// The repository's policy, as far as we may see it.
#[derive(Debug, Clone)]
pub enum PolicyFacts {
    /// It has none, or the repository itself is missing.
    Absent,
    /// Its text.
    Text(String),
    /// We may not read it (`ecr:GetRepositoryPolicy`).
    Unreadable(CloudError),
}

/// The function side.
#[derive(Debug, Clone)]
pub struct FunctionFacts {
    /// The account that the function is, or will be, in.
    pub account: AccountId,
    /// Its Region.
    pub region: Region,
    /// `$LATEST`; none when the function does not exist.
    pub live: Option<LiveFunction>,
    /// The alias that was asked for; none when it does not exist.
    pub alias: Option<LiveAlias>,
    /// What that alias runs.
    pub alias_target: Option<LiveFunction>,
    /// The published versions, oldest first; read only when no alias was asked for.
    pub versions: Vec<PublishedVersion>,
    /// The deployment of CodeDeploy that the alias's journal names as one that may go on.
    pub deployment: Option<Deployment>,
}

impl FunctionFacts {
    /// The digests that the function and its alias run now.
    pub fn running(&self) -> Vec<Digest> {
        let mut digests = Vec::new();
        for live in [&self.live, &self.alias_target].into_iter().flatten() {
            match live.running_digest() {
                Some(digest) if !digests.contains(&digest) => digests.push(digest),
                _ => {}
            }
        }
        digests
    }
}
