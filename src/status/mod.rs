//! How a function stands: its aliases, its versions, their images, and whether Lambda may still pull them.
//!
//! [`Readings`] are what AWS said, gathered by readers only; [`status_of`] makes a [`Status`] of them and is pure. A question that AWS
//! does not answer, for want of a permission mostly, makes that part unknown and nothing else.

mod assemble;
mod gather;
mod model;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use assemble::status_of;
pub use gather::{Gatherer, Readings, RepositoryReadings, StatusError};
pub use model::{AliasStatus, ImageStatus, Pull, Status, Stored, Traffic, VersionStatus};
