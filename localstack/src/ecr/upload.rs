//! Uploads that are under way: the bytes so far, hashed as they come, and how they were cut into parts.
//!
//! Beside the bytes of an upload lies a record of it, so that uploads outlive a restart of the stand-in.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Place;
use crate::text::random_id;

/// One upload session.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) id: String,
    /// What an address on another host carries in the place of credentials.
    pub(crate) ticket: String,
    pub(crate) place: Place,
    pub(crate) repository: String,
    pub(crate) path: PathBuf,
    /// Parts of one layer come one after the other: whoever adds one holds this.
    pub(crate) progress: Arc<tokio::sync::Mutex<Progress>>,
    /// Bytes in whole parts, for those who find `progress` held.
    committed: Arc<AtomicU64>,
    over: AtomicBool,
}

impl Upload {
    /// A new upload whose bytes go to `file` at `path`.
    pub(crate) fn new(place: &Place, repository: &str, path: PathBuf, file: File) -> io::Result<Self> {
        let record = Record {
            id: random_id(),
            ticket: random_id(),
            account: place.account.clone(),
            region: place.region.clone(),
            repository: repository.to_owned(),
            parts: Parts::default(),
        };
        let progress = Progress { file, hasher: Sha256::new(), size: 0, keeper: Keeper::new(record, &path) };
        progress.keeper.keep()?;
        Ok(Upload::of(progress, path))
    }

    fn of(progress: Progress, path: PathBuf) -> Self {
        let Record { id, ticket, account, region, repository, .. } = progress.keeper.record.clone();
        Upload {
            id,
            ticket,
            place: Place { account, region },
            repository,
            path,
            committed: Arc::clone(&progress.keeper.committed),
            progress: Arc::new(tokio::sync::Mutex::new(progress)),
            over: AtomicBool::new(false),
        }
    }

    /// Takes up an upload of an earlier run; none where its record is missing.
    fn restored(path: PathBuf) -> io::Result<Option<Self>> {
        let bytes = match fs::read(record_path(&path)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let record: Record = serde_json::from_slice(&bytes)?;
        let size = record.parts.bytes;
        let mut file = File::options().read(true).write(true).open(&path)?;
        // What came of a part when the stand-in ended went with it.
        file.set_len(size)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => hasher.update(&buffer[..read]),
            }
        }
        let progress = Progress { file, hasher, size, keeper: Keeper::new(record, &path) };
        Ok(Some(Upload::of(progress, path)))
    }

    /// Bytes in whole parts.
    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Relaxed)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // A finished upload's file was renamed, so this only removes what was abandoned.
        if self.over.load(Ordering::Relaxed) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What is kept of an upload beside its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    id: String,
    ticket: String,
    account: String,
    region: String,
    repository: String,
    parts: Parts,
}

/// How an upload was cut into parts so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Parts {
    count: u64,
    bytes: u64,
    first_end: Option<u64>,
    last_length: Option<u64>,
    undersized: bool,
}

/// Writes the record whenever it changes.
#[derive(Debug)]
struct Keeper {
    record: Record,
    path: PathBuf,
    committed: Arc<AtomicU64>,
}

impl Keeper {
    fn new(record: Record, bytes: &Path) -> Self {
        let committed = Arc::new(AtomicU64::new(record.parts.bytes));
        Keeper { record, path: record_path(bytes), committed }
    }

    fn keep(&self) -> io::Result<()> {
        self.committed.store(self.record.parts.bytes, Ordering::Relaxed);
        let draft = self.path.with_extension("draft");
        fs::write(&draft, serde_json::to_vec(&self.record)?)?;
        fs::rename(draft, &self.path)
    }
}

fn record_path(bytes: &Path) -> PathBuf {
    bytes.with_extension("json")
}

/// What has arrived of a layer.
#[derive(Debug)]
pub(crate) struct Progress {
    file: File,
    hasher: Sha256,
    size: u64,
    keeper: Keeper,
}

/// Where a part began, to go back to.
#[derive(Debug)]
pub(crate) struct PartStart {
    hasher: Sha256,
    size: u64,
}

impl Progress {
    /// Bytes stored so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Parts so far.
    pub(crate) fn parts(&self) -> u64 {
        self.keeper.record.parts.count
    }

    /// Where the first part ended: the number at which ECR's `Range` stays.
    pub(crate) fn first_part_end(&self) -> u64 {
        self.keeper.record.parts.first_end.unwrap_or(0)
    }

    /// Whether a part other than the last was below the floor.
    pub(crate) fn is_undersized(&self) -> bool {
        self.keeper.record.parts.undersized
    }

