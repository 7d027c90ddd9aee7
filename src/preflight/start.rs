//! What Lambda starts: the program that ENTRYPOINT names, the interpreter of a script, what `env` looks for.

use crate::image::LocalImage;
use crate::layer::ProgramForm;
use crate::rootfs::{FileSystem, Found, ImageContents, Node, NodeKind, NotFound, printable_path};

use super::Wanted;

/// The kernel follows no more interpreters than that (`exec: too many levels of script interpreters`).
const MOST_INTERPRETERS: usize = 5;
/// PATH as Lambda sets it where neither image nor function do.
const USUAL_PATH: &str = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin";
/// An EFS file system appears below it, which no image shows.
pub(super) const MOUNTED: &str = "/mnt/";

/// The command line that Lambda starts, and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    /// ENTRYPOINT followed by CMD; never empty.
    pub(super) arguments: Vec<String>,
    /// WORKDIR, or the root.
    pub(super) folder: String,
    path: String,
    library_path: String,
}

/// One program on the way to the one that runs.
#[derive(Debug, Clone)]
pub(super) struct Started<'a> {
    /// As it is named.
    pub(super) name: String,
    /// The script that names it; none for the entry point itself.
    pub(super) by: Option<String>,
    /// Where it is.
    pub(super) found: Result<Found<'a>, NotFound>,
    /// Why that is not what runs.
    pub(super) hidden: Option<Hidden>,
}

/// Why a function does not see what its image has at some path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    /// Below /tmp, over which Lambda mounts an empty folder.
    Temporary,
    /// In /proc or /dev, of which no image tells what is there.
    Untold,
}

impl<'a> Started<'a> {
    /// What is there, if it is the image's own that runs.
    pub(super) fn own_node(&self) -> Option<Node<'a>> {
        Some(self.found.as_ref().ok().filter(|_| self.hidden.is_none())?.node)
    }

    /// Whether it can be told where it is: in the upper layers alone what is not there may lie below, and so may what goes
    /// before it in PATH.
    pub(super) fn is_told_by(&self, contents: &ImageContents) -> bool {
        self.hidden != Some(Hidden::Untold)
            && (contents.is_whole() || (self.name.contains('/') && self.found.is_ok()))
    }
}

impl Start {
    /// None when there is nothing to start.
    pub(super) fn of(image: &LocalImage, wanted: &Wanted) -> Option<Self> {
        let config = &image.config;
        let entrypoint = wanted.entrypoint.as_ref().unwrap_or(&config.entrypoint);
        let command = wanted.command.as_ref().unwrap_or(&config.command);
        let arguments: Vec<String> = entrypoint.iter().chain(command).cloned().collect();
        if arguments.is_empty() {
            return None;
        }
        let folder = wanted.working_directory.as_ref().unwrap_or(&config.working_directory);
        let folder = if folder.is_empty() { "/" } else { folder };
        let set = |by_function: &Option<String>, name| {
            by_function.clone().or_else(|| variable(image, name).map(str::to_owned))
        };
        Some(Self {
            arguments,
            folder: folder.to_owned(),
            path: set(&wanted.path, "PATH").unwrap_or_else(|| USUAL_PATH.to_owned()),
            library_path: set(&wanted.library_path, "LD_LIBRARY_PATH").unwrap_or_default(),
        })
    }

    /// The folders of LD_LIBRARY_PATH as function or image set it, before those that Lambda has in it. An empty entry is the
    /// folder in which the program starts, but an empty variable is as good as none.
    pub(super) fn library_folders(&self) -> Vec<String> {
        let entries = self.library_path.split([':', ';']).filter(|_| !self.library_path.is_empty());
        entries.map(|entry| self.absolute(entry)).collect()
    }

    /// The entry point, and after it whatever starts it: a script's interpreter, the program that `env` looks for.
    pub(super) fn programs<'a>(&self, files: &'a FileSystem) -> Vec<Started<'a>> {
        let mut programs = vec![self.named(files, &self.arguments[0], None)];
        while programs.len() < MOST_INTERPRETERS {
            let next = programs.last().map(|last| self.after(files, last)).unwrap_or_default();
            if next.is_empty() {
                break;
            }
            programs.extend(next);
        }
        programs
    }

    /// What starts `last`, if it is a script: its interpreter and, where that is `env`, the program that it looks for.
    fn after<'a>(&self, files: &'a FileSystem, last: &Started<'a>) -> Vec<Started<'a>> {
        let Some(node) = last.own_node() else { return Vec::new() };
        let Some(ProgramForm::Script { interpreter, argument }) = node.program().map(|program| &program.form)
        else {
            return Vec::new();
        };
        let by = Some(node.path());
        let first = self.at(files, &String::from_utf8_lossy(interpreter), by.clone());
        let sought = interpreter.ends_with(b"/env").then(|| sought_by_env(argument.as_deref()?)).flatten();
        // An `env` that is a script is started by something else again, and is not the one we know.
        let is_env = first.own_node().is_some_and(|node| !is_script(node));
        let sought = sought.filter(|_| is_env).map(|name| self.named(files, &name, by));
        [Some(first), sought].into_iter().flatten().collect()
    }

    /// The program of this name: a path, or a name that is looked for in PATH.
    fn named<'a>(&self, files: &'a FileSystem, name: &str, by: Option<String>) -> Started<'a> {
        if name.contains('/') {
            return self.at(files, name, by);
        }
        let folders: Vec<String> = self.path.split(':').map(|folder| self.absolute(folder)).collect();
        let started = |path: String| self.at(files, &path, None);
        let mut candidates: Vec<Started<'a>> =
            folders.iter().map(|folder| started(format!("{folder}/{name}"))).collect();
        candidates.retain(|candidate| {
            candidate.found.as_ref().is_ok_and(|found| found.node.kind() == NodeKind::File)
        });
        // What is hidden is passed over when the search goes on to what is not.
        let place = candidates.iter().position(|candidate| candidate.hidden.is_none()).unwrap_or(0);
        let (found, hidden) = match candidates.into_iter().nth(place) {
            Some(candidate) => (candidate.found, candidate.hidden),
            None => {
                let at = printable_path(format!("{name} (in {})", self.path).as_bytes());
                let may_be_elsewhere = folders.iter().any(|folder| is_untold(folder));
                (Err(NotFound::Missing { at }), may_be_elsewhere.then_some(Hidden::Untold))
            }
        };
        Started { name: name.to_owned(), by, found, hidden }
    }

    /// The program at this path, as seen from WORKDIR.
    fn at<'a>(&self, files: &'a FileSystem, path: &str, by: Option<String>) -> Started<'a> {
        let absolute = self.absolute(path);
        let found = files.resolve(absolute.as_bytes());
        let hidden = Hidden::of(&absolute, &found);
        Started { name: path.to_owned(), by, found, hidden }
    }

    /// A path as seen from WORKDIR.
    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.folder) }
    }
}

