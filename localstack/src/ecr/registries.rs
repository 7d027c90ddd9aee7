//! All registries: one an account and Region, kept in memory and written through to one file a repository.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Place;
use super::refusal::Refusal;
use super::repository::Repository;
use crate::blobs::digest_of;
use crate::error::StartError;

/// One account's registry in one Region.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    pub(crate) repositories: BTreeMap<String, Repository>,
    /// Account settings, such as `BLOB_MOUNTING`.
    pub(crate) settings: BTreeMap<String, String>,
}

/// Every registry there is.
#[derive(Debug)]
pub(crate) struct Registries {
    folder: PathBuf,
    all: Mutex<BTreeMap<Place, Registry>>,
}

impl Registries {
    /// Reads what earlier runs left in `state`.
    pub(crate) fn open(state: &Path) -> Result<Self, StartError> {
        let folder = state.join("ecr");
        let mut all = BTreeMap::new();
        for account in folders(&folder)? {
            for region in folders(&folder.join(&account))? {
                let registry = read_registry(&folder.join(&account).join(&region))?;
                all.insert(Place { account: account.clone(), region }, registry);
            }
        }
        Ok(Registries { folder, all: Mutex::new(all) })
    }

    /// Looks at a registry; one that nobody used is empty.
    pub(crate) fn look<T>(&self, place: &Place, look: impl FnOnce(&Registry) -> T) -> T {
        look(self.lock().get(place).unwrap_or(&Registry::default()))
    }

    /// The registry that a repository is found in by whoever names no registry: the one at `place`, or the only other of
    /// that Region that has such a repository.
    pub(crate) fn home_of(&self, place: &Place, repository: &str) -> Place {
        let all = self.lock();
        let has = |registry: &Registry| registry.repositories.contains_key(repository);
        if all.get(place).is_some_and(has) {
            return place.clone();
        }
        let mut others = all.iter().filter(|(other, registry)| other.region == place.region && has(registry));
        match (others.next(), others.next()) {
            (Some((only, _)), None) => only.clone(),
            _ => place.clone(),
        }
    }

    /// Looks at a repository.
    pub(crate) fn read<T>(
        &self,
        place: &Place,
        repository: &str,
        look: impl FnOnce(&Repository) -> T,
    ) -> Result<T, Refusal> {
        let all = self.lock();
        let found = all.get(place).and_then(|registry| registry.repositories.get(repository));
        found.map(look).ok_or_else(|| Refusal::repository_missing(repository, &place.account))
    }

    /// Changes a repository and keeps the change. A refusal of `change` must leave the repository as it was.
    pub(crate) fn write<T>(
        &self,
        place: &Place,
        repository: &str,
        change: impl FnOnce(&mut Repository) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut all = self.lock();
        let found = all.get_mut(place).and_then(|registry| registry.repositories.get_mut(repository));
        let found = found.ok_or_else(|| Refusal::repository_missing(repository, &place.account))?;
        let outcome = change(found)?;
        self.keep_repository(place, found).map_err(|error| Refusal::state(&error))?;
        Ok(outcome)
    }

    /// Adds a repository.
    pub(crate) fn create(&self, place: &Place, repository: Repository) -> Result<(), Refusal> {
        let mut all = self.lock();
        let registry = all.entry(place.clone()).or_default();
        if registry.repositories.contains_key(&repository.name) {
            return Err(Refusal::repository_exists(&repository.name, &place.account));
        }
        self.keep_repository(place, &repository).map_err(|error| Refusal::state(&error))?;
        registry.repositories.insert(repository.name.clone(), repository);
        Ok(())
    }

    /// Removes a repository, and tells which of its blobs no repository has any more.
    pub(crate) fn delete(
        &self,
        place: &Place,
        name: &str,
        force: bool,
    ) -> Result<(Repository, Vec<String>), Refusal> {
        let mut all = self.lock();
        let registry = all.get_mut(place).filter(|registry| registry.repositories.contains_key(name));
        let registry = registry.ok_or_else(|| Refusal::repository_missing(name, &place.account))?;
        if !force && registry.repositories.get(name).is_some_and(|found| !found.images.is_empty()) {
            return Err(Refusal::repository_not_empty(name, &place.account));
        }
        fs::remove_file(self.repository_file(place, name)).map_err(|error| Refusal::state(&error))?;
        let deleted = registry.repositories.remove(name);
        let deleted = deleted.ok_or_else(|| Refusal::repository_missing(name, &place.account))?;
        let kept = |digest: &String| {
            all.values().flat_map(|registry| registry.repositories.values()).any(|repository| {
                repository.layers.contains_key(digest) || repository.images.contains_key(digest)
            })
        };
        let orphans = deleted
            .layers
            .keys()
            .chain(deleted.images.keys())
            .filter(|digest| !kept(digest))
            .cloned()
            .collect();
        Ok((deleted, orphans))
    }

