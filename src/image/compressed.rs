//! A compressed file, read as if it were not: ranges of its decompressed content, as streams.
//!
//! Neither gzip nor zstd can be entered in the middle, so a range costs the decompression of everything before it.
//! Two things keep that small. A stream that was read to the end of its range is parked, and the next range that lies
//! behind it goes on from there; so ranges that are read one after the other, in the order of the file, cost one pass
//! together. And ranges that are read in parallel begin in parallel. At worst, N ranges against the order cost N passes.
//! Nothing is held in memory but each stream's window, and nothing is written to disk.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;

use super::Compression;
use super::blob::FileRegion;

/// How many streams wait for a next reader. Each holds its window: 32 KiB for gzip, usually up to 8 MiB for zstd.
const PARKED: usize = 4;

/// How much is read of the file at a time.
const READ_SIZE: usize = 256 * 1024;

/// A gzip- or zstd-compressed file.
pub struct CompressedFile {
    file: Arc<File>,
    path: PathBuf,
    size: u64,
    compression: Compression,
    parked: Mutex<Vec<Stream>>,
}

impl std::fmt::Debug for CompressedFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CompressedFile")
            .field("path", &self.path)
            .field("size", &self.size)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

impl CompressedFile {
    pub(super) fn new(file: Arc<File>, path: PathBuf, size: u64, compression: Compression) -> Self {
        Self { file, path, size, compression, parked: Mutex::default() }
    }

    /// The file's path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole decompressed content, from the start.
    pub(super) fn stream(&self) -> io::Result<Stream> {
        let stored = FileRegion { file: Arc::clone(&self.file), position: 0, end: self.size };
        let stored = BufReader::with_capacity(READ_SIZE, stored);
        let decoder = match self.compression {
            Compression::None => Decoder::Stored(stored),
            Compression::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(stored))),
            Compression::Zstd => Decoder::Zstd(Box::new(zstd::stream::read::Decoder::with_buffer(stored)?)),
        };
        Ok(Stream { decoder, position: 0 })
    }

    /// Decompressed bytes `start .. end`. Costs nothing before the first read.
    pub(super) fn read_range(self: &Arc<Self>, start: u64, end: u64) -> Range {
        Range { file: Arc::clone(self), stream: None, position: start, end }
    }

    /// The stream that is nearest before `position`: a parked one, or else a new one.
    fn stream_before(&self, position: u64) -> io::Result<Stream> {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        let nearest = (0..parked.len())
            .filter(|&index| parked[index].position <= position)
            .max_by_key(|&index| parked[index].position);
        match nearest {
            Some(index) => Ok(parked.swap_remove(index)),
            None => {
                drop(parked);
                self.stream()
            }
        }
    }

    fn park(&self, stream: Stream) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.push(stream);
        if parked.len() > PARKED {
            // The one that came least far is the cheapest to make again.
            let least = (0..parked.len()).min_by_key(|&index| parked[index].position);
            if let Some(index) = least {
                parked.swap_remove(index);
            }
        }
    }
}

enum Decoder {
    Stored(BufReader<FileRegion>),
    Gzip(Box<MultiGzDecoder<BufReader<FileRegion>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<FileRegion>>>),
}

/// Decompressed content, read forwards.
pub(super) struct Stream {
    decoder: Decoder,
    position: u64,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.decoder {
            Decoder::Stored(reader) => reader.read(buffer),
            Decoder::Gzip(reader) => reader.read(buffer),
            Decoder::Zstd(reader) => reader.read(buffer),
        }?;
        self.position += count as u64;
        Ok(count)
    }
}

/// A range of the decompressed content.
pub(super) struct Range {
    file: Arc<CompressedFile>,
    /// None before the first read, and after a failed one: a stream that failed is not used again.
    stream: Option<Stream>,
    position: u64,
    end: u64,
}

impl Range {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let mut stream = self.file.stream_before(self.position)?;
                let before = self.position - stream.position;
                io::copy(&mut (&mut stream).take(before), &mut io::sink())?;
                stream
            }
        };
        // Shorter than it should be: ends early, as BlobLocation::open promises.
        let count = if stream.position == self.position { stream.read(buffer)? } else { 0 };
        self.position += count as u64;
        self.stream = Some(stream);
        Ok(count)
    }
}

impl Read for Range {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        self.fill(&mut buffer[..wanted])
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.file.park(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn compressed(content: &[u8], compression: Compression) -> Arc<CompressedFile> {
        let stored = match compression {
            Compression::None => content.to_vec(),
            Compression::Gzip => {
                // Two members, as pigz and `cat a.gz b.gz` write them.
                let (first, second) = content.split_at(content.len() / 2);
                let member = |part: &[u8]| {
                    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                    encoder.write_all(part).unwrap();
                    encoder.finish().unwrap()
                };
                [member(first), member(second)].concat()
            }
            Compression::Zstd => zstd::encode_all(content, 1).unwrap(),
        };
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&stored).unwrap();
        Arc::new(CompressedFile::new(Arc::new(file), "test".into(), stored.len() as u64, compression))
    }

    fn read(file: &Arc<CompressedFile>, start: u64, end: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        file.read_range(start, end).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn any_range_in_any_order_reads_the_decompressed_bytes() {
        let content: Vec<u8> = (0..300_000_u32).flat_map(|n| (n % 7919).to_le_bytes()).collect();
        let length = content.len() as u64;
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let file = compressed(&content, compression);
            for (start, end) in
                [(0, 10), (700_000, 700_100), (10, 20), (0, length), (length - 1, length), (5, 5)]
            {
                let expected = &content[start as usize..end as usize];
                assert_eq!(read(&file, start, end), expected, "{compression:?} {start}..{end}");
            }
            assert_eq!(read(&file, length - 2, length + 50).len(), 2, "a short file ends early");
            assert!(read(&file, length + 10, length + 50).is_empty());
        }
    }

    #[test]
    fn ranges_in_the_order_of_the_file_go_on_from_the_parked_stream() {
        let file = compressed(&vec![7; 1_000_000], Compression::Gzip);
        for start in (0..1_000_000).step_by(100_000) {
            read(&file, start, start + 90_000);
            let parked = file.parked.lock().unwrap();
            assert_eq!(parked.len(), 1, "one stream serves all ranges");
            assert_eq!(parked[0].position, start + 90_000);
        }
        for end in (0..1000).rev() {
            read(&file, 0, end);
        }
        assert!(file.parked.lock().unwrap().len() <= PARKED);
    }

    #[test]
    fn a_damaged_file_fails_and_its_stream_is_not_used_again() {
        let content: Vec<u8> =
            (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let whole = compressed(&content, compression);
            let cut = CompressedFile::new(Arc::clone(&whole.file), "cut".into(), whole.size / 2, compression);
            let cut = Arc::new(cut);
            let mut bytes = Vec::new();
            assert!(cut.read_range(0, content.len() as u64).read_to_end(&mut bytes).is_err());
            assert!(cut.parked.lock().unwrap().is_empty());
            assert!(content.starts_with(&bytes));
        }
    }
}
