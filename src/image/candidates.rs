//! From the descriptors in an index to the image manifests that they lead to: nested indexes are walked, and what is no
//! image (attestations, signatures, charts) is set aside with a note.

use std::collections::HashSet;

use crate::name::Digest;

use super::config::{self, ParsedConfig};
use super::descriptor::{self, Descriptor, Manifest, Parsed, Platform};
use super::error::Problem;
use super::files::{Files, MAX_MANIFEST};
use super::media_type;

/// How many manifests and indexes are read for one image, and how deep indexes nest. Real indexes have a dozen
/// platforms, each with an attestation, and nest once.
const MAX_DOCUMENTS: usize = 256;
const MAX_DEPTH: usize = 4;

/// How many bytes of manifests are read and held for one image.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Where the documents of an image are read, each checked against size and digest: files, or a registry.
pub(super) trait Documents {
    /// Whether what a descriptor names is there.
    fn has(&self, descriptor: &Descriptor) -> bool;

    /// A manifest or an index.
    fn manifest(&self, descriptor: &Descriptor, what: &str) -> Result<Vec<u8>, Problem>;

    /// A configuration.
    fn config(&self, descriptor: &Descriptor, what: &str) -> Result<Vec<u8>, Problem>;

    /// Whether reading costs so much that a manifest whose platform is stated is read only when it is chosen.
    fn is_far(&self) -> bool {
        false
    }
}

/// One image manifest that could be the one.
pub(super) struct Candidate {
    pub(super) descriptor: Descriptor,
    /// The manifest, with its bytes; none when it was not read yet.
    pub(super) content: Option<(Vec<u8>, Manifest)>,
    pub(super) platform: Platform,
    /// Whether it was found through an index, and not named directly.
    pub(super) from_index: bool,
    /// A blob that it needs and that is not there. An archive of a multi-platform image often holds one platform's
    /// blobs and every platform's manifest.
    pub(super) missing: Option<Digest>,
}

/// What a walk has found.
#[derive(Default)]
pub(super) struct Candidates {
    pub(super) found: Vec<Candidate>,
    /// Platforms that an index lists, and whose manifests are not there.
    pub(super) absent: Vec<(Platform, Digest)>,
    /// What was set aside, and why, for a person.
    pub(super) left_out: Vec<String>,
}

impl Candidates {
    /// Follows `descriptors`, which come from the source's table of contents.
    pub(super) fn collect(documents: &dyn Documents, descriptors: &[Descriptor]) -> Result<Self, Problem> {
        let mut walk = Walk { documents, seen: HashSet::new(), bytes: 0, result: Self::default() };
        for descriptor in descriptors {
            walk.visit(descriptor, 0)?;
        }
        Ok(walk.result)
    }
}

/// Every descriptor that `descriptors` lead to through indexes, themselves included.
pub(super) fn all_descriptors(files: &Files, descriptors: &[Descriptor]) -> Result<Vec<Descriptor>, Problem> {
    let mut all: Vec<Descriptor> = Vec::new();
    let mut next: Vec<Descriptor> = descriptors.to_vec();
    for _ in 0..=MAX_DEPTH {
        let mut deeper = Vec::new();
        for descriptor in next {
            if all.iter().any(|known| known.digest == descriptor.digest) {
                continue;
            }
            if all.len() == MAX_DOCUMENTS {
                return Err(too_many());
            }
            if media_type::is_index(&descriptor.media_type) && files.has_blob(&descriptor) {
                let what = format!("the index {}", descriptor.digest);
                let bytes = files.read_blob(&descriptor, &what, MAX_MANIFEST)?;
                if let Parsed::Index(children) = descriptor::parse(&bytes, &descriptor.media_type, &what)? {
                    deeper.extend(children);
                }
            }
            all.push(descriptor);
        }
        next = deeper;
    }
    Ok(all)
}

fn too_many() -> Problem {
    Problem::TooManyManifests { limit: MAX_DOCUMENTS, depth: MAX_DEPTH }
}

struct Walk<'a> {
    documents: &'a dyn Documents,
    seen: HashSet<Digest>,
    bytes: u64,
    result: Candidates,
}

