//! A stand-in for the parts of AWS that lambda-lift talks to, on one loopback port.
//!
//! It speaks the real wire protocols of Amazon ECR, its image registry, AWS Lambda, STS and CloudWatch, and
//! refuses what AWS refuses. It never uses the code that it is there to test: what it refuses it decides by
//! its own, plainer reading of how AWS behaves.

mod calendar;
mod call;
pub mod cloudwatch;
mod images;
pub mod lambda;
mod policy;
mod state_file;
mod uuid;

pub use call::{Answer, Call};
pub use images::{Images, StoredImage};
pub use policy::Doubt;
