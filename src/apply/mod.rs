//! Carries a plan out. The only holder of writers, beside the driver of a release.
//!
//! Every step is additive (blobs, manifests, versions) or guarded (RevisionId, a re-read policy), so the same
//! command run again after a failure at any point converges. Traffic moves last.

mod applier;
mod error;
mod function;
mod grant;
mod interrupt;
mod judgement;
mod release;
mod settle;

pub use applier::{Applier, ApplySettings};
pub use error::ApplyError;
pub(crate) use error::cloud_kind;
pub use grant::write_policy;
pub use interrupt::Interrupt;
pub use judgement::Judgement;
