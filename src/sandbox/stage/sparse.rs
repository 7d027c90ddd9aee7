//! Sparse files of pax archives, which the library gives out as they are stored: with a made-up name, and without their holes.
//!
//! Formats 0.0, 0.1 and 1.0 of <https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html>. The older form of GNU, a type of
//! its own, the library knows.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};

/// The most pieces of a file that are believed.
const MOST_PIECES: usize = 1 << 20;
/// Numbers of a map are in blocks of this size.
const BLOCK: usize = 512;

/// What the headers say of a file with holes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SparseFile {
    /// Its real name, where the header has another one.
    pub(super) name: Option<Vec<u8>>,
    /// Its size with all holes.
    size: u64,
    /// Where its pieces belong, and how long they are.
    pieces: Vec<(u64, u64)>,
    /// Whether the map is the beginning of what is stored.
    map_is_stored: bool,
}

impl SparseFile {
    /// Reads the records of a pax header. None where they are of a file without holes.
    pub(super) fn of<'a>(
        records: impl Iterator<Item = io::Result<(&'a [u8], &'a [u8])>>,
    ) -> io::Result<Option<Self>> {
        let mut file = Self::default();
        let mut size = None;
        let mut offset = None;
        for record in records {
            let (key, value) = record?;
            match key {
                b"GNU.sparse.name" => file.name = Some(value.to_vec()),
                b"GNU.sparse.size" | b"GNU.sparse.realsize" => size = Some(number(value)?),
                b"GNU.sparse.major" => file.map_is_stored = number(value)? > 0,
                b"GNU.sparse.map" => {
                    let numbers = value.split(|byte| *byte == b',').filter(|digits| !digits.is_empty());
                    file.pieces = pairs(numbers.map(number))?;
                }
                b"GNU.sparse.offset" => offset = Some(number(value)?),
                b"GNU.sparse.numbytes" => file.add(offset.take().ok_or_else(malformed)?, number(value)?)?,
                _ => {}
            }
        }
        Ok(size.map(|size| Self { size, ..file }))
    }

    /// Writes what is stored to where it belongs, `room` bytes and one more at most. How many were written.
    pub(super) fn lay_out(mut self, stored: &mut impl Read, file: &mut File, room: u64) -> io::Result<u64> {
        if self.map_is_stored {
            self.pieces = stored_map(stored)?;
        }
        let mut written = 0;
        for (offset, length) in self.pieces {
            if offset.checked_add(length).is_none_or(|end| end > self.size) {
                return Err(malformed());
            }
            file.seek(SeekFrom::Start(offset))?;
            let wanted = length.min((room - written).saturating_add(1));
            let copied = io::copy(&mut stored.by_ref().take(wanted), file)?;
            written += copied;
            if written > room {
                return Ok(written);
            }
            if copied < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        file.set_len(self.size)?;
        Ok(written)
    }

    fn add(&mut self, offset: u64, length: u64) -> io::Result<()> {
        if self.pieces.len() == MOST_PIECES {
            return Err(malformed());
        }
        self.pieces.push((offset, length));
        Ok(())
    }
}

/// The map of format 1.0: a line for the number of pieces, and two for each, up to the end of a block.
fn stored_map(stored: &mut impl Read) -> io::Result<Vec<(u64, u64)>> {
    let mut block = [0; BLOCK];
    let (mut digits, mut numbers, mut count) = (Vec::new(), Vec::new(), None);
    while count.is_none_or(|count| numbers.len() < count) {
        stored.read_exact(&mut block)?;
        for byte in block {
            match byte {
                b'\n' if count.is_none() => {
                    let pieces = usize::try_from(number(&digits)?).unwrap_or(usize::MAX);
                    count =
                        Some(2 * Some(pieces).filter(|pieces| *pieces <= MOST_PIECES).ok_or_else(malformed)?);
                    digits.clear();
                }
                b'\n' => {
                    numbers.push(number(&digits));
                    digits.clear();
                }
                _ => digits.push(byte),
            }
            if count == Some(numbers.len()) {
                break;
            }
        }
        if digits.len() > BLOCK {
            return Err(malformed());
        }
    }
    pairs(numbers.into_iter())
}

fn pairs(mut numbers: impl Iterator<Item = io::Result<u64>>) -> io::Result<Vec<(u64, u64)>> {
    let mut pairs = Vec::new();
    while let Some(offset) = numbers.next() {
        pairs.push((offset?, numbers.next().ok_or_else(malformed)??));
        if pairs.len() > MOST_PIECES {
            return Err(malformed());
        }
    }
    Ok(pairs)
}

fn number(digits: &[u8]) -> io::Result<u64> {
    let text = std::str::from_utf8(digits).ok();
    text.and_then(|text| text.trim().parse().ok()).ok_or_else(malformed)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the map of its holes is malformed")
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    type Records<'a> = &'a [(&'a str, &'a str)];

    fn laid_out(records: Records<'_>, stored: &[u8], room: u64) -> io::Result<Vec<u8>> {
        let records = records.iter().map(|(key, value)| Ok((key.as_bytes(), value.as_bytes())));
        let sparse = SparseFile::of(records)?.expect("it has holes");
        let mut file = tempfile::tempfile()?;
        if sparse.lay_out(&mut Cursor::new(stored), &mut file, room)? > room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut content = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut content)?;
        Ok(content)
    }

    /// The form of format 1.0: the map in a block of its own, then the pieces.
    fn with_map(map: &str, pieces: &[u8]) -> Vec<u8> {
        let mut stored = map.as_bytes().to_vec();
        stored.resize(stored.len().next_multiple_of(BLOCK), 0);
        [stored, pieces.to_vec()].concat()
    }

    #[test]
    fn each_format_says_the_same() {
        let expected = b"\0\0ab\0\0c\0".to_vec();
        let first: Records<'_> = &[
            ("GNU.sparse.size", "8"),
            ("GNU.sparse.offset", "2"),
            ("GNU.sparse.numbytes", "2"),
            ("GNU.sparse.offset", "6"),
            ("GNU.sparse.numbytes", "1"),
        ];
        let second: Records<'_> = &[("GNU.sparse.size", "8"), ("GNU.sparse.map", "2,2,6,1,8,0")];
        let third: Records<'_> = &[("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "8")];
        assert_eq!(laid_out(first, b"abc", 99).unwrap(), expected);
        assert_eq!(laid_out(second, b"abc", 99).unwrap(), expected);
        assert_eq!(laid_out(third, &with_map("3\n2\n2\n6\n1\n8\n0\n", b"abc"), 99).unwrap(), expected);
        let none = SparseFile::of([Ok((&b"path"[..], &b"x"[..]))].into_iter()).unwrap();
        assert_eq!(none, None);
    }

    #[test]
    fn maps_that_lie_are_refused_and_room_is_kept() {
        let listed = |map| [("GNU.sparse.size", "8"), ("GNU.sparse.map", map)];
        for map in ["2", "7,2", "18446744073709551615,2", "x,1", "0,9"] {
            assert!(laid_out(&listed(map), b"abcdefghij", 99).is_err(), "{map}");
        }
        assert!(laid_out(&listed("0,4"), b"abc", 99).is_err(), "there is too little of it");
        assert!(laid_out(&listed("0,4"), b"abcd", 3).is_err(), "there is too little room");
        let stored: Records<'_> = &[("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "8")];
        for map in ["9999999999\n", "2\n0\n", "x\n", &"1".repeat(2000)] {
            assert!(laid_out(stored, &with_map(map, b""), 99).is_err(), "{map}");
        }
    }
}
