//! One thing that a check found.

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing, nothing to do.
    Info,
    /// Could not be decided, and is not claimed to hold.
    Unknown,
    /// It works now and may hurt later.
    Warn,
    /// It cannot work: nothing is changed.
    Refuse,
}

/// What a check found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's stable name, such as `region`.
    pub check: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, with both facts where two disagree.
    pub message: String,
    /// What to do, with the exact command, permission or policy.
    pub hint: Option<String>,
    /// Whether it would matter more, had a person not answered for its check (`--allow`).
    pub allowed: bool,
    /// Files of the image that it is about, the first few of them.
    pub files: Vec<String>,
}

impl Finding {
    /// A finding that refuses.
    pub fn refuse(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(check, Severity::Refuse, message).with_hint(hint)
    }

    /// A finding that warns.
    pub fn warn(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(check, Severity::Warn, message).with_hint(hint)
    }

    /// A finding about what could not be decided.
    pub fn unknown(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(check, Severity::Unknown, message).with_hint(hint)
    }

    /// A finding that only informs.
    pub fn info(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Info, message)
    }

    pub(super) fn new(check: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self { check, severity, message: message.into(), hint: None, allowed: false, files: Vec::new() }
    }

    /// The same about these files of the image.
    pub fn about(self, files: impl IntoIterator<Item = String>) -> Self {
        Self { files: files.into_iter().collect(), ..self }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
