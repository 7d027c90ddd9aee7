//! Amazon ECR: what a registry replicates, and how far it is.

use async_trait::async_trait;
use aws_sdk_ecr::types::{self, ReplicationStatus};

use super::Ecr;
use super::ecr_contents::{DESCRIBE_REGISTRY, places};
use super::error::Operation;
use crate::cloud::{CloudError, ReplicaPlace, ReplicaState, Replication};
use crate::name::{AccountId, Digest, RepositoryName};

const REPLICATION_STATUS: Operation =
    Operation { service: "Amazon ECR", name: "DescribeImageReplicationStatus" };

#[async_trait]
impl Replication for Ecr {
    async fn replicas(
        &self,
        registry: &AccountId,
        name: &RepositoryName,
    ) -> Result<Vec<ReplicaPlace>, CloudError> {
        let call = DESCRIBE_REGISTRY;
        let answer = self.client().describe_registry().send().await.map_err(|error| call.failed(error))?;
        // The call knows the caller's own registry only.
        let is_own = answer.registry_id() == Some(registry.as_str());
        Ok(if is_own { places(&answer, name) } else { Vec::new() })
    }

    async fn replica_states(
        &self,
        registry: &AccountId,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<(ReplicaPlace, ReplicaState)>, CloudError> {
        let call = REPLICATION_STATUS;
        let image = types::ImageIdentifier::builder().image_digest(digest.to_string()).build();
        let request = self.client().describe_image_replication_status();
        let request = request.registry_id(registry.as_str()).repository_name(name.as_str()).image_id(image);
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        Ok(answer.replication_statuses().iter().filter_map(state).collect())
    }
}

/// A status that names its place. One of a kind that we do not know is under way until it is another.
fn state(status: &types::ImageReplicationStatus) -> Option<(ReplicaPlace, ReplicaState)> {
    let place =
        ReplicaPlace { account: status.registry_id()?.to_owned(), region: status.region()?.to_owned() };
    let state = match status.status()? {
        ReplicationStatus::Complete => ReplicaState::Complete,
        ReplicationStatus::Failed => ReplicaState::Failed(status.failure_code().map(str::to_owned)),
        _ => ReplicaState::InProgress,
    };
    Some((place, state))
}
