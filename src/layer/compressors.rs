//! The threads that compress blocks, shared by all layers that are being passed over.
//!
//! How many blocks are under way at once is bounded over all layers together, so that memory depends neither
//! on the image nor on how many layers move in parallel.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::encoder::{BLOCK_SIZE, BlockEncoder, BlockLevel, EncodedBlock, EncoderFailure};
use super::stored::Progress;

/// More threads than this outrun every network: each makes about 40 MB/s of compressed bytes.
const MOST_THREADS: usize = 16;
/// More blocks than this under way only take memory (about 0.7 MB each).
const MOST_BLOCKS: usize = 24;
/// How often a thread that waits for a permit looks whether its pass was stopped.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// A pool of compressing threads. They end when the last clone is dropped.
#[derive(Clone)]
pub struct Compressors {
    jobs: Sender<Job>,
    permits: Arc<Permits>,
    spare: Arc<SpareBuffers>,
}

impl std::fmt::Debug for Compressors {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Compressors").finish_non_exhaustive()
    }
}

/// One block to compress.
struct Job {
    content: Vec<u8>,
    level: BlockLevel,
    progress: Arc<Progress>,
    permit: Permit,
    reply: SyncSender<Reply>,
}

/// A compressed block, and the permit that bounds memory for as long as it is held.
type Reply = Result<(EncodedBlock, Permit), EncoderFailure>;

/// A block under way.
pub(super) struct PendingBlock {
    receiver: Receiver<Reply>,
    arrived: Option<Reply>,
}

impl PendingBlock {
    /// Whether the block is compressed.
    pub(super) fn is_done(&mut self) -> bool {
        self.arrived = self.arrived.take().or_else(|| self.receiver.try_recv().ok());
        self.arrived.is_some()
    }

    /// Waits for the block.
    pub(super) fn wait(self) -> Reply {
        let Self { receiver, arrived } = self;
        arrived.unwrap_or_else(|| receiver.recv().unwrap_or(Err(EncoderFailure)))
    }
}

impl Compressors {
    /// As many threads as this machine has cores.
    pub fn for_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// This many threads, sixteen at most.
    pub fn new(threads: NonZeroUsize) -> Self {
        let threads = threads.get().min(MOST_THREADS);
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let spare = Arc::new(SpareBuffers::default());
        for _ in 0..threads {
            let (queue, spare) = (Arc::clone(&queue), Arc::clone(&spare));
            std::thread::spawn(move || compress_blocks(&queue, &spare));
        }
        let blocks = (2 * threads + 4).min(MOST_BLOCKS);
        Self { jobs, permits: Arc::new(Permits { free: Mutex::new(blocks), freed: Condvar::new() }), spare }
    }

    /// A permit to have one more block under way, if there is one now.
    pub(super) fn try_permit(&self) -> Option<Permit> {
        let mut free = self.permits.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Permit(Arc::clone(&self.permits)))
    }

    /// Waits for a permit; none when the pass is stopped meanwhile.
    pub(super) fn permit(&self, progress: &Progress) -> Option<Permit> {
        let mut free = self.permits.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if progress.is_stopped() {
                return None;
            }
            if *free > 0 {
                *free -= 1;
                return Some(Permit(Arc::clone(&self.permits)));
            }
            free = match self.permits.freed.wait_timeout(free, STOP_CHECK) {
                Ok((free, _)) => free,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// A buffer of [`BLOCK_SIZE`] for the content of a block. What it holds is of no meaning.
    pub(super) fn buffer(&self) -> Vec<u8> {
        let mut buffer = self.spare.take().unwrap_or_default();
        buffer.resize(BLOCK_SIZE, 0);
        buffer
    }

    /// Hands a block of content to the threads.
    pub(super) fn submit(
        &self,
        content: Vec<u8>,
        level: BlockLevel,
        permit: Permit,
        progress: &Arc<Progress>,
    ) -> PendingBlock {
        let (reply, receiver) = sync_channel(1);
        // A failed send drops the job and with it `reply`, which `wait` then reports.
        let _ = self.jobs.send(Job { content, level, progress: Arc::clone(progress), permit, reply });
        PendingBlock { receiver, arrived: None }
    }
}

fn compress_blocks(queue: &Mutex<Receiver<Job>>, spare: &SpareBuffers) {
    let mut encoder = BlockEncoder::default();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { content, level, progress, permit, reply }) = next else { return };
        if progress.is_stopped() {
            continue;
        }
        let encoded = encoder.encode(&content, level);
        spare.give(content);
        // The receiver is gone when the pass was stopped: nobody misses the block.
        let _ = reply.send(encoded.map(|block| (block, permit)));
    }
}

/// Buffers that were used, to be used again: fresh ones would have to be mapped and zeroed for each block. There are
/// never more than blocks were under way at once.
#[derive(Default)]
struct SpareBuffers(Mutex<Vec<Vec<u8>>>);

impl SpareBuffers {
    fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give(&self, buffer: Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

struct Permits {
    free: Mutex<usize>,
    freed: Condvar,
}

/// The right to have one block in memory.
pub(super) struct Permit(Arc<Permits>);

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
