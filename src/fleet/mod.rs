//! Many targets of one run: in which order they are worked on, how many at a time, and which registry the image gets to by which way.
//!
//! Knows neither what is done with a target nor how a registry is reached: `cli` says that.

mod registries;
mod waves;

pub use registries::{Shelf, Way, ways};
pub use waves::{Order, in_waves};
