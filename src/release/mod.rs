//! Traffic: how an alias's traffic moves from one version to another, and what is remembered of it.
//!
//! [`Strategy`] with its state machine, the [`Journal`] and the [`way_back()`] are pure: they see observations, tags and a time, and
//! answer what to do. `drive/` alone asks and changes AWS.

mod codedeploy;
mod drive;
mod expect;
mod journal;
mod journal_text;
mod place;
mod progress;
mod ready;
mod strategy;
mod watch;
mod way_back;

pub use codedeploy::{
    AppSpec, CodeDeploySpec, ConfigError, ConfigName, DeploymentRef, Engine, Look, MOST_ALARMS, Objection,
    Progress, Status, objection,
};
pub(crate) use drive::deployment_of;
pub use drive::{
    Clock, CodeDeployAccess, Readiness, ReleaseError, ReleaseSpec, Releaser, Rollback, SystemClock, Target,
    TrafficSpec, alarms_before, codedeploy_before,
};
pub(crate) use drive::{JournalWriter, Smoke, Tries, actor_of, moved_and_noted, new_id, seconds};
pub use expect::{Expectation, ExpectationError};
pub use journal::{Begun, Intent, Journal, MOVES_KEPT, Move, Standing, kept_digest};
pub use journal_text::{Damage, is_journal_key};
pub use place::{Place, Weight};
pub use progress::{Action, Observation, OnStop, State};
pub use ready::Candidate;
pub use strategy::{LONGEST_MINUTES, Step, Strategy, StrategyError};
pub use watch::{GuardSpec, OnNoData, SmokeSpec, Verdict, WatchSpec, evidence};
pub use way_back::{WayBack, Wish, command_to, way_back};
