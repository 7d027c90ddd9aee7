//! Images that were made before are not made again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::content::Content;

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
    ///
    /// `make` writes to the path that it is given, which becomes the real one when it is whole. Tests run as
    /// processes side by side: one makes, the others wait.
    pub(super) fn kept(&self, name: &str, note: &str, make: impl FnOnce(&Path)) -> PathBuf {
        let folder = self.folder.join(self.content.key(note));
        let failed =
            |error: std::io::Error| -> ! { panic!("cannot keep {name} in {}: {error}", folder.display()) };
        fs::create_dir_all(&folder).unwrap_or_else(|error| failed(error));
        let lock = File::create(folder.join(format!("{name}.lock"))).unwrap_or_else(|error| failed(error));
        lock.lock().unwrap_or_else(|error| failed(error));

        let (path, unfinished) = (folder.join(name), folder.join(format!("unfinished-{name}")));
        if !path.exists() {
            // What an interrupted run left behind: a folder or a file.
            let _ = fs::remove_dir_all(&unfinished);
            let _ = fs::remove_file(&unfinished);
            make(&unfinished);
            fs::rename(&unfinished, &path).unwrap_or_else(|error| failed(error));
        }
        path
    }
}
