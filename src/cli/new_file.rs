//! A file that is there whole or not at all, and in place of nothing that somebody else put there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::report::{Failure, Stage};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Whoever may read what this user writes.
    AsUsual,
    /// This user alone.
    Owner,
}

/// A file that is written, beside the place where it shall be.
#[derive(Debug)]
pub(super) struct NewFile {
    path: PathBuf,
    /// Where its content is until it is in place.
    temporary: PathBuf,
    replaces: bool,
}

impl NewFile {
    /// Writes `text` beside `path`. What is there is only ever replaced by `force`, and only where it is a plain file.
    pub(super) fn beside(path: &Path, text: &str, readers: Readers, force: bool) -> Result<Self, Failure> {
        let found = path.symlink_metadata().ok();
        if let Some(found) = &found {
            check_replaceable(path, found, force)?;
        }
        let name =
            path.file_name().ok_or_else(|| refused(format!("{} names no file", path.display()), None))?;
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{:016x}.tmp", fastrand::u64(..)));
        let new = Self {
            path: path.to_owned(),
            temporary: path.with_file_name(temporary),
            replaces: found.is_some(),
        };
        let mut file = create(&new.temporary, readers).map_err(|error| new.failed(&error))?;
        let written = keep_mode(&file, found.as_ref(), readers)
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.sync_all());
        written.map_err(|error| new.failed(&error))?;
        Ok(new)
    }

    /// Puts it in place.
    pub(super) fn place(self) -> Result<(), Failure> {
        if self.replaces {
            // A rename takes the place of a name, and follows no link that was put there meanwhile.
            return std::fs::rename(&self.temporary, &self.path).map_err(|error| self.failed(&error));
        }
        match std::fs::hard_link(&self.temporary, &self.path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(is_there(&self.path)),
            // A file system without links: whoever makes the name first has it.
            Err(_) => self.copy().map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => is_there(&self.path),
                _ => self.failed(&error),
            }),
        }
    }

    fn copy(&self) -> io::Result<()> {
        let mut from = File::open(&self.temporary)?;
        let mut to = OpenOptions::new().write(true).create_new(true).open(&self.path)?;
        to.set_permissions(from.metadata()?.permissions())?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    }

    fn failed(&self, error: &io::Error) -> Failure {
        refused(format!("{} cannot be written: {error}", self.path.display()), None)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After a rename there is nothing left.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

fn refused(message: String, hint: Option<String>) -> Failure {
    Failure { kind: "output_file", stage: Stage::Usage, message, hint }
}

fn is_there(path: &Path) -> Failure {
    let hint = "replace it with --force, name another file with --output-file, or print with --stdout";
    refused(format!("{} is there already", path.display()), Some(hint.to_owned()))
}

fn check_replaceable(path: &Path, found: &std::fs::Metadata, force: bool) -> Result<(), Failure> {
    if !force {
        return Err(is_there(path));
    }
    if found.is_file() {
        return Ok(());
    }
    let what = if found.is_symlink() { "a link" } else { "no plain file" };
    let hint = "name the file itself with --output-file";
    Err(refused(format!("{} is {what}, and is not replaced", path.display()), Some(hint.to_owned())))
}

#[cfg(unix)]
fn create(path: &Path, readers: Readers) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mode = if readers == Readers::Owner { 0o600 } else { 0o666 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path, _: Readers) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Gives a file the mode of the one that it replaces.
#[cfg(unix)]
fn keep_mode(file: &File, found: Option<&std::fs::Metadata>, readers: Readers) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(found) = found else { return Ok(()) };
    let most = if readers == Readers::Owner { 0o600 } else { 0o777 };
    file.set_permissions(std::fs::Permissions::from_mode(found.permissions().mode() & most))
}

#[cfg(not(unix))]
fn keep_mode(_: &File, _: Option<&std::fs::Metadata>, _: Readers) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn write(path: &Path, text: &str, readers: Readers, force: bool) -> Result<(), Failure> {
        NewFile::beside(path, text, readers, force)?.place()
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_there_stays_unless_it_is_a_plain_file_and_replacing_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        write(&path, "one", Readers::AsUsual, false).unwrap();
        let refused = write(&path, "two", Readers::AsUsual, false).unwrap_err();
        assert!(refused.message.ends_with("is there already") && refused.hint.unwrap().contains("--force"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write(&path, "two", Readers::AsUsual, true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        let link = folder.path().join("link.toml");
        symlink(&path, &link).unwrap();
        for force in [false, true] {
            assert!(write(&link, "three", Readers::AsUsual, force).is_err());
        }
        let dangling = folder.path().join("dangling.toml");
        symlink(folder.path().join("victim"), &dangling).unwrap();
        assert!(write(&dangling, "three", Readers::AsUsual, false).is_err());
        assert!(write(folder.path(), "three", Readers::AsUsual, true).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(names(folder.path()), ["a.toml", "dangling.toml", "link.toml"], "nothing is left over");
    }

    #[test]
    fn secrets_are_for_their_owner_alone_from_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let path = folder.path().join("a.toml");
        let new = NewFile::beside(&path, "x", Readers::Owner, false).unwrap();
        assert_eq!(mode(&new.temporary), 0o600);
        new.place().unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write(&path, "y", Readers::AsUsual, true).unwrap();
        assert_eq!(mode(&path), 0o640);
        write(&path, "y", Readers::Owner, true).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn of_two_that_write_at_once_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let one = NewFile::beside(&path, "one", Readers::AsUsual, false).unwrap();
        let two = NewFile::beside(&path, "two", Readers::AsUsual, false).unwrap();
        two.place().unwrap();
        assert!(one.place().unwrap_err().message.ends_with("is there already"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(names(folder.path()), ["a.toml"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("no/a.toml"), "x", Readers::AsUsual, false).unwrap_err();
        assert!(error.message.contains("cannot be written"), "{}", error.message);
        assert!(write(Path::new("/"), "x", Readers::AsUsual, false).is_err());
    }
}
