//! What this tool remembers between runs, in one folder on this machine: the digests of layers that it compressed, where it
//! put them, and how far uploads are. Everything in it saves time only; without it every command works.

use std::path::{Path, PathBuf};

use crate::layer::LayerCache;
use crate::private_folder::{Distrust, PrivateFolder};
use crate::registry::{Origins, UploadRecords};

/// The folder of what is known of uploads.
const UPLOADS: &str = "uploads";

/// The folder and what it keeps.
#[derive(Debug, Clone)]
pub struct Memory {
    root: PathBuf,
    /// What compressing a layer gave.
    pub layers: LayerCache,
    /// Which repositories were given which blobs.
    pub origins: Origins,
    /// How far uploads of several parts are.
    pub uploads: UploadRecords,
}

impl Memory {
    /// The memory in `root`, which is made when there is something to remember.
    pub fn in_folder(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            layers: LayerCache::new(root.join("layers")),
            origins: Origins::new(root.join("origins")),
            uploads: UploadRecords::new(root.join(UPLOADS)),
            root,
        }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Why some of it is not used; none when all of it is.
    pub fn distrust(&self) -> Option<Distrust> {
        let uploads = || PrivateFolder::new(self.root.join(UPLOADS), 0).distrust();
        self.layers.distrust().or_else(|| self.origins.distrust()).or_else(uploads)
    }
}
