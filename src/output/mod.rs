//! The only part that prints. Renders events while a command runs and its report at the end.
//!
//! stdout carries the result only: human text, or exactly one JSON document. Progress goes to stderr.

mod document;
mod github;
mod lines;
mod printable;
mod progress;
mod prune;
mod screen;
mod status;
mod style;
mod text;
mod traffic;

pub use document::document;
pub use github::write_outputs;
pub use lines::{Detail, Lines};
pub use progress::Progress;
pub use prune::prune_plan;
pub use screen::redraw;
pub use status::Watched;
pub use style::Style;
pub use text::{report_text, status_page};

use printable::printable;

use std::io::Write as _;

/// Writes the result to stdout. A reader that went away (a closed pipe) is not an error; what else goes wrong is told on
/// stderr, and the exit code still states the condition of the world.
pub fn print_result(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        print_message(&format!("warning: the result could not be written to standard output: {error}"));
    }
}

/// Writes a question to stderr, and leaves the cursor behind it.
pub fn print_question(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let written = write!(stderr, "{}", printable(text)).and_then(|()| stderr.flush());
    drop(written);
}

/// Writes a message to stderr, for what happens before a renderer exists.
pub fn print_message(text: &str) {
    let written = writeln!(std::io::stderr().lock(), "{}", printable(text));
    drop(written);
}
