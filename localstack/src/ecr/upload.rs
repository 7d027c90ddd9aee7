//! Uploads that are under way: the bytes so far, hashed as they come, and how they were cut into parts.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::Place;

/// One upload session.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) repository: String,
    pub(crate) path: PathBuf,
    /// Parts of one layer come one after the other: whoever adds one holds this.
    pub(crate) progress: Arc<tokio::sync::Mutex<Progress>>,
}

impl Drop for Upload {
    fn drop(&mut self) {
        // A finished upload's file was renamed, so this only removes what was abandoned.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What has arrived of a layer.
#[derive(Debug)]
pub(crate) struct Progress {
    file: File,
    hasher: Sha256,
    size: u64,
    first_part_end: Option<u64>,
    last_part: Option<u64>,
    undersized: bool,
}

/// Where a part began, to go back to.
#[derive(Debug)]
pub(crate) struct PartStart {
    hasher: Sha256,
    size: u64,
}

impl Progress {
    pub(crate) fn new(file: File) -> Self {
        Progress {
            file,
            hasher: Sha256::new(),
            size: 0,
            first_part_end: None,
            last_part: None,
            undersized: false,
        }
    }

    /// Bytes stored so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Where the first part ended: the number at which ECR's `Range` stays.
    pub(crate) fn first_part_end(&self) -> u64 {
        self.first_part_end.unwrap_or(0)
    }

    /// Whether a part other than the last was below the floor.
    pub(crate) fn is_undersized(&self) -> bool {
        self.undersized
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
    pub(crate) fn end_part(&mut self, start: &PartStart, floor: u64) {
        let length = self.size - start.size;
        if length == 0 {
            return;
        }
        self.undersized |= self.last_part.is_some_and(|last| last < floor);
        self.last_part = Some(length);
        self.first_part_end.get_or_insert(self.size);
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

/// All uploads that are under way. They do not outlive the process, as ECR's do not outlive a day.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    open: Mutex<HashMap<String, Arc<Upload>>>,
}

impl Uploads {
    pub(crate) fn open(&self, upload: Upload) {
        self.lock().insert(upload.id.clone(), Arc::new(upload));
    }

    /// The upload of that id, if it is one of that repository.
    pub(crate) fn find(&self, id: &str, place: &Place, repository: &str) -> Option<Arc<Upload>> {
        let upload = self.lock().get(id).cloned()?;
        (upload.place == *place && upload.repository == repository).then_some(upload)
    }

    pub(crate) fn close(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Upload>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::digest_of;

    fn progress() -> Progress {
        Progress::new(tempfile::tempfile().unwrap())
    }

    fn part(progress: &mut Progress, bytes: &[u8], floor: u64) {
        let start = progress.begin_part();
        progress.write(bytes).unwrap();
        progress.end_part(&start, floor);
    }

    #[test]
    fn only_the_last_part_may_be_below_the_floor() {
        for (parts, undersized) in [
            (&["12345", "1"][..], false),
            (&["1"], false),
            (&["1", "12345"], true),
            (&["12345", "1", ""], false),
        ] {
            let mut progress = progress();
            parts.iter().for_each(|bytes| part(&mut progress, bytes.as_bytes(), 5));
            assert_eq!(progress.is_undersized(), undersized, "{parts:?}");
        }
    }

    #[test]
    fn a_part_that_is_rolled_back_leaves_no_trace() {
        let mut progress = progress();
        part(&mut progress, b"hello", 0);
        let start = progress.begin_part();
        progress.write(b"garbage").unwrap();
        progress.roll_back(start).unwrap();
        part(&mut progress, b" world", 0);
        assert_eq!(progress.size(), 11);
        assert_eq!(progress.digest(), digest_of(b"hello world"));
        assert_eq!(progress.first_part_end(), 5);
    }
}
