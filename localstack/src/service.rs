//! A control plane: something that answers calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::{Answer, Call};

/// A service of AWS, as the router sees it.
pub(crate) trait Service: Send + Sync {
    /// Answers one call. May block: it is called on a thread where that is allowed.
    fn handle(&self, call: &Call) -> Answer;
}

/// The services by the name that signatures call them.
pub(crate) type Services = BTreeMap<&'static str, Arc<dyn Service>>;
