//! A configuration file for a function that is there already: so that a plan by it finds nothing to do.
//!
//! [`Gatherer`] asks, with readers only; [`draft()`] is pure and makes the texts. Where they are written is the command line's affair.

mod draft;
mod gather;
mod toml_text;

pub use draft::{Draft, Variables, Wishes, draft};
pub use gather::{Found, Gatherer};
