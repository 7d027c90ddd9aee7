//! The headers of an ELF file that goes by: kept as far as they say what the file needs to start.
//!
//! The file headers come first, and the names of libraries lie in the first loadable segment; only the dynamic section
//! may lie far behind, at a place that the headers tell. So a bounded part of any file is enough, in one go.

use std::ops::Range;

use object::elf::{self, FileHeader32, FileHeader64};
use object::endian::Endianness;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::{ReadRef, StringTable};

use super::entry::ElfProgram;

/// The first bytes of an ELF file.
pub(super) const MAGIC: &[u8] = b"\x7fELF";

/// How much of a file's beginning is kept at most.
const LONGEST_HEAD: u64 = 8 << 20;
/// How much is kept when the first segment has the program's code as well, as older linkers arrange it.
const LONGEST_HEAD_WITH_CODE: u64 = 1 << 20;
/// Room for the program headers of any real file.
const HEADERS: u64 = 4096;
/// More than that is no dynamic section; real ones have a few dozen entries of 16 bytes.
const LONGEST_DYNAMIC: u64 = 64 << 10;

/// Gathers what is needed of one file.
#[derive(Debug, Default)]
pub(super) struct ElfGather {
    head: Vec<u8>,
    /// How many bytes of the beginning are wanted.
    wanted: u64,
    dynamic: Vec<u8>,
    dynamic_at: Range<u64>,
    position: u64,
    planned: bool,
}

impl ElfGather {
    pub(super) fn new() -> Self {
        Self { wanted: HEADERS, ..Self::default() }
    }

    /// Takes the next piece of the file.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.take_head(piece);
        if !self.planned && self.head.len() as u64 == HEADERS {
            self.plan();
            self.take_head(piece);
        }
        let end = self.position + piece.len() as u64;
        let (from, to) = (self.dynamic_at.start.max(self.position), self.dynamic_at.end.min(end));
        if from < to {
            self.dynamic.extend_from_slice(&piece[offset(from - self.position)..offset(to - self.position)]);
        }
        self.position = end;
    }

    /// What the headers say; none when they are not those of a program or a library.
    pub(super) fn finish(mut self) -> Option<ElfProgram> {
        if !self.planned {
            self.plan();
        }
        let file = Kept { head: &self.head, dynamic: &self.dynamic, dynamic_at: self.dynamic_at.start };
        if self.head.get(4) == Some(&elf::ELFCLASS64.0) {
            read::<FileHeader64<Endianness>>(file, true)
        } else {
            read::<FileHeader32<Endianness>>(file, false)
        }
    }

    /// Takes what is missing of the head out of a piece that begins at the current position.
    fn take_head(&mut self, piece: &[u8]) {
        let have = self.head.len() as u64;
        let (from, to) = (have.max(self.position), self.wanted.min(self.position + piece.len() as u64));
        if from == have && from < to {
            self.head.extend_from_slice(&piece[offset(from - self.position)..offset(to - self.position)]);
        }
    }

    /// Decides by the program headers what else is wanted.
    fn plan(&mut self) {
        self.planned = true;
        let places = if self.head.get(4) == Some(&elf::ELFCLASS64.0) {
            places::<FileHeader64<Endianness>>(&self.head)
        } else {
            places::<FileHeader32<Endianness>>(&self.head)
        };
        if let Some(places) = places {
            self.wanted = places.head.max(self.head.len() as u64);
            // What lies within the head is there twice then, which is simpler than to tell the cases apart.
            self.dynamic_at = places.dynamic;
            let (from, to) = (offset(self.dynamic_at.start), offset(self.dynamic_at.end.min(self.position)));
            if let Some(early) = self.head.get(from..to) {
                self.dynamic.extend_from_slice(early);
            }
        }
    }
}

/// Where in a file that lies what is wanted.
struct Places {
    head: u64,
    dynamic: Range<u64>,
}

fn places<H: FileHeader<Endian = Endianness>>(head: &[u8]) -> Option<Places> {
    let header = H::parse(head).ok()?;
    let endian = header.endian().ok()?;
    let mut places = Places { head: 0, dynamic: 0..0 };
    let mut first_load = true;
    for segment in header.program_headers(endian, head).ok()? {
        let (start, length) = (segment.p_offset(endian).into(), segment.p_filesz(endian).into());
        let end = start.checked_add(length)?;
        let kind = segment.p_type(endian);
        if kind == elf::PT_LOAD && first_load {
            first_load = false;
            let has_code = segment.p_flags(endian).0 & elf::PF_X.0 != 0;
            places.head = end.min(if has_code { LONGEST_HEAD_WITH_CODE } else { LONGEST_HEAD });
        } else if kind == elf::PT_DYNAMIC {
            places.dynamic = start..end.min(start + LONGEST_DYNAMIC);
        }
    }
    Some(places)
}

fn read<H: FileHeader<Endian = Endianness>>(file: Kept<'_>, is_64_bit: bool) -> Option<ElfProgram> {
    let header = H::parse(file).ok()?;
    let endian = header.endian().ok()?;
    if !matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN) {
        return None;
    }
    let mut program = ElfProgram {
        machine: header.e_machine(endian).0,
        is_64_bit,
        loader: None,
        needed: Some(Vec::new()),
        search_path: None,
    };
    let segments = header.program_headers(endian, file).ok()?;
    for segment in segments {
        if let Ok(Some(loader)) = segment.interpreter(endian, file) {
            program.loader = Some(loader.to_vec());
        }
        if segment.p_type(endian) == elf::PT_DYNAMIC {
            program.needed = None;
            if let Some(lists) = dynamic_lists::<H>(segment, segments, endian, file) {
                program.needed = Some(lists.needed);
                program.search_path = lists.search_path;
            }
        }
    }
    Some(program)
}

