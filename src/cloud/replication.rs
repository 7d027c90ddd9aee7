//! What Amazon ECR replicates to other registries, and how far it is.

use async_trait::async_trait;

use super::{CloudError, ReplicaPlace};
use crate::name::{AccountId, Digest, RepositoryName};

/// How far an image is on its way to another registry (`ReplicationStatus`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplicaState {
    /// IN_PROGRESS
    InProgress,
    /// COMPLETE
    Complete,
    /// FAILED, with `failureCode` where there is one.
    Failed(Option<String>),
}

/// Reads a registry's replication.
#[async_trait]
pub trait Replication: Send + Sync {
    /// DescribeRegistry: where images of this repository are replicated to. Of another account's registry nothing is known.
    async fn replicas(
        &self,
        registry: &AccountId,
        name: &RepositoryName,
    ) -> Result<Vec<ReplicaPlace>, CloudError>;

    /// DescribeImageReplicationStatus: how far the image is on its way to each place that it is replicated to. An image that was pushed
    /// before replication was configured is replicated nowhere.
    async fn replica_states(
        &self,
        registry: &AccountId,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<(ReplicaPlace, ReplicaState)>, CloudError>;
}
