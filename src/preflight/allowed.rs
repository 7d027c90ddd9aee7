//! Checks that a person answers for: what they find is told, and keeps nothing from being done.

use super::{CHECKS, Finding, Severity};
use crate::spelling;

/// The id of what a run of the image finds, which is no check of the table.
pub const RUN: &str = "run";

/// The id of what is found about an image that cannot be opened or read to its end, which is no check of the table either.
pub const IMAGE: &str = "image";

/// The checks that `--allow` names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(Vec<&'static str>);

/// A check that cannot be allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// There is none of that name.
    #[error("there is no check {name:?} that could be allowed")]
    Unknown {
        /// As it was typed.
        name: String,
        /// What was probably meant.
        meant: Option<&'static str>,
    },
    /// It stays.
    #[error("check {check} cannot be allowed")]
    Never {
        /// The check.
        check: &'static str,
    },
}

impl NotAllowed {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { meant: Some(meant), .. } => format!("did you mean {meant}?"),
            Self::Unknown { meant: None, .. } => {
                format!("these can be allowed: {}", allowable().collect::<Vec<_>>().join(", "))
            }
            Self::Never { .. } => {
                "what it refuses can never work, or would reach beyond the new image; do what its hint says"
                    .to_owned()
            }
        }
    }
}

impl Allowed {
    /// The checks of these names.
    ///
    /// # Errors
    /// Fails for a name that no check has, and for a check that may not be allowed.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAllowed> {
        names.into_iter().map(named).collect::<Result<_, _>>().map(Self)
    }

    /// The findings, those of allowed checks only told.
    pub fn weigh(&self, findings: Vec<Finding>) -> Vec<Finding> {
        findings.into_iter().map(|finding| self.weighed(finding)).collect()
    }

    fn weighed(&self, finding: Finding) -> Finding {
        if finding.severity == Severity::Info || !self.0.contains(&finding.check) {
            return finding;
        }
        Finding { severity: Severity::Info, allowed: true, ..finding }
    }
}

fn allowable() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().filter(|check| check.may_be_allowed).map(|check| check.id).chain([RUN])
}

fn named(name: &str) -> Result<&'static str, NotAllowed> {
    if let Some(check) = allowable().find(|check| *check == name) {
        return Ok(check);
    }
    if let Some(check) = CHECKS.iter().find(|check| check.id == name) {
        return Err(NotAllowed::Never { check: check.id });
    }
    let known: Vec<&'static str> = allowable().collect();
    Err(NotAllowed::Unknown { name: name.to_owned(), meant: spelling::nearest(name, &known) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_told_and_refuses_nothing() {
        let allowed = Allowed::of(["entrypoint-file", "run"]).unwrap();
        let findings = vec![
            Finding::refuse("entrypoint-file", "it is not there", "copy it"),
            Finding::unknown(RUN, "it could not be run", "elsewhere"),
            Finding::info("entrypoint-file", "a word"),
            Finding::refuse("readable", "closed", "open it"),
        ];
        let weighed: Vec<_> =
            allowed.weigh(findings).iter().map(|found| (found.severity, found.allowed)).collect();
        let expected = [
            (Severity::Info, true),
            (Severity::Info, true),
            (Severity::Info, false),
            (Severity::Refuse, false),
        ];
        assert_eq!(weighed, expected);
    }

    #[test]
    fn names_that_are_none_are_told_with_what_was_meant_and_what_protects_others_stays() {
        let refused = |name: &str| Allowed::of([name]).unwrap_err();
        assert_eq!(refused("entry-point-file").hint(), "did you mean entrypoint-file?");
        assert!(refused("zebra").hint().contains("runtime-client, "), "{}", refused("zebra").hint());
        for check in ["region", "policy", "package-type", "alias", "architecture", "content-size"] {
            assert_eq!(refused(check), NotAllowed::Never { check });
        }
    }
}
