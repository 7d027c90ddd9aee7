//! Opening a source: what it is, which table of contents counts, and the image in it.

use std::path::Path;

use crate::name::Architecture;

use super::error::{ImageError, Problem};
use super::files::Files;
use super::selector::Selector;
use super::{LocalImage, SourceRef, Transport, docker_archive, oci_layout};

/// Opens the image that `source` names, for the wanted architecture where the source has several. Reads and checks
/// the metadata only. Blocks: an uncompressed archive or a directory takes milliseconds, a compressed archive one pass
/// over the whole of it.
///
/// # Errors
/// Fails when there is no such source, when it is not an image that can be described, or when the choice is not clear.
pub fn open(source: &SourceRef, wanted: Option<Architecture>) -> Result<LocalImage, ImageError> {
    open_source(source, wanted).map_err(|problem| ImageError::new(source.as_str(), problem))
}

fn open_source(source: &SourceRef, wanted: Option<Architecture>) -> Result<LocalImage, Problem> {
    match source.transport() {
        Transport::DockerDaemon => return Err(Problem::NotSupportedYet { transport: "docker-daemon" }),
        Transport::Registry => return Err(Problem::NotSupportedYet { transport: "docker://" }),
        _ => {}
    }
    let (path, selector) = source.split(Path::exists)?;
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Problem::NoSuchFile { path });
        }
        Err(reason) => return Err(Problem::Unreadable { path, reason }),
    };
    match (source.transport(), metadata.is_dir()) {
        (Transport::OciLayout | Transport::Path, true) => {
            let files = Files::in_directory(&path)?;
            check_layout(&files)?;
            oci_layout::open(&files, source.as_str(), &selector, wanted)
        }
        (Transport::OciLayout, false) => {
            Err(Problem::WrongFileType { path, found: "not a directory", expected: "a directory" })
        }
        (_, true) => Err(Problem::WrongFileType { path, found: "a directory", expected: "an archive" }),
        (_, false) => Archived { files: Files::in_archive(&path)?, source, selector }.open(wanted),
    }
}

fn check_layout(files: &Files) -> Result<(), Problem> {
    if files.has(oci_layout::INDEX) {
        return Ok(());
    }
    let why = if files.has(docker_archive::MANIFEST) {
        "the directory has a manifest.json and no index.json; an unpacked docker save, or a copy by skopeo's dir:, is not read"
    } else {
        "the directory has no index.json, as an OCI image layout has it"
    };
    Err(Problem::NotAnImageStore { why })
}

/// An archive, and what is wanted of it.
struct Archived<'a> {
    files: Files,
    source: &'a SourceRef,
    selector: Selector,
}

impl Archived<'_> {
    fn open(&self, wanted: Option<Architecture>) -> Result<LocalImage, Problem> {
        let layout = self.files.has(oci_layout::INDEX);
        let docker = self.files.has(docker_archive::MANIFEST);
        let positioned = matches!(self.selector, Selector::Position(_));
        match (self.source.transport(), layout, docker) {
            (_, false, false) => Err(self.nothing()),
            (Transport::OciArchive, false, true) => Err(Problem::OtherTransport {
                found: "an archive as docker save wrote it before Docker 25",
                expected: "an OCI archive",
                transport: "docker-archive",
            }),
            (Transport::OciArchive, true, _) | (_, true, false) => self.open_layout(wanted),
            // As in skopeo, a position counts in the table that the transport is about.
            (Transport::DockerArchive, true, true) if positioned => self.open_docker(),
            (_, true, true) => self.open_either(wanted),
            (_, false, true) => self.open_docker(),
        }
    }

    /// Since Docker 25 an archive has both tables. The OCI one is read, since it has digests of what is stored,
    /// attestations and platforms; and both have to mean the same image.
    fn open_either(&self, wanted: Option<Architecture>) -> Result<LocalImage, Problem> {
        match self.open_layout(wanted) {
            // BuildKit and others name images in manifest.json only.
            Err(Problem::NoSuchImage { .. } | Problem::NoManifest { .. }) => self.open_docker(),
            Err(problem) => Err(problem),
            Ok(image) => {
                // An image out of an index need not be in manifest.json, which has one platform at most.
                if image.choice.is_none() && !docker_archive::names_config(&self.files, image.config_digest)?
                {
                    return Err(Problem::TablesDisagree);
                }
                Ok(image)
            }
        }
    }

    fn open_layout(&self, wanted: Option<Architecture>) -> Result<LocalImage, Problem> {
        oci_layout::open(&self.files, self.source.as_str(), &self.selector, wanted)
    }

    fn open_docker(&self) -> Result<LocalImage, Problem> {
        docker_archive::open(&self.files, self.source.as_str(), &self.selector)
    }

    fn nothing(&self) -> Problem {
        let why = if self.files.has(docker_archive::OLD_TABLE) {
            "it is an archive from before Docker 1.10"
        } else {
            "the archive has neither manifest.json nor index.json at its top"
        };
        Problem::NotAnImageStore { why }
    }
}
