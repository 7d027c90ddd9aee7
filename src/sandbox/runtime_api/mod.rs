//! Lambda's Runtime API and Extensions API, as far as a function needs them to start and to answer.
//!
//! [`Protocol`] is a pure state machine: requests in, answers and happenings out. [`server`] carries them over HTTP. States, words
//! and numbers are those of AWS's own emulator (github.com/aws/aws-lambda-runtime-interface-emulator), which shares
//! its core with Lambda.

mod answer;
mod extension;
mod protocol;
mod request;
#[cfg(target_os = "linux")]
pub(super) mod server;

#[cfg(test)]
mod tests;

pub(super) use answer::Answer;
pub(super) use protocol::{Effect, FunctionIdentity, Happening, Invocation, Protocol, Reported};
pub(super) use request::{Parts, Request};

/// The longest response of a function: 6 MB, and 100 bytes more.
pub(super) const LARGEST_RESPONSE: usize = 6 * 1024 * 1024 + 100;

/// The most of a streamed response that is read. Lambda takes more, and a check has no use for it.
pub(super) const LARGEST_STREAM: usize = 20 * 1024 * 1024;
