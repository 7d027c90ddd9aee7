//! A difference as plain data.

use crate::function::{Change, ChangeKind, Shown};

/// What is different between two things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The one, for a person: `function shop as it is`, `version 6`.
    pub from: String,
    /// The other.
    pub to: String,
    /// What was compared, in the order in which it is told.
    pub parts: Vec<Part>,
}

impl Diff {
    /// Whether anything is different.
    pub fn is_different(&self) -> bool {
        self.parts.iter().any(Part::is_different)
    }
}

/// Something that was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its stable name: `settings`, `image`, `architecture`, `policy`, `alias`.
    pub name: &'static str,
    /// What is different, one by one. No value of an environment variable is in it.
    pub changes: Vec<Change>,
    /// The same for reading, with some of what is alike around it.
    pub lines: Vec<Line>,
}

impl Part {
    /// Whether it is different.
    pub fn is_different(&self) -> bool {
        !self.changes.is_empty()
    }

    /// A part that is one value, with the value that takes its place; none for nothing.
    pub(super) fn of_value(name: &'static str, from: Option<String>, to: Option<String>) -> Self {
        if from == to {
            let lines = from.into_iter().map(|text| Line::new(Mark::Kept, 0, text)).collect();
            return Self { name, changes: Vec::new(), lines };
        }
        let kind = match (&from, &to) {
            (None, _) => ChangeKind::Add,
            (Some(_), Some(_)) => ChangeKind::Change,
            (Some(_), None) => ChangeKind::Remove,
        };
        let gone = from.iter().map(|text| Line::new(Mark::Gone, 0, text.clone()));
        let new = to.iter().map(|text| Line::new(Mark::New, 0, text.clone()));
        let lines = gone.chain(new).collect();
        let change =
            Change { key: name.to_owned(), kind, from: from.map(Shown::Value), to: to.map(Shown::Value) };
        Self { name, changes: vec![change], lines }
    }
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// On which side it is.
    pub mark: Mark,
    /// How deep it lies within what is around it.
    pub depth: usize,
    /// The text, as it came: it may hold anything.
    pub text: String,
}

impl Line {
    pub(super) fn new(mark: Mark, depth: usize, text: impl Into<String>) -> Self {
        Self { mark, depth, text: text.into() }
    }
}

/// On which side a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// On both.
    Kept,
    /// On the first only.
    Gone,
    /// On the second only.
    New,
    /// Lines that are on both, and are not shown.
    LeftOut,
}
