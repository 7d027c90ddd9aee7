//! Walks the headers of a tar archive that arrives in pieces, without unpacking anything.
//!
//! Fed by the same pass that hashes and compresses, so it must stay cheap: of contents only what says how a program
//! starts is looked at. It knows the format (POSIX ustar, pax, GNU) and nothing of images.

use tar::{EntryType, Header};

use super::entry::{Entry, EntryKind};
use super::listing::{Listing, ListingWriter, OddityKind};
use super::program_scan::ProgramScan;
use super::tar_extension::{Extension, long_name};

const RECORD: usize = 512;
/// Extended headers larger than this are taken for an attack. Real ones hold a few paths and attributes.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// What an archive contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TarContents {
    /// Files, directories, links and devices; extended headers are not counted.
    pub entries: u64,
    /// Bytes of regular files, as stored (holes of sparse files are not counted).
    pub regular_bytes: u64,
}

/// Why an archive is not well-formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TarDefect {
    /// A header's checksum, size or extension is wrong.
    #[error("the header at byte {offset} is malformed")]
    Header {
        /// Where the header begins in the uncompressed content.
        offset: u64,
    },
    /// The archive ends within an entry.
    #[error("it ends within the entry whose header is at byte {offset}")]
    Truncated {
        /// Where the header of that entry begins.
        offset: u64,
    },
}

/// The walk. Feed it the whole content in order, then finish it.
pub(super) struct TarScan {
    contents: TarContents,
    listing: ListingWriter,
    defect: Option<TarDefect>,
    state: State,
    /// Part of a record that has not arrived whole, or the extended header being gathered.
    gathered: Vec<u8>,
    position: u64,
    /// Where the header of the current entry begins.
    header_offset: u64,
    /// What extended headers say of the next entry.
    extension: Extension,
    /// The regular file whose content goes by.
    file: Option<OpenFile>,
}

/// A regular file that is listed once its content went by.
struct OpenFile {
    path: Vec<u8>,
    mode: u16,
    size: u64,
    scan: ProgramScan,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A header record comes next.
    Header,
    /// More records of an old GNU sparse map come, then so many bytes of data.
    SparseMap { data: u64 },
    /// So many bytes of an extended header, to be gathered, and its padding.
    Extended { kind: ExtendedKind, left: u64, padding: u64 },
    /// So many bytes of a regular file, and its padding.
    Data { left: u64, padding: u64 },
    /// So many bytes, padding included, that do not matter.
    Skip { left: u64 },
    /// The archive has ended; what follows is padding.
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExtendedKind {
    Pax,
    LongName,
    LongLink,
}

impl TarScan {
    pub(super) fn new() -> Self {
        Self {
            contents: TarContents::default(),
            listing: ListingWriter::default(),
            defect: None,
            state: State::Header,
            gathered: Vec::new(),
            position: 0,
            header_offset: 0,
            extension: Extension::default(),
            file: None,
        }
    }

    /// Takes the next piece of the content.
    pub(super) fn feed(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && self.state != State::Ended {
            let taken = match self.state {
                State::Header => self.gather(piece, RECORD),
                State::SparseMap { data } => self.gather_sparse_map(piece, data),
                State::Extended { kind, left, padding } => self.gather_extended(piece, kind, left, padding),
                State::Data { left, padding } => self.read_data(piece, left, padding),
                State::Skip { left } => {
                    let taken = shorter(piece.len(), left);
                    self.skip(left - taken as u64);
                    taken
                }
                State::Ended => piece.len(),
            };
            self.position += taken as u64;
            piece = &piece[taken..];
            if self.state == State::Header && self.gathered.len() == RECORD {
                self.read_header();
            }
        }
    }

    /// What was found, once everything was fed.
    pub(super) fn finish(self) -> Result<(TarContents, Listing), TarDefect> {
        let between_entries = self.gathered.is_empty() && matches!(self.state, State::Header | State::Ended);
        match self.defect {
            Some(defect) => Err(defect),
            None if between_entries => Ok((self.contents, self.listing.finish())),
            None => Err(TarDefect::Truncated { offset: self.header_offset }),
        }
    }

