//! The tool's side of a sandbox: where its files are put, how its ids are mapped, what is said to its stages.

mod cgroup;
mod container;
mod folder;
mod identity;
mod launch;
mod layers;
mod log_tail;
mod room;

pub(super) use cgroup::Cgroup;
pub(super) use container::Engine;
use folder::RunFolder;
pub(super) use launch::{BuildError, Limits, Sandbox};
pub(super) use log_tail::{LogTail, without_controls};
use room::RoomPlan;
