//! AWS Lambda: functions, versions, aliases, concurrency, tags and invocations.
//!
//! [`Lambda::handle`] is a pure function of what Lambda remembers and of the call's own time: what takes time
//! on AWS is over as soon as a call arrives late enough; the image and the repository's policy are looked at
//! again by that call. Images are looked at through
//! [`Images`](crate::Images) alone. Texts, codes and shapes are those that were recorded from AWS; where
//! nobody has recorded any, they are worded after their neighbours.

mod aliases;
mod answer;
mod arn;
mod concurrency;
mod configuration;
mod create;
mod function;
mod invoke;
mod limits;
mod rate;
mod reference;
mod refusal;
mod revision;
mod route;
mod runner;
mod service;
mod session;
mod settings;
mod source_image;
mod tags;
mod update;
mod versions;
mod view;

pub use runner::{Execution, Ran, Runner};
pub use service::Lambda;
pub use settings::{CannedAnswer, Injection, LambdaSettings, Mishap, RateLimits, Reason};
