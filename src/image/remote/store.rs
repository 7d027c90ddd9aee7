//! The registry as a place that gives out blobs: a blocking reader over a download.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::sync::OwnedSemaphorePermit;

use super::download::{Download, Piece, Pieces};
use super::error::RemoteError;
use super::repository::Repository;
use crate::image::BlobStore;
use crate::image::descriptor::Descriptor;
use crate::name::Digest;

/// How long a reader waits at most before it says that it is still waiting, with [`io::ErrorKind::Interrupted`]: its thread
/// has to see that it shall stop.
const TICK: Duration = Duration::from_millis(100);

/// A repository of a registry, and the runtime that its downloads run on.
#[derive(Debug)]
pub(super) struct RemoteStore {
    repository: Arc<Repository>,
    runtime: tokio::runtime::Handle,
    place: PathBuf,
    /// The blobs that a manifest names, with the sizes that it states.
    sizes: HashMap<Digest, u64>,
}

impl RemoteStore {
    pub(super) fn new(
        repository: Arc<Repository>,
        runtime: tokio::runtime::Handle,
        blobs: &[Descriptor],
    ) -> Self {
        let place = repository.reference().place().into();
        let sizes = blobs.iter().map(|blob| (blob.digest, blob.size)).collect();
        Self { repository, runtime, place, sizes }
    }
}

impl BlobStore for RemoteStore {
    fn open(&self, digest: &Digest, skip: u64) -> io::Result<Box<dyn Read + Send>> {
        let Some(&size) = self.sizes.get(digest) else { return Err(io::ErrorKind::NotFound.into()) };
        let download = Download { repository: Arc::clone(&self.repository), digest: *digest, size, skip };
        Ok(Box::new(RemoteReader { pieces: download.start(&self.runtime), current: None, ended: false }))
    }

    fn place(&self) -> &Path {
        &self.place
    }
}

/// Reads a download as it arrives. Only for threads that may block.
struct RemoteReader {
    pieces: Pieces,
    /// What is left of the last piece. Its permit goes back with it.
    current: Option<(Bytes, OwnedSemaphorePermit)>,
    ended: bool,
}

impl Read for RemoteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some((bytes, _)) = self.current.as_mut().filter(|(bytes, _)| bytes.has_remaining()) {
                let count = bytes.len().min(buffer.len());
                bytes.copy_to_slice(&mut buffer[..count]);
                return Ok(count);
            }
            self.current = None;
            if self.ended {
                return Ok(0);
            }
            match self.pieces.receiver.recv_timeout(TICK) {
                Ok(Piece::Bytes(bytes, permit)) => self.current = Some((bytes, permit)),
                Ok(Piece::End) => self.ended = true,
                Ok(Piece::Failed(error)) => return Err(io::Error::other(error)),
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::Interrupted.into()),
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other(RemoteError::Stopped)),
            }
        }
    }
}
