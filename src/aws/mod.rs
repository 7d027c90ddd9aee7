//! The only place that imports the AWS SDK: it answers the traits of [`crate::cloud`] with real calls.
//!
//! No SDK type leaves this module. The SDK retries throttling and transient failures on its own; what needs
//! judgement (409 while an update is in progress, roles that are still propagating, settling) is not handled here
//! but in `apply`.

mod assume;
mod bounded;
mod cloudwatch;
mod codedeploy;
mod connect;
mod ecr;
mod ecr_contents;
mod ecr_images;
mod error;
mod iam;
mod lambda;
mod lambda_answer;
mod lambda_fleet;
mod lambda_invoke;
mod lambda_request;
mod lambda_settings;
mod pace;
mod pages;
#[cfg(test)]
mod replay;
mod replication;
mod s3;
mod signed;
mod ssm;
mod sts;

pub use cloudwatch::CloudWatch;
pub use codedeploy::CodeDeploy;
pub use connect::{AssumedRole, Clients, ConnectError, Connection, ConnectionSettings, StaticCredentials};
pub use ecr::Ecr;
pub use iam::Iam;
pub use lambda::Lambda;
pub use pace::Pace;
pub use s3::S3;
pub use ssm::Ssm;
pub use sts::Sts;