    /// Adds from `piece` to what is gathered, up to `wanted` bytes in all; returns how many it took.
    fn gather(&mut self, piece: &[u8], wanted: usize) -> usize {
        if self.state == State::Header && self.gathered.is_empty() {
            self.header_offset = self.position;
        }
        let taken = piece.len().min(wanted - self.gathered.len());
        self.gathered.extend_from_slice(&piece[..taken]);
        taken
    }

    fn gather_sparse_map(&mut self, piece: &[u8], data: u64) -> usize {
        let taken = self.gather(piece, RECORD);
        if self.gathered.len() == RECORD {
            // Byte 504 of a map record says whether another one follows.
            let more = self.gathered[504] == 1;
            self.gathered.clear();
            if !more {
                self.skip(data);
            }
        }
        taken
    }

    fn gather_extended(&mut self, piece: &[u8], kind: ExtendedKind, left: u64, padding: u64) -> usize {
        let taken = shorter(piece.len(), left);
        self.gathered.extend_from_slice(&piece[..taken]);
        let left = left - taken as u64;
        self.state = State::Extended { kind, left, padding };
        if left == 0 {
            let data = std::mem::take(&mut self.gathered);
            self.skip(padding);
            match kind {
                ExtendedKind::LongName => self.extension.path = Some(long_name(data)),
                ExtendedKind::LongLink => self.extension.link = Some(long_name(data)),
                ExtendedKind::Pax if self.extension.read_pax(&data).is_none() => self.fail(),
                ExtendedKind::Pax => {}
            }
        }
        taken
    }

    fn read_data(&mut self, piece: &[u8], left: u64, padding: u64) -> usize {
        let taken = shorter(piece.len(), left);
        let left = left - taken as u64;
        self.state = State::Data { left, padding };
        let mut rest_matters = false;
        if let Some(file) = &mut self.file {
            file.scan.feed(&piece[..taken]);
            rest_matters = !file.scan.is_done();
        }
        if left == 0 || !rest_matters {
            self.close_file();
            self.skip(left + padding);
        }
        taken
    }

    fn close_file(&mut self) {
        if let Some(OpenFile { path, mode, size, scan }) = self.file.take() {
            let kind = EntryKind::File { size, content: scan.finish() };
            self.listing.push(&Entry { path: &path, mode, kind });
        }
    }

    fn skip(&mut self, left: u64) {
        self.state = if left == 0 { State::Header } else { State::Skip { left } };
    }

    fn fail(&mut self) {
        self.defect = Some(TarDefect::Header { offset: self.header_offset });
        self.state = State::Ended;
        self.gathered.clear();
    }

    fn read_header(&mut self) {
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(&self.gathered);
        self.gathered.clear();
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            self.state = State::Ended;
            return;
        }
        if self.accept(&header).is_none() {
            self.fail();
        }
    }

    /// Goes on after `header`; none when it is malformed.
    fn accept(&mut self, header: &Header) -> Option<()> {
        if header.cksum().ok()? != checksum(header.as_bytes()) {
            return None;
        }
        let stated = header.entry_size().ok()?;
        let kind = match header.entry_type() {
            EntryType::XHeader => ExtendedKind::Pax,
            EntryType::GNULongName => ExtendedKind::LongName,
            EntryType::GNULongLink => ExtendedKind::LongLink,
            EntryType::XGlobalHeader if stated <= LONGEST_EXTENSION => {
                self.skip(stated + padding(stated)?);
                return Some(());
            }
            EntryType::XGlobalHeader => return None,
            _ => return self.accept_entry(header, stated),
        };
        if stated > LONGEST_EXTENSION {
            return None;
        }
        if stated > 0 {
            self.state = State::Extended { kind, left: stated, padding: padding(stated)? };
        }
        Some(())
    }