struct DynamicLists {
    needed: Vec<Vec<u8>>,
    search_path: Option<Vec<u8>>,
}

/// What a dynamic section lists; none when a part of it lies where nothing was kept.
fn dynamic_lists<H: FileHeader<Endian = Endianness>>(
    section: &H::ProgramHeader,
    segments: &[H::ProgramHeader],
    endian: Endianness,
    file: Kept<'_>,
) -> Option<DynamicLists> {
    let entries = section.dynamic(endian, file).ok()??;
    let value_of = |tag| {
        let mut entries = entries.iter().take_while(|entry| entry.d_tag(endian) != elf::DT_NULL);
        entries.find(|entry| entry.d_tag(endian) == tag).map(|entry| entry.d_val(endian).into())
    };
    let Some(strings_address) = value_of(elf::DT_STRTAB) else {
        return Some(DynamicLists { needed: Vec::new(), search_path: None });
    };
    let strings_at = file_offset::<H>(segments, endian, strings_address)?;
    let length = value_of(elf::DT_STRSZ)?;
    let strings = StringTable::new(file, strings_at, strings_at.checked_add(length)?);
    let mut lists = DynamicLists { needed: Vec::new(), search_path: None };
    for entry in entries.iter().take_while(|entry| entry.d_tag(endian) != elf::DT_NULL) {
        let tag = entry.d_tag(endian);
        if !matches!(tag, elf::DT_NEEDED | elf::DT_RUNPATH | elf::DT_RPATH) {
            continue;
        }
        let text = strings.get(u32::try_from(entry.d_val(endian).into()).ok()?).ok()?.to_vec();
        match tag {
            elf::DT_NEEDED => lists.needed.push(text),
            // A RUNPATH makes the loader disregard the RPATH.
            elf::DT_RUNPATH => lists.search_path = Some(text),
            _ => lists.search_path = lists.search_path.or(Some(text)),
        }
    }
    Some(lists)
}

/// Where in the file the byte lies that is loaded to this address.
fn file_offset<H: FileHeader<Endian = Endianness>>(
    segments: &[H::ProgramHeader],
    endian: Endianness,
    address: u64,
) -> Option<u64> {
    segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD).find_map(|segment| {
        let (start, length) = (segment.p_vaddr(endian).into(), segment.p_filesz(endian).into());
        let within = address.checked_sub(start).filter(|within| *within < length)?;
        segment.p_offset(endian).into().checked_add(within)
    })
}

/// The parts of a file that were kept, read as if they were the file.
#[derive(Debug, Clone, Copy)]
struct Kept<'a> {
    head: &'a [u8],
    dynamic: &'a [u8],
    dynamic_at: u64,
}

impl<'a> Kept<'a> {
    fn part(self, start: u64, end: u64) -> Result<&'a [u8], ()> {
        let of = |bytes: &'a [u8], begins: u64| {
            let from = usize::try_from(start.checked_sub(begins)?).ok()?;
            let to = usize::try_from(end.checked_sub(begins)?).ok()?;
            bytes.get(from..to)
        };
        of(self.dynamic, self.dynamic_at).or_else(|| of(self.head, 0)).ok_or(())
    }
}

impl<'a> ReadRef<'a> for Kept<'a> {
    fn len(self) -> Result<u64, ()> {
        Ok(u64::MAX)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        self.part(offset, offset.checked_add(size).ok_or(())?)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let kept_end = range.end.min(self.head.len() as u64);
        let bytes = self.part(range.start, kept_end.max(range.start))?;
        let length = memchr::memchr(delimiter, bytes).ok_or(())?;
        bytes.get(..length).ok_or(())
    }
}

/// An offset within a piece or a head, which are in memory and so fit.
fn offset(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn gather(content: &[u8], step: usize) -> Option<ElfProgram> {
        let mut gather = ElfGather::new();
        content.chunks(step).for_each(|piece| gather.feed(piece));
        gather.finish()
    }

    #[test]
    fn this_test_program_tells_its_loader_and_its_libraries() {
        let content = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let program = gather(&content, 4 << 20).unwrap();
        assert!(program.is_64_bit);
        let needed = program.needed.clone().unwrap();
        assert!(needed.iter().any(|name| name.starts_with(b"libc.so")), "{needed:?}");
        assert!(program.loader.as_deref().unwrap().starts_with(b"/lib"));
        // However the pieces fall.
        for step in [1021, 4096, 65_537] {
            assert_eq!(gather(&content, step).as_ref(), Some(&program), "pieces of {step}");
        }
    }

    #[test]
    fn a_file_that_only_begins_like_a_program_is_none() {
        assert_eq!(gather(b"\x7fELF", 10), None);
        assert_eq!(gather(&[b"\x7fELF\x02\x01\x01".as_slice(), &[0xff; 9000]].concat(), 100), None);
    }

    proptest::proptest! {
        #[test]
        fn no_content_makes_it_panic(place in 0usize..4096, change: Vec<u8>, step in 1usize..5000) {
            // The whole program is large.
            let program = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
            let mut content = Vec::new();
            program.take(100_000).read_to_end(&mut content).unwrap();
            let end = (place + change.len()).min(content.len());
            content.splice(place..end, change);
            let _ = gather(&content, step);
        }
    }
}
