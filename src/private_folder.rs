//! A folder of small files that outlive a run, and that nobody but this user can write.
//!
//! Whoever can write to what a later run believes can choose what it deploys, so a folder that somebody else owns, or that
//! others can write, is neither read nor written. Files are put in place by a rename: runs in parallel never see half of
//! one. Nothing here knows what the files say.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A folder of small files.
#[derive(Debug, Clone)]
pub struct PrivateFolder {
    path: PathBuf,
    most_files: usize,
}

/// Why a folder is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Somebody else owns it, and so decides what is in it.
    #[error("{} belongs to another user (id {owner})", path.display())]
    ForeignOwner {
        /// The folder.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
    },
    /// Others can write to it.
    #[error("{} can be written by other users", path.display())]
    WritableByOthers {
        /// The folder, or the one that it lies in.
        path: PathBuf,
    },
    /// It is something else than a folder.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What is there.
        path: PathBuf,
    },
}

impl Distrust {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        let other = "give another folder with --cache-dir";
        match self {
            Self::WritableByOthers { path } => format!("chmod go-w {}, or {other}", path.display()),
            Self::ForeignOwner { .. } | Self::NotAFolder { .. } => other.to_owned(),
        }
    }
}

impl PrivateFolder {
    /// The folder at `path`, with room for so many files. It is made when the first one is put.
    pub fn new(path: impl Into<PathBuf>, most_files: usize) -> Self {
        Self { path: path.into(), most_files }
    }

    /// The same folder with room for another number of files.
    pub fn with_most_files(self, most_files: usize) -> Self {
        Self { most_files, ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why nothing in the folder is believed; none when it may be used, or is not there yet.
    pub fn distrust(&self) -> Option<Distrust> {
        // Whoever may rename what lies beside it could put another folder in its place.
        let above = self.path.parent().and_then(|parent| {
            let metadata = fs::metadata(parent).ok()?;
            open_to_all(&metadata).then(|| Distrust::WritableByOthers { path: parent.to_owned() })
        });
        above.or_else(|| judge(&self.path, &fs::metadata(&self.path).ok()?))
    }

    /// The text of a file of at most `longest` bytes; none when there is none that can be read and believed.
    pub fn read(&self, name: &str, longest: u64) -> Option<String> {
        String::from_utf8(self.read_bytes(name, longest)?).ok()
    }

    /// The bytes of a file of at most `longest` bytes; none when there is none that can be read and believed.
    pub fn read_bytes(&self, name: &str, longest: u64) -> Option<Vec<u8>> {
        if self.distrust().is_some() {
            return None;
        }
        let path = self.path.join(name);
        // To open a pipe would wait for somebody at its other end.
        if !path.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        File::open(&path).ok()?.take(longest + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= longest).then_some(bytes)
    }

    /// Notes that a file was of use: the least recently used ones are dropped first.
    pub fn touch(&self, name: &str) {
        // Not worth an error, in a folder that is read-only for example.
        let path = self.path.join(name);
        if path.is_file()
            && let Ok(file) = File::options().append(true).open(path)
        {
            let _ = file.set_modified(SystemTime::now());
        }
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) {
        // What is not there, or cannot be removed, is found useless again by the next run.
        let _ = fs::remove_file(self.path.join(name));
    }

    /// Puts a file in place, and drops the least recently used ones when there are too many.
    ///
    /// # Errors
    /// Fails when the folder cannot be written to or is not to be trusted; the caller may go on without.
    pub fn put(&self, name: &str, text: &[u8]) -> io::Result<()> {
        create_private_folder(&self.path)?;
        if let Some(distrust) = self.distrust() {
            return Err(io::Error::other(distrust));
        }
        let path = self.path.join(name);
        let temporary = path.with_extension(format!("{:016x}.tmp", fastrand::u64(..)));
        let written = write_new(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        self.drop_oldest()
    }

    /// Removes the least recently used files beyond the bound; left-over temporary files are among them.
    fn drop_oldest(&self) -> io::Result<()> {
        let names: Vec<PathBuf> = fs::read_dir(&self.path)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_ours(path))
            .collect();
        if names.len() <= self.most_files {
            return Ok(());
        }
        // A parallel run may have removed some meanwhile.
        let dated = |path: PathBuf| {
            let metadata = fs::metadata(&path).ok().filter(Metadata::is_file)?;
            Some((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), path))
        };
        let mut files: Vec<(SystemTime, PathBuf)> = names.into_iter().filter_map(dated).collect();
        files.sort();
        let excess = files.len().saturating_sub(self.most_files);
        for (_, path) in &files[..excess] {
            let _ = fs::remove_file(path);
        }
        Ok(())
    }
}

fn is_ours(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["json", "zst", "tmp"].iter().any(|ours| extension == *ours))
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    private(File::options().write(true).create_new(true)).open(path)?.write_all(text)
}

