//! Three-valued truth: yes, no, or not decidable from here, with the reasons.

use std::collections::BTreeSet;

/// Whether something holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    No,
    /// It depends on what cannot be seen from here.
    Unknown(Doubt),
    Yes,
}

/// On what an undecided truth depends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Condition keys whose value is not known, as the policy spells them.
    pub(super) keys: BTreeSet<String>,
    /// Other reasons, for a person.
    pub(super) notes: BTreeSet<String>,
}

impl Doubt {
    pub(super) fn join(mut self, other: Doubt) -> Doubt {
        self.keys.extend(other.keys);
        self.notes.extend(other.notes);
        self
    }
}

impl Truth {
    /// Undecided, because the value of a condition key is not known.
    pub(super) fn depends_on(key: &str) -> Self {
        Self::Unknown(Doubt { keys: BTreeSet::from([key.to_owned()]), notes: BTreeSet::new() })
    }

    /// Undecided for a reason that only a person can weigh.
    pub(super) fn doubtful(note: impl Into<String>) -> Self {
        Self::Unknown(Doubt { keys: BTreeSet::new(), notes: BTreeSet::from([note.into()]) })
    }

    pub(super) fn is_yes(&self) -> bool {
        *self == Self::Yes
    }

    pub(super) fn is_no(&self) -> bool {
        *self == Self::No
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Yes => Self::No,
            unknown => unknown,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown(one), Self::Unknown(other)) => Self::Unknown(one.join(other)),
            (Self::Yes, other) => other,
            (one, Self::Yes) => one,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    /// Whether all hold; none at all holds.
    pub(super) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::Yes, Self::and)
    }

    /// Whether any holds; none at all does not.
    pub(super) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::No, Self::or)
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decided_wins_over_what_is_not() {
        let open = || Truth::depends_on("aws:SourceIp");
        assert_eq!(Truth::No.and(open()), Truth::No);
        assert_eq!(open().and(Truth::Yes), open());
        assert_eq!(Truth::Yes.or(open()), Truth::Yes);
        assert_eq!(open().or(Truth::No), open());
        assert_eq!(open().not(), open());
        assert_eq!(Truth::all([]), Truth::Yes);
        assert_eq!(Truth::any([]), Truth::No);
    }

    #[test]
    fn reasons_of_both_are_kept() {
        let Truth::Unknown(doubt) =
            Truth::depends_on("a").and(Truth::depends_on("b").or(Truth::doubtful("c")))
        else {
            panic!("decided without a reason");
        };
        assert_eq!(doubt.keys, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        assert_eq!(doubt.notes, BTreeSet::from(["c".to_owned()]));
    }
}
