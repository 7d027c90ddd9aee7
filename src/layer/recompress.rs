//! A pass that makes gzip of a layer that is not gzip yet.

use std::collections::VecDeque;
use std::io::{self, BufReader};

use bytes::Bytes;

use super::LayerError;
use super::compressors::{PendingBlock, Permit};
use super::content::{ContentCheck, decompressed};
use super::encoder::{Encoder, GZIP_HEADER, gzip_trailer};
use super::pass::PassRun;
use super::stored::{Source, StoredReader, fill};
use super::summary::LayerSummary;
use crate::image::Compression;
use crate::name::{Digest, DigestHasher};

/// How much is read at once of a layer that is decompressed on the way.
const READ_SIZE: usize = 256 << 10;

/// Reads, verifies, compresses and gives out the layer.
pub(super) fn recompress(
    run: &PassRun,
    source: Source,
    encoder: Encoder,
) -> Result<LayerSummary, LayerError> {
    let layer = &run.layer;
    // The stored bytes of an uncompressed layer are its content, which is hashed anyway.
    let is_plain = layer.compression == Compression::None;
    let mut stored = run.stored(source, !is_plain && layer.stored_digest.is_some());
    let mut check = run.content_check();
    let mut member = GzipMember::start(run, encoder)?;
    match copy_blocks(&mut stored, &mut check, &mut member) {
        Ok(()) => {}
        Err(Interruption::Source(error)) => return Err(stored.explain(error)),
        Err(Interruption::Pass(error)) => return Err(error),
    }
    if let Some(found) = stored.finish()? {
        run.verify_stored(found)?;
    }
    let content = check.finish()?;
    if is_plain {
        run.verify_stored(layer.diff_id)?;
    }
    let (digest, size) = member.finish(content.length)?;
    Ok(LayerSummary {
        diff_id: layer.diff_id,
        digest,
        size,
        compression: Compression::Gzip,
        uncompressed_bytes: content.length,
        contents: content.contents,
        listing: content.listing,
        encoder: Some(encoder),
    })
}

/// What can end the copying early.
enum Interruption {
    /// The source or its decoder failed.
    Source(io::Error),
    /// The pass itself did.
    Pass(LayerError),
}

impl From<io::Error> for Interruption {
    fn from(error: io::Error) -> Self {
        Self::Source(error)
    }
}

impl From<LayerError> for Interruption {
    fn from(error: LayerError) -> Self {
        Self::Pass(error)
    }
}

fn copy_blocks(
    stored: &mut StoredReader,
    check: &mut ContentCheck,
    member: &mut GzipMember<'_>,
) -> Result<(), Interruption> {
    let compression = member.run.layer.compression;
    let mut source = decompressed(compression, BufReader::with_capacity(READ_SIZE, stored))?;
    loop {
        // Before the block is allocated: the permit is what bounds memory.
        let permit = member.make_room()?;
        let mut block = member.run.compressors.buffer();
        let length = fill(&mut source, &mut block)?;
        block.truncate(length);
        if block.is_empty() {
            return Ok(());
        }
        check.feed(&block)?;
        member.push(block, permit)?;
    }
}

/// One gzip member under way: blocks are handed to the compressors, and given out in order.
struct GzipMember<'a> {
    run: &'a PassRun,
    encoder: Encoder,
    /// How many were handed to the compressors.
    blocks: u64,
    pending: VecDeque<PendingBlock>,
    hasher: DigestHasher,
    size: u64,
    checksum: crc32fast::Hasher,
}

impl<'a> GzipMember<'a> {
    fn start(run: &'a PassRun, encoder: Encoder) -> Result<Self, LayerError> {
        let mut member = Self {
            run,
            encoder,
            blocks: 0,
            pending: VecDeque::new(),
            hasher: DigestHasher::default(),
            size: 0,
            checksum: crc32fast::Hasher::new(),
        };
        member.give_out(Bytes::from_static(&GZIP_HEADER))?;
        Ok(member)
    }

    /// A permit for one more block. While there is none, finished blocks are given out: that frees some.
    fn make_room(&mut self) -> Result<Permit, LayerError> {
        loop {
            if let Some(permit) = self.run.compressors.try_permit() {
                return Ok(permit);
            }
            if !self.give_out_next()? {
                let stopped = LayerError::Stopped { layer: self.run.layer.diff_id };
                return self.run.compressors.permit(&self.run.progress).ok_or(stopped);
            }
        }
    }

    fn push(&mut self, block: Vec<u8>, permit: Permit) -> Result<(), LayerError> {
        let (compressors, level) = (&self.run.compressors, self.encoder.level.of_block(self.blocks));
        self.blocks += 1;
        self.pending.push_back(compressors.submit(block, level, permit, &self.run.progress));
        while self.pending.front_mut().is_some_and(PendingBlock::is_done) {
            self.give_out_next()?;
        }
        Ok(())
    }

    /// Waits for the oldest block and gives it out; false when there is none.
    fn give_out_next(&mut self) -> Result<bool, LayerError> {
        let Some(block) = self.pending.pop_front() else { return Ok(false) };
        let failed = |_| LayerError::Encoder { layer: self.run.layer.diff_id };
        let (encoded, permit) = block.wait().map_err(failed)?;
        self.checksum.combine(&encoded.checksum);
        self.give_out(encoded.bytes.into())?;
        drop(permit);
        Ok(true)
    }

    fn give_out(&mut self, bytes: Bytes) -> Result<(), LayerError> {
        self.hasher.update(&bytes);
        self.size += bytes.len() as u64;
        self.run.deliver(bytes)
    }

    /// Gives out the blocks under way and the trailer; the digest and the size of the whole member.
    fn finish(mut self, content_length: u64) -> Result<(Digest, u64), LayerError> {
        while self.give_out_next()? {}
        let trailer = gzip_trailer(self.checksum.clone(), content_length);
        self.give_out(Bytes::copy_from_slice(&trailer))?;
        Ok((self.hasher.finish(), self.size))
    }
}
