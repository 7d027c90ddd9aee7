//! What is in every image: the example function, and a note that changes.

use std::fs;
use std::path::Path;

use lambda_lift_example::{File, Function, Image, Layer};
use sha2::{Digest as _, Sha256};

/// How a Docker-like builder makes the image. No step runs a program, so that no builder needs a network, a shell
/// or a base image.
const DOCKERFILE: &str = "\
FROM scratch
COPY bootstrap /var/task/bootstrap
COPY note /var/task/note
ENV LAMBDA_TASK_ROOT=/var/task
WORKDIR /var/task
ENTRYPOINT [\"/var/task/bootstrap\"]
";

/// Part of the cache's key: to be raised when the images are made in another way.
const RECIPE: u32 = 1;

/// The files of the image.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) function: Function,
}

impl Content {
    pub(super) fn build() -> Self {
        let function =
            Function::build().unwrap_or_else(|error| panic!("cannot build the example function: {error}"));
        Self { function }
    }

    /// Names the content: the same function and note have the same key.
    pub(super) fn key(&self, note: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(RECIPE.to_le_bytes());
        hash.update(&self.function.binary);
        hash.update(note);
        hex::encode(hash.finalize())[..16].to_owned()
    }

    /// The image as the example's own packer makes it, the note in a layer of its own.
    pub(super) fn image(&self, note: &str) -> Image {
        let file = |path: &str, mode, contents: &[u8]| File {
            path: path.to_owned(),
            mode,
            contents: contents.to_vec(),
        };
        let function = Layer::of(&[file("var/task/bootstrap", 0o755, &self.function.binary)]);
        let note = Layer::of(&[file("var/task/note", 0o644, note.as_bytes())]);
        Image::new(self.function.architecture, vec![function, note])
    }

    /// A folder from which Docker, podman and buildah build the image.
    pub(super) fn context(&self, note: &str) -> tempfile::TempDir {
        let folder = crate::server::folder("context");
        let write = |name: &str, contents: &[u8]| write(&folder.path().join(name), contents);
        write("bootstrap", &self.function.binary);
        write("note", note.as_bytes());
        write("Dockerfile", DOCKERFILE.as_bytes());
        make_executable(&folder.path().join("bootstrap"));
        folder
    }
}

pub(super) fn write(path: &Path, contents: &[u8]) {
    fs::write(path, contents).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

pub(super) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .unwrap_or_else(|error| panic!("cannot set the mode of {}: {error}", path.display()));
}
