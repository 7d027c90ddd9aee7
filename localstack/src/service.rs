//! A control plane: something that answers calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::{Answer, Call};
use crate::iam::{Asked, Permission};

/// A service of AWS, as the router sees it.
pub(crate) trait Service: Send + Sync {
    /// Answers one call. May block: it is called on a thread where that is allowed.
    fn handle(&self, call: &Call) -> Answer;

    /// The permissions that a call wants because of what the service holds.
    fn also_wanted(&self, _asked: &Asked<'_>) -> Vec<Permission> {
        Vec::new()
    }
}

/// The services by the name that signatures call them.
pub(crate) type Services = BTreeMap<&'static str, Arc<dyn Service>>;
