//! Reads the facts. It holds readers only.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use tokio::join;

use crate::cloud::{
    CloudError, CloudErrorKind, CodeUse, EcrReader, Identity, LambdaReader, LiveFunction, StoredImage,
};
use crate::name::{AccountId, Digest, FunctionName};
use crate::prune::{AliasFacts, FunctionFacts, PruneSpec, RepositoryFacts, RepositoryPlace};
use crate::release::{Clock, Journal, Place};

/// Media types of what lists other manifests.
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// So many manifests are held in memory at a time.
const MANIFESTS_AT_ONCE: usize = 100;

/// Reads what a plan is made of.
pub struct Gatherer<'a> {
    /// Reads Lambda.
    pub lambda: &'a dyn LambdaReader,
    /// Reads the repositories.
    pub ecr: &'a dyn EcrReader,
    /// Whose functions are looked at.
    pub identity: &'a dyn Identity,
    /// Whose repositories are meant where no account is named.
    pub repository_identity: &'a dyn Identity,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// What is pruned.
    pub spec: &'a PruneSpec,
}

impl Gatherer<'_> {
    /// The account of the functions, and that of repositories which were named without one.
    pub(super) async fn accounts(&self) -> Result<(AccountId, AccountId), CloudError> {
        let (own, of_repository) = join!(self.identity.caller(), self.repository_identity.caller());
        Ok((own?.account, of_repository?.account))
    }

    /// A function; none when it does not exist.
    pub(super) async fn function(&self, name: &FunctionName) -> Result<Option<FunctionFacts>, CloudError> {
        // The aliases after the versions, so that of a move that is made meanwhile the newer end shows. The journal, which the function
        // has in its tags, after the aliases: read before, two moves later it would not tell what the alias ran before its last move.
        let (versions, provisioned) = join!(self.lambda.versions(name), self.lambda.provisioned(name));
        let aliases = self.lambda.aliases(name).await?;
        let latest = self.lambda.function(name, None).await;
        let (Some(latest), Some(versions), Some(provisioned), Some(aliases)) =
            (latest?, versions?, provisioned?, aliases)
        else {
            return Ok(None);
        };
        let alias = |live: &crate::cloud::LiveAlias| AliasFacts {
            name: live.name.clone(),
            place: Place::of(live),
            journal: Journal::read(&latest.settings, &live.name),
        };
        Ok(Some(FunctionFacts {
            name: name.clone(),
            versions: versions.iter().map(|one| (one.version, one.image_digest)).collect(),
            latest: digests_of(&latest),
            aliases: aliases.iter().map(alias).collect(),
            provisioned: provisioned.into_iter().collect(),
        }))
    }

    /// A repository; none when it does not exist.
    pub(super) async fn repository(
        &self,
        place: &RepositoryPlace,
        of_repository: &AccountId,
    ) -> Result<Option<RepositoryFacts>, CloudError> {
        let owner = place.registry.clone().unwrap_or_else(|| of_repository.clone());
        let (images, policy, registry) = join!(
            self.ecr.images(Some(&owner), &place.name),
            self.ecr.repository_policy(Some(&owner), &place.name),
            self.ecr.registry_rules(&place.name),
        );
        let Some(images) = images? else { return Ok(None) };
        let registry = registry?;
        let children = self.children(place, &owner, &images).await?;
        Ok(Some(RepositoryFacts {
            // A registry tells of itself only.
            registry: (registry.account == owner).then_some(registry),
            owner,
            name: place.name.clone(),
            policy: policy?,
            images,
            children,
        }))
    }

    /// What all versions of all functions run.
    pub(super) async fn uses(&self) -> Result<Vec<CodeUse>, CloudError> {
        self.lambda.code_in_use().await
    }

    /// Now, in seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        crate::release::seconds(self.clock.now())
    }

    /// What each index lists.
    async fn children(
        &self,
        place: &RepositoryPlace,
        owner: &AccountId,
        images: &[StoredImage],
    ) -> Result<BTreeMap<Digest, Vec<Digest>>, CloudError> {
        // One without a media type may be anything.
        let may_list =
            |image: &&StoredImage| image.media_type.as_deref().is_none_or(|kind| INDEXES.contains(&kind));
        let asked: Vec<&StoredImage> = images.iter().filter(may_list).collect();
        let indexes: HashSet<Digest> =
            asked.iter().filter(|image| image.media_type.is_some()).map(|image| image.digest).collect();
        let mut children = BTreeMap::new();
        for some in asked.chunks(MANIFESTS_AT_ONCE) {
            let some: Vec<Digest> = some.iter().map(|image| image.digest).collect();
            for (digest, manifest) in self.ecr.manifests(Some(owner), &place.name, &some).await? {
                match listed(&manifest, indexes.contains(&digest)) {
                    Some(Some(listed)) => drop(children.insert(digest, listed)),
                    Some(None) => {}
                    None => return Err(unreadable(&digest)),
                }
            }
        }
        Ok(children)
    }
}

/// Every digest that a function may run, by what it tells. They differ where one of them lags.
fn digests_of(function: &LiveFunction) -> Vec<Digest> {
    let uris = [&function.resolved_image_uri, &function.image_uri].into_iter().flatten();
    let named = uris.filter_map(|uri| uri.split_once('@')?.1.parse().ok());
    function.image_digest.into_iter().chain(named).collect()
}

/// The digests that a manifest lists. Some(None) for one that is no index; none for one that cannot be understood.
fn listed(manifest: &str, is_index: bool) -> Option<Option<Vec<Digest>>> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    match manifest.get("manifests") {
        None if is_index => None,
        None => Some(None),
        Some(entries) => {
            let digest = |entry: &Value| entry.get("digest")?.as_str()?.parse().ok();
            entries.as_array()?.iter().map(digest).collect::<Option<Vec<Digest>>>().map(Some)
        }
    }
}

fn unreadable(digest: &Digest) -> CloudError {
    CloudError {
        service: "Amazon ECR",
        operation: "BatchGetImage",
        kind: CloudErrorKind::Unexpected,
        code: None,
        status: None,
        message: format!("the manifest {digest} cannot be understood, so that nobody can tell what it needs"),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_index_lists_is_read_or_it_is_said_that_it_cannot_be() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let index = format!(r#"{{"manifests": [{{"digest": "{one}"}}, {{"digest": "{two}"}}]}}"#);
        let table = [
            (index.as_str(), true, Some(Some(vec![one, two]))),
            (index.as_str(), false, Some(Some(vec![one, two]))),
            (r#"{"manifests": []}"#, true, Some(Some(Vec::new()))),
            (r#"{"layers": []}"#, false, Some(None)),
            (r#"{"layers": []}"#, true, None),
            (r#"{"manifests": [{"digest": "sha512:x"}]}"#, true, None),
            (r#"{"manifests": {}}"#, false, None),
            ("{", false, None),
        ];
        for (manifest, is_index, expected) in table {
            assert_eq!(listed(manifest, is_index), expected, "{manifest}");
        }
    }
}