impl Walk<'_> {
    fn visit(&mut self, descriptor: &Descriptor, depth: usize) -> Result<(), Problem> {
        if !self.seen.insert(descriptor.digest) {
            return Ok(());
        }
        if self.seen.len() > MAX_DOCUMENTS || depth > MAX_DEPTH {
            return Err(too_many());
        }
        if descriptor.is_attestation() {
            self.leave_out("attestation manifest", descriptor);
            return Ok(());
        }
        if let Some(artifact) = descriptor.artifact_type.as_ref().filter(|kind| !kind.is_empty()) {
            self.leave_out(&format!("artifact of type {artifact:?}"), descriptor);
            return Ok(());
        }
        let stated = &descriptor.media_type;
        let known = media_type::is_index(stated) || media_type::is_manifest(stated) || stated.is_empty();
        // Named directly, what cannot be used is an error; in an index, it is left to those that can.
        if !known && depth > 0 {
            self.leave_out(&format!("something of type {stated:?}"), descriptor);
            return Ok(());
        }
        if media_type::is_schema_one(stated) {
            return Err(Problem::SchemaOne { what: format!("the manifest {}", descriptor.digest) });
        }
        if !known {
            return Err(Problem::Artifact { media_type: stated.clone() });
        }
        let stated = descriptor.platform.as_ref().filter(|platform| platform.is_stated());
        if let Some(platform) = stated.filter(|_| depth > 0 && self.documents.is_far())
            && media_type::is_manifest(&descriptor.media_type)
        {
            let (descriptor, platform) = (descriptor.clone(), platform.clone());
            let candidate =
                Candidate { descriptor, content: None, platform, from_index: true, missing: None };
            self.result.found.push(candidate);
            return Ok(());
        }
        self.read(descriptor, depth)
    }

    fn read(&mut self, descriptor: &Descriptor, depth: usize) -> Result<(), Problem> {
        let what = manifest_name(descriptor);
        if depth > 0 && !self.documents.has(descriptor) {
            let platform = descriptor.platform.clone().unwrap_or_default();
            self.result.absent.push((platform, descriptor.digest));
            return Ok(());
        }
        let bytes = self.documents.manifest(descriptor, &what)?;
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_BYTES {
            return Err(Problem::TooLarge {
                what: "its manifests".into(),
                size: self.bytes,
                limit: MAX_BYTES,
            });
        }
        match descriptor::parse(&bytes, &descriptor.media_type, &what)? {
            Parsed::Index(children) => {
                for child in &children {
                    self.visit(child, depth + 1)?;
                }
                Ok(())
            }
            Parsed::Manifest(manifest) => self.consider(descriptor, bytes, *manifest, depth),
        }
    }

    fn consider(
        &mut self,
        descriptor: &Descriptor,
        bytes: Vec<u8>,
        manifest: Manifest,
        depth: usize,
    ) -> Result<(), Problem> {
        if let Some(media_type) = artifact_type(&manifest) {
            if depth == 0 {
                return Err(Problem::Artifact { media_type });
            }
            self.leave_out(&format!("artifact of type {media_type:?}"), descriptor);
            return Ok(());
        }
        let needed = std::iter::once(&manifest.config).chain(&manifest.layers);
        let missing = needed.into_iter().find(|blob| !self.documents.has(blob)).map(|blob| blob.digest);
        let platform = match &descriptor.platform {
            Some(platform) if platform.is_stated() => platform.clone(),
            _ if self.documents.has(&manifest.config) => read_config(self.documents, &manifest)?.1.platform(),
            _ => Platform::default(),
        };
        let (descriptor, from_index) = (descriptor.clone(), depth > 0);
        let content = Some((bytes, manifest));
        self.result.found.push(Candidate { descriptor, content, platform, from_index, missing });
        Ok(())
    }

    fn leave_out(&mut self, what: &str, descriptor: &Descriptor) {
        self.result.left_out.push(format!("{what} ({})", descriptor.digest));
    }
}

impl Candidate {
    /// The manifest, with its bytes; read now when it was not before.
    pub(super) fn read(self, documents: &dyn Documents) -> Result<(Descriptor, Vec<u8>, Manifest), Problem> {
        let Self { descriptor, content, .. } = self;
        if let Some((bytes, manifest)) = content {
            return Ok((descriptor, bytes, manifest));
        }
        let what = manifest_name(&descriptor);
        let bytes = documents.manifest(&descriptor, &what)?;
        match descriptor::parse(&bytes, &descriptor.media_type, &what)? {
            Parsed::Index(_) => Err(Problem::invalid(what, "it is an index where a manifest was stated")),
            Parsed::Manifest(manifest) => match artifact_type(&manifest) {
                Some(media_type) => Err(Problem::Artifact { media_type }),
                None => Ok((descriptor, bytes, *manifest)),
            },
        }
    }
}

fn manifest_name(descriptor: &Descriptor) -> String {
    format!("the manifest {}", descriptor.digest)
}

/// What a manifest is of, when that is not a container image.
fn artifact_type(manifest: &Manifest) -> Option<String> {
    let stated = manifest.artifact_type.clone().filter(|kind| !kind.is_empty());
    stated.or_else(|| {
        let config = &manifest.config.media_type;
        media_type::config_flavor(config).is_none().then(|| config.clone())
    })
}

/// Reads and checks the configuration that a manifest names.
pub(super) fn read_config(
    documents: &dyn Documents,
    manifest: &Manifest,
) -> Result<(Vec<u8>, ParsedConfig), Problem> {
    let bytes = documents.config(&manifest.config, "the image configuration")?;
    let parsed = config::parse(&bytes)?;
    Ok((bytes, parsed))
}
