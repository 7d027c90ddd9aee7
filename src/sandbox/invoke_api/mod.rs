//! Lambda's Invoke for whoever is on this machine: curl, the AWS SDKs with an `endpoint_url`, `lambda-lift invoke --endpoint-url`.
//!
//! [`Invoke`] is what a request asks for, and how it is refused; pure. [`server`] carries it over HTTP, and hands events to the one who
//! runs the function, one after the other.

mod invoke;
mod refusal;
pub(super) mod server;

pub(super) use invoke::{Head, Invoke, Kind};
pub(super) use refusal::Refusal;

/// The most events that are in the house at a time: one that is answered, and others that wait for their turn.
pub(super) const PLACES: usize = 17;
