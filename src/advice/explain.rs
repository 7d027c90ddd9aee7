//! `--explain CODE`: a lesson, an exit code, a check, or a reason code of Lambda, told at length.

use std::fmt::Write as _;

use super::exits::EXITS;
use super::lesson::lessons;
use crate::function::reason;
use crate::preflight::CHECKS;
use crate::spelling::nearest;

/// What there is to say of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The code as it is written.
    pub code: String,
    /// What it is, in a line.
    pub title: String,
    /// Headings, and what is under each.
    pub sections: Vec<(&'static str, String)>,
}

impl Explained {
    fn new(code: &str, title: &str, sections: &[(&'static str, &str)]) -> Self {
        let told = sections.iter().filter(|(_, text)| !text.is_empty());
        let sections = told.map(|(heading, text)| (*heading, (*text).to_owned())).collect();
        Self { code: code.to_owned(), title: title.to_owned(), sections }
    }

    /// As plain text.
    pub fn text(&self) -> String {
        let mut text = format!("{}: {}\n", self.code, self.title);
        for (heading, told) in &self.sections {
            // A string takes any text.
            let _ = write!(text, "\n{heading}\n{}\n", wrapped(told));
        }
        text
    }
}

/// How wide text is, its indent included.
const WIDTH: usize = 96;

fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::from(" ");
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() >= WIDTH && line.len() > 1 {
            lines.push(std::mem::replace(&mut line, String::from(" ")));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n")
}

/// The story of a code: of an error, `exit-4`, a check's id, or a reason code of Lambda. Case makes no difference.
pub fn explain(code: &str) -> Option<Explained> {
    let same = |known: &str| known.eq_ignore_ascii_case(code.trim());
    if let Some(lesson) = lessons().find(|lesson| same(lesson.code)) {
        let related = lesson.related.join(", ");
        return Some(Explained::new(
            lesson.code,
            lesson.title,
            &[
                ("What it means, and why it happens", lesson.cause),
                ("How to see it", lesson.see),
                ("What to do", &capitalised(lesson.remedy)),
                ("More", lesson.more),
                ("Related", &related),
            ],
        ));
    }
    if let Some(exit) = EXITS.iter().find(|exit| same(&exit_name(exit.code))) {
        let sections = [("What to do", exit.remedy)];
        return Some(Explained::new(&exit_name(exit.code), exit.meaning, &sections));
    }
    if let Some(check) = CHECKS.iter().find(|check| same(check.id)) {
        let sections = [
            ("What is required", check.requirement),
            ("How it is known", check.evidence),
            ("What to do", check.remedy),
        ];
        return Some(Explained::new(check.id, "a check of the preflight", &sections));
    }
    let reason = reason(code.trim())?;
    let sections = [("What to do", capitalised(reason.remedy))];
    let sections: Vec<(&'static str, &str)> =
        sections.iter().map(|(heading, text)| (*heading, text.as_str())).collect();
    Some(Explained::new(reason.code, reason.meaning, &sections))
}

fn exit_name(code: u8) -> String {
    format!("exit-{code}")
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// Every code that has a story, apart from Lambda's reason codes, with its line.
pub(super) fn codes() -> Vec<(String, &'static str)> {
    let of_lessons = lessons().map(|lesson| (lesson.code.to_owned(), lesson.title));
    let of_exits = EXITS.iter().map(|exit| (exit_name(exit.code), exit.meaning));
    let of_checks = CHECKS.iter().map(|check| (check.id.to_owned(), "a check of the preflight"));
    of_lessons.chain(of_exits).chain(of_checks).collect()
}

/// The list that `--explain` without a code prints.
pub fn list() -> String {
    let codes = codes();
    let width = codes.iter().map(|(code, _)| code.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (code, title) in codes {
        let first = title.split_inclusive(". ").next().unwrap_or(title).trim_end();
        let _ = writeln!(text, "{code:<width$}  {first}");
    }
    text.push_str("\nLambda's own reason codes, such as ImageAccessDenied, are explained as well.\n");
    text
}

/// The code that was probably meant.
pub fn nearest_code(code: &str) -> Option<String> {
    let codes = codes();
    let known: Vec<&str> = codes.iter().map(|(code, _)| code.as_str()).collect();
    nearest(code, &known).map(str::to_owned)
}