impl Hidden {
    /// What hides what the image has at `path`, which leads to `found`.
    pub(super) fn of(path: &str, found: &Result<Found<'_>, NotFound>) -> Option<Self> {
        let end = match found {
            Ok(found) => found.node.path(),
            Err(NotFound::Missing { at } | NotFound::NotAFolder { at } | NotFound::Circle { at }) => {
                at.clone()
            }
        };
        // A path that goes back up is told by its end alone.
        let written = (!path.split('/').any(|name| name == "..")).then(|| Self::at(path)).flatten();
        written.or_else(|| Self::at(&end))
    }

    fn at(path: &str) -> Option<Self> {
        let mut names = path.split('/').filter(|name| !matches!(*name, "" | "."));
        match (names.next()?, names.next()) {
            ("tmp", Some(_)) => Some(Self::Temporary),
            ("proc" | "dev", _) => Some(Self::Untold),
            _ => None,
        }
    }
}

/// Whether the image does not tell what is in this folder of PATH.
fn is_untold(folder: &str) -> bool {
    Hidden::at(folder) == Some(Hidden::Untold) || folder.starts_with(MOUNTED)
}

pub(super) fn is_script(node: Node<'_>) -> bool {
    matches!(node.program().map(|program| &program.form), Some(ProgramForm::Script { .. }))
}

/// The value of one of the image's environment variables.
pub(super) fn variable<'a>(image: &'a LocalImage, name: &str) -> Option<&'a str> {
    let value = |entry: &'a String| entry.strip_prefix(name)?.strip_prefix('=');
    // The last one counts, as in any environment.
    image.config.environment.iter().rev().find_map(value)
}

/// The program that `env` is asked to start by the one argument that the kernel hands to it. None where more than plain words
/// say so, and where it would be looked for, or find its libraries, elsewhere than we look.
fn sought_by_env(argument: &[u8]) -> Option<String> {
    let argument = std::str::from_utf8(argument).ok()?;
    let Some(options) = argument.strip_prefix('-') else {
        // Nothing takes it apart: blanks are part of the name.
        return (!argument.contains('=')).then(|| argument.to_owned());
    };
    let (flags, line) = options.split_once('S')?;
    let is_plain = |text: &str| !text.contains(['"', '\'', '\\', '$', '#']);
    if !flags.chars().all(|flag| matches!(flag, 'i' | 'v')) || !is_plain(line) {
        return None;
    }
    let mut is_emptied = flags.contains('i');
    for word in line.split_whitespace() {
        match word.split_once('=') {
            _ if matches!(word, "-i" | "-" | "--ignore-environment") => is_emptied = true,
            _ if matches!(word, "-S" | "-v" | "--") => {}
            _ if word.starts_with('-') => return None,
            Some(("PATH" | "LD_LIBRARY_PATH", _)) => return None,
            Some(_) => {}
            // Without PATH each C library looks in folders of its own.
            None => return (!is_emptied || word.contains('/')).then(|| word.to_owned()),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_libraries_are_those_of_the_function_or_else_of_the_image() {
        let folders = |of_function: Option<&str>, of_image: &str| {
            let mut image = crate::samples::image();
            image.config.working_directory = "/app".to_owned();
            image.config.environment = vec![of_image.to_owned()];
            let library_path = of_function.map(str::to_owned);
            Start::of(&image, &Wanted { library_path, ..Wanted::default() }).unwrap().library_folders()
        };
        let none: [&str; 0] = [];
        assert_eq!(folders(None, "A=/b"), none);
        assert_eq!(folders(None, "LD_LIBRARY_PATH="), none, "empty is as good as not set");
        assert_eq!(folders(None, "LD_LIBRARY_PATH=/a:lib:"), ["/a", "/app/lib", "/app/"]);
        assert_eq!(folders(Some("/b"), "LD_LIBRARY_PATH=/a"), ["/b"]);
        assert_eq!(folders(Some(""), "LD_LIBRARY_PATH=/a"), none);
    }
}
