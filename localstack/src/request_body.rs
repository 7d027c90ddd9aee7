//! The body of a request while it arrives: counted, and cut off where a fault says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

/// Why a body did not arrive whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// The connection broke, or a fault broke it.
    Interrupted,
    /// More than the limit arrived.
    TooLarge,
}

/// A body that is read piece by piece.
#[derive(Debug)]
pub(crate) struct RequestBody {
    incoming: Incoming,
    arrived: Arc<AtomicU64>,
    cut_at: Option<u64>,
    taken: u64,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming) -> Self {
        RequestBody { incoming, arrived: Arc::default(), cut_at: None, taken: 0 }
    }

    /// The counter of bytes that arrived.
    pub(crate) fn arrived(&self) -> Arc<AtomicU64> {
        self.arrived.clone()
    }

    /// Lets only the first half arrive; of a body of unknown length, nothing.
    pub(crate) fn cut_in_half(&mut self) {
        self.cut_at = Some(self.incoming.size_hint().exact().unwrap_or(0) / 2);
    }

    /// The length that the caller announced.
    pub(crate) fn announced(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// The next piece; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            let left = self.cut_at.map(|cut_at| cut_at.saturating_sub(self.taken));
            // Also where the rest has arrived already, in one piece with what was let through.
            if left == Some(0) {
                return Some(Err(BodyError::Interrupted));
            }
            let frame = match self.incoming.frame().await? {
                Ok(frame) => frame,
                Err(_) => return Some(Err(BodyError::Interrupted)),
            };
            // Trailers carry nothing that the stand-in reads.
            let Ok(mut piece) = frame.into_data() else { continue };
            if let Some(left) = left {
                piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            }
            self.taken += piece.len() as u64;
            self.arrived.fetch_add(piece.len() as u64, Ordering::Relaxed);
            return Some(Ok(piece));
        }
    }

    /// The whole body, of at most `limit` bytes.
    pub(crate) async fn whole(&mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if whole.len() + piece.len() > limit {
                return Err(BodyError::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    /// Reads what is left and forgets it, so that the caller gets to read the answer.
    pub(crate) async fn drain(&mut self) {
        while let Some(Ok(_)) = self.next().await {}
    }
}
