//! The push of an image: what is there already is found, the rest is uploaded in parallel, the manifest
//! comes last and is verified.

use std::collections::HashSet;

use bytes::Bytes;

use super::Registry;
use super::content_gate::{ContentGate, Unfit};
use super::image_manifest::{ImageManifest, LayerDescriptor, as_stored, manifest_for};
use super::layer_push::{LayerPushes, Moved};
use super::manifest::Reference;
use super::mounting::RememberedOrigins;
use super::push_error::PushError;
use super::resume::UploadRecords;
use crate::event::{Event, LayerAction, Reporter};
use crate::image::LocalImage;
use crate::layer::{Encoding, LayerCache};
use crate::name::{Digest, RepositoryName, Tag};

/// The default size of a part, in bytes: see the module's figures.
pub const DEFAULT_PART_SIZE: u64 = 8 << 20;

/// What to push and how.
#[derive(Debug, Clone)]
pub struct PushRequest<'a> {
    /// The image.
    pub image: &'a LocalImage,
    /// For each layer, what is known of it from elsewhere; shorter than the layers when nothing is.
    pub known: Vec<Option<KnownLayer>>,
    /// The tags to put. Without any, the manifest is put under the default tag of its digest.
    pub tags: Vec<Tag>,
    /// The tag of an image that was given none.
    pub default_tag: fn(&Digest) -> Tag,
    /// How many layers move at a time, at least one.
    pub jobs: usize,
    /// The size of every part but the last, in bytes.
    pub part_size: u64,
    /// The form in which layers are pushed.
    pub encoding: Encoding,
    /// How many bytes all layers may hold uncompressed.
    pub uncompressed_limit: u64,
    /// Where what is computed on the way is remembered.
    pub cache: Option<&'a LayerCache>,
    /// Where it is written down how far uploads of several parts are, so that a later run can go on.
    pub uploads: Option<&'a UploadRecords>,
    /// The blobs with known digests that the repository was seen to have a moment ago, out of all that there are: the
    /// layers' and the configuration's. None to ask now.
    pub present: Option<HashSet<Digest>>,
    /// Whether layers may be taken over from other repositories: not where it is known that the registry never does.
    pub mounting: bool,
    /// Repositories of the registry that may have layers which this one lacks, the likeliest first.
    pub mount_from: Vec<RepositoryName>,
    /// Where blobs were put before, and where it is remembered.
    pub origins: Option<RememberedOrigins<'a>>,
    /// Who judges what is in the layers before the manifest is put; none to put it whatever that is.
    pub gate: Option<ContentGate<'a>>,
}

/// What is known of a layer by its diff id, from the image that runs now or from the local cache: sources
/// that nobody else writes. The registry is asked whether it has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownLayer {
    /// The layer in the registry.
    pub descriptor: LayerDescriptor,
    /// Bytes of its uncompressed content, when that is known.
    pub uncompressed_bytes: Option<u64>,
}

/// An image that is in the registry now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedImage {
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest.
    pub manifest: Bytes,
    /// The manifest's media type.
    pub media_type: String,
    /// The layers, base layer first.
    pub layers: Vec<PushedLayer>,
    /// Bytes of blobs that were sent and accepted.
    pub pushed_bytes: u64,
    /// The tags that it carries.
    pub tags: Vec<Tag>,
    /// The tags that were put; those that named this image already are not among them.
    pub tags_put: Vec<Tag>,
    /// Whether the manifest was there before.
    pub existed: bool,
}

/// A layer that is in the registry now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushedLayer {
    /// The layer in the registry.
    pub descriptor: LayerDescriptor,
    /// Its diff id.
    pub diff_id: Digest,
    /// What was done with it.
    pub action: LayerAction,
    /// Bytes of it that were sent and accepted.
    pub sent: u64,
    /// Bytes of its uncompressed content; none when it was not read and nobody knew.
    pub uncompressed_bytes: Option<u64>,
}

impl PushedImage {
    /// Bytes of all layers uncompressed; none when one is not known.
    pub fn uncompressed_bytes(&self) -> Option<u64> {
        self.layers.iter().map(|layer| layer.uncompressed_bytes).sum()
    }
}

