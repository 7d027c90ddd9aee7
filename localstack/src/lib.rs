//! A stand-in for the parts of AWS that lambda-lift talks to, on one loopback port.
//!
//! It speaks the real wire protocols of Amazon ECR, its image registry, AWS Lambda, STS, CloudWatch, CodeDeploy, SSM and S3, and
//! refuses what AWS refuses. It never uses the code that it is there to test: what it refuses it decides by
//! its own, plainer reading of how AWS behaves.
//!
//! ```no_run
//! # async fn example() -> Result<(), lambda_lift_localstack::StartError> {
//! use lambda_lift_localstack::{Settings, Stand};
//!
//! let stand = Stand::start(Settings::default()).await?;
//! // Point an AWS SDK's endpoint, and the registry's, at `stand.url()`.
//! assert!(stand.calls().is_empty());
//! stand.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! A tour: `server` accepts connections and finds the room that answers; `exchange` logs each call and plays
//! its faults; `ecr` holds repositories and answers the control plane; `registry` speaks `/v2/`; `lambda` runs
//! functions, `policy` reads repository policies for it; `cloudwatch` keeps alarms and metrics; `codedeploy` moves aliases; `ssm` and `s3` keep
//! values; `sts` says who a caller is, `iam` what a caller may do.

mod blobs;
mod calendar;
mod call;
mod calls;
pub mod cloudwatch;
pub mod codedeploy;
mod control;
mod ecr;
mod error;
mod exchange;
mod fault;
mod head;
mod iam;
mod identity;
mod images;
pub mod lambda;
mod limits;
mod operation;
mod partition;
mod policy;
mod protocol;
mod query;
mod registry;
mod reply;
mod request_body;
mod s3;
mod server;
mod service;
mod settings;
mod signature;
mod socket;
mod ssm;
mod stand;
mod state_file;
mod sts;
mod text;
mod uuid;

pub use call::{Answer, Call};
pub use calls::CallRecord;
pub use ecr::ReplicationSettings;
pub use error::StartError;
pub use fault::{Effect, ErrorAnswer, FaultRule, ResetMoment, Turn};
pub use images::{Images, StoredImage};
pub use limits::RegistryLimits;
pub use policy::Doubt;
pub use settings::{DEFAULT_ACCOUNT, Quirks, Settings, UploadLocation};
pub use stand::Stand;
