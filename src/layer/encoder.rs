//! The pinned encoder: one block of content to a piece of a gzip member.
//!
//! Knows gzip's framing (RFC 1952) and libdeflate; knows nothing of threads or layers.

use libdeflater::{CompressionLvl, Compressor};

use super::deflate_tail::DeflateTail;
use super::last_block::find_from_behind;

/// How much content is compressed as one block. Part of the encoder's identity: it decides the output.
pub(super) const BLOCK_SIZE: usize = 512 << 10;

/// gzip's header: deflate, no name, no time, no extra flags, operating system unknown. The same everywhere.
pub(super) const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// How hard blocks are compressed: at one level, or at two in turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Level(Option<u8>);

/// libdeflate's level for one block, 1 (fast) to 9 (small).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockLevel(u8);

impl Level {
    /// One level for every block; none outside 1 (fast) to 9 (small).
    pub fn new(level: u8) -> Option<Self> {
        (1..=9).contains(&level).then_some(Self(Some(level)))
    }

    /// The level of a layer's block, counted from 0.
    ///
    /// By default two blocks of five have level 1 and the others level 3, the first one among them: between the two, each byte more
    /// saves the same time wherever it is spent, and this is the fastest that is not larger than skopeo's output (see the
    /// module's table).
    pub(super) fn of_block(self, block: u64) -> BlockLevel {
        BlockLevel(self.0.unwrap_or(if matches!(block % 5, 1 | 3) { 1 } else { 3 }))
    }

    /// As a part of an encoder's name.
    fn name(self) -> String {
        self.0.map_or_else(|| "l1l3".to_owned(), |level| format!("l{level}"))
    }
}

/// What decides the compressed bytes of given content: the same encoder gives the same digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Encoder {
    /// How hard it compresses.
    pub level: Level,
}

impl Encoder {
    /// The stable name of this encoder, a file name too: `libdeflate1.26-512k-l1l3`. It changes whenever the
    /// output does; a test with a pinned digest tells.
    pub fn id(self) -> String {
        format!("libdeflate1.26-512k-{}", self.level.name())
    }
}

/// Compresses blocks one after the other; each is independent of the others.
#[derive(Default)]
pub(super) struct BlockEncoder {
    /// By level, made when first needed.
    compressors: [Option<Compressor>; 10],
    scratch: Vec<u8>,
}

/// A block's piece of the gzip member: whole bytes, not the last piece.
pub(super) struct EncodedBlock {
    pub(super) bytes: Vec<u8>,
    /// CRC-32 of the content, with its length, ready to be combined.
    pub(super) checksum: crc32fast::Hasher,
}

/// The encoder gave what it never should.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the gzip encoder failed")]
pub(super) struct EncoderFailure;

impl BlockEncoder {
    /// Compresses `content` (at most [`BLOCK_SIZE`]).
    pub(super) fn encode(
        &mut self,
        content: &[u8],
        level: BlockLevel,
    ) -> Result<EncodedBlock, EncoderFailure> {
        let compressor = self.compressors.get_mut(usize::from(level.0)).ok_or(EncoderFailure)?;
        let compressor = compressor.get_or_insert_with(|| {
            Compressor::new(CompressionLvl::new(i32::from(level.0)).unwrap_or_default())
        });
        // Room for what is appended below too.
        let bound = compressor.deflate_compress_bound(content.len());
        self.scratch.resize(bound.max(self.scratch.len()), 0);
        let length = compressor.deflate_compress(content, &mut self.scratch).map_err(|_| EncoderFailure)?;
        let stream = &mut self.scratch[..length];
        let tail = match find_from_behind(stream, content) {
            Some(tail) => tail,
            None => DeflateTail::find(stream).map_err(|_| EncoderFailure)?,
        };
        stream[tail.last_block_bit / 8] &= !(1 << (tail.last_block_bit % 8));
        let mut bytes = Vec::with_capacity(length + 5);
        bytes.extend_from_slice(stream);
        // An empty stored block: three zero bits, then zeros up to a byte boundary, then the length twice.
        if bytes.len() * 8 < tail.end_bit + 3 {
            bytes.push(0);
        }
        bytes.extend_from_slice(&[0, 0, 0xff, 0xff]);
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(content);
        Ok(EncodedBlock { bytes, checksum })
    }
}

