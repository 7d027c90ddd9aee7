//! What shall be released, and how.

use std::time::Duration;

use crate::name::{AliasName, FunctionName, Version};
use crate::release::{Engine, OnStop, Strategy, WatchSpec};

/// What shall be released, and how.
#[derive(Debug, Clone)]
pub struct ReleaseSpec {
    /// The function.
    pub function: FunctionName,
    /// The alias.
    pub alias: AliasName,
    /// Which version.
    pub to: Target,
    /// How traffic moves.
    pub traffic: TrafficSpec,
}

/// How traffic moves, and what happens when it shall end early.
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficSpec {
    /// The steps.
    pub strategy: Strategy,
    /// For how long the new version stays under watch after all traffic has moved.
    pub bake: Duration,
    /// What to do when asked to stop.
    pub on_stop: OnStop,
    /// What may keep the new version from traffic.
    pub watch: WatchSpec,
    /// Who moves the traffic.
    pub engine: Engine,
}

impl TrafficSpec {
    /// All traffic at once, and nothing more.
    pub fn is_plain(&self) -> bool {
        let direct = self.engine == Engine::Direct;
        direct && self.strategy.is_all_at_once() && self.bake.is_zero() && self.watch == WatchSpec::default()
    }
}

/// Which version shall get the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Version(Version),
    /// The one that was published last.
    Latest,
    /// The one of the release that was interrupted, by its own strategy.
    Resume,
}
