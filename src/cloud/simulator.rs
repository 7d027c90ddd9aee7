//! What IAM would say to calls that are not made.

use async_trait::async_trait;

use super::CloudError;

/// Actions on one resource, to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedAccess {
    /// An ARN, or `*`.
    pub resource: String,
    /// At most a hundred.
    pub actions: Vec<String>,
    /// A key that conditions ask for, and its value.
    pub context: Option<(&'static str, String)>,
}

/// What IAM says to one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedDecision {
    /// The action.
    pub action: String,
    /// Whether it is allowed.
    pub allowed: bool,
    /// Whether a policy denies it.
    pub denied: bool,
}

/// Asks IAM about identities.
#[async_trait]
pub trait AccessSimulator: Send + Sync {
    /// IAM SimulatePrincipalPolicy of a user's or a role's ARN.
    async fn simulate(
        &self,
        principal: &str,
        access: &SimulatedAccess,
    ) -> Result<Vec<SimulatedDecision>, CloudError>;

    /// IAM GetRole: the ARN of a role, whose path its session does not tell.
    async fn role_arn(&self, name: &str) -> Result<String, CloudError>;
}