    /// `sha256:…` of the bytes so far.
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{}", hex::encode(self.hasher.clone().finalize()))
    }

    pub(crate) fn begin_part(&self) -> PartStart {
        PartStart { hasher: self.hasher.clone(), size: self.size }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Counts what was written since `start` as a part.
    pub(crate) fn end_part(&mut self, start: &PartStart, floor: u64) -> io::Result<()> {
        let length = self.size - start.size;
        if length == 0 {
            return Ok(());
        }
        let parts = &mut self.keeper.record.parts;
        parts.undersized |= parts.last_length.is_some_and(|last| last < floor);
        parts.last_length = Some(length);
        parts.first_end.get_or_insert(self.size);
        parts.count += 1;
        parts.bytes = self.size;
        self.keeper.keep()
    }

    /// Forgets what was written since `start`.
    pub(crate) fn roll_back(&mut self, start: PartStart) -> io::Result<()> {
        self.file.set_len(start.size)?;
        self.file.seek(SeekFrom::Start(start.size))?;
        self.hasher = start.hasher;
        self.size = start.size;
        Ok(())
    }
}

/// All uploads that are under way.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    open: Mutex<HashMap<String, Arc<Upload>>>,
}

impl Uploads {
    /// Takes up the uploads whose bytes an earlier run left in `folder`.
    pub(crate) fn restore(folder: &Path) -> io::Result<Self> {
        let uploads = Uploads::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            // Bytes have no extension; records and their drafts have.
            if path.extension().is_some() {
                continue;
            }
            match Upload::restored(path.clone())? {
                Some(upload) => uploads.open(upload),
                None => fs::remove_file(path)?,
            }
        }
        Ok(uploads)
    }

    pub(crate) fn open(&self, upload: Upload) {
        self.lock().insert(upload.id.clone(), Arc::new(upload));
    }

    /// The upload of that id, if it is one of that repository.
    pub(crate) fn find(&self, id: &str, place: &Place, repository: &str) -> Option<Arc<Upload>> {
        let upload = self.lock().get(id).cloned()?;
        (upload.place == *place && upload.repository == repository).then_some(upload)
    }

    /// Where the upload is that this ticket opens.
    pub(crate) fn admitted(&self, id: &str, ticket: &str) -> Option<Place> {
        self.lock().get(id).filter(|upload| upload.ticket == ticket).map(|upload| upload.place.clone())
    }

    pub(crate) fn close(&self, id: &str) {
        if let Some(upload) = self.lock().remove(id) {
            upload.over.store(true, Ordering::Relaxed);
            // Without its record, a restart does not take the upload up again.
            let _ = fs::remove_file(record_path(&upload.path));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Upload>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::digest_of;

    fn upload(folder: &Path) -> Upload {
        let path = folder.join("bytes");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        Upload::new(&Place::new("123456789012", "eu-west-1"), "app", path, file).unwrap()
    }

    fn part(progress: &mut Progress, bytes: &[u8], floor: u64) {
        let start = progress.begin_part();
        progress.write(bytes).unwrap();
        progress.end_part(&start, floor).unwrap();
    }

    #[test]
    fn only_the_last_part_may_be_below_the_floor() {
        for (parts, undersized) in [
            (&["12345", "1"][..], false),
            (&["1"], false),
            (&["1", "12345"], true),
            (&["12345", "1", ""], false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let upload = upload(folder.path());
            let mut progress = upload.progress.try_lock().unwrap();
            parts.iter().for_each(|bytes| part(&mut progress, bytes.as_bytes(), 5));
            assert_eq!(progress.is_undersized(), undersized, "{parts:?}");
        }
    }

    #[test]
    fn a_part_that_is_rolled_back_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let upload = upload(folder.path());
        let mut progress = upload.progress.try_lock().unwrap();
        part(&mut progress, b"hello", 0);
        let start = progress.begin_part();
        progress.write(b"garbage").unwrap();
        progress.roll_back(start).unwrap();
        part(&mut progress, b" world", 0);
        assert_eq!((progress.size(), progress.parts()), (11, 2));
        assert_eq!(progress.digest(), digest_of(b"hello world"));
        assert_eq!(progress.first_part_end(), 5);
    }

    #[test]
    fn an_upload_is_taken_up_with_its_whole_parts_until_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let first = upload(folder.path());
        {
            let mut progress = first.progress.try_lock().unwrap();
            part(&mut progress, b"hello", 0);
            progress.write(b"cut off").unwrap();
        }
        let (id, ticket, place) = (first.id.clone(), first.ticket.clone(), first.place.clone());
        drop(first);
        let uploads = Uploads::restore(folder.path()).unwrap();
        assert_eq!(uploads.admitted(&id, &ticket), Some(place.clone()));
        assert_eq!(uploads.admitted(&id, "guessed"), None);
        let found = uploads.find(&id, &place, "app").unwrap();
        assert_eq!(found.committed(), 5);
        {
            let mut progress = found.progress.try_lock().unwrap();
            part(&mut progress, b" world", 0);
            assert_eq!((progress.size(), progress.digest()), (11, digest_of(b"hello world")));
        }
        uploads.close(&id);
        drop(found);
        assert!(Uploads::restore(folder.path()).unwrap().find(&id, &place, "app").is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
