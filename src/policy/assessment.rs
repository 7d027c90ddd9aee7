//! What an evaluation found: a verdict a side, with the reasons.

use super::statement::StatementLabel;

/// Whether a side may pull. Ordered from best to worst.
///
/// Granted is the only one that is good. Unknown warns and lets a deploy go on, for AWS may well allow it.
/// Missing is mended by [`ensure`](super::ensure()) where the policy may be written. Denied refuses, because
/// nothing that is added can mend it. `policy check` takes all three as "not granted".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Both actions are allowed for certain.
    Granted,
    /// It depends on what cannot be seen from here.
    Unknown,
    /// An action is allowed by no statement.
    Missing,
    /// A statement denies an action.
    Denied,
}

impl Verdict {
    /// The word of the JSON document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Unknown => "unknown",
            Self::Missing => "missing",
            Self::Denied => "denied",
        }
    }
}

/// What the policy says to one side: the Lambda service, or the caller in the function's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The worst of the verdicts on both actions.
    pub verdict: Verdict,
    /// The actions that no statement allows.
    pub missing_actions: Vec<&'static str>,
    /// The actions that a statement denies.
    pub denied_actions: Vec<&'static str>,
    /// The statements that deny an action.
    pub denied_by: Vec<StatementLabel>,
    /// The condition keys on which an undecided action depends, as the policy spells them.
    pub conditions: Vec<String>,
    /// What a person should know beside that, one sentence each without a full stop.
    pub notes: Vec<String>,
    /// Whether every action is allowed by some statement for certain, whatever is denied.
    pub(super) surely_allowed: bool,
}

/// What the policy says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The Lambda service, which pulls the image for the function.
    pub service: Side,
    /// Who creates or updates the function; judged only when the function's account is not the repository's
    /// (within one account the caller's own permissions suffice).
    pub caller: Option<Side>,
}

impl Assessment {
    /// The worst of both sides.
    pub fn verdict(&self) -> Verdict {
        self.sides().map(|(_, side)| side.verdict).max().unwrap_or(self.service.verdict)
    }

    /// The sides that were judged, under their names in the JSON document.
    pub fn sides(&self) -> impl Iterator<Item = (&'static str, &Side)> {
        std::iter::once(("service", &self.service)).chain(self.caller.as_ref().map(|side| ("caller", side)))
    }
}
