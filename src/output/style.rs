//! Colour, or none.

const PLAIN: &str = "\x1b[0m";
const GOOD: &str = "\x1b[32m";
const BAD: &str = "\x1b[1;31m";
const NOTICE: &str = "\x1b[33m";
const FAINT: &str = "\x1b[2m";
const STRONG: &str = "\x1b[1m";

/// Marks up text for a terminal. Every mark-up is the identity when colour is off.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// A style that marks up, or one that does not.
    pub fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("{code}{text}{PLAIN}") } else { text.to_owned() }
    }

    /// The length of the sequence of this style that a text begins with.
    pub(super) fn sequence_length(self, text: &str) -> Option<usize> {
        let sequences = [PLAIN, GOOD, BAD, NOTICE, FAINT, STRONG];
        sequences.iter().find(|sequence| self.colour && text.starts_with(**sequence)).map(|found| found.len())
    }

    /// What went well.
    pub(super) fn good(self, text: &str) -> String {
        self.paint(GOOD, text)
    }

    /// What is refused or failed.
    pub(super) fn bad(self, text: &str) -> String {
        self.paint(BAD, text)
    }

    /// What deserves a look.
    pub(super) fn notice(self, text: &str) -> String {
        self.paint(NOTICE, text)
    }

    /// What stands back.
    pub(super) fn faint(self, text: &str) -> String {
        self.paint(FAINT, text)
    }

    /// A heading.
    pub(super) fn strong(self, text: &str) -> String {
        self.paint(STRONG, text)
    }
}
