//! The media types of image manifests, configurations and layers (OCI image specification 1.1, media-types.md; Docker
//! image manifest version 2, schema 2), and what each means for us.

use super::error::Problem;
use super::{Compression, MediaFlavor};
use crate::name::Digest;

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_FOREIGN_LAYER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const OCI_FOREIGN_LAYER: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";

/// What a layer's media type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LayerType {
    /// A tar that may be pushed anywhere.
    Ordinary(MediaFlavor, Compression),
    /// "Foreign" or "non-distributable": its bytes may not be pushed to other registries.
    Foreign,
    /// Encrypted as ocicrypt does it.
    Encrypted,
    /// None that is known.
    Unknown,
}

pub(super) fn is_index(media_type: &str) -> bool {
    matches!(media_type, DOCKER_INDEX | OCI_INDEX)
}

pub(super) fn is_manifest(media_type: &str) -> bool {
    manifest_flavor(media_type).is_some()
}

/// Schema 1, signed or not.
pub(super) fn is_schema_one(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
}

pub(super) fn manifest_flavor(media_type: &str) -> Option<MediaFlavor> {
    match media_type {
        DOCKER_MANIFEST => Some(MediaFlavor::Docker),
        OCI_MANIFEST => Some(MediaFlavor::Oci),
        _ => None,
    }
}

/// The flavor of an image configuration; none when it is the configuration of something else.
pub(super) fn config_flavor(media_type: &str) -> Option<MediaFlavor> {
    match media_type {
        DOCKER_CONFIG => Some(MediaFlavor::Docker),
        OCI_CONFIG => Some(MediaFlavor::Oci),
        _ => None,
    }
}

/// The media type of a manifest that does not state its own: only OCI allows that.
pub(super) fn default_manifest() -> &'static str {
    OCI_MANIFEST
}

pub(super) fn layer_type(media_type: &str) -> LayerType {
    if media_type.ends_with("+encrypted") {
        return LayerType::Encrypted;
    }
    if media_type.starts_with(OCI_FOREIGN_LAYER) || media_type.starts_with(DOCKER_FOREIGN_LAYER) {
        return LayerType::Foreign;
    }
    let known = match (media_type.strip_prefix(OCI_LAYER), media_type.strip_prefix(DOCKER_LAYER)) {
        (Some(""), _) => Some((MediaFlavor::Oci, Compression::None)),
        (Some("+gzip"), _) => Some((MediaFlavor::Oci, Compression::Gzip)),
        (Some("+zstd"), _) => Some((MediaFlavor::Oci, Compression::Zstd)),
        (_, Some("")) => Some((MediaFlavor::Docker, Compression::None)),
        (_, Some(".gzip")) => Some((MediaFlavor::Docker, Compression::Gzip)),
        (_, Some(".zstd")) => Some((MediaFlavor::Docker, Compression::Zstd)),
        _ => None,
    };
    known.map_or(LayerType::Unknown, |(flavor, compression)| LayerType::Ordinary(flavor, compression))
}

/// Refuses what is not a plain layer that Lambda can be given, naming it by `digest`.
pub(super) fn require_ordinary_layer(
    media_type: &str,
    digest: Digest,
    operating_system: &str,
) -> Result<(), Problem> {
    let (operating_system, named) = (operating_system.to_owned(), media_type.to_owned());
    match layer_type(media_type) {
        LayerType::Ordinary(..) => Ok(()),
        LayerType::Foreign => Err(Problem::ForeignLayer { digest, media_type: named, operating_system }),
        LayerType::Encrypted => Err(Problem::EncryptedLayer { digest, media_type: named }),
        LayerType::Unknown => Err(Problem::UnknownLayer { digest, media_type: named }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_media_types_say_what_may_be_done_with_the_layer() {
        use LayerType::{Encrypted, Foreign, Ordinary, Unknown};
        use MediaFlavor::{Docker, Oci};
        for (media_type, expected) in [
            ("application/vnd.oci.image.layer.v1.tar", Ordinary(Oci, Compression::None)),
            ("application/vnd.oci.image.layer.v1.tar+gzip", Ordinary(Oci, Compression::Gzip)),
            ("application/vnd.oci.image.layer.v1.tar+zstd", Ordinary(Oci, Compression::Zstd)),
            ("application/vnd.docker.image.rootfs.diff.tar", Ordinary(Docker, Compression::None)),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", Ordinary(Docker, Compression::Gzip)),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Foreign),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar", Foreign),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Foreign),
            ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", Encrypted),
            ("application/vnd.oci.image.layer.v1.tar+encrypted", Encrypted),
            ("application/vnd.oci.image.layer.v1.tar+brotli", Unknown),
            ("application/vnd.in-toto+json", Unknown),
            ("application/vnd.wasm.content.layer.v1+wasm", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(layer_type(media_type), expected, "{media_type}");
        }
    }
}
