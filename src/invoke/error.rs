//! How an invocation does not come about.

use crate::cloud::CloudError;

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvokeError {
    /// The user asked to stop while the function may have been running: it runs on, and nobody hears its answer.
    #[error("stopped on request; a function that runs already runs on")]
    StoppedDuring,
    /// The user asked to stop before the function was reached.
    #[error("stopped on request, before the function ran")]
    StoppedBefore,
    /// Lambda refused, or did not answer.
    #[error(transparent)]
    Call(#[from] CloudError),
}
