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
}
