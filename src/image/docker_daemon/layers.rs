//! The layers of an image that was opened without an export, for whoever turns out to need some of them.
//!
//! The first reader that wants a layer begins the export; all others wait for the same one. It keeps the layers that were
//! announced, or all where none were. A layer that was not announced and is wanted later costs another export.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::DaemonProblem;
use super::export::Export;
use super::open::{open_exported, stored_name};
use super::records::Records;
use super::spool::Keep;
use crate::image::error::{ImageError, Problem};
use crate::image::{BlobLocation, BlobStore, LocalImage, SourceRef};
use crate::name::{Architecture, Digest};

/// How often a reader that waits gives its thread the chance to stop.
const TICK: Duration = Duration::from_millis(100);

/// An image that was opened from its record, and how it was asked for.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) source: SourceRef,
    pub(super) wanted: Option<Architecture>,
    pub(super) export: Export,
    pub(super) records: Records,
}

/// Gives out the layers. Dropping it ends an export under way.
#[derive(Debug)]
pub(super) struct ExportedLayers {
    shared: Arc<Shared>,
    place: PathBuf,
}

#[derive(Debug)]
struct Shared {
    image: Remembered,
    /// The size of each layer by its name: the digest of its stored bytes.
    sizes: HashMap<Digest, u64>,
    config: Digest,
    runtime: Handle,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Layers that will be asked for, as far as somebody said so.
    announced: HashSet<Digest>,
    kept: HashMap<Digest, BlobLocation>,
    running: Option<AbortHandle>,
    failure: Option<Arc<ImageError>>,
}

/// Why an export failed, as the cause of a layer that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::image) struct ExportFailure(pub(in crate::image) Arc<ImageError>);

impl ExportedLayers {
    /// The layers of `opened`, which was opened as `image` says. Must be called within a Tokio runtime.
    pub(super) fn new(image: Remembered, opened: &LocalImage) -> Self {
        let place = PathBuf::from(image.export.daemon.place());
        let sizes = opened.layers.iter().map(|layer| (stored_name(layer), layer.stored_size)).collect();
        let shared = Shared {
            image,
            sizes,
            config: opened.config_digest,
            runtime: Handle::current(),
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        Self { shared: Arc::new(shared), place }
    }
}

impl BlobStore for ExportedLayers {
    fn open(&self, digest: &Digest, skip: u64) -> io::Result<Box<dyn Read + Send>> {
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(LayerReader { shared, layer: *digest, skip, reader: None }))
    }

    fn announce(&self, digests: &[Digest]) {
        self.shared.lock().announced.extend(digests);
    }

    fn place(&self) -> &Path {
        &self.place
    }
}

impl Drop for ExportedLayers {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(running) = state.running.take() {
            running.abort();
        }
        // Nobody is left to read, but a reader may be on its way out.
        let place = self.shared.image.export.daemon.place().to_owned();
        let stopped = DaemonProblem::ExportCut { place, why: "nobody wants it any more".to_owned() };
        state.failure.get_or_insert_with(|| Arc::new(self.shared.error(stopped.into())));
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, problem: Problem) -> ImageError {
        ImageError::new(self.image.source.as_str(), problem)
    }

    /// Where a layer is, once an export has brought it. Waits for a moment at most: a thread that waits has to see that
    /// it shall stop, so [`io::ErrorKind::Interrupted`] means to ask again.
    fn locate(self: &Arc<Self>, layer: &Digest) -> io::Result<BlobLocation> {
        let mut state = self.lock();
        if let Some(location) = state.kept.get(layer) {
            return Ok(location.clone());
        }
        if let Some(failure) = &state.failure {
            return Err(io::Error::other(ExportFailure(Arc::clone(failure))));
        }
        if state.running.as_ref().is_some_and(AbortHandle::is_finished) {
            // It ended without a word: it panicked, or the runtime ends.
            let stopped = DaemonProblem::ExportCut {
                place: self.image.export.daemon.place().to_owned(),
                why: "it was stopped".to_owned(),
            };
            state.failure = Some(Arc::new(self.error(stopped.into())));
            return Err(io::ErrorKind::Interrupted.into());
        }
        if state.running.is_none() {
            let wanted = self.wanted(&state, layer);
            let shared = Arc::clone(self);
            let task = self.runtime.spawn(async move { shared.run(wanted).await });
            state.running = Some(task.abort_handle());
        }
        drop(self.changed.wait_timeout(state, TICK));
        Err(io::ErrorKind::Interrupted.into())
    }

    /// The layers that the next export is for.
    fn wanted(&self, state: &State, layer: &Digest) -> HashSet<Digest> {
        let announced = if state.announced.is_empty() {
            self.sizes.keys().copied().collect()
        } else {
            state.announced.clone()
        };
        let missing = announced.into_iter().filter(|digest| !state.kept.contains_key(digest));
        missing.chain([*layer]).collect()
    }

    async fn run(self: Arc<Self>, wanted: HashSet<Digest>) {
        let brought = self.bring(&wanted).await;
        let mut state = self.lock();
        state.running = None;
        match brought {
            Ok(kept) => state.kept.extend(kept),
            Err(problem) => state.failure = Some(Arc::new(self.error(problem))),
        }
        self.changed.notify_all();
    }

    async fn bring(&self, wanted: &HashSet<Digest>) -> Result<HashMap<Digest, BlobLocation>, Problem> {
        let Remembered { source, wanted: architecture, export, records } = &self.image;
        let sizes = wanted.iter().filter_map(|digest| self.sizes.get(digest).copied()).collect();
        let archive = export.read(&Keep::OfSizes(sizes)).await?;
        let exported = open_exported(archive, source, *architecture, export);
        let layers: HashMap<Digest, BlobLocation> = match exported {
            Ok(image) if image.config_digest == self.config => {
                let layers = image.layers.into_iter();
                layers.map(|layer| (stored_name(&layer), layer.location)).collect()
            }
            _ => HashMap::new(),
        };
        let kept: HashMap<_, _> = layers
            .into_iter()
            .filter(|(name, location)| {
                wanted.contains(name) && self.sizes.get(name) == Some(&location.size())
            })
            .collect();
        if wanted.iter().all(|name| kept.contains_key(name)) {
            return Ok(kept);
        }
        records.forget(&export.id);
        Err(DaemonProblem::Changed { place: export.daemon.place().to_owned(), id: export.id }.into())
    }
}

/// Reads one layer, once it is there.
struct LayerReader {
    shared: Arc<Shared>,
    layer: Digest,
    skip: u64,
    reader: Option<Box<dyn Read + Send>>,
}

impl Read for LayerReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => self.reader.insert(self.shared.locate(&self.layer)?.open(self.skip)?),
        };
        reader.read(buffer)
    }
}
