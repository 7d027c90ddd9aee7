//! One blob on its way from the registry: a task that asks for it, again from where it broke off, and hands out its
//! bytes as they are taken.

use std::sync::{Arc, mpsc};

use bytes::Bytes;
use reqwest::header::{CONTENT_RANGE, HeaderMap};
use reqwest::{Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use url::Url;

use super::error::RemoteError;
use super::repository::{Repository, Request};
use crate::http::endpoint::redacted;
use crate::name::Digest;

/// How many bytes wait for their taker, besides the piece that arrives.
const WAITING: usize = 1 << 20;

/// A download that has moved so far since its last failure counts its failures anew.
const GOOD_STRETCH: u64 = 1 << 20;

/// A blob to download.
pub(super) struct Download {
    pub(super) repository: Arc<Repository>,
    pub(super) digest: Digest,
    /// Its size as the manifest states it.
    pub(super) size: u64,
    /// The first byte that is wanted.
    pub(super) skip: u64,
}

/// What a download gives.
pub(super) enum Piece {
    /// The next bytes, with the permit for their memory.
    Bytes(Bytes, OwnedSemaphorePermit),
    /// All bytes were given.
    End,
    /// No more bytes come.
    Failed(RemoteError),
}

/// The receiving end of a download, which ends with it.
pub(super) struct Pieces {
    /// Unbounded by itself: the permits are what bounds it.
    pub(super) receiver: mpsc::Receiver<Piece>,
    task: AbortHandle,
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why one request ended before the blob's end.
enum Interruption {
    /// Nobody wants the bytes any more.
    Gone,
    Failed(RemoteError),
}

impl From<RemoteError> for Interruption {
    fn from(error: RemoteError) -> Self {
        Self::Failed(error)
    }
}

impl Download {
    /// Starts the download.
    pub(super) fn start(self, runtime: &tokio::runtime::Handle) -> Pieces {
        let (sender, receiver) = mpsc::channel();
        let task = runtime.spawn(async move {
            let taker = Taker { sender, room: Arc::new(Semaphore::new(WAITING)) };
            let end = self.run(&taker).await;
            // Fails only when nobody waits for the end any more.
            let _ = match end {
                Ok(()) => taker.sender.send(Piece::End),
                Err(Interruption::Failed(error)) => taker.sender.send(Piece::Failed(error)),
                Err(Interruption::Gone) => Ok(()),
            };
        });
        Pieces { receiver, task: task.abort_handle() }
    }

    async fn run(&self, taker: &Taker) -> Result<(), Interruption> {
        let mut progress = Progress { position: self.skip.min(self.size), ranges: true };
        let mut failures = 0;
        let mut failed_at = progress.position;
        while progress.position < self.size {
            let error = match self.attempt(&mut progress, taker).await {
                Ok(()) => break,
                Err(Interruption::Failed(error)) => error,
                gone => return gone,
            };
            if progress.position - failed_at >= GOOD_STRETCH {
                failures = 0;
            }
            (failures, failed_at) = (failures + 1, progress.position);
            if !error.is_transient() || failures >= self.repository.retry().attempts {
                return Err(error.into());
            }
            self.repository.pause(failures, &error, &format!("layer {}", self.digest)).await;
        }
        Ok(())
    }

    /// One request: for what is missing, or for the whole where the registry gives out nothing less.
    async fn attempt(&self, progress: &mut Progress, taker: &Taker) -> Result<(), Interruption> {
        let place = self.repository.reference().place();
        let request = Request {
            from: (progress.position > 0 && progress.ranges).then_some(progress.position),
            ..Request::get(format!("blobs/{}", self.digest), format!("{place}@{}", self.digest))
        };
        let (url, mut response) = match self.repository.open(&request).await {
            Err(RemoteError::Refused(refusal)) if refusal.status == 416 && request.from.is_some() => {
                progress.ranges = false;
                let message = "it does not give out a part of a blob".to_owned();
                let error = RemoteError::NoAnswer { url: refusal.url, message, untrusted: false };
                return Err(error.into());
            }
            opened => opened?,
        };
        let mut unwanted = self.unwanted(&url, &response, progress)?;
        while let Some(mut piece) = self.repository.chunk(&url, &mut response).await? {
            let skipped = unwanted.min(piece.len() as u64);
            unwanted -= skipped;
            let wanted = piece.split_off(usize::try_from(skipped).unwrap_or(piece.len()));
            if wanted.is_empty() {
                continue;
            }
            let end = progress.position + wanted.len() as u64;
            if end > self.size {
                return Err(self.wrong_size(&url, end).into());
            }
            taker.take(wanted).await?;
            progress.position = end;
        }
        if progress.position < self.size {
            let message = format!("the connection ended after {} of {} bytes", progress.position, self.size);
            return Err(RemoteError::NoAnswer { url: redacted(&url), message, untrusted: false }.into());
        }
        Ok(())
    }

    /// How many bytes come before those that are wanted: a registry may ignore that a range was asked for.
    fn unwanted(&self, url: &Url, response: &Response, progress: &Progress) -> Result<u64, RemoteError> {
        let begin = match response.status() {
            StatusCode::PARTIAL_CONTENT => first_byte(response.headers()).unwrap_or(progress.position),
            _ => 0,
        };
        if begin > progress.position {
            let problem = "another range of bytes than was asked for".to_owned();
            return Err(RemoteError::Protocol { url: redacted(url), problem });
        }
        if let Some(length) = response.content_length()
            && begin + length != self.size
        {
            return Err(self.wrong_size(url, begin + length));
        }
        Ok(progress.position - begin)
    }

    fn wrong_size(&self, url: &Url, found: u64) -> RemoteError {
        RemoteError::Size { url: redacted(url), stated: self.size, found }
    }
}

/// How far a download is.
struct Progress {
    /// The next byte that is wanted.
    position: u64,
    /// Whether parts are asked for.
    ranges: bool,
}

/// Whoever takes the bytes.
struct Taker {
    sender: mpsc::Sender<Piece>,
    room: Arc<Semaphore>,
}

impl Taker {
    /// Hands out bytes, waiting until there is room for them.
    async fn take(&self, mut bytes: Bytes) -> Result<(), Interruption> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(WAITING));
            let wanted = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            let permit =
                Arc::clone(&self.room).acquire_many_owned(wanted).await.map_err(|_| Interruption::Gone)?;
            self.sender.send(Piece::Bytes(piece, permit)).map_err(|_| Interruption::Gone)?;
        }
        Ok(())
    }
}

/// The first byte of a part: `Content-Range: bytes 5-9/10`.
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    text.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.parse().ok()
}
