//! The layers of one push: what is found, what moves, and how much they hold in all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::try_join;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Registry;
use super::blob_source::{BlobSource, OverLimit};
use super::blob_upload::{BlobUpload, UploadError, UploadedBlob};
use super::image_manifest::LayerDescriptor;
use super::mounting::{MountAttempt, Mounting};
use super::push::{ExpectedLayer, PushRequest, PushedLayer};
use super::push_error::{LayerSize, PushError};
use super::resume::{BlobIdentity, UploadRecords};
use super::room::Room;
use super::upload::UploadSession;
use crate::event::{Event, LayerAction, Reporter};
use crate::image::{Compression, Layer, announce};
use crate::layer::{
    Compressors, LayerContent, LayerError, LayerPass, LayerSummary, PassSettings, VerifiedContent,
};
use crate::name::Digest;

/// Memory beside the one part that each large layer holds: for small layers, which are held whole, and for second
/// parts, which are filled while the first of their layer is being sent.
const SHARED_ROOM: u64 = 12 << 20;
/// How many small layers move at a time for each large one. What a small layer costs is mostly waiting. Sixteen of them,
/// which is what the default of four jobs gives, open 80 uploads a second when ECR takes 100 ms for a request; it allows
/// 100. Should they be too many after all, the gate finds out.
const SMALL_PER_JOB: usize = 4;
/// Progress is reported in steps of so many bytes.
const PROGRESS_STEP: u64 = 1 << 20;
/// How many layers an image that is too large is told with.
const LARGEST_TOLD: usize = 5;

/// The layers of one push.
pub(super) struct LayerPushes<'a> {
    registry: &'a Registry,
    request: &'a PushRequest<'a>,
    reporter: &'a dyn Reporter,
    part_size: u64,
    compressors: Compressors,
    room: Room,
    /// What the registry was asked for by digest and does not have, for each layer.
    known_missing: Vec<Option<ExpectedLayer>>,
    ledger: Ledger,
    mounting: Mounting<'a>,
    done: Vec<Option<PushedLayer>>,
    /// What is in the layers that went by, where somebody judges it.
    contents: Mutex<Vec<LayerContent>>,
}

/// What came of moving all layers.
pub(super) struct Moved {
    /// All layers, base layer first.
    pub(super) layers: Vec<PushedLayer>,
    /// Bytes of configuration that were sent.
    pub(super) config_bytes: u64,
    /// What is in the layers that went by, in no order.
    pub(super) contents: Vec<LayerContent>,
}

/// Something to upload.
enum Task {
    Config(Digest, Bytes),
    Layer(usize),
}

/// Something that was uploaded.
enum Done {
    Config(u64),
    Layer(usize, PushedLayer),
}

