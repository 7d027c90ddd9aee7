//! A run of a blob's bytes, held in memory so that it can be sent again.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;

use super::pulse::Pulse;

/// Bytes are handed to the connection in slices of this size: large enough to be cheap (4 KiB cost four
/// times the CPU), small enough to see that they move.
const SLICE: usize = 256 << 10;

/// A run of bytes as it was produced, not copied together. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct Part {
    frames: Arc<Vec<Bytes>>,
    length: u64,
}

impl Part {
    /// A part of these pieces in this order.
    pub fn new(frames: Vec<Bytes>) -> Self {
        let length = frames.iter().map(|frame| frame.len() as u64).sum();
        Self { frames: Arc::new(frames), length }
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The pieces, in order.
    pub(super) fn frames(&self) -> &[Bytes] {
        &self.frames
    }

    /// A request body of these bytes, which beats `pulse` as they are taken.
    pub(super) fn body(&self, pulse: Arc<Pulse>) -> reqwest::Body {
        let frames = Arc::clone(&self.frames);
        // The next slice: which frame, and where in it.
        let slices = stream::unfold((0, 0), move |(index, start)| {
            let slice = frames.get(index).map(|frame: &Bytes| {
                let end = (start + SLICE).min(frame.len());
                let next = if end == frame.len() { (index + 1, 0) } else { (index, end) };
                pulse.beat();
                (Ok::<_, Infallible>(frame.slice(start..end)), next)
            });
            std::future::ready(slice)
        });
        reqwest::Body::wrap_stream(slices)
    }
}

impl From<Bytes> for Part {
    fn from(bytes: Bytes) -> Self {
        Self::new(vec![bytes])
    }
}
