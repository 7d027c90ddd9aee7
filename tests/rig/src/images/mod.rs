//! One small image, as each real producer writes it.

mod archives;
mod cache;
mod containers;
mod content;
mod indexes;

pub use cache::{Images, LocalImage};
