//! Releases that AWS CodeDeploy carries out: what it needs is looked at or made, a deployment is created, and followed to its end. The
//! deployment goes on without us, so that each of these can be done by another run on another machine.

mod create;
mod follow;
mod hand_over;
mod prepare;
mod settle;
mod take_back;
#[cfg(test)]
mod tests;

use crate::cloud::{CodeDeployReader, CodeDeployWriter};

pub(super) use follow::{Ended, Follower};
pub(super) use hand_over::found_deployment;
pub(super) use prepare::alias_findings;
pub use prepare::{Readiness, codedeploy_before};
pub(crate) use settle::deployment_of;
pub(super) use settle::{deployment_of_group, is_active, settled};
pub(super) use take_back::TakenBack;

/// A way to CodeDeploy.
#[derive(Clone, Copy)]
pub struct CodeDeployAccess<'a> {
    /// Reads it.
    pub reader: &'a dyn CodeDeployReader,
    /// Writes it.
    pub writer: &'a dyn CodeDeployWriter,
}
