//! Why a source cannot be opened as an image.
//!
//! The public error names the source, says what is wrong in it, and has a hint where a person can mend it.
//! What can go wrong in detail is [`Problem`], which stays inside: callers tell errors apart by [`ImageErrorKind`].

use std::io;
use std::path::PathBuf;

use super::docker_daemon::{DaemonProblem, ExportFailure};
use super::remote::RemoteError;
use crate::name::{Architecture, Digest};

/// A source that cannot be opened as an image.
#[derive(Debug)]
pub struct ImageError {
    origin: String,
    problem: Box<Problem>,
}

/// What an [`ImageError`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageErrorKind {
    /// The source is named in a way that means nothing.
    Usage,
    /// A kind of source, or of content, that this program does not handle.
    Unsupported,
    /// There is no such file, directory or image.
    NotFound,
    /// The operating system refused to let it be read.
    Unreadable,
    /// Not an image, or a damaged, lying or hostile one.
    Malformed,
    /// Several images or platforms fit, and somebody has to choose.
    Ambiguous,
    /// Whoever has the image, or this machine's disk, could not serve it now.
    Unavailable,
}

impl ImageErrorKind {
    /// The kind's stable name, for the JSON document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "image_source",
            Self::Unsupported => "image_unsupported",
            Self::NotFound => "image_not_found",
            Self::Unreadable => "image_unreadable",
            Self::Malformed => "image_malformed",
            Self::Ambiguous => "image_ambiguous",
            Self::Unavailable => "image_unavailable",
        }
    }
}

impl ImageError {
    /// `origin` is what the reader called the thing: the source as typed, for most.
    pub(super) fn new(origin: impl Into<String>, problem: Problem) -> Self {
        Self { origin: origin.into(), problem: Box::new(problem) }
    }

    /// What it is about.
    pub fn kind(&self) -> ImageErrorKind {
        self.problem.kind()
    }

    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        super::hint::hint(&self.problem)
    }

    /// What to do about a blob that cannot be read, where it is an image that could not be had.
    pub fn hint_for(error: &io::Error) -> Option<String> {
        let inner = error.get_ref()?;
        let export = inner.downcast_ref::<ExportFailure>().map(|failure| failure.0.hint());
        export.unwrap_or_else(|| inner.downcast_ref::<RemoteError>()?.hint())
    }
}

impl std::fmt::Display for ImageError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.origin, self.problem)
    }
}

// The message is whole: nothing below it adds to it.
impl std::error::Error for ImageError {}

