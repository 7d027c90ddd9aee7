//! Whether the repository's policy must grow, and to what.

use crate::observe::{Facts, PolicyFacts};
use crate::policy::{self, Document, Ensured, Grant};
use crate::preflight::Finding;

use super::{DeploySpec, GrantStep};

/// What is to be done about the repository's policy.
#[derive(Debug, Clone)]
pub enum GrantDecision {
    /// Nothing was asked: there is no function, or the policy may not be read.
    None,
    /// Lambda may pull already.
    Granted,
    /// A statement is added or extended.
    Add(GrantStep),
    /// It cannot be granted; the finding refuses.
    Refused(Finding),
    /// Whether it is granted cannot be decided; the finding names the condition.
    Undecided(Finding),
}
