//! What asks AWS, and what deletes. Everything is looked at again right before it goes.

mod delete_images;
mod delete_versions;
mod gather;
mod patience;
mod pruner;
mod run;

pub use gather::Gatherer;
pub use pruner::{Planned, Pruner, Work};
