//! Runs the functions of the built-in stand-in in the sandbox, so that `--local` answers an invocation with what the code says.
//!
//! - [`StandRunner`] is the stand-in's [`Runner`](lambda_lift_localstack::lambda::Runner): it opens the image out of the stand-in's store, and
//!   says in Lambda's words what came of it.
//! - `warm` keeps functions that have answered, for the next event, and bounds how many there are.
//!
//! It knows nothing of the command line. The stand-in knows nothing of it but the trait.

mod runner;
mod warm;

pub use runner::StandRunner;
