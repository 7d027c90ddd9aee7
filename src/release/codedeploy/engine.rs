//! Who moves the traffic.

use crate::name::RoleArn;

/// Who moves the traffic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Engine {
    /// This process, by UpdateAlias.
    #[default]
    Direct,
    /// AWS CodeDeploy, on its own.
    CodeDeploy(CodeDeploySpec),
}

/// How CodeDeploy is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeDeploySpec {
    /// The application.
    pub application: String,
    /// The deployment group.
    pub group: String,
    /// Whether what is missing is made.
    pub create: bool,
    /// The role that CodeDeploy works with, where a group is made.
    pub role: Option<RoleArn>,
    /// The function that is invoked before traffic moves.
    pub hook_before: Option<String>,
    /// The function that is invoked after all of it has moved.
    pub hook_after: Option<String>,
    /// Whether the deployment is left to itself once it was created.
    pub detach: bool,
}

/// The deployment that a release in the journal stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentRef {
    /// Its id; none while it is being created.
    pub id: Option<String>,
    /// The application.
    pub application: String,
    /// The deployment group.
    pub group: String,
}

impl std::fmt::Display for DeploymentRef {
    /// `deployment d-ABCDEF123 (application shop, group live)`
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.id.as_deref().unwrap_or("(not known yet)");
        write!(formatter, "deployment {id} (application {}, group {})", self.application, self.group)
    }
}
