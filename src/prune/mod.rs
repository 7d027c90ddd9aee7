//! What can go: versions of functions that nothing refers to, and images that no function runs.
//!
//! The decision is pure: [`Facts`] and a [`PruneSpec`] make a [`PrunePlan`] with a reason for everything that stays and everything
//! that goes. When in doubt it stays, or all of it is refused. `drive/` alone asks and changes AWS, and looks again right before it
//! deletes.

mod drive;
mod facts;
mod images;
mod plan;
mod spec;
#[cfg(test)]
mod test_properties;
mod versions;

pub use drive::{Gatherer, Planned, Pruner, Work};
pub use facts::{AliasFacts, Facts, FunctionFacts, RepositoryFacts};
pub use images::{ImageDecision, ImageReason, Needs, batches, decide_images};
pub use plan::{PrunePlan, plan, plan_images};
pub use spec::{Checked, PruneSpec, RepositoryPlace};
pub use versions::{VersionDecision, VersionReason, decide_versions};