impl<'a> LayerPushes<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        request: &'a PushRequest<'a>,
        reporter: &'a dyn Reporter,
    ) -> Self {
        let part_size = request.part_size.max(registry.smallest_part);
        let layers = request.image.layers.len();
        Self {
            registry,
            request,
            reporter,
            part_size,
            compressors: Compressors::for_this_machine(),
            // One second part at least, however large parts are.
            room: Room::new(SHARED_ROOM.max(part_size)),
            known_missing: vec![None; layers],
            ledger: Ledger::new(request),
            mounting: Mounting::new(request),
            done: vec![None; layers],
            contents: Mutex::default(),
        }
    }

    /// Notes that the registry has a layer.
    pub(super) fn found(&mut self, index: usize, expected: &ExpectedLayer) -> Result<(), PushError> {
        let ExpectedLayer { diff_id, descriptor, uncompressed_bytes, action } = *expected;
        self.ledger.set(index, uncompressed_bytes.unwrap_or_default());
        self.ledger.check().map_err(|OverLimit| self.ledger.too_large())?;
        self.reporter.report(Event::LayerDone { diff_id, action, sent: 0 });
        self.done[index] = Some(PushedLayer { descriptor, diff_id, action, sent: 0, uncompressed_bytes });
        Ok(())
    }

    /// Notes that a layer is missing whose digest is known.
    pub(super) fn missing_but_known(&mut self, index: usize, expected: ExpectedLayer) {
        self.known_missing[index] = Some(expected);
    }

    /// Uploads the configuration, if it is given, and every layer that was not found.
    pub(super) async fn run(mut self, config: Option<(Digest, Bytes)>) -> Result<Moved, PushError> {
        let missing = self.missing();
        announce(missing.iter().map(|&index| &self.request.image.layers[index]));
        let (small, large): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|&index| self.fits_into_one_part(index));
        let config = config.map(|(digest, bytes)| Task::Config(digest, bytes));
        let small = config.into_iter().chain(small.into_iter().map(Task::Layer));
        let jobs = self.request.jobs.max(1);
        // Side by side, so that nobody waits for bandwidth who only needs answers.
        let (mut finished, large) = try_join(
            self.perform_all(small, jobs * SMALL_PER_JOB),
            self.perform_all(large.into_iter().map(Task::Layer), jobs),
        )
        .await?;
        finished.extend(large);
        let mut config_bytes = 0;
        for done in finished {
            match done {
                Done::Config(sent) => config_bytes = sent,
                Done::Layer(index, layer) => self.done[index] = Some(layer),
            }
        }
        let layers = self.with_repeated_layers();
        let contents = self.contents.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Moved { layers, config_bytes, contents })
    }

    async fn perform_all(
        &self,
        tasks: impl Iterator<Item = Task>,
        at_a_time: usize,
    ) -> Result<Vec<Done>, PushError> {
        stream::iter(tasks.map(|task| self.perform(task))).buffer_unordered(at_a_time).try_collect().await
    }

    /// Whether a layer is small: what is sent of it fits into one part, as far as can be told before it is read.
    fn fits_into_one_part(&self, index: usize) -> bool {
        self.request.image.layers[index].stored_size <= self.part_size
    }

    /// How much of a small layer is held until it is sent.
    fn weight(&self, layer: &Layer) -> u64 {
        match layer.compression {
            Compression::None | Compression::Gzip => layer.stored_size,
            // gzip of the same content is larger, nobody knows by how much.
            Compression::Zstd => self.part_size,
        }
    }

    /// The layers to upload: each diff id once, and not when it was found elsewhere in the image; the
    /// largest first, so that none is left to move alone at the end.
    fn missing(&self) -> Vec<usize> {
        let layers = &self.request.image.layers;
        let mut first = HashMap::new();
        for index in (0..layers.len()).rev() {
            let place = first.entry(layers[index].diff_id).or_insert(index);
            if self.done[*place].is_none() {
                *place = index;
            }
        }
        let mut missing: Vec<_> = first.into_values().filter(|index| self.done[*index].is_none()).collect();
        missing.sort_by_key(|&index| (std::cmp::Reverse(layers[index].stored_size), index));
        missing
    }

    /// All layers in the image's order; a repeated one is where its like is.
    fn with_repeated_layers(&self) -> Vec<PushedLayer> {
        let by_diff_id: HashMap<_, _> =
            self.done.iter().flatten().map(|layer| (layer.diff_id, *layer)).collect();
        let layers = self.request.image.layers.iter().zip(&self.done);
        let placed = layers.filter_map(|(layer, done)| match done {
            Some(done) => Some(*done),
            None => by_diff_id.get(&layer.diff_id).map(|like| PushedLayer {
                sent: 0,
                action: match like.action {
                    LayerAction::Uploaded | LayerAction::Mounted => LayerAction::Exists,
                    action => action,
                },
                ..*like
            }),
        });
        placed.collect()
    }

    async fn perform(&self, task: Task) -> Result<Done, PushError> {
        match task {
            Task::Config(digest, bytes) => {
                let source = BlobSource::Bytes { bytes, digest };
                let uploaded = self.upload(self.upload_of(source, format!("configuration {digest}"))).await?;
                Ok(Done::Config(uploaded.sent.unwrap_or_default()))
            }
            Task::Layer(index) => {
                let layer = self.push_layer(index).await?;
                if matches!(layer.action, LayerAction::Uploaded | LayerAction::Mounted) {
                    self.mounting.note(self.registry, layer.descriptor.digest).await;
                }
                Ok(Done::Layer(index, layer))
            }
        }
    }

    async fn push_layer(&self, index: usize) -> Result<PushedLayer, PushError> {
        let Some(expected) = self.known_missing[index] else {
            return self.send_layer(index, None, None).await;
        };
        let digest = expected.descriptor.digest;
        match self.mounting.attempt(self.registry, &digest, self.reporter).await {
            MountAttempt::Mounted => self.mounted(index, &expected),
            MountAttempt::Session(session) => self.send_layer(index, Some(digest), Some(session)).await,
            MountAttempt::NotTried => self.send_layer(index, Some(digest), None).await,
            // It may have been mounted all the same.
            MountAttempt::Failed => self.send_layer(index, None, None).await,
        }
    }

    /// A layer that was taken over. It was not read, so it has what its digest was known with.
    fn mounted(&self, index: usize, expected: &ExpectedLayer) -> Result<PushedLayer, PushError> {
        let ExpectedLayer { diff_id, descriptor, uncompressed_bytes, .. } = *expected;
        self.ledger.set(index, uncompressed_bytes.unwrap_or_default());
        self.ledger.check().map_err(|OverLimit| self.ledger.too_large())?;
        let action = LayerAction::Mounted;
        self.reporter.report(Event::LayerDone { diff_id, action, sent: 0 });
        Ok(PushedLayer { descriptor, diff_id, action, sent: 0, uncompressed_bytes })
    }

    /// Reads and sends a layer, into `opened` when there is an upload already. `missing` is the digest that the registry
    /// was asked for already and does not have.
    async fn send_layer(
        &self,
        index: usize,
        missing: Option<Digest>,
        opened: Option<UploadSession>,
    ) -> Result<PushedLayer, PushError> {
        let layer = &self.request.image.layers[index];
        let diff_id = layer.diff_id;
        let _room = match self.fits_into_one_part(index) {
            true => self.room.take(self.weight(layer)).await,
            false => None,
        };
        self.reporter.report(Event::LayerStarted { diff_id, stored_size: layer.stored_size });
        let reported = AtomicU64::new(0);
        let observe = |pass: &LayerPass| {
            self.ledger.set(index, pass.uncompressed_bytes());
            let read = pass.read_bytes();
            if read.abs_diff(reported.load(Ordering::Relaxed)) >= PROGRESS_STEP {
                reported.store(read, Ordering::Relaxed);
                self.reporter.report(Event::LayerProgress { diff_id, read });
            }
            self.ledger.check()
        };
        let settings = PassSettings {
            encoding: self.request.encoding,
            uncompressed_limit: self.request.uncompressed_limit,
            verified: self.verified(layer).await,
        };
        let source = BlobSource::Layer { layer, compressors: &self.compressors, settings, observe: &observe };
        let upload = BlobUpload {
            records: self.records_of(layer),
            missing,
            opened: Mutex::new(opened),
            resumed: &|from| self.reporter.report(Event::LayerResumed { diff_id, from }),
            ..self.upload_of(source, format!("layer {diff_id}"))
        };
        let UploadedBlob { summary, sent } = self.upload(upload).await?;
        // The upload of a layer always ends with its summary.
        let summary = summary.ok_or(LayerError::Stopped { layer: diff_id })?;
        self.ledger.set(index, summary.uncompressed_bytes);
        self.ledger.check().map_err(|OverLimit| self.ledger.too_large())?;
        if let Some(cache) = self.request.cache {
            cache.remember(summary.clone()).await;
        }
        self.keep_content(&summary);
        let action = if sent.is_some() { LayerAction::Uploaded } else { LayerAction::Exists };
        let sent = sent.unwrap_or_default();
        self.reporter.report(Event::LayerDone { diff_id, action, sent });
        let LayerSummary { digest, size, compression, uncompressed_bytes, .. } = summary;
        let descriptor = LayerDescriptor { digest, size, compression };
        Ok(PushedLayer { descriptor, diff_id, action, sent, uncompressed_bytes: Some(uncompressed_bytes) })
    }

    /// How a source is uploaded, unless more is known of it.
    fn upload_of<'b>(&'b self, source: BlobSource<'b>, what: String) -> BlobUpload<'b> {
        BlobUpload {
            registry: self.registry,
            source,
            part_size: self.part_size,
            room: &self.room,
            what,
            records: None,
            missing: None,
            opened: Mutex::default(),
            resumed: &|_| {},
        }
    }

    /// Where it is written down how far a layer's upload is.
    fn records_of(&self, layer: &Layer) -> Option<(UploadRecords, BlobIdentity)> {
        let records = self.request.uploads?;
        let Registry { endpoint, repository, .. } = self.registry;
        let blob = BlobIdentity::of_layer(endpoint, repository, layer, self.request.encoding);
        Some((records.clone(), blob))
    }

    async fn upload(&self, upload: BlobUpload<'_>) -> Result<UploadedBlob, PushError> {
        match upload.run().await {
            Ok(uploaded) => Ok(uploaded),
            Err(UploadError::OverLimit) => Err(self.ledger.too_large()),
            Err(UploadError::Layer(LayerError::TooLarge { layer, limit })) => {
                self.ledger.note(layer, limit.saturating_add(1));
                Err(self.ledger.too_large())
            }
            Err(UploadError::Layer(error)) => Err(error.into()),
            Err(UploadError::Registry(error)) => {
                Err(PushError::registry(format!("{} could not be pushed", upload.what), error))
            }
        }
    }

    fn keep_content(&self, summary: &LayerSummary) {
        if let (Some(_), Some(content)) = (&self.request.gate, summary.content()) {
            self.contents.lock().unwrap_or_else(PoisonError::into_inner).push(content);
        }
    }

    /// What an earlier push verified of a layer that goes through as stored. Where its content is to be judged and is not
    /// known, it has to go by again.
    async fn verified(&self, layer: &Layer) -> Option<VerifiedContent> {
        if self.request.gate.as_ref().is_some_and(|gate| !gate.known.contains(&layer.diff_id)) {
            return None;
        }
        let (cache, stored) = (self.request.cache?.clone(), layer.stored_digest?);
        let diff_id = layer.diff_id;
        tokio::task::spawn_blocking(move || cache.verified(&stored, &diff_id)).await.ok()?
    }
}

