//! How a command ended, as plain data, and how it is drawn from what was observed and planned.
//!
//! `output` renders it for people, programs and CI systems; nothing here prints or serialises.

mod describe;
mod fleet;
mod init;
mod invoke;
pub(crate) mod moments;
mod outcome;
mod permissions;
mod prune;
mod run;
pub(crate) mod sizes;
mod summary;

pub use describe::describe;
pub(crate) use describe::describe_done;
pub use fleet::TargetReport;
pub(crate) use fleet::{Shared, whole};
pub use init::InitReport;
pub use invoke::InvokeReport;
pub(crate) use outcome::chain;
pub use outcome::{
    AliasReport, DeploymentReport, Failure, FunctionReport, ImageReport, LayerReport, Outcome, PolicyOutcome,
    PolicyReport, Report, SmokeReport, Stage, StepReport, StepStatus,
};
pub use permissions::{
    DocumentKind, LackingPermission, PermissionsCheck, PermissionsDocument, PermissionsReport,
};
pub use prune::{Fate, PruneReport, PrunedImage, PrunedVersion};
pub use run::{FunctionError, InvocationReport, RunReport, RunStatus, ServedReport};
pub use summary::image_report;
