//! Writing the repository's policy. It has no revision, so it is read again right before and right after.

use crate::cloud::{EcrReader, EcrWriter};
use crate::name::{AccountId, RepositoryName};
use crate::plan::GrantStep;

use super::ApplyError;

/// Writes the planned policy, unless the present one is not the one that the plan was made for.
///
/// # Errors
/// Fails when the policy changed underneath, before the write or with it, and when AWS refuses.
pub async fn write_policy(
    reader: &dyn EcrReader,
    writer: &dyn EcrWriter,
    registry: &AccountId,
    repository: &RepositoryName,
    step: &GrantStep,
) -> Result<(), ApplyError> {
    let changed = || ApplyError::ChangedUnderneath { what: format!("the policy of repository {repository}") };
    let before = reader.repository_policy(Some(registry), repository).await?;
    if same(before.as_deref(), Some(&step.text)) {
        // Another deploy that runs at the same time granted the same.
        return Ok(());
    }
    if !same(before.as_deref(), step.current.as_deref()) {
        return Err(changed());
    }
    writer.set_repository_policy(Some(registry), repository, &step.text).await?;
    let after = reader.repository_policy(Some(registry), repository).await?;
    if !same(after.as_deref(), Some(&step.text)) {
        return Err(changed());
    }
    Ok(())
}

/// Whether two policies say the same. ECR may lay a document out anew, so layout does not count.
fn same(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            one == other || parse(one).is_some_and(|one| Some(one) == parse(other))
        }
        _ => false,
    }
}
