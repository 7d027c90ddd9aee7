//! AWS CodeDeploy for the compute platform Lambda: applications, groups, configurations, and deployments that live their own life.
//!
//! Like Lambda here, it is a function of what it remembers and of the time: whenever a call to it, to Lambda or to CloudWatch arrives, what was to
//! happen by then happens first. Traffic moves by calls to the stand-in's Lambda, hooks are invoked there, and alarms are those of its
//! CloudWatch. Codes are AWS's; texts that nobody has recorded are worded after their neighbours.

mod deployment;
mod life;
mod port;
mod refusal;
mod request;
mod routing;
mod service;
mod settings;
mod shelf;
#[cfg(test)]
mod tests;

pub(crate) use service::Attended;
pub use service::CodeDeploy;
pub use settings::CodeDeploySettings;
