//! Images that were made before are not made again.

use std::path::{Path, PathBuf};

use super::content::Content;
use crate::kept::kept;

/// Makes images and keeps them in a folder that outlives the test.
///
/// Each producer takes a `note`: the content of the image's last layer. Two images with different notes differ in
/// that layer alone.
#[derive(Debug, Clone)]
pub struct Images {
    folder: PathBuf,
    pub(super) content: Content,
}

/// An image on disk.
#[derive(Debug, Clone)]
pub struct LocalImage {
    /// As skopeo and lambda-lift name it: `docker-archive:FILE`, `oci:DIR:REF`.
    pub source: String,
    /// The file or folder.
    pub path: PathBuf,
}

impl Images {
    /// Images kept below `folder`: a test passes `env!("CARGO_TARGET_TMPDIR")`.
    ///
    /// # Panics
    /// When the example function cannot be built.
    pub fn in_folder(folder: &str) -> Self {
        Self { folder: Path::new(folder).join("images"), content: Content::build() }
    }

    /// The example function's instruction set, in Go's names; the images are for it.
    pub fn architecture(&self) -> &'static str {
        self.content.function.architecture.go_name()
    }

    /// The example function's instruction set, in Lambda's names.
    pub fn lambda_architecture(&self) -> &'static str {
        self.content.function.architecture.lambda_name()
    }

    /// The file or folder of this name, made by `make` unless it was made before from the same content.
    pub(super) fn kept(&self, name: &str, note: &str, make: impl FnOnce(&Path)) -> PathBuf {
        kept(&self.folder.join(self.content.key(note)), name, make)
    }
}
