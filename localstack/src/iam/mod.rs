//! Identity policies: what the callers of an account may do, where a test says so.
//!
//! Without a policy the users of an account may do everything. With one, each call is held against it before anything else looks at
//! it, as IAM does, and what was asked for is remembered, so that a test can say which permission nobody ever needed. What a call wants
//! is decided by a table of the stand-in's own (`permission`): it shares nothing with the code under test.

mod identity_policy;
mod permission;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

pub(crate) use identity_policy::{Decision, decide};
pub(crate) use permission::{Asked, of_call, of_visit, parameter_arn};
pub(crate) use service::Iam;

/// A permission that a call wants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Permission {
    /// `ecr:PutImage`
    pub(crate) action: String,
    /// The ARN that it is wanted on, or `*`; none where the call does not say which: then any will do.
    pub(crate) resource: Option<String>,
    /// What conditions can ask for: a key, and its value.
    pub(crate) context: Option<(String, String)>,
}

/// The policies of accounts, and what was asked for under them.
#[derive(Debug, Default)]
pub(crate) struct Guard(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    policies: BTreeMap<String, Value>,
    asked: BTreeSet<String>,
}

impl Guard {
    /// Holds the callers of an account to a policy, or lets them do everything again.
    pub(crate) fn set(&self, account: &str, policy: Option<Value>) {
        let mut state = self.lock();
        match policy {
            Some(policy) => state.policies.insert(account.to_owned(), policy),
            None => state.policies.remove(account),
        };
    }

    /// The policy of an account.
    pub(crate) fn policy(&self, account: &str) -> Option<Value> {
        self.lock().policies.get(account).cloned()
    }

    /// The actions that were asked for under a policy so far.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        self.lock().asked.clone()
    }

    /// The first of these permissions that the account's policy does not give, if any.
    pub(crate) fn lacking(&self, account: &str, wanted: Vec<Permission>) -> Option<Permission> {
        let mut state = self.lock();
        let policy = state.policies.get(account)?.clone();
        state.asked.extend(wanted.iter().map(|permission| permission.action.clone()));
        wanted.into_iter().find(|permission| decide(&policy, permission) != Decision::Allowed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
