//! How fast deployments live, and what goes wrong with them.

use std::time::Duration;

/// What [`CodeDeploy::new`](super::CodeDeploy::new) needs to know.
#[derive(Debug, Clone)]
pub struct CodeDeploySettings {
    /// How long one of CodeDeploy's minutes lasts.
    pub minute: Duration,
    /// From the creation of a deployment until it is in progress.
    pub start: Duration,
    /// The same for a deployment that takes another back.
    pub rollback_start: Duration,
    /// Deployments that take others back fail, and leave the alias where it is.
    pub rollbacks_fail: bool,
}

impl Default for CodeDeploySettings {
    fn default() -> Self {
        CodeDeploySettings {
            minute: Duration::from_secs(60),
            start: Duration::from_millis(40),
            rollback_start: Duration::from_millis(40),
            rollbacks_fail: false,
        }
    }
}