/// Holds what is known of layers that are not read against the limit.
pub(super) fn check_known_sizes(request: &PushRequest<'_>, layers: &[PushedLayer]) -> Result<(), PushError> {
    let ledger = Ledger::new(request);
    for (index, layer) in layers.iter().enumerate() {
        ledger.set(index, layer.uncompressed_bytes.unwrap_or_default());
    }
    ledger.check().map_err(|OverLimit| ledger.too_large())
}

/// How much each layer holds uncompressed, as far as it is known by now.
struct Ledger {
    limit: u64,
    diff_ids: Vec<Digest>,
    uncompressed: Vec<AtomicU64>,
}

impl Ledger {
    fn new(request: &PushRequest<'_>) -> Self {
        let diff_ids: Vec<_> = request.image.layers.iter().map(|layer| layer.diff_id).collect();
        let uncompressed = diff_ids.iter().map(|_| AtomicU64::new(0)).collect();
        Self { limit: request.uncompressed_limit, diff_ids, uncompressed }
    }

    /// Notes how much a layer holds.
    fn set(&self, index: usize, bytes: u64) {
        self.note(self.diff_ids[index], bytes);
    }

    /// Notes how much a layer holds, wherever in the image it occurs: each time it is unpacked again.
    fn note(&self, layer: Digest, bytes: u64) {
        for (diff_id, place) in self.diff_ids.iter().zip(&self.uncompressed) {
            if *diff_id == layer {
                place.store(bytes, Ordering::Relaxed);
            }
        }
    }

    fn check(&self) -> Result<(), OverLimit> {
        let sizes = self.uncompressed.iter().map(|bytes| bytes.load(Ordering::Relaxed));
        let total = sizes.fold(0, u64::saturating_add);
        if total > self.limit { Err(OverLimit) } else { Ok(()) }
    }

    fn too_large(&self) -> PushError {
        let size = |(diff_id, bytes): (&Digest, &AtomicU64)| LayerSize {
            diff_id: *diff_id,
            uncompressed_bytes: bytes.load(Ordering::Relaxed),
        };
        let mut largest: Vec<_> = self.diff_ids.iter().zip(&self.uncompressed).map(size).collect();
        largest.sort_by_key(|layer| std::cmp::Reverse(layer.uncompressed_bytes));
        largest.retain(|layer| layer.uncompressed_bytes > 0);
        largest.truncate(LARGEST_TOLD);
        PushError::TooLarge { limit: self.limit, largest }
    }
}
