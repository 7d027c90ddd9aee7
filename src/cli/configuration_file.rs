//! Where the configuration file is, and what its templates stand for: the file system, the environment, git.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ArgMatches;

use crate::config::{GitFact, Sources};
use crate::report::{Failure, Stage};
use crate::values::Missing;

use super::values::Values;

/// The name that is looked for.
pub(super) const FILE_NAME: &str = "lambda-lift.toml";

/// The largest file that is read, as a configuration or for a template. Real ones have some kilobytes.
const LARGEST_FILE: u64 = 1 << 20;

/// How far up a file is looked for.
const MOST_FOLDERS: usize = 64;

/// The configuration file of a command: the one that was named, or the next one upward; none where there is none, or none is wanted.
pub(super) fn open(matches: &ArgMatches) -> Result<Option<(PathBuf, Vec<u8>)>, Failure> {
    let named = matches.try_get_one::<PathBuf>("config").ok().flatten();
    let unwanted = matches.try_get_one::<bool>("no_config").ok().flatten().is_none_or(|unwanted| *unwanted);
    if unwanted {
        return Ok(None);
    }
    let path = match named {
        Some(path) => path.clone(),
        None => match find()? {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let bytes = read(&path).map_err(|why| refused(format!("{} {why}", path.display()), None))?;
    Ok(Some((path, bytes)))
}

fn refused(message: String, hint: Option<String>) -> Failure {
    Failure { kind: "config", stage: Stage::Usage, message, hint }
}

/// Looks in the working directory, then above it. The root of a repository ends the search: what lies beyond is another project's.
fn find() -> Result<Option<PathBuf>, Failure> {
    let mut folder = PathBuf::new();
    let Ok(start) = std::env::current_dir() else { return Ok(None) };
    for above in start.ancestors().take(MOST_FOLDERS) {
        let path = folder.join(FILE_NAME);
        if path.symlink_metadata().is_ok() {
            distrust(&path, above == start)?;
            return Ok(Some(path));
        }
        if above.join(".git").exists() {
            return Ok(None);
        }
        folder.push("..");
    }
    Ok(None)
}

/// A file above the working directory that another user put there is not believed: it would choose what is deployed, and where.
#[cfg(unix)]
fn distrust(path: &Path, is_here: bool) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let own = rustix::process::geteuid().as_raw();
    match path.metadata() {
        Ok(metadata) if !is_here && !is_trusted(metadata.uid(), own) => Err(refused(
            format!("{} belongs to another user", path.display()),
            Some(format!("name it with --config {} to use it, or use --no-config", path.display())),
        )),
        _ => Ok(()),
    }
}

/// Whether a file of `owner` is believed by `own`: its own files, and the system's.
#[cfg(unix)]
fn is_trusted(owner: u32, own: u32) -> bool {
    owner == own || owner == 0
}

#[cfg(not(unix))]
fn distrust(_: &Path, _: bool) -> Result<(), Failure> {
    Ok(())
}

/// Reads a plain file. What is wrong is said without its name.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let metadata = path.metadata().map_err(failed)?;
    // Opening a pipe would wait for somebody to write to it.
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "is a directory" } else { "is a pipe or a device" };
        return Err(format!("{kind}, not a plain file"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("has more than {LARGEST_FILE} bytes, far more than such a file needs"));
    }
    Ok(bytes)
}

/// What templates stand for, seen from a configuration file.
pub(super) struct Surroundings<'a> {
    folder: PathBuf,
    elsewhere: Option<(&'a Values, &'a BTreeMap<String, String>)>,
}

/// An environment variable of this process.
pub(super) fn variable(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("the environment variable {name} is not UTF-8"))
        }
    }
}

impl<'a> Surroundings<'a> {
    /// Those of the file at `path`, without values from elsewhere: for what says where those are.
    pub(super) fn beside(path: &Path) -> Self {
        Self { folder: path.parent().map(Path::to_owned).unwrap_or_default(), elsewhere: None }
    }

    /// The same with values from elsewhere, and the variables of environment files.
    pub(super) fn with(self, values: &'a Values, variables: &'a BTreeMap<String, String>) -> Self {
        Self { elsewhere: Some((values, variables)), ..self }
    }

    fn values(&self) -> Result<&Values, Missing> {
        let none = "this key says where values are asked for, and so its own cannot be asked for there";
        self.elsewhere
            .map(|(values, _)| values)
            .ok_or_else(|| Missing::new(none).hint("write ${env:NAME} or ${file:PATH}, or the value itself"))
    }
}

impl Sources for Surroundings<'_> {
    fn variable(&self, name: &str) -> Result<Option<String>, String> {
        match self.elsewhere.and_then(|(_, variables)| variables.get(name)) {
            Some(value) => Ok(Some(value.clone())),
            None => variable(name),
        }
    }

    fn parameter(&self, name: &str, place: Option<usize>) -> Result<String, Missing> {
        self.values()?.parameter(name, place, true)
    }

    fn state(&self, prefix: &str, address: &str) -> Result<String, Missing> {
        self.values()?.state(prefix, address).map(|found| found.as_text())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let path = self.folder.join(path);
        let bytes = read(&path).map_err(|why| format!("{} {why}", path.display()))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))?;
        // Editors end a file with a line break, which nobody means to be part of a token.
        let text =
            text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).unwrap_or(&text);
        Ok(text.to_owned())
    }

    fn git(&self, fact: GitFact) -> Result<String, String> {
        let (arguments, otherwise): (&[&str], &str) = match fact {
            GitFact::Commit => (&["rev-parse", "--verify", "HEAD"], "there is no commit"),
            GitFact::Short => (&["rev-parse", "--verify", "--short=7", "HEAD"], "there is no commit"),
            GitFact::Tag => (&["describe", "--tags", "--exact-match", "HEAD"], "the commit has no tag"),
            GitFact::Branch => {
                (&["symbolic-ref", "--short", "HEAD"], "no branch is checked out, only a commit")
            }
        };
        if self.ask_git(&["rev-parse", "--git-dir"])?.is_none() {
            return Err("git knows of no repository here that it trusts".to_owned());
        }
        self.ask_git(arguments)?.ok_or_else(|| otherwise.to_owned())
    }
}

impl Surroundings<'_> {
    /// What git answers; none where it fails.
    fn ask_git(&self, arguments: &[&str]) -> Result<Option<String>, String> {
        let mut command = Command::new("git");
        if !self.folder.as_os_str().is_empty() {
            command.arg("-C").arg(&self.folder);
        }
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "git is not installed".to_owned(),
            _ => format!("git does not run: {error}"),
        })?;
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        Ok(output.status.success().then_some(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn files_of_other_users_are_not_believed() {
        for (owner, own, trusted) in
            [(1000, 1000, true), (0, 1000, true), (1001, 1000, false), (1000, 0, false)]
        {
            assert_eq!(is_trusted(owner, own), trusted, "{owner} {own}");
        }
    }

    #[test]
    fn a_file_for_a_template_is_read_without_the_line_break_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let sources = Surroundings::beside(&folder.path().join(FILE_NAME));
        for (content, text) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("", ""), ("\n", "")] {
            std::fs::write(folder.path().join("token"), content).unwrap();
            assert_eq!(sources.file("token").as_deref(), Ok(text), "{content:?}");
        }
        std::fs::write(folder.path().join("token"), b"\xff").unwrap();
        assert!(sources.file("token").unwrap_err().ends_with("token is not UTF-8"));
    }
}
