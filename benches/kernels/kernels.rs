//! What a layer pass spends its time on, one kernel at a time: `cargo bench --package lambda-lift-kernels`.
//!
//! The content is half this program's own bytes and half generated text; figures are comparable on one machine only.

use std::fs;
use std::hint::black_box;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::BytesCount;
use lambda_lift_kernels::{
    BLOCK_SIZE, gzip, inflate, last_block_by_walk, last_block_from_behind, scan, sha256, stored, streams,
};

/// How many blocks of content are measured.
const BLOCKS: usize = 16;

/// An archive of sixteen blocks, 8 MB.
static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let program = std::env::current_exe().and_then(fs::read).unwrap_or_default();
    let mut random = fastrand::Rng::with_seed(1);
    let words: Vec<String> = (0..2000).map(|_| format!("{:x} ", random.u32(..))).collect();
    let mut archive = tar::Builder::new(Vec::new());
    while archive.get_ref().len() < BLOCKS * BLOCK_SIZE {
        let start = random.usize(..program.len().max(1));
        let mut content: Vec<u8> = program.iter().skip(start).take(random.usize(..60_000)).copied().collect();
        for _ in 0..random.usize(..8_000) {
            content.extend_from_slice(words[random.usize(..words.len())].as_bytes());
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        if archive.append_data(&mut header, "file", &content[..]).is_err() {
            break;
        }
    }
    let mut content = archive.into_inner().unwrap_or_default();
    content.truncate(BLOCKS * BLOCK_SIZE);
    content
});

fn main() {
    divan::Divan::from_args().sample_count(15).main();
}

/// Blocks to their pieces of a gzip member, checksums and the search for the last block included; 0 is the default, two levels in
/// turns.
#[divan::bench(args = [0, 1, 2, 3, 4, 6, 9])]
fn gzip_at_level(bencher: Bencher<'_, '_>, level: u8) {
    let content = &*CONTENT;
    bencher.counter(BytesCount::new(content.len())).bench(|| gzip(black_box(content), level));
}

#[divan::bench]
fn tail_from_behind(bencher: Bencher<'_, '_>) {
    let (content, streams) = (&*CONTENT, streams(&CONTENT));
    bencher.counter(BytesCount::new(content.len())).bench(|| {
        let pairs = streams.iter().zip(content.chunks(BLOCK_SIZE));
        pairs.filter_map(|(stream, block)| last_block_from_behind(black_box(stream), block)).sum::<usize>()
    });
}

#[divan::bench]
fn tail_by_walk(bencher: Bencher<'_, '_>) {
    let streams = streams(&CONTENT);
    bencher
        .counter(BytesCount::new(CONTENT.len()))
        .bench(|| streams.iter().filter_map(|stream| last_block_by_walk(black_box(stream))).sum::<usize>());
}

#[divan::bench]
fn inflate_and_check(bencher: Bencher<'_, '_>) {
    let stored = stored(&CONTENT).unwrap_or_default();
    bencher.counter(BytesCount::new(CONTENT.len())).bench(|| inflate(black_box(&stored)));
}

#[divan::bench]
fn hash(bencher: Bencher<'_, '_>) {
    let content = &*CONTENT;
    bencher.counter(BytesCount::new(content.len())).bench(|| sha256(black_box(content)));
}

#[divan::bench]
fn tar_scan(bencher: Bencher<'_, '_>) {
    let content = &*CONTENT;
    bencher.counter(BytesCount::new(content.len())).bench(|| scan(black_box(content)));
}
