//! Makes a container image of the example function with nothing but Rust and a C linker.
//!
//! [`Function`] builds the static binary, [`Layer`] wraps files as a reproducible tar, [`Image`] adds the
//! configuration, and [`Destination`] writes the image as an archive that any container tool reads. It shares no
//! code with lambda-lift, so that an archive which both understand says something about each of them.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail loudly"))]

mod archive;
mod destination;
mod elf;
mod error;
mod function;
mod image;
mod layer;

pub use destination::Destination;
pub use error::PackError;
pub use function::{Architecture, Function};
pub use image::Image;
pub use layer::{File, Layer};