/// Everything that can be wrong, each a whole sentence with its cause. Names out of archives are printed quoted and escaped: they may be hostile.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    // How the source is named.
    #[error("{transport} sources are not supported")]
    ForeignTransport { transport: String },
    #[error("no path is given")]
    NoPath,
    #[error("{given:?} does not name an image in a registry: {why}")]
    BadName { given: String, why: String },
    #[error("{given:?} does not name an image: {why}")]
    BadReference { given: String, why: String },

    // Files on this machine.
    #[error("there is no file or directory {}", path.display())]
    NoSuchFile { path: PathBuf },
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: io::Error },
    #[error("{} is {found}, and {expected} is needed", path.display())]
    WrongFileType { path: PathBuf, found: &'static str, expected: &'static str },
    #[error("{} leads out of the image's directory, to {}", path.display(), target.display())]
    FileOutside { path: PathBuf, target: PathBuf },

    // The archive as a container of files.
    #[error("the file is empty")]
    EmptyFile,
    #[error("the file is not a tar archive: {why}")]
    NotAnArchive { why: &'static str },
    #[error("the file is compressed with {format}, which is not supported")]
    ArchiveCompression { format: &'static str },
    #[error("the file is truncated: {what} should have {stated} bytes, and {found} are there")]
    Truncated { what: String, stated: u64, found: u64 },
    #[error("the archive is damaged or truncated after {after}: {reason}")]
    DamagedArchive { after: String, reason: io::Error },
    #[error("the archive has an entry {name:?} {why}")]
    HostileEntry { name: String, why: &'static str },
    #[error(
        "the archive has more than one entry {name:?}, so it means different things to different readers"
    )]
    DuplicateEntry { name: String },
    #[error("the archive has more than {limit} entries, which no image archive has")]
    TooManyEntries { limit: usize },
    #[error("{name:?} is a link to {target:?}, {why}")]
    BadLink { name: String, target: String, why: &'static str },
    #[error("{what} is not there: no {name:?}")]
    Missing { what: String, name: String },
    #[error("{name:?} is {found}, not a regular file")]
    NotRegular { name: String, found: &'static str },

    // The tables of contents.
    #[error("it holds no image: {why}")]
    NotAnImageStore { why: &'static str },
    #[error("it is {found}, not {expected}")]
    OtherTransport { found: &'static str, expected: &'static str, transport: &'static str },
    #[error("{what} has {size} bytes; at most {limit} are read")]
    TooLarge { what: String, size: u64, limit: u64 },
    #[error("{what} should have {stated} bytes and has {found}")]
    WrongSize { what: String, stated: u64, found: u64 },
    #[error("{what} should have the digest {stated} and has {found}")]
    WrongDigest { what: String, stated: Digest, found: Digest },
    #[error("{what} is not what it should be: {why}")]
    Json { what: String, why: String },
    #[error("{what} is invalid: {why}")]
    Invalid { what: String, why: String },
    #[error("its two tables of contents, manifest.json and index.json, name different images")]
    TablesDisagree,
    #[error("there are too many manifests to read: more than {limit}, or nested more than {depth} deep")]
    TooManyManifests { limit: usize, depth: usize },

    // Choosing.
    #[error("it holds {} images, and none is named: {}", names.len(), names.join(", "))]
    SeveralImages { names: Vec<String> },
    #[error("it holds no image {given:?}; it has {}", list(names))]
    NoSuchImage { given: String, names: Vec<String> },
    #[error("it holds images for several platforms, and none is named: {}", platforms.join(", "))]
    SeveralPlatforms { platforms: Vec<String> },
    #[error("it holds no image for linux/{}; it has {}", wanted.oci_name(), list(platforms))]
    NoPlatform { wanted: Architecture, platforms: Vec<String> },
    #[error("its index lists an image for {platform}, but the source does not hold it: no {name:?}")]
    PlatformAbsent { platform: String, name: String },
    #[error("it holds no image manifest; it has {}", list(left_out))]
    NoManifest { left_out: Vec<String> },

    // What kind of content it is.
    #[error("{what} is in the old schema 1 format, which Lambda does not take")]
    SchemaOne { what: String },
    #[error("it is not a container image but an artifact ({media_type:?})")]
    Artifact { media_type: String },
    #[error("layer {digest} may not be redistributed ({media_type:?})")]
    ForeignLayer { digest: Digest, media_type: String, operating_system: String },
    #[error("layer {digest} is encrypted ({media_type:?})")]
    EncryptedLayer { digest: Digest, media_type: String },
    #[error("layer {digest} has the unknown media type {media_type:?}")]
    UnknownLayer { digest: Digest, media_type: String },
    #[error("layer {diff_id} is compressed with {format}, which container images do not use")]
    LayerCompression { diff_id: Digest, format: &'static str },
    #[error("the manifest has {layers} layers, and the configuration names {diff_ids} diff ids")]
    LayerCount { layers: usize, diff_ids: usize },

    // Whoever has it.
    #[error(transparent)]
    Daemon(#[from] DaemonProblem),
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl Problem {
    pub(super) fn kind(&self) -> ImageErrorKind {
        match self {
            Self::Daemon(problem) => problem.kind(),
            Self::Remote(error) => error.kind(),
            Self::NoPath | Self::BadName { .. } | Self::BadReference { .. } => ImageErrorKind::Usage,
            Self::ForeignTransport { .. }
            | Self::ArchiveCompression { .. }
            | Self::SchemaOne { .. }
            | Self::Artifact { .. }
            | Self::ForeignLayer { .. }
            | Self::EncryptedLayer { .. }
            | Self::UnknownLayer { .. }
            | Self::LayerCompression { .. } => ImageErrorKind::Unsupported,
            Self::NoSuchFile { .. }
            | Self::NoSuchImage { .. }
            | Self::NoPlatform { .. }
            | Self::PlatformAbsent { .. } => ImageErrorKind::NotFound,
            Self::Unreadable { .. } => ImageErrorKind::Unreadable,
            Self::SeveralImages { .. } | Self::SeveralPlatforms { .. } => ImageErrorKind::Ambiguous,
            _ => ImageErrorKind::Malformed,
        }
    }

    pub(super) fn bad_reference(given: &str, why: impl Into<String>) -> Self {
        Self::BadReference { given: given.to_owned(), why: why.into() }
    }

    pub(super) fn invalid(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), why: why.into() }
    }
}
