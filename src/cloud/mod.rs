//! What we need of AWS, in our own words.
//!
//! Readers are traits apart from writers: who holds a reader only cannot change anything (invariant 3).
//! The answers are plain data. `aws/` implements these traits with the AWS SDK; nothing here knows of it.

mod codedeploy;
mod ecr;
mod error;
mod hidden;
mod hint;
mod identity;
mod invoke;
mod lambda;
mod monitor;
mod parameters;
mod replication;
mod simulator;

pub use codedeploy::{
    CodeDeployReader, CodeDeployWriter, Deployment, DeploymentConfig, DeploymentGroup, DeploymentTarget,
    LifecycleEvent, NewDeployment, NewDeploymentGroup, Routing,
};
pub use ecr::{
    BLOBS_A_CALL, DescribedImage, EcrReader, EcrWriter, Encryption, IMAGES_A_CALL, ImageDeletion,
    RegistryAuthorizer, RegistryCredential, RegistryRules, ReplicaPlace, Repository, RepositorySettings,
    StoredImage, TagMutability,
};
pub use error::{CloudError, CloudErrorKind};
pub(crate) use hidden::HiddenVariables;
pub use identity::{Caller, Identity};
pub use invoke::{Invocation, InvocationMode, InvocationRequest, LambdaInvoker};
pub use lambda::{
    AliasTarget, CodeUpdate, CodeUse, ConfigurationUpdate, FunctionState, LambdaReader, LambdaWriter,
    LiveAlias, LiveFunction, NewFunction, PackageType, ProvisionedConcurrency, PublishGuard,
    PublishedVersion,
};
pub use monitor::{Alarm, Monitor, TrafficQuery, VersionTraffic};
pub use parameters::{Objects, Parameter, ParameterKind, Parameters};
pub use replication::{ReplicaState, Replication};
pub use simulator::{AccessSimulator, SimulatedAccess, SimulatedDecision};