    /// Lists the entry of this header, and goes on with its data.
    fn accept_entry(&mut self, header: &Header, stated: u64) -> Option<()> {
        let extension = std::mem::take(&mut self.extension);
        let size = extension.size.unwrap_or(stated);
        let kind = header.entry_type();
        self.contents.entries += 1;
        // Links, devices, directories and pipes have no data, whatever their size field says.
        let data = match kind {
            EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo => 0,
            _ => size,
        };
        if is_regular(kind) {
            self.contents.regular_bytes = self.contents.regular_bytes.checked_add(data)?;
        }
        let padding = padding(data)?;
        data.checked_add(padding)?;
        self.list(header, extension, data);
        if kind == EntryType::GNUSparse && header.as_gnu().is_some_and(|gnu| gnu.is_extended()) {
            self.close_file();
            self.state = State::SparseMap { data: data + padding };
        } else if self.file.is_some() && data > 0 {
            self.state = State::Data { left: data, padding };
        } else {
            self.close_file();
            self.skip(data + padding);
        }
        Some(())
    }

    /// Lists an entry, or opens the file that is listed when its content went by.
    fn list(&mut self, header: &Header, extension: Extension, data: u64) {
        let flag = header.entry_type();
        let raw = extension.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let Some(path) = self.cleaned(&raw) else { return };
        // What is not a number is none: that is how Go's reader takes an empty field.
        let mode = (header.mode().unwrap_or(0) & 0o7777) as u16;
        let link = || {
            let link = extension.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
            link.unwrap_or_default()
        };
        let target;
        let kind = match flag {
            // Old archives mark a directory only by the slash at the end of its name.
            EntryType::Regular if raw.ends_with(b"/") => EntryKind::Directory,
            _ if is_regular(flag) => {
                let sparse = header.as_gnu().filter(|_| flag == EntryType::GNUSparse);
                let real_size = extension.real_size.or_else(|| sparse?.real_size().ok());
                let size = real_size.unwrap_or(data);
                self.file = Some(OpenFile { scan: ProgramScan::new(&path), path, mode, size });
                return;
            }
            EntryType::Directory => EntryKind::Directory,
            EntryType::Symlink => {
                target = link();
                EntryKind::Symlink { target: &target }
            }
            EntryType::Link => match self.cleaned(&link()) {
                Some(name) => {
                    target = name;
                    EntryKind::HardLink { target: &target }
                }
                None => return,
            },
            EntryType::Char | EntryType::Block | EntryType::Fifo => EntryKind::Special,
            _ => return self.listing.note(&raw, OddityKind::UnknownType(flag.as_byte())),
        };
        self.listing.push(&Entry { path: &path, mode, kind });
    }