/// Pushes an image: blobs first, then the manifest, by each tag, then reads it back.
///
/// Dropping the future stops everything; what was uploaded stays and is found by the next push.
///
/// # Errors
/// Fails when a layer is not what it claims to be, the image is larger than it may be, its gate stays closed, or the
/// registry refuses; no manifest is put then.
pub async fn push_image(
    registry: &Registry,
    request: &PushRequest<'_>,
    reporter: &dyn Reporter,
) -> Result<PushedImage, PushError> {
    let expected: Vec<_> = (0..request.image.layers.len()).map(|index| request.expected(index)).collect();
    let config = (request.image.config_digest, Bytes::copy_from_slice(&request.image.config_bytes));
    let there = match &request.present {
        Some(seen) => seen.clone(),
        None => {
            if let Some(pushed) = find_whole_image(registry, request, &expected, reporter).await? {
                return publish(registry, request, pushed).await;
            }
            existing_blobs(registry, &expected, &config.0).await?
        }
    };
    let mut pushes = LayerPushes::new(registry, request, reporter);
    for (index, expected) in expected.into_iter().enumerate() {
        match expected {
            Some(layer) if there.contains(&layer.descriptor.digest) => pushes.found(index, &layer)?,
            Some(layer) => pushes.missing_but_known(index, layer),
            None => {}
        }
    }
    let config = (!there.contains(&config.0)).then_some(config);
    let Moved { layers, config_bytes, contents } = pushes.run(config).await?;
    if let Some(gate) = &request.gate {
        (gate.judge)(contents).map_err(|Unfit| PushError::Unfit)?;
    }
    let pushed_bytes = config_bytes + layers.iter().map(|layer| layer.sent).sum::<u64>();
    let manifest = manifest_of(request.image, &layers);
    publish(registry, request, Unpublished { manifest, layers, pushed_bytes, exists: false }).await
}

/// A layer whose digest in the registry is known before it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpectedLayer {
    pub(super) diff_id: Digest,
    pub(super) descriptor: LayerDescriptor,
    pub(super) uncompressed_bytes: Option<u64>,
    /// What it is called when the registry has it.
    pub(super) action: LayerAction,
}

impl PushRequest<'_> {
    fn expected(&self, index: usize) -> Option<ExpectedLayer> {
        let layer = &self.image.layers[index];
        let known = self.known.get(index).copied().flatten();
        if let Some(descriptor) = as_stored(layer, self.encoding) {
            // The source's own digest, so that the image keeps its digest. What is known may say how large
            // the content is.
            let same = known.filter(|known| known.descriptor.digest == descriptor.digest);
            let action = if same.is_some() { LayerAction::Reused } else { LayerAction::Exists };
            let uncompressed_bytes = known.and_then(|known| known.uncompressed_bytes);
            return Some(ExpectedLayer { diff_id: layer.diff_id, descriptor, uncompressed_bytes, action });
        }
        known.map(|KnownLayer { descriptor, uncompressed_bytes }| ExpectedLayer {
            diff_id: layer.diff_id,
            descriptor,
            uncompressed_bytes,
            action: LayerAction::Reused,
        })
    }
}

/// Everything is in the registry but the manifest, perhaps that too.
struct Unpublished {
    manifest: ImageManifest,
    layers: Vec<PushedLayer>,
    pushed_bytes: u64,
    exists: bool,
}

/// When all digests are known beforehand, one question for the manifest answers for all blobs: a registry
/// has a manifest only with all that it names.
async fn find_whole_image(
    registry: &Registry,
    request: &PushRequest<'_>,
    expected: &[Option<ExpectedLayer>],
    reporter: &dyn Reporter,
) -> Result<Option<Unpublished>, PushError> {
    let Some(expected) = expected.iter().copied().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let found = |expected: &ExpectedLayer| PushedLayer {
        descriptor: expected.descriptor,
        diff_id: expected.diff_id,
        action: expected.action,
        sent: 0,
        uncompressed_bytes: expected.uncompressed_bytes,
    };
    let layers: Vec<_> = expected.iter().map(found).collect();
    let manifest = manifest_of(request.image, &layers);
    match registry.head_manifest(Reference::Digest(&manifest.digest)).await {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(None),
        // A role that may push but not read: the blobs are asked for one by one.
        Err(error) if error.status() == Some(403) => return Ok(None),
        Err(error) => return Err(PushError::registry("the image could not be looked for", error)),
    }
    super::layer_push::check_known_sizes(request, &layers)?;
    for layer in &layers {
        reporter.report(Event::LayerDone { diff_id: layer.diff_id, action: layer.action, sent: 0 });
    }
    Ok(Some(Unpublished { manifest, layers, pushed_bytes: 0, exists: true }))
}

