//! A file for what is opened by its path, of which nothing is left behind however the process ends.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A file without a name, with another content each time.
pub struct UnnamedFile(File);

impl UnnamedFile {
    /// An empty one, in memory where the system has a folder for that.
    pub fn new() -> Self {
        let folder = Path::new("/dev/shm");
        let folder = if folder.is_dir() { folder.to_owned() } else { std::env::temp_dir() };
        let path = folder.join(format!("lambda-lift-fuzz-{}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        Self(file)
    }

    /// Has this content from now on.
    pub fn hold(&self, content: &[u8]) {
        self.0.set_len(0).unwrap();
        self.0.write_all_at(content, 0).unwrap();
    }

    /// Under which it can be opened by this process.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

impl Default for UnnamedFile {
    fn default() -> Self {
        Self::new()
    }
}
