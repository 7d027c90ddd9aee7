//! Replication: what is pushed to a repository appears in those of other registries after a while, as its registry is set up.
//!
//! What is due happens before the next call to the control plane is answered. It is not kept between runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::repository::{Mutability, Repository};
use super::{Ecr, Place};
use crate::text::epoch_seconds;

/// Where a registry's settings keep its replication.
pub(crate) const REPLICATION: &str = "replicationConfiguration";

/// How replication goes.
#[derive(Debug, Clone, Default)]
pub struct ReplicationSettings {
    /// From a push until the image is there.
    pub delay: Duration,
    /// Regions to which every replication ends FAILED.
    pub failing_regions: Vec<String>,
}

/// All images that were or are on their way.
#[derive(Debug, Default)]
pub(crate) struct Replications {
    settings: ReplicationSettings,
    all: Mutex<Vec<Replica>>,
}

/// An image on its way from one registry to another.
#[derive(Debug, Clone)]
pub(crate) struct Replica {
    from: Place,
    repository: String,
    digest: String,
    pub(crate) to: Place,
    due: SystemTime,
    pub(crate) state: State,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    InProgress,
    Complete,
    Failed,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::InProgress => "IN_PROGRESS",
            State::Complete => "COMPLETE",
            State::Failed => "FAILED",
        }
    }
}

impl Replications {
    pub(crate) fn new(settings: ReplicationSettings) -> Self {
        Replications { settings, all: Mutex::default() }
    }

    /// The ways of one image.
    pub(crate) fn of(&self, place: &Place, repository: &str, digest: &str) -> Vec<Replica> {
        let is_of = |replica: &&Replica| {
            replica.from == *place && replica.repository == repository && replica.digest == digest
        };
        self.lock().iter().filter(is_of).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Replica>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ecr {
    /// Sends an image that was put on its way to where its registry replicates it.
    pub(crate) fn replicate(&self, place: &Place, repository: &str, digest: &str, now: SystemTime) {
        let rules = self.registries.look(place, |registry| registry.settings.get(REPLICATION).cloned());
        let rules = rules.and_then(|text| serde_json::from_str::<Value>(&text).ok()).unwrap_or_default();
        let mut all = self.replications.lock();
        for to in destinations(&rules, repository) {
            let replica = Replica {
                from: place.clone(),
                repository: repository.to_owned(),
                digest: digest.to_owned(),
                due: now + self.replications.settings.delay,
                state: State::InProgress,
                to,
            };
            // A further tag sets the image on its way again.
            all.retain(|known| {
                (&known.from, &known.repository, &known.digest, &known.to)
                    != (&replica.from, &replica.repository, &replica.digest, &replica.to)
            });
            all.push(replica);
        }
    }

    /// Lets what is due arrive.
    pub(crate) fn settle_replications(&self, now: SystemTime) {
        let mut all = self.replications.lock();
        for replica in all.iter_mut().filter(|one| one.state == State::InProgress && one.due <= now) {
            let fails = self.replications.settings.failing_regions.contains(&replica.to.region);
            let arrived = !fails && self.copy(replica, now).is_some();
            replica.state = if arrived { State::Complete } else { State::Failed };
        }
    }

    /// Copies an image with its layers and tags; none where that is not possible.
    fn copy(&self, replica: &Replica, now: SystemTime) -> Option<()> {
        let Replica { from, repository, digest, to, .. } = replica;
        let source = self.registries.read(from, repository, Clone::clone).ok()?;
        let image = source.images.get(digest)?.clone();
        // Replication makes the repository where it is missing; one that is there already is fine.
        let _ = self.registries.create(to, fresh(repository, now));
        let copied = self.registries.write(to, repository, |found| {
            for blob in &image.blobs {
                if let Some(layer) = source.layers.get(blob) {
                    found.layers.entry(blob.clone()).or_insert_with(|| layer.clone());
                }
            }
            let tags = source.tags.iter().filter(|(_, named)| *named == digest);
            found.tags.extend(tags.map(|(tag, digest)| (tag.clone(), digest.clone())));
            found.images.entry(digest.clone()).or_insert_with(|| image.clone());
            Ok(())
        });
        copied.ok()
    }
}

/// A repository as replication makes it.
fn fresh(name: &str, now: SystemTime) -> Repository {
    Repository {
        name: name.to_owned(),
        created_at: epoch_seconds(now),
        mutability: Mutability::Mutable,
        exclusions: Vec::new(),
        scan_on_push: false,
        encryption: "AES256".to_owned(),
        kms_key: None,
        resource_tags: BTreeMap::new(),
        policy: None,
        lifecycle_policy: None,
        layers: BTreeMap::new(),
        images: BTreeMap::new(),
        tags: BTreeMap::new(),
    }
}

/// The places that a configuration sends the images of a repository to.
fn destinations(configuration: &Value, repository: &str) -> Vec<Place> {
    let list =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let is_about = |rule: &Value| {
        let filters = list(rule, "repositoryFilters");
        let fits = |filter: &Value| {
            let prefix = filter.get("filter").and_then(Value::as_str).unwrap_or_default();
            repository.starts_with(prefix)
        };
        filters.is_empty() || filters.iter().any(fits)
    };
    let place = |to: Value| {
        let text = |name: &str| to.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Place { account: text("registryId")?, region: text("region")? })
    };
    let rules = list(configuration, "rules");
    let about = rules.iter().filter(|rule| is_about(rule));
    about.flat_map(|rule| list(rule, "destinations")).filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_says_where_the_images_of_a_repository_go() {
        let to = |region: &str| json!({ "region": region, "registryId": "123456789012" });
        let configuration = json!({ "rules": [
            { "destinations": [to("eu-west-1"), to("us-east-1")],
              "repositoryFilters": [{ "filter": "team/", "filterType": "PREFIX_MATCH" }] },
            { "destinations": [to("eu-north-1")] },
        ] });
        let regions = |repository: &str| -> Vec<String> {
            destinations(&configuration, repository).into_iter().map(|place| place.region).collect()
        };
        assert_eq!(regions("team/app"), ["eu-west-1", "us-east-1", "eu-north-1"]);
        assert_eq!(regions("app"), ["eu-north-1"]);
        assert!(destinations(&Value::Null, "app").is_empty());
    }
}
