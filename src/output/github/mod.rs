//! What a GitHub job gets beside the result: outputs for later steps, a summary for people, annotations, and a group around the log.
//!
//! Knows nothing of the environment: the command line says where the job wants it ([`GithubJob`]). Whatever others wrote is made
//! harmless for the place where it goes: a line of a file, Markdown, or a workflow command.

mod annotations;
mod group;
mod markup;
mod outputs;
mod page;
mod summary;
mod timeline;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::report::Report;

use super::print_message;

pub(super) use group::GroupedLog;
pub use group::end_group;

/// What a job gives to its step.
#[derive(Debug, Clone, Default)]
pub struct GithubJob {
    /// The file that outputs are appended to (`$GITHUB_OUTPUT`).
    pub outputs: Option<PathBuf>,
    /// The file that the summary is appended to (`$GITHUB_STEP_SUMMARY`).
    pub summary: Option<PathBuf>,
    /// The folder of the repository, which annotations name files from (`$GITHUB_WORKSPACE`).
    pub workspace: Option<PathBuf>,
    /// The working directory.
    pub folder: PathBuf,
}

/// The commands whose summary is worth reading: what they show belongs to a release, and none of it is a function's own data.
const SUMMARISED: [&str; 8] =
    ["deploy", "plan", "push", "release", "rollback", "prune", "check", "policy ensure"];

impl GithubJob {
    /// Tells the job how a command ended. The annotations go to stderr, which GitHub reads for them as well as stdout, where the
    /// result is.
    pub fn tell(&self, report: &Report) {
        if let Some(path) = &self.outputs {
            warn("the outputs", "$GITHUB_OUTPUT", append(path, &outputs::outputs_text(report)));
        }
        if let Some(path) = self.summary.as_ref().filter(|_| SUMMARISED.contains(&report.command)) {
            warn("the summary", "$GITHUB_STEP_SUMMARY", self.summarise(path, report));
        }
        let lines = annotations::annotations(report, &self.folder, self.workspace.as_deref());
        // A log that cannot be written to must not change how the command ended.
        let _ = io::stderr().lock().write_all(lines.as_bytes());
    }

    fn summarise(&self, path: &Path, report: &Report) -> io::Result<()> {
        let taken = path.metadata().map_or(0, |metadata| metadata.len());
        let text = page::fitted(&summary::summary(report), taken);
        match text {
            Some(text) => append(path, &text),
            None => Err(io::Error::other("GitHub takes no more than 1 MiB of it from a step")),
        }
    }
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

fn warn(what: &str, place: &str, written: io::Result<()>) {
    if let Err(error) = written {
        print_message(&format!("warning: {what} could not be written to {place}: {error}"));
    }
}
