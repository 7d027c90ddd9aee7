//! Amazon CloudWatch: alarms whose state tests set, and metrics as far as rollouts read them.
//!
//! All three protocols are spoken: Smithy's RPC v2 with CBOR (current SDKs), AWS JSON 1.0 (current botocore)
//! and the older AWS Query with XML (older SDKs and command lines). Alarms are never evaluated: SetAlarmState
//! alone changes their state.

mod alarms;
mod cbor;
mod metrics;
mod query;
mod service;
mod wire;

pub(crate) use metrics::Sample;
pub use service::CloudWatch;
