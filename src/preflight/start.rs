//! What Lambda starts: the program that ENTRYPOINT names, the interpreter of a script, what `env` looks for.

use crate::image::LocalImage;
use crate::layer::ProgramForm;
use crate::rootfs::{FileSystem, Found, ImageContents, NodeKind, NotFound};

use super::Wanted;

/// The kernel follows no more interpreters than that (`exec: too many levels of script interpreters`).
const MOST_INTERPRETERS: usize = 5;
/// Where a program without a path is looked for when the image sets no PATH.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The command line that Lambda starts, and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    /// ENTRYPOINT followed by CMD; never empty.
    pub(super) arguments: Vec<String>,
    /// WORKDIR, or the root.
    pub(super) folder: String,
    path: String,
    /// LD_LIBRARY_PATH as the image sets it, before the folders that Lambda has in it.
    pub(super) library_path: String,
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
}

impl Started<'_> {
    /// Whether it can be told where it is: in the upper layers alone what is not there may lie below, and so may what goes
    /// before it in PATH.
    pub(super) fn is_told_by(&self, contents: &ImageContents) -> bool {
        contents.is_whole() || (self.name.contains('/') && self.found.is_ok())
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
        Some(Self {
            arguments,
            folder: folder.to_owned(),
            path: variable(image, "PATH").unwrap_or(USUAL_PATH).to_owned(),
            library_path: variable(image, "LD_LIBRARY_PATH").unwrap_or_default().to_owned(),
        })
    }

    /// The entry point, and after it whatever starts it: a script's interpreter, the program that `env` looks for.
    pub(super) fn programs<'a>(&self, files: &'a FileSystem) -> Vec<Started<'a>> {
        let mut programs = vec![self.started(files, &self.arguments[0], None)];
        while programs.len() < MOST_INTERPRETERS {
            let next = programs.last().and_then(|last| self.next(files, last));
            let Some(next) = next else { break };
            programs.push(next);
        }
        programs
    }

    fn next<'a>(&self, files: &'a FileSystem, last: &Started<'a>) -> Option<Started<'a>> {
        let node = last.found.as_ref().ok()?.node;
        let ProgramForm::Script { interpreter, argument } = &node.program()?.form else { return None };
        let argument = argument.as_deref().unwrap_or_default();
        let name = if interpreter.ends_with(b"/env") { sought_by_env(argument)? } else { text(interpreter) };
        Some(self.started(files, &name, Some(node.path())))
    }

    fn started<'a>(&self, files: &'a FileSystem, name: &str, by: Option<String>) -> Started<'a> {
        Started { name: name.to_owned(), by, found: self.find(files, name) }
    }

    /// Where the program of this name is: a path, or a name that is looked for in PATH.
    fn find<'a>(&self, files: &'a FileSystem, name: &str) -> Result<Found<'a>, NotFound> {
        if name.contains('/') {
            return files.resolve(self.absolute(name).as_bytes());
        }
        let is_file = |found: &Found<'_>| found.node.kind() == NodeKind::File;
        let found = self.path.split(':').find_map(|folder| {
            let path = format!("{}/{name}", self.absolute(folder));
            files.resolve(path.as_bytes()).ok().filter(is_file)
        });
        found.ok_or_else(|| NotFound::Missing { at: format!("{name} (in {})", self.path) })
    }

    /// A path as seen from WORKDIR.
    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.folder) }
    }
}

/// The value of one of the image's environment variables.
pub(super) fn variable<'a>(image: &'a LocalImage, name: &str) -> Option<&'a str> {
    let value = |entry: &'a String| entry.strip_prefix(name)?.strip_prefix('=');
    // The last one counts, as in any environment.
    image.config.environment.iter().rev().find_map(value)
}

/// The program that `env` is asked to start: after its options and assignments.
fn sought_by_env(argument: &[u8]) -> Option<String> {
    let text = text(argument);
    let mut words = text.split_whitespace().filter(|word| !word.starts_with('-') && !word.contains('='));
    words.next().map(str::to_owned)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
