//! What real functions are made of, and images of it.

mod clients;
mod debian;
mod image;
mod layer;

use std::path::{Path, PathBuf};

pub use image::FunctionImage;
pub use layer::Layer;

/// Makes what functions are made of, and keeps it in a folder that outlives the test.
///
/// All of it is for the architecture of this machine. No container registry is asked: Debian's packages come from its mirror, AWS's
/// runtime clients from PyPI, npm and crates.io.
#[derive(Debug, Clone)]
pub struct Functions {
    folder: PathBuf,
}

impl Functions {
    /// Kept below `folder`: a test passes `env!("CARGO_TARGET_TMPDIR")`.
    pub fn in_folder(folder: &str) -> Self {
        Self { folder: Path::new(folder).join("functions") }
    }

    /// The layer `name`, made in a folder that becomes its root unless it was made before by the same recipe. A recipe is everything that
    /// decides what comes out.
    fn layer(&self, name: &str, recipe: &str, make: impl FnOnce(&Path)) -> Layer {
        let key = layer::short_digest(format!("{}\n{recipe}", std::env::consts::ARCH).as_bytes());
        let path = crate::kept::kept(&self.folder, &format!("{name}-{key}.tar"), |file| {
            let root = crate::server::folder(name);
            make(root.path());
            layer::pack(root.path(), file);
        });
        Layer::kept(path)
    }
}

/// The workspace that this crate is in.
fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The folder of a recipe's sources.
fn sources() -> PathBuf {
    workspace().join("tests/functions")
}
