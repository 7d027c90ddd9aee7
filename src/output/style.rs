//! Colour, or none.

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
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// What went well.
    pub(super) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What is refused or failed.
    pub(super) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// What deserves a look.
    pub(super) fn notice(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// What stands back.
    pub(super) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// A heading.
    pub(super) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }
}
