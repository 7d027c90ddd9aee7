//! A pass that gives out a layer's stored bytes unchanged, and verifies its content beside that, unless an earlier pass
//! did.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::Bytes;

use super::LayerError;
use super::content::{Content, ContentCheck, decompressed};
use super::pass::{PassRun, VerifiedContent};
use super::stored::{Source, StoredReader, fill};
use super::summary::LayerSummary;
use crate::image::Compression;
use crate::name::Digest;

/// How much is read and given out at once.
const FRAME_SIZE: usize = 256 << 10;
/// How many frames the verification may lag behind.
const LAGGING_FRAMES: usize = 4;
/// How much content is verified at once.
const CONTENT_SIZE: usize = 128 << 10;

/// Reads, verifies and gives out the layer. The content is decompressed and verified on a thread of its own,
/// so that the bytes are under way at the same time.
pub(super) fn pass_through(run: &PassRun, source: Source) -> Result<LayerSummary, LayerError> {
    let layer = &run.layer;
    // The stored bytes of an uncompressed layer are its content, which is hashed anyway.
    let is_plain = layer.compression == Compression::None;
    let mut stored = run.stored(source, !is_plain);
    let mut size = 0;
    let checked = std::thread::scope(|scope| {
        let (to_check, frames) = sync_channel::<Bytes>(LAGGING_FRAMES);
        let mut check = run.content_check();
        let checker =
            scope.spawn(move || check_content(layer.compression, frames, &mut check).map(|()| check));
        // A frame that the checker does not take any more means that it failed; its error says why.
        let mut hand_out = || {
            while let Some(frame) = next_frame(&mut stored)? {
                size += frame.len() as u64;
                if to_check.send(frame.clone()).is_err() {
                    break;
                }
                run.deliver(frame)?;
            }
            Ok(())
        };
        let handed_out = hand_out();
        drop(to_check);
        let checked = checker.join();
        handed_out?;
        checked.map_err(|_| LayerError::Stopped { layer: layer.diff_id })
    })?;
    let check = match checked {
        Ok(check) => check,
        Err(CheckFailure::Decoder(error)) => return Err(stored.explain(error)),
        Err(CheckFailure::Content(error)) => return Err(error),
    };
    let hashed = finish_stored(run, stored)?;
    let Content { length, contents, listing } = check.finish()?;
    if is_plain {
        run.verify_stored(layer.diff_id)?;
    }
    Ok(LayerSummary {
        diff_id: layer.diff_id,
        digest: hashed.unwrap_or(layer.diff_id),
        size,
        compression: layer.compression,
        uncompressed_bytes: length,
        contents,
        listing,
        encoder: None,
    })
}

/// Reads and gives out a layer whose content an earlier pass has verified: the digest of the stored bytes, by which
/// that is known, is all that is left to check.
pub(super) fn pass_verified(
    run: &PassRun,
    source: Source,
    verified: VerifiedContent,
) -> Result<LayerSummary, LayerError> {
    let layer = &run.layer;
    run.note_content(verified.uncompressed_bytes)?;
    let mut stored = run.stored(source, true);
    let mut size = 0;
    while let Some(frame) = next_frame(&mut stored)? {
        size += frame.len() as u64;
        run.deliver(frame)?;
    }
    Ok(LayerSummary {
        diff_id: layer.diff_id,
        digest: finish_stored(run, stored)?.ok_or(LayerError::Stopped { layer: layer.diff_id })?,
        size,
        compression: layer.compression,
        uncompressed_bytes: verified.uncompressed_bytes,
        contents: Ok(verified.contents),
        listing: None,
        encoder: None,
    })
}

/// The digest of the stored bytes, if they were hashed, held against the stated one.
fn finish_stored(run: &PassRun, stored: StoredReader) -> Result<Option<Digest>, LayerError> {
    let digest = stored.finish()?;
    if let Some(digest) = digest {
        run.verify_stored(digest)?;
    }
    Ok(digest)
}

fn next_frame(stored: &mut StoredReader) -> Result<Option<Bytes>, LayerError> {
    let mut frame = vec![0; FRAME_SIZE];
    let length = fill(stored, &mut frame).map_err(|error| stored.explain(error))?;
    frame.truncate(length);
    Ok((length > 0).then(|| frame.into()))
}

enum CheckFailure {
    Decoder(io::Error),
    Content(LayerError),
}

fn check_content(
    compression: Compression,
    frames: Receiver<Bytes>,
    check: &mut ContentCheck,
) -> Result<(), CheckFailure> {
    let frames = FrameReader { frames, current: Bytes::new() };
    let mut source = decompressed(compression, frames).map_err(CheckFailure::Decoder)?;
    let mut buffer = vec![0; CONTENT_SIZE];
    loop {
        let length = fill(&mut source, &mut buffer).map_err(CheckFailure::Decoder)?;
        if length == 0 {
            return Ok(());
        }
        check.feed(&buffer[..length]).map_err(CheckFailure::Content)?;
    }
}

/// Reads from frames as they arrive.
struct FrameReader {
    frames: Receiver<Bytes>,
    current: Bytes,
}

impl BufRead for FrameReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.current.is_empty() {
            // The channel closes at the end of the layer.
            self.current = self.frames.recv().unwrap_or_default();
        }
        Ok(&self.current)
    }

    fn consume(&mut self, amount: usize) {
        bytes::Buf::advance(&mut self.current, amount);
    }
}

impl Read for FrameReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}