/// Which of the blobs with known digests the registry has.
async fn existing_blobs(
    registry: &Registry,
    expected: &[Option<ExpectedLayer>],
    config: &Digest,
) -> Result<HashSet<Digest>, PushError> {
    let layers = expected.iter().flatten().map(|layer| layer.descriptor.digest);
    let there = registry.stored_blobs(&layers.chain([*config]).collect()).await;
    there.map_err(|error| PushError::registry("what the registry has could not be looked for", error))
}

fn manifest_of(image: &LocalImage, layers: &[PushedLayer]) -> ImageManifest {
    let descriptors: Vec<_> = layers.iter().map(|layer| layer.descriptor).collect();
    manifest_for(image, &descriptors)
}

/// Puts the manifest by each tag that does not name it yet, and reads it back.
async fn publish(
    registry: &Registry,
    request: &PushRequest<'_>,
    unpublished: Unpublished,
) -> Result<PushedImage, PushError> {
    let Unpublished { manifest, layers, pushed_bytes, exists } = unpublished;
    let tags = match request.tags.as_slice() {
        [] => vec![(request.default_tag)(&manifest.digest)],
        given => given.to_vec(),
    };
    let tags_put = publish_manifest(registry, &manifest, &tags).await?;
    Ok(PushedImage {
        tags,
        digest: manifest.digest,
        manifest: manifest.bytes,
        media_type: manifest.media_type,
        layers,
        pushed_bytes,
        tags_put,
        existed: exists,
    })
}

/// Puts a manifest whose blobs are all there under each tag that does not name it yet, and reads it back. Answers the
/// tags that were put.
///
/// # Errors
/// Fails when the registry refuses the manifest or a tag, or gives out another manifest than was put.
pub async fn publish_manifest(
    registry: &Registry,
    manifest: &ImageManifest,
    tags: &[Tag],
) -> Result<Vec<Tag>, PushError> {
    let mut tags_put = Vec::new();
    for tag in tags {
        // ECR refuses to put an immutable tag even for the same digest, so it is looked at first.
        if tag_names(registry, tag, &manifest.digest).await? {
            continue;
        }
        put_tag(registry, tag, manifest).await?;
        tags_put.push(tag.clone());
    }
    super::read_back::read_back(registry, manifest).await?;
    Ok(tags_put)
}

/// Whether the tag names this image already.
async fn tag_names(registry: &Registry, tag: &Tag, digest: &Digest) -> Result<bool, PushError> {
    match registry.head_manifest(Reference::Tag(tag)).await {
        Ok(found) => Ok(found.as_ref() == Some(digest)),
        // A role that may push but not read.
        Err(error) if error.status() == Some(403) => Ok(false),
        Err(error) => Err(PushError::registry(format!("tag {tag} could not be looked for"), error)),
    }
}

async fn put_tag(registry: &Registry, tag: &Tag, manifest: &ImageManifest) -> Result<(), PushError> {
    let put = registry.put_manifest(Reference::Tag(tag), &manifest.media_type, &manifest.bytes).await;
    match put {
        Ok(()) => Ok(()),
        Err(error) if error.has_code(&["TAG_INVALID"]) => {
            // Another run may have put the same image meanwhile.
            if tag_names(registry, tag, &manifest.digest).await? {
                return Ok(());
            }
            let (tag, repository) = (tag.clone(), registry.repository().clone());
            Err(PushError::ImmutableTag { tag, repository, source: Box::new(error) })
        }
        Err(error) => Err(PushError::registry(format!("the manifest could not be put as {tag}"), error)),
    }
}
