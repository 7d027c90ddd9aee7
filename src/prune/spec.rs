//! What the user wants pruned, and what stays whatever else is known.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::name::{AccountId, FunctionName, RepositoryName};

/// What is pruned.
#[derive(Debug, Clone)]
pub struct PruneSpec {
    /// The functions whose versions may go.
    pub functions: Vec<FunctionName>,
    /// The accounts that their ARNs name.
    pub accounts: BTreeSet<AccountId>,
    /// How far back each alias can still be rolled back, in moves, and how many of the newest versions stay.
    pub keep: usize,
    /// The repositories whose images may go.
    pub repositories: Vec<RepositoryPlace>,
    /// Images that were pushed less than this ago stay: a deploy may be about to use them.
    pub min_age: Duration,
    /// Accounts whose functions a person has looked at.
    pub checked: Checked,
}

/// A repository as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPlace {
    /// Its account, where the full URI was given.
    pub registry: Option<AccountId>,
    /// Its name.
    pub name: RepositoryName,
}

/// Accounts whose functions a person has looked at: they do not need what is deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Every account that there is.
    pub everyone: bool,
    /// These.
    pub accounts: BTreeSet<AccountId>,
}

impl Checked {
    /// Whether this account was looked at.
    pub fn covers(&self, account: &str) -> bool {
        self.everyone || self.accounts.iter().any(|checked| checked.as_str() == account)
    }
}
