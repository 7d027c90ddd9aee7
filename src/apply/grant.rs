//! Writing the repository's policy. It has no revision, so it is read again right before and right after.

use crate::cloud::{EcrReader, EcrWriter};
use crate::name::{AccountId, RepositoryName};
use crate::plan::GrantStep;
use crate::policy;

use super::ApplyError;

/// Writes the planned policy, unless the present one is not the one that the plan was made for.
pub(super) async fn grant(
    reader: &dyn EcrReader,
    writer: &dyn EcrWriter,
    registry: &AccountId,
    repository: &RepositoryName,
    step: &GrantStep,
) -> Result<(), ApplyError> {
    let changed = || ApplyError::ChangedUnderneath { what: format!("the policy of repository {repository}") };
    let before = reader.repository_policy(registry, repository).await?;
    if !same(before.as_deref(), step.current.as_deref()) {
        return Err(changed());
    }
    writer.set_repository_policy(registry, repository, &step.text).await?;
    let after = reader.repository_policy(registry, repository).await?;
    if !same(after.as_deref(), Some(&step.text)) {
        return Err(changed());
    }
    Ok(())
}

/// Whether two policies say the same. ECR may lay a document out anew, so layout does not count.
fn same(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => policy::same_document(one, other),
        _ => false,
    }
}
