//! Where an image is written, named as skopeo and lambda-lift name it.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::{Image, PackError, archive};

/// A place on disk and the shape that the image takes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    format: Format,
    path: PathBuf,
    reference: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    DockerArchive,
    OciArchive,
    OciLayout,
}

/// The name that the image gets when none is given.
const REFERENCE: &str = "hello:latest";

impl Destination {
    /// Writes the image, over what was there.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, image: &Image) -> Result<(), PackError> {
        match self.format {
            Format::DockerArchive => {
                write(&self.path, &archive::tar(&archive::docker_members(image, &self.reference)))
            }
            Format::OciArchive => {
                write(&self.path, &archive::tar(&archive::oci_members(image, &self.reference)))
            }
            Format::OciLayout => archive::oci_members(image, &self.reference)
                .iter()
                .try_for_each(|(name, contents)| write(&self.path.join(name), contents)),
        }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl FromStr for Destination {
    type Err = PackError;

    /// Reads `FORMAT:PATH[:REFERENCE]`.
    fn from_str(text: &str) -> Result<Self, PackError> {
        let malformed = || PackError::Destination(text.to_owned());
        let (format, rest) = text.split_once(':').ok_or_else(malformed)?;
        let format = match format {
            "docker-archive" => Format::DockerArchive,
            "oci-archive" => Format::OciArchive,
            "oci" => Format::OciLayout,
            _ => return Err(malformed()),
        };
        let (path, reference) = rest.split_once(':').unwrap_or((rest, REFERENCE));
        if path.is_empty() || reference.is_empty() {
            return Err(malformed());
        }
        Ok(Self { format, path: path.into(), reference: reference.to_owned() })
    }
}

fn write(path: &Path, contents: &[u8]) -> Result<(), PackError> {
    let failed = |source| PackError::File { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::write(path, contents).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, File, Layer};

    fn image() -> Image {
        let file = File { path: "var/task/bootstrap".to_owned(), mode: 0o755, contents: b"#!".to_vec() };
        let layer = Layer::of(&[file]);
        Image::new(Architecture::Arm64, vec![layer.clone(), layer])
    }

    #[test]
    fn a_destination_is_read_as_skopeo_reads_it() {
        let destination: Destination = "docker-archive:some/hello.tar:greeter:v1".parse().unwrap();
        assert_eq!(destination.path(), Path::new("some/hello.tar"));
        assert_eq!(destination.reference, "greeter:v1");
        for text in ["", "hello.tar", "docker-archive:", "oci:folder:", "tar:x"] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }

    #[test]
    fn writing_twice_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        for format in ["docker-archive", "oci-archive"] {
            let mut written = Vec::new();
            for name in ["one.tar", "other.tar"] {
                let path = folder.path().join(name);
                let destination: Destination = format!("{format}:{}", path.display()).parse().unwrap();
                destination.write(&image()).unwrap();
                written.push(fs::read(path).unwrap());
            }
            assert!(written[0] == written[1], "{format}");
        }
    }
}
