//! `lambda-lift.toml`: from a text to values that know where they stand.
//!
//! Pure and synchronous. A [`Configuration`] is parsed, checked as a whole and narrowed to one environment; what templates stand for
//! comes from [`Sources`], which the command line has, and only for the values that a command uses. Nothing that a template brought
//! in enters an error or a `Debug` output.

mod check;
mod configuration;
mod environments;
mod json_schema;
mod key;
mod node;
mod problem;
mod quantity;
#[cfg(test)]
mod samples;
mod targets;
mod template;
#[cfg(test)]
mod tests;

pub use configuration::{Configuration, Given, GivenValue};
pub use json_schema::json_schema;
#[cfg(test)]
pub(crate) use key::arguments;
pub use problem::{ConfigError, Position, Problem};
pub use quantity::{QuantityError, age, duration, percent};
pub use targets::TargetConfiguration;
pub use template::{GitFact, Sources};
