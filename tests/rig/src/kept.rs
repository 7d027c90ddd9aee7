//! Files and folders that outlive the test which made them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The file or folder `name` in `folder`, made by `make` unless it was made before.
///
/// `make` writes to the path that it is given, which becomes the real one when it is whole. Tests run as processes side by side: one
/// makes, the others wait.
///
/// # Panics
/// When it cannot be kept.
pub(crate) fn kept(folder: &Path, name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let failed =
        |error: std::io::Error| -> ! { panic!("cannot keep {name} in {}: {error}", folder.display()) };
    fs::create_dir_all(folder).unwrap_or_else(|error| failed(error));
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
