//! What a person can do about each [`Problem`]. Kept apart so that the errors stay readable.

use super::error::Problem;

pub(super) fn hint(problem: &Problem) -> Option<String> {
    let hint = match problem {
        Problem::Daemon(problem) => problem.hint(),
        Problem::Remote(error) => return error.hint(),
        Problem::BadName { .. } => {
            "write docker://HOST/REPOSITORY[:TAG] or docker://HOST/REPOSITORY@sha256:DIGEST; without a host it is Docker Hub's"
        }
        Problem::ForeignTransport { .. } => {
            "use docker-archive:FILE, oci-archive:FILE, oci:DIR, docker-daemon:NAME or docker://HOST/REPOSITORY; skopeo copy SOURCE oci-archive:FILE converts any other source"
        }
        Problem::NoPath => "use docker-archive:FILE[:REF], oci-archive:FILE[:REF], oci:DIR[:REF] or a path",
        Problem::BadReference { .. } => {
            "name it as NAME[:TAG], as @sha256:DIGEST, or by its place in the table of contents as @0, @1, …"
        }
        Problem::NoSuchFile { .. } => "check the path; it is taken relative to the current directory",
        Problem::Unreadable { .. } => "check the file's permissions",
        Problem::WrongFileType { found: "a directory", .. } => {
            "use oci:DIR for an OCI image layout in a directory"
        }
        Problem::WrongFileType { expected: "a directory", .. } => {
            "use oci-archive:FILE or docker-archive:FILE for an archive"
        }
        Problem::WrongFileType { .. } => {
            "save the image to a file first; an archive is read in place, which a pipe or device does not allow"
        }
        Problem::FileOutside { .. } => "copy the layout with its links resolved: cp -rL DIR COPY",
        Problem::EmptyFile | Problem::Truncated { .. } | Problem::DamagedArchive { .. } => {
            "save or copy the image again; the disk may have been full"
        }
        Problem::ArchiveCompression { format: "xz" } => "decompress it first: xz -d FILE",
        Problem::ArchiveCompression { .. } => "decompress it first, for example with bzip2 -d FILE",
        Problem::NotAnArchive { .. } | Problem::NotAnImageStore { .. } | Problem::TooManyEntries { .. } => {
            "use an archive written by docker save, podman save, skopeo copy or buildah push; docker export writes a file \
             system, not an image"
        }
        Problem::HostileEntry { .. } | Problem::DuplicateEntry { .. } | Problem::BadLink { .. } => {
            "do not trust this archive; save the image again with docker save, podman save or skopeo copy"
        }
        Problem::OtherTransport { transport, .. } => {
            return Some(format!("use {transport}:FILE, or the bare path"));
        }
        Problem::SeveralImages { .. } => {
            "name one of them after the path: SOURCE:NAME, or by its place in the table of contents: SOURCE:@0, SOURCE:@1, …"
        }
        Problem::NoSuchImage { .. } => "use one of the names that it has",
        Problem::SeveralPlatforms { .. } => {
            "choose with --arch x86_64 or --arch arm64, or name one manifest: SOURCE:@sha256:DIGEST, of a registry SOURCE@sha256:DIGEST"
        }
        Problem::NoPlatform { wanted, .. } => {
            return Some(format!(
                "build the image for it (docker build --platform linux/{}), or deploy a platform that is there with --arch",
                wanted.oci_name()
            ));
        }
        Problem::PlatformAbsent { platform, .. } => {
            return Some(format!(
                "pull or build the image for {platform} and save it again (docker save --platform {platform})"
            ));
        }
        Problem::NoManifest { .. } | Problem::Artifact { .. } => {
            "name an image; signatures, charts and attestations cannot run"
        }
        Problem::SchemaOne { .. } => "convert it: skopeo copy --format oci SOURCE oci-archive:FILE",
        Problem::ForeignLayer { operating_system, .. } if operating_system != "linux" => {
            "Lambda runs Linux images only; build it with docker build --platform linux/amd64 (or linux/arm64)"
        }
        Problem::ForeignLayer { .. } => {
            "build the image on a base whose layers may be pushed to your own registry"
        }
        Problem::EncryptedLayer { .. } => {
            "decrypt it first: skopeo copy --decryption-key KEY SOURCE oci-archive:FILE; Lambda cannot decrypt layers"
        }
        Problem::UnknownLayer { .. } | Problem::LayerCompression { .. } => {
            "build the image again with docker build, buildah or another builder of ordinary tar layers"
        }
        Problem::Missing { .. }
        | Problem::NotRegular { .. }
        | Problem::WrongSize { .. }
        | Problem::WrongDigest { .. }
        | Problem::TooLarge { .. }
        | Problem::Json { .. }
        | Problem::Invalid { .. }
        | Problem::TablesDisagree
        | Problem::TooManyManifests { .. }
        | Problem::LayerCount { .. } => {
            "the image is damaged or was put together wrongly: save or build it again"
        }
    };
    Some(hint.to_owned())
}