    /// Changes an account setting.
    pub(crate) fn set_setting(&self, place: &Place, name: &str, value: &str) -> Result<(), Refusal> {
        let mut all = self.lock();
        let registry = all.entry(place.clone()).or_default();
        registry.settings.insert(name.to_owned(), value.to_owned());
        write_json(&self.registry_folder(place).join("settings.json"), &registry.settings)
            .map_err(|error| Refusal::state(&error))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Registry>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_repository(&self, place: &Place, repository: &Repository) -> io::Result<()> {
        write_json(&self.repository_file(place, &repository.name), repository)
    }

    fn registry_folder(&self, place: &Place) -> PathBuf {
        self.folder.join(&place.account).join(&place.region)
    }

    fn repository_file(&self, place: &Place, name: &str) -> PathBuf {
        self.registry_folder(place).join("repositories").join(file_name(name))
    }
}

/// A repository's name as a file's name: a slash becomes `~`, which no name contains; long names are shortened.
fn file_name(repository: &str) -> String {
    let flat = repository.replace('/', "~");
    if flat.len() <= 200 {
        return format!("{flat}.json");
    }
    let hash = digest_of(repository.as_bytes());
    format!("{}~~{}.json", &flat[..150], &hash[7..39])
}

fn folders(parent: &Path) -> Result<Vec<String>, StartError> {
    let fault = |source| StartError::File { path: parent.to_owned(), source };
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fault(error)),
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect::<io::Result<Vec<_>>>().map_err(fault)
}

fn read_registry(folder: &Path) -> Result<Registry, StartError> {
    let mut registry = Registry::default();
    let settings = folder.join("settings.json");
    if settings.exists() {
        registry.settings = read_json(&settings)?;
    }
    let repositories = folder.join("repositories");
    for name in folders(&repositories)? {
        // A file that was being written when the process was killed was never renamed into place.
        if name.ends_with(".json") {
            let repository: Repository = read_json(&repositories.join(name))?;
            registry.repositories.insert(repository.name.clone(), repository);
        }
    }
    Ok(registry)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, StartError> {
    let bytes = fs::read(path).map_err(|source| StartError::File { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|source| StartError::State { path: path.to_owned(), source })
}

/// Writes a file so that a reader finds the old or the new content, and never half of it.
fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension("draft");
    fs::write(&draft, serde_json::to_vec(value)?)?;
    fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecr::repository::tests::empty;

    fn place() -> Place {
        Place { account: "123456789012".into(), region: "eu-west-1".into() }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let registries = Registries::open(folder.path()).unwrap();
        let long = format!("{}/a.json", "x".repeat(240));
        for name in ["app", "app/json", "app.json", &long] {
            registries.create(&place(), Repository { name: name.to_owned(), ..empty() }).unwrap();
        }
        registries.set_setting(&place(), "BLOB_MOUNTING", "ENABLED").unwrap();
        let set = |repository: &mut Repository| {
            repository.policy = Some("{}".into());
            Ok(())
        };
        registries.write(&place(), "app", set).unwrap();
        let again = Registries::open(folder.path()).unwrap();
        let names =
            again.look(&place(), |registry| registry.repositories.keys().cloned().collect::<Vec<_>>());
        assert_eq!(names, ["app", "app.json", "app/json", &long]);
        assert_eq!(again.read(&place(), "app", |found| found.policy.clone()).unwrap().as_deref(), Some("{}"));
        assert_eq!(again.look(&place(), |registry| registry.settings["BLOB_MOUNTING"].clone()), "ENABLED");
    }

    #[test]
    fn a_broken_state_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ecr/123456789012/eu-west-1/settings.json");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "{").unwrap();
        let error = Registries::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("settings.json"), "{error}");
    }
}
