//! The only part that prints. Renders events while a command runs and its report at the end.
//!
//! stdout carries the result only: human text, or exactly one JSON document. Progress goes to stderr.

mod document;
mod github;
mod lines;
mod progress;
mod style;
mod text;

pub use document::document;
pub use github::write_outputs;
pub use lines::{Detail, Lines};
pub use progress::Progress;
pub use style::Style;
pub use text::report_text;

use std::io::Write as _;

/// Writes the result to stdout. A reader that went away (a closed pipe) is not an error.
pub fn print_result(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    drop(written);
}

/// Writes a message to stderr, for what happens before a renderer exists.
pub fn print_message(text: &str) {
    let written = writeln!(std::io::stderr().lock(), "{text}");
    drop(written);
}
