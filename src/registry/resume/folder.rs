//! The folder of upload records: one small private file a blob, put in place by a rename, held by one run at a time.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::record::{BlobIdentity, UploadRecord};
use crate::private_folder::{create_private_folder, private};

/// How many records are kept: more layers than one image may have.
const MOST_RECORDS: usize = 256;
/// Registries forget uploads after a day to a week.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// A record has some kilobytes; a larger file is not ours.
const LONGEST_RECORD: u64 = 64 << 10;

/// The records in one folder, which is created when the first is written.
#[derive(Debug, Clone)]
pub struct UploadRecords {
    folder: PathBuf,
}

/// The record of one blob, held by this run for as long as this lives. A second run that wants to push the same
/// blob meanwhile gets none, and uploads it in a session of its own.
///
/// The lock is the kernel's, on a file beside the record, so it ends with the process however that ends.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    blob: BlobIdentity,
    lock: File,
}

impl UploadRecords {
    /// The records in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path_of(&self, blob: &BlobIdentity) -> PathBuf {
        self.folder.join(format!("{}.json", blob.file_stem()))
    }

    /// Whether there may be a record of the blob.
    pub(super) fn has(&self, blob: &BlobIdentity) -> bool {
        self.path_of(blob).exists()
    }

    /// Takes the record of the blob, whether there is one yet or not; none when another run has it, or the folder
    /// cannot be used.
    pub(super) fn claim(&self, blob: &BlobIdentity) -> Option<Claim> {
        create_private_folder(&self.folder).ok()?;
        let path = self.path_of(blob);
        // To open a pipe in the place of a file would wait for somebody at its other end.
        if [&path, &lock_of(&path)].iter().any(|place| place.exists() && !place.is_file()) {
            return None;
        }
        let lock = private(File::options().create(true).append(true)).open(lock_of(&path)).ok()?;
        lock.try_lock().ok()?;
        // The run that held it may have ended and removed the file while we opened it.
        if !is_at(&lock, &lock_of(&path)) {
            return None;
        }
        Some(Claim { path, blob: blob.clone(), lock })
    }

    /// Removes records that are too old or too many, unless a run holds them.
    pub(super) fn tidy(&self) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        let mut records: Vec<_> = files
            .filter_map(|file| {
                let path = file.ok()?.path();
                let ours = path.extension().is_some_and(|end| end == "json" || end == "tmp" || end == "lock");
                let modified = path.metadata().ok().filter(fs::Metadata::is_file)?.modified().ok()?;
                ours.then_some((modified, path))
            })
            .collect();
        records.sort();
        // Each record has a lock beside it.
        let excess = records.len().saturating_sub(2 * MOST_RECORDS);
        let now = SystemTime::now();
        for (index, (modified, path)) in records.iter().enumerate() {
            let old = now.duration_since(*modified).is_ok_and(|age| age > OLDEST);
            if old || index < excess {
                remove_unheld(path);
            }
        }
    }
}

impl Claim {
    /// The record, if there is one that can be believed.
    pub(super) fn read(&self) -> Option<UploadRecord> {
        let mut text = Vec::new();
        File::open(&self.path).ok()?.take(LONGEST_RECORD).read_to_end(&mut text).ok()?;
        UploadRecord::read(&text, &self.blob)
    }

    /// Replaces the record as a whole: a reader sees the old one or the new one.
    pub(super) fn write(&self, record: &UploadRecord) -> io::Result<()> {
        let text = record.to_text(&self.blob)?;
        let temporary = self.path.with_extension(format!("{:016x}.tmp", fastrand::u64(..)));
        let written = private(File::options().write(true).create_new(true))
            .open(&temporary)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Forgets the record.
    pub(super) fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }

    pub(super) fn blob(&self) -> &BlobIdentity {
        &self.blob
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Where no record is left, its lock is of no use to anybody.
        if !self.path.exists() {
            let _ = fs::remove_file(lock_of(&self.path));
        }
        let _ = self.lock.unlock();
    }
}

