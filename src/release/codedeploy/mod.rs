//! AWS CodeDeploy as another engine for a release: what it can do, what it is given, and what its answers mean. Pure; `drive/` asks
//! and changes.
//!
//! CodeDeploy moves the traffic on its own, so a deployment outlives the process that created it.

mod app_spec;
mod config;
mod engine;
mod limits;
mod status;

pub use app_spec::AppSpec;
pub use config::{ConfigError, ConfigName};
pub use engine::{CodeDeploySpec, DeploymentRef, Engine};
pub use limits::{MOST_ALARMS, Objection, objection};
pub use status::{Look, Progress, Status};
pub(super) use status::{evidence, has_moved};
