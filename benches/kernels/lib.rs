//! The kernels of a layer pass, one function each.
//!
//! They are private to the product, so their files are compiled here once more.

use std::io::{self, Read as _, Write as _};

#[path = "../../src/layer/bit_reader.rs"]
mod bit_reader;
#[path = "../../src/layer/deflate_tail.rs"]
mod deflate_tail;
#[path = "../../src/layer/elf.rs"]
mod elf;
#[path = "../../src/layer/encoder.rs"]
#[expect(unreachable_pub, dead_code, reason = "the product uses and publishes what is not measured here")]
mod encoder;
#[path = "../../src/layer/entry.rs"]
#[expect(unreachable_pub, dead_code, reason = "the product uses and publishes what is not measured here")]
mod entry;
#[path = "../../src/layer/last_block.rs"]
mod last_block;
#[path = "../../src/layer/listing.rs"]
#[expect(unreachable_pub, dead_code, reason = "the product uses and publishes what is not measured here")]
mod listing;
#[path = "../../src/layer/program_scan.rs"]
mod program_scan;
#[path = "../../src/layer/tar_extension.rs"]
mod tar_extension;
#[path = "../../src/layer/tar_scan.rs"]
#[expect(unreachable_pub, reason = "the product publishes it")]
mod tar_scan;
#[path = "../../src/layer/whiteout.rs"]
#[expect(unreachable_pub, reason = "the product publishes it")]
mod whiteout;

/// How much content one block has.
pub const BLOCK_SIZE: usize = encoder::BLOCK_SIZE;

/// Compresses block after block as the pinned encoder does at this level, 0 for its own; how many bytes that makes.
pub fn gzip(content: &[u8], level: u8) -> usize {
    let mut encoder = encoder::BlockEncoder::default();
    let level = encoder::Level::new(level).unwrap_or_default();
    let blocks = (0..).zip(content.chunks(BLOCK_SIZE));
    blocks
        .filter_map(|(index, block)| Some(encoder.encode(block, level.of_block(index)).ok()?.bytes.len()))
        .sum()
}

/// One raw DEFLATE stream of libdeflate for each block.
pub fn streams(content: &[u8]) -> Vec<Vec<u8>> {
    let level = libdeflater::CompressionLvl::new(3).unwrap_or_default();
    let mut compressor = libdeflater::Compressor::new(level);
    let mut stream = |block: &[u8]| {
        let mut stream = vec![0; compressor.deflate_compress_bound(block.len())];
        let length = compressor.deflate_compress(block, &mut stream).unwrap_or_default();
        stream.truncate(length);
        stream
    };
    content.chunks(BLOCK_SIZE).map(&mut stream).collect()
}

/// The first bit of the last block, found from behind; none when it is left to the walk.
pub fn last_block_from_behind(stream: &[u8], content: &[u8]) -> Option<usize> {
    last_block::find_from_behind(stream, content).map(|tail| tail.last_block_bit)
}

/// The same, by a walk through all symbols.
pub fn last_block_by_walk(stream: &[u8]) -> Option<usize> {
    deflate_tail::DeflateTail::find(stream).ok().map(|tail| tail.last_block_bit)
}

/// `content` as other tools make gzip of it.
///
/// # Errors
/// Never: it is written to memory.
pub fn stored(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content)?;
    encoder.finish()
}

/// Decompresses a gzip layer as pass-through does, checksum included; how many bytes it holds.
///
/// # Errors
/// Fails when the stored bytes are not gzip.
pub fn inflate(stored: &[u8]) -> io::Result<usize> {
    let mut decoder = flate2::bufread::MultiGzDecoder::new(stored);
    let (mut buffer, mut length) = (vec![0; 128 << 10], 0);
    loop {
        match decoder.read(&mut buffer)? {
            0 => return Ok(length),
            count => length += count,
        }
    }
}

/// SHA-256, as of content and of what is pushed.
pub fn sha256(content: &[u8]) -> [u8; 32] {
    <sha2::Sha256 as sha2::Digest>::digest(content).into()
}

/// Walks over an archive's headers; whether it is sound.
pub fn scan(archive: &[u8]) -> bool {
    let mut scan = tar_scan::TarScan::new();
    archive.chunks(BLOCK_SIZE).for_each(|piece| scan.feed(piece));
    scan.finish().is_ok()
}
