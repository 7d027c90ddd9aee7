//! Tests against a daemon that answers as it is told.

mod address;
mod export;
mod faults;
mod shapes;

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use lambda_lift_rig::scripted_daemon::{Act, ScriptedDaemon, export, json};
use tokio::runtime::Runtime;

use super::DaemonSettings;
use crate::image::fixture::{TarFile, Tree};
use crate::image::{BlobLocation, ImageError, LocalImage, SourceAccess, SourceRef};
use crate::name::{Architecture, Digest};

/// What a daemon says of an image.
pub(super) fn described(id: &str) -> Vec<Act> {
    json(
        200,
        &format!(
            r#"{{"Id":"{id}","RepoTags":["app:v1"],"Config":{{"Env":["TOKEN=hunter2"]}},"Os":"linux"}}"#
        ),
    )
}

pub(super) fn is_export(path: &str) -> bool {
    path.ends_with("/get")
}

/// A daemon that has one image.
pub(super) fn daemon_with(id: Digest, tree: &Tree) -> ScriptedDaemon {
    daemon_of(id, TarFile::of(tree).finish())
}

pub(super) fn daemon_of(id: Digest, archive: Vec<u8>) -> ScriptedDaemon {
    ScriptedDaemon::start(
        move |path, _| {
            if is_export(path) { export(&archive) } else { described(&id.to_string()) }
        },
    )
}

/// A machine from which daemons are asked: its runtime and its cache.
pub(super) struct Machine {
    pub(super) runtime: Runtime,
    cache: tempfile::TempDir,
}

impl Machine {
    pub(super) fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { runtime, cache: tempfile::tempdir().unwrap() }
    }

    pub(super) fn cache(&self) -> &Path {
        self.cache.path()
    }

    pub(super) fn access(&self, host: &str) -> SourceAccess {
        let cache = self.cache().to_owned();
        SourceAccess {
            daemon: DaemonSettings {
                host: Some(host.to_owned()),
                cache,
                remember: true,
                ..Default::default()
            },
            ..Default::default()
        }
    }

    pub(super) fn open(&self, daemon: &ScriptedDaemon) -> Result<LocalImage, ImageError> {
        self.open_for(daemon, None)
    }

    pub(super) fn open_for(
        &self,
        daemon: &ScriptedDaemon,
        wanted: Option<Architecture>,
    ) -> Result<LocalImage, ImageError> {
        let source: SourceRef = "docker-daemon:app:v1".parse().unwrap();
        let access = self.access(&daemon.host());
        self.runtime.block_on(crate::image::open(&source, wanted, &access))
    }

    /// What is in the cache.
    pub(super) fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.cache()).unwrap();
        files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

/// Reads a blob to its end on this thread, as a pass over a layer does.
pub(super) fn read(location: &BlobLocation) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    location.open(0)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The stored bytes of all layers, read at the same time.
pub(super) fn read_all(image: &LocalImage) -> Vec<Vec<u8>> {
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            image.layers.iter().map(|layer| scope.spawn(|| read(&layer.location).unwrap())).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    })
}

/// Asks until it is so; false after a minute.
pub(super) fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..6000 {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
