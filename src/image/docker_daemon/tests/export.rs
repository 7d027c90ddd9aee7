//! What is kept of a stream, without a daemon.

use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::super::DaemonProblem;
use super::super::spool::{Keep, SpoolSettings, Spooling, spool};
use crate::image::error::Problem;
use crate::image::fixture::TarFile;

fn settings(folder: &Path) -> SpoolSettings {
    SpoolSettings { folder: folder.to_owned(), kept_limit: 1 << 20, read_limit: 3 << 20 }
}

/// Files of a quarter of a mebibyte, without end.
fn endless() -> impl Read {
    let entry = |number: u32| {
        let mut archive = TarFile::default().file(&number.to_string(), &vec![b'x'; 1 << 18]).finish();
        archive.truncate(512 + (1 << 18));
        archive
    };
    struct Endless<F>(F, u32, io::Cursor<Vec<u8>>);
    impl<F: FnMut(u32) -> Vec<u8>> Read for Endless<F> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.2.position() == self.2.get_ref().len() as u64 {
                self.1 += 1;
                self.2 = io::Cursor::new((self.0)(self.1));
            }
            self.2.read(buffer)
        }
    }
    Endless(entry, 0, io::Cursor::default())
}

#[test]
fn an_endless_export_ends_at_what_is_kept_or_at_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    for (keep, stated) in
        [(Keep::Everything, settings.kept_limit), (Keep::OfSizes(HashSet::new()), settings.read_limit)]
    {
        let ended = spool(endless(), &keep, &settings, Path::new("daemon"));
        assert!(
            matches!(ended, Err(Problem::Daemon(DaemonProblem::TooLong { limit })) if limit == stated),
            "{ended:?}"
        );
    }
    // Zeros without end end an archive, whatever follows.
    let padded = TarFile::default().file("manifest.json", b"[]").finish();
    let padded = spool(padded[..].chain(io::repeat(0)), &Keep::Everything, &settings, Path::new("daemon"));
    assert!(matches!(padded, Err(Problem::Daemon(DaemonProblem::TooLong { .. }))), "{padded:?}");
}

/// A disk that has room for so many bytes.
struct Disk(usize, io::ErrorKind);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(self.1)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

#[test]
fn a_full_disk_is_told_apart_from_a_broken_one() {
    let settings = settings(Path::new("/somewhere"));
    for (kind, says) in [
        (io::ErrorKind::StorageFull, "there is no room for the image in /somewhere, after"),
        (io::ErrorKind::QuotaExceeded, "there is no room"),
        (io::ErrorKind::Other, "cannot be kept in /somewhere"),
    ] {
        let mut spooling = Spooling::new(io::repeat(1), Disk(100_000, kind), &settings);
        let failure = spooling.failure();
        io::copy(&mut spooling, &mut io::sink()).unwrap_err();
        let problem = failure.take().unwrap();
        assert!(problem.to_string().contains(says), "{problem}");
        assert!(problem.hint().contains("--cache-dir"));
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let settings = settings(&file.join("below"));
    let ended = spool(io::empty(), &Keep::Everything, &settings, Path::new("daemon"));
    assert!(matches!(ended, Err(Problem::Daemon(DaemonProblem::NotKept { .. }))), "{ended:?}");
}
