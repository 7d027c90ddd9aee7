//! What is different, laid out for reading: a function against its declaration, or one version of it against another.
//!
//! Pure, and no comparison of its own: what differs is decided by [`function`](crate::function) and [`plan`](crate::plan), as for every plan.
//! Here it becomes lines, each of which was there before, is there afterwards, or both.

mod against;
mod lines;
mod model;
mod settings;
mod versions;

pub use against::{Against, against_declaration};
pub use model::{Diff, Line, Mark, Part};
pub use versions::between_versions;
