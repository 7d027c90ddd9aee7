//! The only part that prints. Renders events while a command runs and its report at the end.
//!
//! stdout carries the result only: human text, or exactly one JSON document. Progress goes to stderr. What others wrote is made
//! harmless before it is marked up (`printable`).

mod diff;
mod doctor;
mod document;
mod fleet;
mod github;
mod init;
mod invoke;
mod lines;
mod permissions;
mod printable;
mod progress;
mod prune;
mod run;
mod sarif;
mod screen;
mod standard;
mod status;
mod style;
mod text;
mod traffic;

pub use document::document;
pub use github::{GithubJob, end_group};
pub use init::print_init;
pub use invoke::print_answer;
pub use lines::{Detail, Lines};
pub use progress::Progress;
pub use prune::prune_plan;
pub use sarif::sarif;
pub use screen::{Screen, leave_screen};
pub use standard::{is_unread, print_result, write_result};
pub use status::Watched;
pub use style::Style;
pub use text::{report_text, status_page};

use github::GroupedLog;
use printable::printable;

use std::io::Write;

/// stderr for the lines of a log; in a group of a GitHub job's page, which [`end_group`] ends, where it is given a title.
pub fn log(group: Option<&str>) -> Box<dyn Write + Send> {
    match group {
        Some(title) => Box::new(GroupedLog::new(title)),
        None => Box::new(std::io::stderr()),
    }
}

/// Writes what is drawn already to stderr, and leaves the cursor behind it: what a question is about, and the question.
pub fn print_drawn(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let written = write!(stderr, "{text}").and_then(|()| stderr.flush());
    drop(written);
}

/// Writes a message to stderr, for what happens before a renderer exists.
pub fn print_message(text: &str) {
    let text = printable(&printable::block(text), Style::new(false));
    let written = writeln!(std::io::stderr().lock(), "{text}");
    drop(written);
}
