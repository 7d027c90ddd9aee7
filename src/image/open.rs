//! Opening a source: what it is, which table of contents counts, and the image in it.

use std::path::Path;

use crate::name::Architecture;

use super::error::{ImageError, Problem};
use super::files::Files;
use super::selector::Selector;
use super::{
    LocalImage, SourceAccess, SourceRef, Transport, docker_archive, docker_daemon, oci_layout, remote,
};

/// Opens the image that `source` names, for the wanted architecture where the source has several. Reads and checks
/// the metadata only: of an uncompressed archive or a directory that takes milliseconds, of a compressed archive one
/// pass over the whole of it. Must be called within a Tokio runtime.
///
/// # Errors
/// Fails when there is no such source, when it is not an image that can be described, or when the choice is not clear.
pub async fn open(
    source: &SourceRef,
    wanted: Option<Architecture>,
    access: &SourceAccess,
) -> Result<LocalImage, ImageError> {
    let opened = match source.transport() {
        Transport::DockerDaemon => docker_daemon::open(source, wanted, access).await,
        Transport::Registry => match source.remote() {
            Ok(reference) => remote::open(source.as_str(), reference, wanted, access).await,
            Err(problem) => Err(problem),
        },
        Transport::DockerArchive | Transport::OciLayout | Transport::OciArchive | Transport::Path => {
            let files = source.clone();
            // Reading files blocks.
            match tokio::task::spawn_blocking(move || open_files(&files, wanted)).await {
                Ok(opened) => opened,
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
        }
    };
    opened.map_err(|problem| ImageError::new(source.as_str(), problem))
}

fn open_files(source: &SourceRef, wanted: Option<Architecture>) -> Result<LocalImage, Problem> {
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
pub(super) struct Archived<'a> {
    pub(super) files: Files,
    pub(super) source: &'a SourceRef,
    pub(super) selector: Selector,
}

impl Archived<'_> {
    pub(super) fn open(&self, wanted: Option<Architecture>) -> Result<LocalImage, Problem> {
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

    /// The image whose manifest or index has the digest that is selected, in the OCI table alone.
    pub(super) fn open_named_manifest(&self, wanted: Option<Architecture>) -> Result<LocalImage, Problem> {
        if self.files.has(oci_layout::INDEX) {
            return self.open_layout(wanted);
        }
        Err(Problem::NoSuchImage { given: self.selector.to_string(), names: Vec::new() })
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

#[cfg(test)]
mod tests {
    use super::super::fixture::{
        Place, TarFile, Tree, both_tables, compress, docker_tree, open, read_layers, simple_layout,
    };
    use super::super::{Compression, ImageErrorKind};
    use super::*;

    #[test]
    fn a_bare_path_is_recognised_by_its_content_and_compression_makes_no_difference() {
        let place = Place::new();
        let directory = place.directory("layout", &simple_layout());
        let in_directory = open(&directory, "", "", None).unwrap();
        for tree in [simple_layout(), docker_tree(&["app:v1"]), both_tables().0] {
            let archive = TarFile::of(&tree).finish();
            let plain = open(&place.write("plain", &archive), "", "", None).unwrap();
            for compression in [Compression::Gzip, Compression::Zstd] {
                let path = place.write("compressed", &compress(&archive, compression));
                let image = open(&path, "", "", None).unwrap();
                assert_eq!(image.config_digest, plain.config_digest);
                assert_eq!(read_layers(&image), read_layers(&plain));
                let heads =
                    |image: &LocalImage| image.layers.iter().map(|l| l.compression).collect::<Vec<_>>();
                assert_eq!(heads(&image), heads(&plain));
            }
            if !tree.contains_key("manifest.json") {
                assert_eq!(plain.config_digest, in_directory.config_digest);
            }
        }
    }

    #[test]
    fn a_reference_may_follow_a_bare_path_too() {
        let place = Place::new();
        let path = place.write("two.tar", &TarFile::of(&docker_tree(&["app:v1", "app:v2"])).finish());
        assert_eq!(open(&path, "", "", None).unwrap_err().kind(), ImageErrorKind::Ambiguous);
        assert!(open(&path, "", ":app:v2", None).is_ok());
        assert_eq!(open(&path, "", ":app:v3", None).unwrap_err().kind(), ImageErrorKind::NotFound);
        assert_eq!(open(&path, "", ":@x", None).unwrap_err().kind(), ImageErrorKind::Usage);
    }

    #[test]
    fn transports_insist_on_their_kind_of_source() {
        let place = Place::new();
        let directory = place.directory("layout", &simple_layout());
        let oci = place.write("oci.tar", &TarFile::of(&simple_layout()).finish());
        let docker = place.write("docker.tar", &TarFile::of(&docker_tree(&["app"])).finish());
        let none = place.path("none");
        for (path, transport, says) in [
            (&directory, "oci-archive:", "is a directory"),
            (&directory, "docker-archive:", "is a directory"),
            (&oci, "oci:", "is not a directory"),
            (&docker, "oci-archive:", "not an OCI archive"),
            (&none, "docker-archive:", "there is no file"),
            (&none, "oci:", "there is no file"),
            (&none, "", "there is no file"),
        ] {
            let error = open(path, transport, "", None).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert!(error.hint().is_some(), "{error}");
        }
        // docker save leaves manifest.json out where only other platforms are there.
        assert!(open(&oci, "docker-archive:", "", None).is_ok());
    }

    #[test]
    fn directories_and_archives_without_an_image_say_so() {
        let place = Place::new();
        let tree = |name: &str| Tree::from([(name.to_owned(), b"{}".to_vec())]);
        for (name, says) in [
            ("etc/passwd", "neither manifest.json nor index.json"),
            ("repositories", "before Docker 1.10"),
            ("layout/index.json", "neither"),
        ] {
            let error = place.open(&TarFile::of(&tree(name)).finish()).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        for (name, says) in [("manifest.json", "unpacked docker save"), ("x", "no index.json")] {
            let error = open(&place.directory(&format!("d-{name}"), &tree(name)), "", "", None).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn two_tables_of_contents_have_to_mean_the_same_image() {
        let place = Place::new();
        let (tree, config) = both_tables();
        let path = place.write("both.tar", &TarFile::of(&tree).finish());
        for (transport, reference) in [
            ("", ""),
            ("docker-archive:", ":app:v1"),
            ("oci-archive:", ":app:v1"),
            ("docker-archive:", ":@0"),
        ] {
            let image = open(&path, transport, reference, None).unwrap();
            assert_eq!(image.config_digest, config, "{transport}{reference}");
            // Only the OCI table has a manifest; a position counts in Docker's.
            assert_eq!(image.original.is_some(), reference != ":@0");
        }
        let mut disagreeing = tree;
        disagreeing.extend(docker_tree(&["app:v1"]));
        let error = place.open(&TarFile::of(&disagreeing).finish()).unwrap_err();
        assert!(error.to_string().contains("name different images"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_refused_without_waiting() {
        let place = Place::new();
        let pipe = place.path("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let directory = place.directory("layout", &simple_layout());
        std::fs::remove_file(directory.join("index.json")).unwrap();
        std::fs::rename(&pipe, directory.join("index.json")).unwrap();
        for path in [&directory.join("index.json"), Path::new("/dev/null"), &directory] {
            let error = open(path, "", "", None).unwrap_err();
            assert!(error.to_string().contains("a pipe, socket or device"), "{error}");
            assert!(error.hint().unwrap().contains("save the image to a file"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_layout_are_followed_inside_it_only() {
        let place = Place::new();
        let directory = place.directory("layout", &simple_layout());
        let index = directory.join("index.json");
        std::fs::rename(&index, directory.join("moved")).unwrap();
        std::os::unix::fs::symlink("moved", &index).unwrap();
        assert!(open(&directory, "oci:", "", None).is_ok());
        std::fs::rename(directory.join("moved"), place.path("outside")).unwrap();
        std::fs::remove_file(&index).unwrap();
        std::os::unix::fs::symlink(place.path("outside"), &index).unwrap();
        let error = open(&directory, "oci:", "", None).unwrap_err();
        assert!(error.to_string().contains("leads out of the image's directory"), "{error}");
        // The layout as a whole may be reached through a link.
        std::fs::remove_file(&index).unwrap();
        std::fs::rename(place.path("outside"), &index).unwrap();
        std::os::unix::fs::symlink(&directory, place.path("link")).unwrap();
        assert!(open(&place.path("link"), "oci:", "", None).is_ok());
    }
}
