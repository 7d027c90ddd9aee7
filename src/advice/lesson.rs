//! A lesson, and how it is recognised.

use super::{access, image, lambda, ours, registry, release};

/// What there is to know of one sort of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lesson {
    /// Its stable name.
    pub code: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// Stable parts of messages. `…` stands for anything between two parts.
    pub texts: &'static [&'static str],
    /// The kinds of failure that are this where no text says more.
    pub kinds: &'static [&'static str],
    /// What it means, and why it happens.
    pub cause: &'static str,
    /// How to see it for oneself.
    pub see: &'static str,
    /// What to do, in a line: the hint.
    pub remedy: &'static str,
    /// More of what to do, or empty.
    pub more: &'static str,
    /// Other codes, checks and pages.
    pub related: &'static [&'static str],
}

/// Every lesson, in the order in which they are tried: what says more goes first.
pub fn lessons() -> impl Iterator<Item = &'static Lesson> {
    [image::LESSONS, release::LESSONS, lambda::LESSONS, registry::LESSONS, access::LESSONS, ours::LESSONS]
        .into_iter()
        .flatten()
}

/// The lesson that a message tells of, if it is known. Case makes no difference.
pub fn recognise(message: &str) -> Option<&'static Lesson> {
    let message = message.to_ascii_lowercase();
    lessons().find(|lesson| lesson.texts.iter().any(|text| contains(&message, text)))
}

/// The lesson of a failure: by its message, else by its kind.
pub fn of_failure(kind: &str, message: &str) -> Option<&'static Lesson> {
    // What the user typed is quoted there, and may hold anything.
    let quotes_the_user = matches!(kind, "usage" | "config" | "image_source");
    let told = if quotes_the_user { None } else { recognise(message) };
    told.or_else(|| lessons().find(|lesson| lesson.kinds.contains(&kind)))
}

/// The code of a failure: its lesson's, else its kind.
pub fn code_of(kind: &str, message: &str) -> String {
    of_failure(kind, message).map_or_else(|| kind.replace('_', "-"), |lesson| lesson.code.to_owned())
}

/// Whether a message in lower case has all parts of a pattern, in their order.
fn contains(message: &str, pattern: &str) -> bool {
    let mut rest = message;
    pattern.split('…').all(|part| {
        let part = part.trim().to_ascii_lowercase();
        match rest.find(&part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        }
    })
}
