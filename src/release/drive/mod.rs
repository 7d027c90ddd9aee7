//! What carries out the moves of an alias. Beside `apply` the only holder of writers.

mod aim;
mod clock;
mod codedeploy;
mod ending;
mod error;
mod look;
mod provision;
mod release;
mod rollback;
#[cfg(test)]
mod scripted;
mod shift;
mod smoke;
mod spec;
mod tries;
mod watcher;
mod write_journal;

pub use clock::{Clock, SystemClock};
pub(crate) use codedeploy::deployment_of;
pub use codedeploy::{CodeDeployAccess, Readiness, codedeploy_before};
pub use error::ReleaseError;
pub use release::Releaser;
pub use rollback::Rollback;
pub(crate) use smoke::Smoke;
pub use spec::{ReleaseSpec, Target, TrafficSpec};
pub(crate) use tries::Tries;
pub use watcher::alarms_before;
pub(crate) use write_journal::{JournalWriter, actor_of, moved_and_noted, new_id, seconds};
