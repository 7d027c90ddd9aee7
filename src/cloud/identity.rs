//! Who we are to AWS.

use async_trait::async_trait;

use super::CloudError;
use crate::name::AccountId;

/// The identity behind the credentials (STS GetCallerIdentity).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account the credentials belong to.
    pub account: AccountId,
    /// The ARN of the user or assumed role.
    pub arn: String,
}

/// Answers who the caller is. Needs no permission.
#[async_trait]
pub trait Identity: Send + Sync {
    /// STS GetCallerIdentity.
    async fn caller(&self) -> Result<Caller, CloudError>;
}

/// Who is known already answers without asking.
#[async_trait]
impl Identity for Caller {
    async fn caller(&self) -> Result<Caller, CloudError> {
        Ok(self.clone())
    }
}
