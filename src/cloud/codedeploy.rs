//! AWS CodeDeploy, as far as a release of an alias needs it: compute platform Lambda.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::CloudError;

/// A deployment group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeploymentGroup {
    /// Lambda, Server or ECS.
    pub platform: String,
    /// The configuration that a deployment has which names none.
    pub config: String,
    /// The role that CodeDeploy works with.
    pub role: String,
    /// The alarms that stop its deployments; empty where they are switched off.
    pub alarms: Vec<String>,
}

/// How a deployment configuration moves traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// All of it at once.
    AllAtOnce,
    /// A share, and all of it later.
    Canary {
        /// The share, 1–99.
        percent: u32,
        /// How much later.
        minutes: u32,
    },
    /// The same share again and again.
    Linear {
        /// The share, 1–99.
        percent: u32,
        /// The time between two shifts.
        minutes: u32,
    },
}

/// A deployment configuration that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentConfig {
    /// Lambda, Server or ECS.
    pub platform: String,
    /// How traffic moves; none where it is in a form that is not known here.
    pub routing: Option<Routing>,
}

/// What CreateDeploymentGroup is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeploymentGroup {
    /// The application.
    pub application: String,
    /// The group.
    pub group: String,
    /// The configuration that a deployment has which names none.
    pub config: String,
    /// The ARN of the role that CodeDeploy works with.
    pub role: String,
    /// The alarms that stop its deployments.
    pub alarms: Vec<String>,
}

/// What CreateDeployment is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeployment {
    /// The application.
    pub application: String,
    /// The group.
    pub group: String,
    /// The configuration.
    pub config: String,
    /// The AppSpec, as JSON.
    pub app_spec: String,
    /// The SHA-256 of the AppSpec, in hexadecimal.
    pub sha256: String,
    /// For a person, and to know it again by.
    pub description: String,
    /// The alarms that stop it, in the place of the group's; empty for the group's.
    pub alarms: Vec<String>,
}

/// A deployment, as GetDeployment tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Its id: `d-ABCDEF123`.
    pub id: String,
    /// The application.
    pub application: String,
    /// The group.
    pub group: String,
    /// The configuration.
    pub config: String,
    /// Created, Queued, InProgress, Ready, Baking, Succeeded, Failed or Stopped.
    pub status: String,
    /// What whoever created it wrote.
    pub description: String,
    /// Code and message of what went wrong.
    pub error: Option<(String, String)>,
    /// The deployment that takes it back.
    pub rollback_id: Option<String>,
    /// How taking it back stands, for a person.
    pub rollback_message: Option<String>,
    /// The AppSpec, where it was given as content.
    pub app_spec: Option<String>,
}

/// What a deployment does to its alias.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeploymentTarget {
    /// The new version's share of the traffic, in percent.
    pub percent: Option<f64>,
    /// BeforeAllowTraffic, AllowTraffic, AfterAllowTraffic.
    pub events: Vec<LifecycleEvent>,
}

/// An event of a deployment's life.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifecycleEvent {
    /// Its name.
    pub name: String,
    /// Pending, InProgress, Succeeded, Failed, Skipped or Unknown.
    pub status: String,
    /// What went wrong in it.
    pub message: Option<String>,
    /// How long it took, once it has ended.
    pub elapsed: Option<Duration>,
}

/// What we read from CodeDeploy.
#[async_trait]
pub trait CodeDeployReader: Send + Sync {
    /// GetApplication: its compute platform (Lambda, Server or ECS); none when it does not exist.
    async fn application(&self, name: &str) -> Result<Option<String>, CloudError>;

    /// GetDeploymentGroup; none when it does not exist.
    async fn group(&self, application: &str, group: &str) -> Result<Option<DeploymentGroup>, CloudError>;

    /// GetDeploymentConfig; none when it does not exist.
    async fn config(&self, name: &str) -> Result<Option<DeploymentConfig>, CloudError>;

    /// GetDeployment; none when it does not exist.
    async fn deployment(&self, id: &str) -> Result<Option<Deployment>, CloudError>;

    /// ListDeployments of a group: the ids of those that were created since then.
    async fn deployments(
        &self,
        application: &str,
        group: &str,
        since: SystemTime,
    ) -> Result<Vec<String>, CloudError>;

    /// ListDeploymentTargets and GetDeploymentTarget; none while there is no target yet.
    async fn target(&self, id: &str) -> Result<Option<DeploymentTarget>, CloudError>;
}

/// What we change in CodeDeploy.
#[async_trait]
pub trait CodeDeployWriter: Send + Sync {
    /// CreateApplication of the compute platform Lambda.
    async fn create_application(&self, name: &str) -> Result<(), CloudError>;

    /// CreateDeploymentGroup, with automatic rollback.
    async fn create_group(&self, new: &NewDeploymentGroup) -> Result<(), CloudError>;

    /// CreateDeploymentConfig of the compute platform Lambda.
    async fn create_config(&self, name: &str, routing: Routing) -> Result<(), CloudError>;

    /// CreateDeployment, with automatic rollback on a failure, an alarm and a stop; answers its id. It is sent once: whether it was
    /// performed is for the caller to find out.
    async fn create_deployment(&self, new: &NewDeployment) -> Result<String, CloudError>;

    /// StopDeployment, with automatic rollback.
    async fn stop_deployment(&self, id: &str) -> Result<(), CloudError>;
}
