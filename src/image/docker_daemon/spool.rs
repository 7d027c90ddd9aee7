//! The file in which the needed parts of an export lie while they are needed.
//!
//! It has no name: the operating system frees it when the last reader is gone, even if this process is killed. Bytes lie
//! at the offsets that they have in the stream; what is not needed is a hole, which takes no room.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::DaemonProblem;
use crate::image::UNCOMPRESSED_LIMIT;
use crate::image::archive::Archive;
use crate::image::error::Problem;
use crate::private_folder::create_private_folder;

/// What is kept at most: the largest image that Lambda takes, and a tenth for what an archive adds.
pub(super) const KEPT_LIMIT: u64 = UNCOMPRESSED_LIMIT / 10 * 11;

/// What is read at most. An image for several platforms is exported whole, so it may be some times as long.
const READ_LIMIT: u64 = 6 * KEPT_LIMIT;

/// Which bodies of an export are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keep {
    Everything,
    /// Those of these sizes: what a layer is called in an export differs from daemon to daemon, its size does not. That
    /// another file has the same size by chance costs room and nothing else.
    OfSizes(HashSet<u64>),
}

impl Keep {
    fn wants(&self, size: u64) -> bool {
        match self {
            Self::Everything => true,
            Self::OfSizes(sizes) => sizes.contains(&size),
        }
    }
}

/// Where an export is kept, and how much of it.
#[derive(Debug, Clone)]
pub(super) struct SpoolSettings {
    pub(super) folder: PathBuf,
    pub(super) kept_limit: u64,
    pub(super) read_limit: u64,
}

impl SpoolSettings {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), kept_limit: KEPT_LIMIT, read_limit: READ_LIMIT }
    }
}

/// Reads an export to its end, keeps what is wanted, and indexes it.
pub(super) fn spool(
    stream: impl Read,
    keep: &Keep,
    settings: &SpoolSettings,
    place: &Path,
) -> Result<Archive, Problem> {
    let folder = &settings.folder;
    let not_kept = |reason| DaemonProblem::NotKept { folder: folder.clone(), reason };
    let file = nameless_file(folder).map_err(not_kept)?;
    let file = Arc::new(file);
    let mut spooling = Spooling::new(stream, &*file, settings);
    let (skipping, failure) = (Rc::clone(&spooling.skipping), spooling.failure());
    let body = |begins: Option<u64>| skipping.set(begins.is_some_and(|size| !keep.wants(size)));
    let indexed = Archive::index_stream(&mut spooling, Arc::clone(&file), place, body);
    // What ended the stream says more than that the archive ends early.
    let indexed = match failure.take() {
        Some(problem) => return Err(problem.into()),
        None => indexed?,
    };
    // Behind the archive's end there may be padding; whether the daemon meant to end shows behind that.
    skipping.set(true);
    let drained = io::copy(&mut spooling, &mut io::sink());
    match (failure.take(), drained) {
        (Some(problem), _) => Err(problem.into()),
        (None, Err(reason)) => Err(Problem::DamagedArchive { after: "its last entry".to_owned(), reason }),
        (None, Ok(_)) => Ok(indexed),
    }
}

/// A file that is gone with its last handle, for this user alone.
fn nameless_file(folder: &Path) -> io::Result<File> {
    create_private_folder(folder)?;
    tempfile::tempfile_in(folder)
}

/// Copies what is read through it to the file.
pub(super) struct Spooling<'a, R, F> {
    stream: R,
    file: F,
    settings: &'a SpoolSettings,
    position: u64,
    kept: u64,
    skipping: Rc<Cell<bool>>,
    failure: Rc<RefCell<Option<DaemonProblem>>>,
}

impl<'a, R: Read, F: Write + Seek> Spooling<'a, R, F> {
    pub(super) fn new(stream: R, file: F, settings: &'a SpoolSettings) -> Self {
        let (skipping, failure) = (Rc::default(), Rc::default());
        Self { stream, file, settings, position: 0, kept: 0, skipping, failure }
    }

    /// Where this says what ended it, if it was not the stream: the archive's reader would wrap it.
    pub(super) fn failure(&self) -> Rc<RefCell<Option<DaemonProblem>>> {
        Rc::clone(&self.failure)
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.position))?;
        self.file.write_all(bytes)
    }

    fn fail(&self, problem: DaemonProblem) -> io::Error {
        let error = io::Error::other(problem.to_string());
        self.failure.borrow_mut().get_or_insert(problem);
        error
    }

    fn not_kept(&self, reason: io::Error) -> io::Error {
        let folder = self.settings.folder.clone();
        self.fail(match reason.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                DaemonProblem::NoRoom { folder, written: self.kept }
            }
            _ => DaemonProblem::NotKept { folder, reason },
        })
    }
}

impl<R: Read, F: Write + Seek> Read for Spooling<'_, R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        if !self.skipping.get() {
            self.kept += count as u64;
            if self.kept <= self.settings.kept_limit {
                self.keep(&buffer[..count]).map_err(|reason| self.not_kept(reason))?;
            }
        }
        self.position += count as u64;
        for (length, limit) in
            [(self.kept, self.settings.kept_limit), (self.position, self.settings.read_limit)]
        {
            if length > limit {
                return Err(self.fail(DaemonProblem::TooLong { limit }));
            }
        }
        Ok(count)
    }
}