/// What ends the member: an empty last block, then gzip's checksum and length of the content.
pub(super) fn gzip_trailer(checksum: crc32fast::Hasher, content_length: u64) -> [u8; 10] {
    let mut trailer = [0; 10];
    // A block of fixed codes (01), marked as the last (1), that holds nothing but its end (0000000).
    trailer[0] = 0b0000_0011;
    trailer[2..6].copy_from_slice(&checksum.finalize().to_le_bytes());
    // ISIZE is the length modulo 2^32.
    trailer[6..].copy_from_slice(&content_length.to_le_bytes()[..4]);
    trailer
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::name::Digest;

    fn member(content: &[u8], level: Level) -> Vec<u8> {
        let mut encoder = BlockEncoder::default();
        let mut checksum = crc32fast::Hasher::new();
        let mut out = GZIP_HEADER.to_vec();
        for (index, block) in content.chunks(BLOCK_SIZE).enumerate() {
            let encoded = encoder.encode(block, level.of_block(index as u64)).unwrap();
            checksum.combine(&encoded.checksum);
            out.extend(encoded.bytes);
        }
        out.extend(gzip_trailer(checksum, content.len() as u64));
        out
    }

    fn decoded(member: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        let mut decoder = flate2::bufread::GzDecoder::new(member);
        decoder.read_to_end(&mut content).unwrap();
        assert!(decoder.into_inner().is_empty(), "one member, nothing after it");
        content
    }

    /// Content with structure: words, runs and noise, the same on every machine.
    fn sample(length: usize, seed: u64) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut content = Vec::with_capacity(length + 300);
        while content.len() < length {
            match random.u8(..4) {
                0 => content.extend((0..random.usize(1..200)).map(|_| random.u8(..))),
                1 => content.extend(std::iter::repeat_n(random.u8(..), random.usize(1..300))),
                _ => content.extend_from_slice(&b"the quick brown fox jumps over"[..random.usize(3..30)]),
            }
        }
        content.truncate(length);
        content
    }

    #[test]
    fn content_of_any_length_comes_back() {
        for length in [0, 1, 2, 100, 5_000, 70_000, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, 3_000_000] {
            for level in [1, 3, 9] {
                let content = sample(length, length as u64);
                let member = member(&content, Level::new(level).unwrap());
                assert!(decoded(&member) == content, "{length} bytes at level {level}");
            }
        }
    }

    #[test]
    fn noise_and_silence_come_back() {
        let mut random = fastrand::Rng::with_seed(7);
        let noise: Vec<u8> = (0..BLOCK_SIZE + 77).map(|_| random.u8(..)).collect();
        assert!(decoded(&member(&noise, Level::default())) == noise);
        let silence = vec![0; 2 * BLOCK_SIZE + 3];
        assert!(decoded(&member(&silence, Level::default())) == silence);
    }

    /// When this fails after an update of libdeflate, the output changed: give [`Encoder::id`] a new name, so
    /// that the cache does not hold digests of the old one for the new one's.
    #[test]
    fn the_output_is_pinned() {
        let content = sample(2_500_000, 1);
        let table = [(Level::default(), "58fd87480351"), (Level::new(3).unwrap(), "774c0eeaea1e")];
        for (level, digest) in table {
            assert_eq!(Digest::of(&member(&content, level)).short(), digest, "{level:?}");
        }
    }

    #[test]
    fn levels_outside_the_range_are_refused() {
        assert_eq!(Level::new(0), None);
        assert_eq!(Level::new(10), None);
    }

    proptest::proptest! {
        #[test]
        fn any_content_comes_back(seed: u64, length in 0usize..60_000, level in 1u8..=9) {
            let content = sample(length, seed);
            proptest::prop_assert!(decoded(&member(&content, Level::new(level).unwrap())) == content);
        }
    }
}