/// Files that are made with these options can be read by this user only: the folder may have been made by somebody who
/// lets others look into it.
pub(crate) fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes a folder, and those that it lies in, for this user only.
pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn judge(path: &Path, found: &Metadata) -> Option<Distrust> {
    use std::os::unix::fs::MetadataExt as _;
    let me = rustix::process::geteuid().as_raw();
    judge_ownership(path, found.is_dir(), found.uid(), found.mode(), me)
}

#[cfg(not(unix))]
fn judge(path: &Path, found: &Metadata) -> Option<Distrust> {
    judge_ownership(path, found.is_dir(), 0, 0, 0)
}

fn judge_ownership(path: &Path, is_folder: bool, owner: u32, mode: u32, me: u32) -> Option<Distrust> {
    let path = path.to_owned();
    if !is_folder {
        return Some(Distrust::NotAFolder { path });
    }
    if owner != me {
        return Some(Distrust::ForeignOwner { path, owner });
    }
    (mode & 0o022 != 0).then_some(Distrust::WritableByOthers { path })
}

/// Whether everybody may rename and remove what lies in a folder. In a sticky one, such as /tmp, only owners may.
#[cfg(unix)]
fn open_to_all(folder: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    folder.mode() & 0o002 != 0 && folder.mode() & 0o1000 == 0
}

#[cfg(not(unix))]
fn open_to_all(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_of_our_own_that_nobody_else_writes_is_trusted() {
        let path = Path::new("/cache/layers");
        let foreign = Distrust::ForeignOwner { path: path.to_owned(), owner: 7 };
        let open = Distrust::WritableByOthers { path: path.to_owned() };
        let file = Distrust::NotAFolder { path: path.to_owned() };
        for (is_folder, owner, mode, expected) in [
            (true, 1000, 0o700, None),
            (true, 1000, 0o755, None),
            (true, 1000, 0o500, None),
            (true, 1000, 0o775, Some(&open)),
            (true, 1000, 0o702, Some(&open)),
            (true, 1000, 0o1777, Some(&open)),
            (true, 7, 0o700, Some(&foreign)),
            (false, 1000, 0o600, Some(&file)),
        ] {
            let found = judge_ownership(path, is_folder, owner, mode, 1000);
            assert_eq!(found.as_ref(), expected, "{owner} {mode:o}");
        }
    }

    #[cfg(unix)]
    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_write_is_neither_read_nor_written() {
        let above = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::new(above.path().join("a"), 10);
        folder.put("one.json", b"1").unwrap();
        assert_eq!(folder.read("one.json", 10).as_deref(), Some("1"));
        for (place, mode) in [(folder.path(), 0o777), (above.path(), 0o777)] {
            let before = fs::metadata(place).unwrap().permissions();
            set_mode(place, mode);
            let distrust = folder.distrust().unwrap();
            assert_eq!(distrust, Distrust::WritableByOthers { path: place.to_owned() });
            assert!(distrust.hint().contains(&place.display().to_string()));
            assert_eq!(folder.read("one.json", 10), None);
            assert!(folder.put("two.json", b"2").is_err());
            assert!(!folder.path().join("two.json").exists());
            fs::set_permissions(place, before).unwrap();
        }
        set_mode(above.path(), 0o1777);
        assert_eq!(folder.distrust(), None, "in a sticky folder nobody can put another one in its place");
        assert_eq!(folder.read("one.json", 10).as_deref(), Some("1"));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_made_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let above = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::new(above.path().join("a/b"), 10);
        assert_eq!(folder.distrust(), None);
        folder.put("one.json", b"1").unwrap();
        for made in ["a", "a/b"] {
            let mode = fs::metadata(above.path().join(made)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{made} {mode:o}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_leaves_nothing_behind() {
        let above = tempfile::tempdir().unwrap();
        fs::write(above.path().join("file"), b"").unwrap();
        let folder = PrivateFolder::new(above.path().join("file"), 10);
        assert!(folder.put("one.json", b"1").is_err());
        assert_eq!(folder.read("one.json", 10), None);
        // Where the file cannot be put in place, as on a full disk, its temporary file goes too.
        let folder = PrivateFolder::new(above.path().join("full"), 10);
        fs::create_dir(folder.path()).unwrap();
        fs::create_dir(folder.path().join("one.json")).unwrap();
        fs::write(folder.path().join("one.json/in_the_way"), b"").unwrap();
        assert!(folder.put("one.json", b"1").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the temporary file is gone");
    }
}
