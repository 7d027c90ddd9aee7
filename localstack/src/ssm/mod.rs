//! AWS Systems Manager's Parameter Store: PutParameter, GetParameter, GetParameters, DeleteParameter.

mod service;

pub(crate) use service::Ssm;