    /// A name as [`Entry::path`] has it; none when it leads out of the root. What is odd is noted.
    fn cleaned(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        if raw.starts_with(b"/") && raw != b"/" {
            self.listing.note(raw, OddityKind::Absolute);
        }
        let mut path: Vec<u8> = Vec::with_capacity(raw.len());
        for component in raw.split(|byte| *byte == b'/').filter(|component| !matches!(*component, b"" | b"."))
        {
            if component == b".." {
                if path.is_empty() {
                    self.listing.note(raw, OddityKind::Escapes);
                    return None;
                }
                path.truncate(path.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
                continue;
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(component);
        }
        Some(path)
    }
}

fn is_regular(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse)
}

/// The sum that a header's checksum field must hold: of all bytes, those of the field itself as spaces.
fn checksum(header: &[u8; RECORD]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    sum(&header[..148]) + 8 * u32::from(b' ') + sum(&header[156..])
}

/// How many bytes fill up the last record; none when the size is beyond what can be counted.
fn padding(size: u64) -> Option<u64> {
    Some(size.checked_next_multiple_of(RECORD as u64)? - size)
}

fn shorter(length: usize, left: u64) -> usize {
    usize::try_from(left).map_or(length, |left| left.min(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(content: &[u8], step: usize) -> Result<TarContents, TarDefect> {
        let mut scan = TarScan::new();
        content.chunks(step).for_each(|piece| scan.feed(piece));
        scan.finish().map(|(contents, _)| contents)
    }

    fn header(kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_path("name").unwrap();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header
    }

    fn entry(kind: EntryType, size: u64, data: &[u8]) -> Vec<u8> {
        let mut bytes = header(kind, size).as_bytes().to_vec();
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(RECORD), 0);
        bytes
    }

    fn sample() -> Vec<u8> {
        [
            entry(EntryType::Directory, 0, b""),
            entry(EntryType::Regular, 700, &[7; 700]),
            entry(EntryType::XHeader, 12, b"12 size=513\n"),
            entry(EntryType::Regular, 0, &[9; 513]),
            entry(EntryType::GNULongName, 600, &[b'n'; 600]),
            entry(EntryType::Symlink, 99, b""),
            entry(EntryType::Link, 5000, b""),
        ]
        .concat()
    }

    #[test]
    fn entries_and_bytes_are_counted_however_the_pieces_fall() {
        let expected = TarContents { entries: 5, regular_bytes: 700 + 513 };
        let with_end = [sample(), vec![0; 1024], b"whatever follows the end".to_vec()].concat();
        for step in [1, 7, 511, 512, 513, 100_000] {
            assert_eq!(scan(&sample(), step), Ok(expected), "pieces of {step}");
            assert_eq!(scan(&with_end, step), Ok(expected), "pieces of {step}");
        }
        assert_eq!(scan(&[], 1), Ok(TarContents::default()));
        assert_eq!(scan(&[0; 1024], 100), Ok(TarContents::default()));
    }

    #[test]
    fn an_archive_that_ends_within_an_entry_is_refused() {
        let content = sample();
        assert_eq!(scan(&content[..512 + 512 + 1], 64), Err(TarDefect::Truncated { offset: 512 }));
        assert_eq!(scan(&content[..100], 64), Err(TarDefect::Truncated { offset: 0 }));
        assert_eq!(
            scan(&entry(EntryType::Regular, u64::MAX / 2, b"x"), 64),
            Err(TarDefect::Truncated { offset: 0 })
        );
    }

    #[test]
    fn malformed_headers_are_refused_with_their_place() {
        let mut wrong_checksum = sample();
        wrong_checksum[512 + 3] ^= 1;
        assert_eq!(scan(&wrong_checksum, 50), Err(TarDefect::Header { offset: 512 }));
        assert_eq!(scan(b"#!/bin/sh\n".repeat(100).as_slice(), 50), Err(TarDefect::Header { offset: 0 }));
        let huge_extension = entry(EntryType::GNULongName, u64::MAX, b"");
        assert_eq!(scan(&huge_extension, 50), Err(TarDefect::Header { offset: 0 }));
        for lying in [&b"99999 size=1\n"[..], b"12 size=5x3\n", b"size=1\n", b"0 ", b"13 size=513\n"] {
            let content = entry(EntryType::XHeader, lying.len() as u64, lying);
            assert_eq!(scan(&content, 50), Err(TarDefect::Header { offset: 0 }), "{lying:?}");
        }
        let overflow = [
            entry(EntryType::XHeader, 29, b"29 size=18446744073709551615\n"),
            entry(EntryType::Regular, 0, b""),
        ]
        .concat();
        assert_eq!(scan(&overflow, 50), Err(TarDefect::Header { offset: 1024 }));
    }

    #[test]
    fn a_sparse_file_of_old_gnu_form_is_followed() {
        let mut head = header(EntryType::GNUSparse, 600);
        head.as_gnu_mut().unwrap().isextended[0] = 1;
        head.set_cksum();
        let mut map = [0; RECORD];
        map[504] = 1;
        let content = [
            head.as_bytes().to_vec(),
            map.to_vec(),
            vec![0; RECORD],
            vec![5; 1024],
            entry(EntryType::Regular, 1, b"x"),
        ]
        .concat();
        assert_eq!(scan(&content, 77), Ok(TarContents { entries: 2, regular_bytes: 601 }));
    }

    proptest::proptest! {
        #[test]
        fn no_content_makes_the_scan_panic(content: Vec<u8>, place in 0usize..4000, step in 1usize..600) {
            let _ = scan(&content, step);
            let mut changed = sample();
            let place = place.min(changed.len());
            changed.splice(place..(place + content.len()).min(sample().len()), content);
            let _ = scan(&changed, step);
        }
    }
}
