//! What is wrong with a file, and where.

use crate::config::Position;

/// A file that cannot be used. It never carries what a template stands for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", told(file, *at, message))]
pub struct FileError {
    /// The file, as it is named to the user.
    pub file: String,
    /// Where the mistake is; none where it is in no one place.
    pub at: Option<Position>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl FileError {
    pub(super) fn new(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), at: None, message: message.into(), hint: None }
    }

    pub(super) fn at(self, text: &str, offset: usize) -> Self {
        Self { at: Some(position(text, offset)), ..self }
    }

    pub(super) fn hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

fn told(file: &str, at: Option<Position>, message: &str) -> String {
    match at {
        Some(at) => format!("{file}:{at}: {message}"),
        None => format!("{file}: {message}"),
    }
}

/// The line and the column of a byte.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let offset =
        (0..=offset.min(text.len())).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or_default();
    let before = &text[..offset];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    Position { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 }
}
