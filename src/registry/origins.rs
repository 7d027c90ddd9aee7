//! Which repositories this tool has itself put a blob into, so that it can be taken over from there.
//!
//! One small file a blob in a private folder. A remembered origin may be wrong by now: the registry decides, and it gives
//! out a blob only under its own digest.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::name::{Digest, RegistryHost, RepositoryName};
use crate::private_folder::{Distrust, PrivateFolder};

/// How many blobs are remembered.
const MOST_BLOBS: usize = 4096;
/// How many repositories are remembered for a blob.
const MOST_PLACES: usize = 8;
/// A file is some hundred bytes a place; a larger one is not ours.
const LONGEST_FILE: u64 = 8192;

/// The origins in one folder.
#[derive(Debug, Clone)]
pub struct Origins {
    folder: PrivateFolder,
}

/// A file as it is written. Keys may be added; an unknown key is ignored.
#[derive(Serialize, Deserialize)]
struct Record {
    digest: String,
    /// The most recent one first.
    places: Vec<Place>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    registry: String,
    repository: String,
}

impl Origins {
    /// The origins in `folder`, which is made when the first one is noted.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: PrivateFolder::new(folder, MOST_BLOBS) }
    }

    /// Why they are not used; none when they are.
    pub fn distrust(&self) -> Option<Distrust> {
        self.folder.distrust()
    }

    /// The repositories of `registry` that `digest` was put into, the most recent one first.
    pub fn of(&self, digest: &Digest, registry: &RegistryHost) -> Vec<RepositoryName> {
        let places = self.places(digest).into_iter().filter(|place| place.registry == registry.as_str());
        places.filter_map(|place| place.repository.parse().ok()).collect()
    }

    /// Whether `digest` was put into another repository than `besides`, of whatever registry.
    pub fn is_elsewhere(&self, digest: &Digest, besides: &RepositoryName) -> bool {
        self.places(digest).iter().any(|place| place.repository != besides.as_str())
    }

    /// Notes that `digest` was put into `repository`. What cannot be written is not remembered, which costs time only.
    pub fn note(&self, digest: &Digest, registry: &RegistryHost, repository: &RepositoryName) {
        let place = Place { registry: registry.to_string(), repository: repository.to_string() };
        let mut places = self.places(digest);
        if places.first() == Some(&place) {
            return;
        }
        places.retain(|known| *known != place);
        places.insert(0, place);
        places.truncate(MOST_PLACES);
        let record = Record { digest: digest.to_string(), places };
        if let Ok(text) = serde_json::to_vec(&record) {
            let _ = self.folder.put(&file_name(digest), &text);
        }
    }

    fn places(&self, digest: &Digest) -> Vec<Place> {
        let record = self.folder.read(&file_name(digest), LONGEST_FILE);
        let record = record.and_then(|text| serde_json::from_str::<Record>(&text).ok());
        record
            .filter(|record| record.digest == digest.to_string())
            .map(|record| record.places)
            .unwrap_or_default()
    }
}

fn file_name(digest: &Digest) -> String {
    format!("{}.json", digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(region: &str) -> RegistryHost {
        RegistryHost::standard(&"123456789012".parse().unwrap(), &region.parse().unwrap())
    }

    #[test]
    fn a_blob_is_found_where_it_was_put_in_this_registry_the_latest_first() {
        let folder = tempfile::tempdir().unwrap();
        let origins = Origins::new(folder.path().join("origins"));
        let (here, there) = (host("eu-west-1"), host("us-east-1"));
        let digest = Digest::of(b"a");
        let names: Vec<RepositoryName> =
            (0..10).map(|number| format!("team/app{number}").parse().unwrap()).collect();
        assert_eq!(origins.of(&digest, &here), []);
        origins.note(&digest, &there, &names[9]);
        for name in names[..4].iter().chain([&names[1]]) {
            origins.note(&digest, &here, name);
        }
        assert_eq!(origins.of(&digest, &here), [1, 3, 2, 0].map(|index: usize| names[index].clone()));
        assert_eq!(origins.of(&digest, &there), [names[9].clone()]);
        assert_eq!(origins.of(&Digest::of(b"b"), &here), []);
        assert!(origins.is_elsewhere(&digest, &names[0]));
        for name in &names {
            origins.note(&digest, &here, name);
        }
        assert_eq!(origins.of(&digest, &here).len(), MOST_PLACES, "bounded");
    }

    #[test]
    fn what_is_no_record_of_this_blob_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let origins = Origins::new(folder.path().join("origins"));
        let (digest, other, here) = (Digest::of(b"a"), Digest::of(b"b"), host("eu-west-1"));
        origins.note(&digest, &here, &"app".parse().unwrap());
        assert!(!origins.is_elsewhere(&digest, &"app".parse().unwrap()));
        let path = |digest: &Digest| origins.folder.path().join(file_name(digest));
        std::fs::copy(path(&digest), path(&other)).unwrap();
        assert_eq!(origins.of(&other, &here), []);
        for bad in ["", "{", "[]", r#"{"digest":"x","places":[]}"#] {
            std::fs::write(path(&digest), bad).unwrap();
            assert_eq!(origins.of(&digest, &here), [], "{bad}");
        }
        origins.note(&digest, &here, &"app".parse().unwrap());
        assert_eq!(origins.of(&digest, &here).len(), 1, "and is replaced");
    }
}