fn lock_of(record: &Path) -> PathBuf {
    record.with_extension("lock")
}

/// Removes a file of the folder, unless a run holds the record that it belongs to.
fn remove_unheld(path: &Path) {
    let lock_path = path.with_extension("").with_extension("lock");
    let lock = File::options().append(true).open(&lock_path);
    let held = lock.as_ref().is_ok_and(|lock| lock.try_lock().is_err());
    if !held {
        let _ = fs::remove_file(path);
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(found)) => identity(open) == identity(found),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Compression;
    use crate::layer::Encoding;
    use crate::name::Digest;
    use crate::registry::tests::layer;

    fn blob(content: &[u8]) -> BlobIdentity {
        let endpoint = "https://registry.example/".parse().unwrap();
        let layer = layer(content, Compression::None);
        BlobIdentity::of_layer(&endpoint, &"app".parse().unwrap(), &layer, Encoding::default())
    }

    fn record(offset: u64) -> UploadRecord {
        let location = "https://registry.example/v2/app/blobs/uploads/1".parse().unwrap();
        UploadRecord { location, offset, prefix: Digest::of(b"x"), checks_offsets: false }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .map(|files| files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    #[test]
    fn one_run_at_a_time_holds_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let records = UploadRecords::new(folder.path().join("uploads"));
        let first = records.claim(&blob(b"a")).unwrap();
        assert!(first.read().is_none());
        first.write(&record(5)).unwrap();
        assert!(records.claim(&blob(b"a")).is_none(), "another run has it");
        assert!(records.claim(&blob(b"b")).is_some(), "another blob is free");
        drop(first);
        assert!(records.has(&blob(b"a")));
        let second = records.claim(&blob(b"a")).unwrap();
        assert_eq!(second.read(), Some(record(5)));
        second.remove();
        drop(second);
        assert_eq!(names(&folder.path().join("uploads")), Vec::<String>::new(), "nothing is left behind");
    }

    #[test]
    fn many_runs_at_once_never_hold_the_same_record() {
        let folder = tempfile::tempdir().unwrap();
        let records = UploadRecords::new(folder.path());
        let holders = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let Some(claim) = records.claim(&blob(b"a")) else { continue };
                        assert_eq!(holders.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        claim.write(&record(1)).unwrap();
                        claim.remove();
                        holders.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_folder_or_a_record() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uploads");
        let claim = UploadRecords::new(&path).claim(&blob(b"a")).unwrap();
        claim.write(&record(5)).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        for name in names(&path) {
            assert_eq!(mode(&path.join(&name)), 0o600, "{name}");
        }
    }

    #[test]
    fn what_is_too_old_or_too_much_goes_unless_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let records = UploadRecords::new(folder.path());
        let age = |path: &Path| {
            let file = File::options().append(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - OLDEST - Duration::from_secs(9)).unwrap();
        };
        let held = records.claim(&blob(b"held")).unwrap();
        held.write(&record(5)).unwrap();
        let left = records.claim(&blob(b"left")).unwrap();
        left.write(&record(5)).unwrap();
        drop(left);
        for name in names(folder.path()) {
            age(&folder.path().join(name));
        }
        fs::write(folder.path().join("somebody's.txt"), "not ours").unwrap();
        records.tidy();
        assert!(held.read().is_some() && !records.has(&blob(b"left")));
        assert_eq!(names(folder.path()).len(), 3, "the held record, its lock, and what is not ours");
        drop(held);
        for number in 0..MOST_RECORDS + 9 {
            fs::write(folder.path().join(format!("{number}.json")), "{}").unwrap();
            fs::write(folder.path().join(format!("{number}.lock")), "").unwrap();
        }
        records.tidy();
        assert!(names(folder.path()).len() <= 2 * MOST_RECORDS + 1);
    }
}
