//! The folder of one run: private, locked while the run lives, and gone at its end, or when the next run finds it without its run.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// How folders of runs begin.
const PREFIX: &str = "lambda-lift-run-";
/// How often a folder is made anew that another run took for a leftover before it was locked.
const TRIES: u32 = 5;

/// One run's folder. Dropping it removes it.
#[derive(Debug)]
pub(in crate::sandbox) struct RunFolder {
    folder: TempDir,
    /// The kernel unlocks it when this process ends, however it ends.
    _lock: File,
}

impl RunFolder {
    /// Makes a folder below `temporary`, after removing those that runs of this user left there.
    pub(in crate::sandbox) fn new(temporary: &Path) -> io::Result<Self> {
        remove_leftovers(temporary);
        let mut made = Self::make(temporary);
        for _ in 1..TRIES {
            let is_taken = |error: &io::Error| {
                matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock)
            };
            if !made.as_ref().is_err_and(is_taken) {
                break;
            }
            made = Self::make(temporary);
        }
        made
    }

    fn make(temporary: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(temporary)?;
        let lock = File::create(folder.path().join("lock"))?;
        lock.try_lock().map_err(io::Error::from)?;
        fs::create_dir(folder.path().join("root"))?;
        Ok(Self { folder, _lock: lock })
    }

    /// The folder itself.
    pub(in crate::sandbox) fn place(&self) -> &Path {
        self.folder.path()
    }

    /// Where a socket may be.
    pub(in crate::sandbox) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Where the image's root is to be.
    pub(in crate::sandbox) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // What is left is removed by the next run.
        let _ = remove_tree(self.folder.path());
    }
}

fn remove_leftovers(temporary: &Path) {
    let Ok(entries) = fs::read_dir(temporary) else { return };
    let own = rustix::process::geteuid().as_raw();
    for entry in entries.flatten() {
        let is_run = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // Not through a link, and nobody else's.
        let is_ours = entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == own);
        if !is_run || !is_ours {
            continue;
        }
        match File::open(entry.path().join("lock")) {
            Ok(lock) if lock.try_lock().is_ok() => {
                let _ = remove_tree(&entry.path());
            }
            Ok(_) => {}
            // One whose run ended before it was locked, or that is just being made: then it is made anew.
            Err(_) => {
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

/// Removes a folder with everything in it. Folders of an image may forbid their owner to look into them.
fn remove_tree(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        other => other,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_whose_run_is_gone_is_removed_and_one_whose_run_lives_is_not() {
        let temporary = tempfile::tempdir().unwrap();
        let living = RunFolder::new(temporary.path()).unwrap();
        let left = temporary.path().join("lambda-lift-run-left");
        fs::create_dir_all(left.join("root/closed/inner")).unwrap();
        fs::write(left.join("lock"), "").unwrap();
        fs::set_permissions(left.join("root/closed"), Permissions::from_mode(0o000)).unwrap();
        let begun = temporary.path().join("lambda-lift-run-begun");
        fs::create_dir(&begun).unwrap();
        let other = temporary.path().join("something-else");
        fs::create_dir(&other).unwrap();

        let next = RunFolder::new(temporary.path()).unwrap();
        assert!(!left.exists() && !begun.exists() && other.exists());
        assert!(living.root().exists() && next.root().exists());
        let places = [living.root(), next.root()];
        drop((living, next));
        assert!(places.iter().all(|place| !place.exists()));
    }
}
