//! One small image, as each real producer writes it.

mod archives;
mod cache;
mod containers;
mod content;
mod indexes;
mod stacks;

pub use cache::{Images, LocalImage};
