//! Finds the last block of a raw DEFLATE stream from behind, given the content that the stream encodes.
//!
//! [`DeflateTail::find`] walks through all symbols of a stream to learn one bit position near its end; the last block
//! is some eighth of the stream. This search begins at the end instead: a last block with codes of its own begins
//! with the bits 1, 0, 1, and what follows must be the lengths of complete codes, which one place in a hundred
//! survives, then codes which nearly none does, and then symbols that end with the stream.
//!
//! # Why it is not luck
//! A place counts only when the symbols from there on, read by the codes that stand there, spell out the end of the
//! content byte by byte and end within the last byte of the stream. The true last block is such a place, so the first
//! one met from behind is the true one or lies inside it. Inside it, the symbols of the true block would have
//! to spell, in the true block's own code, the codes of a smaller block, and what follows to mean the same in both
//! codes. Real content does not do that; somebody with this encoder in hand can craft content that does. So
//! the search goes on for as far again as it came, and when a second place fits it gives no answer; whoever asked walks through
//! the stream then, as also for every other kind of last block. Should the crafted block reach farther still, the
//! gzip member ends early and in front of a wrong checksum: every reader refuses it, and none takes it for other
//! content.

use super::bit_reader::BitReader;
use super::deflate_tail::{CodeLengths, DeflateTail, LONGEST_CODE, MalformedStream, first_codes};

/// How far from the end of the stream is searched, in bytes. The last block of half a mebibyte has 20 KB on average.
const SEARCHED: usize = 96 << 10;
/// The places that one look at a word judges: a place needs itself and the sixteen bits after it.
const PLACES: usize = 48;
const LOOKUP_BITS: u32 = 11;
const END_OF_BLOCK: u16 = 256;

/// The last block of `stream`, which encodes `content`; none when it is not certain.
pub(super) fn find_from_behind(stream: &[u8], content: &[u8]) -> Option<DeflateTail> {
    // A stream that is no shorter than its content has stored blocks, which a walk skips in no time.
    if stream.len() >= content.len() {
        return None;
    }
    let end = stream.len() * 8;
    let mut lowest = end.saturating_sub(SEARCHED * 8);
    let mut codes = Codes::default();
    let mut found: Option<DeflateTail> = None;
    // No block with codes of its own fits into the last bytes, which are not looked at as whole words.
    let mut byte = stream.len();
    while byte * 8 > lowest {
        byte = byte.saturating_sub(PLACES / 8);
        let mut places = likely_headers(stream, byte);
        while places != 0 {
            let place = 63 - places.leading_zeros() as usize;
            places &= !(1 << place);
            let bit = byte * 8 + place;
            if !has_complete_lengths_code(stream, bit) {
                continue;
            }
            let Some(end_bit) = codes.end_of_content(stream, bit, content) else { continue };
            if found.is_some() {
                return None;
            }
            found = Some(DeflateTail { last_block_bit: bit, end_bit });
            lowest = lowest.max(bit.saturating_sub(end - bit));
        }
    }
    found
}

/// Where among the bits from `byte` on the header of a last block may begin: BFINAL is 1 and BTYPE 2, at most 29 of
/// HLIT and of HDIST, and at least 6 of HCLEN, since a block of any size has codes of many lengths.
#[inline(always)]
fn likely_headers(stream: &[u8], byte: usize) -> u64 {
    let Some(word) = stream.get(byte..).and_then(|rest| rest.first_chunk()) else { return 0 };
    let word = u64::from_le_bytes(*word);
    let bit = |index: u32| word >> index;
    let last_with_codes = word & !bit(1) & bit(2);
    let counts = !(bit(4) & bit(5) & bit(6) & bit(7)) & !(bit(9) & bit(10) & bit(11) & bit(12));
    let lengths = bit(16) | (bit(15) & bit(14));
    last_with_codes & counts & lengths & ((1 << PLACES) - 1)
}

/// Whether the code-length code in the header at `bit` uses up all codes, as that of every encoder does.
#[inline(always)]
fn has_complete_lengths_code(stream: &[u8], bit: usize) -> bool {
    // The longest such code ends 74 bits behind the place.
    let Some(word) = stream.get(bit / 8..).and_then(|rest| rest.first_chunk()) else { return false };
    let header = u128::from_le_bytes(*word) >> (bit % 8);
    let stored = ((header as u32 >> 13) & 15) + 4;
    let lengths = (header >> 17) as u64 & ((1 << (3 * stored)) - 1);
    let share = |group: u32| u32::from(SHARES[(lengths >> (12 * group)) as usize % 4096]);
    share(0) + share(1) + share(2) + share(3) + share(4) == 128
}

/// For four lengths of three bits each: how many of 128 codes of seven bits they use up.
static SHARES: [u16; 4096] = {
    let mut shares = [0; 4096];
    let mut lengths = 0;
    while lengths < shares.len() {
        let mut group = 0;
        while group < 12 {
            let length = (lengths >> group) & 7;
            if length > 0 {
                shares[lengths] += 128 >> length;
            }
            group += 3;
        }
        lengths += 1;
    }
    shares
};

/// A literal, or a copy of what was some bytes before.
#[derive(Clone, Copy)]
enum Token {
    Literal(u8),
    Copy { length: u16, distance: u16 },
}

/// Reads one block at a time.
#[derive(Default)]
struct Codes {
    literals: Code,
    distances: Code,
    tokens: Vec<Token>,
}

impl Codes {
    /// Where the block at `bit` ends, if it spells the end of `content` and ends with the stream.
    fn end_of_content(&mut self, stream: &[u8], bit: usize, content: &[u8]) -> Option<usize> {
        let mut bits = BitReader::at(stream, bit + 3);
        let lengths = CodeLengths::read(&mut bits).ok()?;
        self.literals.build(lengths.of_literals()).ok()?;
        // The literals' code is always complete; a block without copies may have no distances at all.
        if !self.literals.is_complete() {
            return None;
        }
        self.distances.build(lengths.of_distances()).ok()?;
        let length = self.read_tokens(&mut bits, content.len())?;
        let end_bit = bits.position();
        let whole = end_bit.div_ceil(8) == stream.len();
        (whole && self.spell(content, content.len() - length)).then_some(end_bit)
    }

    /// Reads the symbols of a block; how much content they stand for, when that is no more than `most`.
    fn read_tokens(&mut self, bits: &mut BitReader<'_>, most: usize) -> Option<usize> {
        self.tokens.clear();
        let mut length = 0;
        while length <= most {
            bits.refill();
            let token = match self.literals.take(bits)? {
                literal @ 0..END_OF_BLOCK => Token::Literal(literal as u8),
                END_OF_BLOCK => return bits.check().ok().map(|()| length),
                symbol => {
                    let (base, extra) = *LENGTHS.get(usize::from(symbol) - 257)?;
                    let length = base + bits.take(extra) as u16;
                    bits.refill();
                    let (base, extra) = *DISTANCES.get(usize::from(self.distances.take(bits)?))?;
                    Token::Copy { length, distance: base.wrapping_add(bits.take(extra) as u16) }
                }
            };
            if bits.exhausted() {
                return None;
            }
            length += match token {
                Token::Literal(_) => 1,
                Token::Copy { length, .. } => usize::from(length),
            };
            self.tokens.push(token);
        }
        None
    }

    /// Whether the tokens are what `content` holds from `start` on.
    fn spell(&self, content: &[u8], start: usize) -> bool {
        let mut place = start;
        self.tokens.iter().all(|token| match *token {
            Token::Literal(byte) => {
                place += 1;
                content.get(place - 1) == Some(&byte)
            }
            Token::Copy { length, distance } => {
                let (length, distance) = (usize::from(length), usize::from(distance));
                let Some(source) = place.checked_sub(distance) else { return false };
                let copied = content.get(source..source + length);
                let same = copied.is_some() && copied == content.get(place..place + length);
                place += length;
                same
            }
        })
    }
}

/// For each length symbol from 257 on: the shortest length, and how many extra bits add to it (RFC 1951, 3.2.5).
static LENGTHS: [(u16, u32); 29] = {
    let mut table = [(0, 0); 29];
    let (mut symbol, mut base) = (0, 3);
    while symbol < 28 {
        let extra = if symbol < 8 { 0 } else { symbol / 4 - 1 };
        table[symbol] = (base, extra as u32);
        base += 1 << extra;
        symbol += 1;
    }
    table[28] = (258, 0);
    table
};

/// For each distance symbol: the shortest distance, and how many extra bits add to it (RFC 1951, 3.2.5).
static DISTANCES: [(u16, u32); 30] = {
    let mut table = [(0, 0); 30];
    let (mut symbol, mut base) = (0, 1);
    while symbol < 30 {
        let extra = if symbol < 4 { 0 } else { symbol / 2 - 1 };
        table[symbol] = (base, extra as u32);
        base = (base as u32 + (1 << extra)) as u16;
        symbol += 1;
    }
    table
};

/// A canonical Huffman code.
#[derive(Default)]
struct Code {
    /// By the next bits of the stream: the symbol, and the length of its code in the lowest four bits; 0 for longer
    /// codes and for none.
    lookup: Vec<u16>,
    /// The symbols, by the length of their code and then by value.
    symbols: Vec<u16>,
    first: [u32; LONGEST_CODE + 1],
    count: [u32; LONGEST_CODE + 1],
}

impl Code {
    fn build(&mut self, lengths: &[u8]) -> Result<(), MalformedStream> {
        self.count = [0; LONGEST_CODE + 1];
        for &length in lengths {
            self.count[usize::from(length)] += 1;
        }
        self.count[0] = 0;
        self.first = first_codes(&self.count)?;
        self.lookup.clear();
        self.lookup.resize(1 << LOOKUP_BITS, 0);
        self.symbols.clear();
        for length in 1..=LONGEST_CODE {
            let with_length = lengths.iter().zip(0u16..).filter(|(of, _)| usize::from(**of) == length);
            for (code, (_, symbol)) in (self.first[length]..).zip(with_length) {
                self.symbols.push(symbol);
                if length as u32 <= LOOKUP_BITS {
                    let start = (code.reverse_bits() >> (32 - length)) as usize;
                    for slot in self.lookup[start..].iter_mut().step_by(1 << length) {
                        *slot = (symbol << 4) | length as u16;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether every run of bits is a code or begins with one.
    fn is_complete(&self) -> bool {
        let used = (1..=LONGEST_CODE).map(|length| self.count[length] << (LONGEST_CODE - length));
        used.sum::<u32>() == 1 << LONGEST_CODE
    }

    /// Takes the next symbol; none when no code begins with the next bits. At least 15 bits must be loaded.
    #[inline(always)]
    fn take(&self, bits: &mut BitReader<'_>) -> Option<u16> {
        let entry = self.lookup[bits.peek(LOOKUP_BITS) as usize];
        if entry == 0 {
            return self.take_long(bits);
        }
        bits.drop(u32::from(entry & 15));
        Some(entry >> 4)
    }

    #[cold]
    fn take_long(&self, bits: &mut BitReader<'_>) -> Option<u16> {
        let window = bits.peek(LONGEST_CODE as u32);
        let (mut code, mut index) = (0, 0);
        for length in 1..=LONGEST_CODE {
            code = (code << 1) | ((window >> (length - 1)) & 1);
            let offset = code.wrapping_sub(self.first[length]);
            if offset < self.count[length] {
                bits.drop(length as u32);
                return self.symbols.get((index + offset) as usize).copied();
            }
            index += self.count[length];
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use libdeflater::{CompressionLvl, Compressor};

    use super::*;

    /// `content` as one stream of the pinned encoder.
    fn compressed(content: &[u8], level: i32) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
        let mut stream = vec![0; compressor.deflate_compress_bound(content.len())];
        let length = compressor.deflate_compress(content, &mut stream).unwrap();
        stream.truncate(length);
        stream
    }

    /// Holds the search against the walk; whether the search gave an answer.
    fn agrees(stream: &[u8], content: &[u8]) -> bool {
        let found = find_from_behind(stream, content);
        if let Some(tail) = found {
            assert_eq!(Ok(tail), DeflateTail::find(stream));
        }
        found.is_some()
    }

    /// Runs of text, noise and silence.
    fn mixture(length: usize, seed: u64) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        let text = include_bytes!("last_block.rs");
        let mut content = Vec::with_capacity(length + 10_000);
        while content.len() < length {
            let start = random.usize(..text.len() - 10_000);
            match random.u8(..6) {
                0 => content.extend((0..random.usize(1..10_000)).map(|_| random.u8(..))),
                1 => content.extend((0..random.usize(1..10_000)).map(|_| random.u8(..20) * 11)),
                2 => content.extend(std::iter::repeat_n(random.u8(..), random.usize(1..10_000))),
                _ => content.extend_from_slice(&text[start..start + random.usize(1..10_000)]),
            }
        }
        content.truncate(length);
        content
    }

    #[test]
    fn the_search_finds_what_the_walk_finds_on_mixtures_at_every_level() {
        let mut answers = 0;
        for level in 1..=9 {
            for seed in 0..8 {
                let content = mixture(200_000 + 37_000 * seed as usize, seed);
                answers += usize::from(agrees(&compressed(&content, level), &content));
            }
        }
        assert!(answers > 60, "{answers} of 72 streams were answered from behind");
    }

    #[test]
    fn the_search_finds_what_the_walk_finds_in_this_very_program() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let blocks: Vec<_> = program.chunks(512 << 10).take(40).collect();
        let answers = blocks.iter().filter(|content| agrees(&compressed(content, 3), content)).count();
        assert!(answers * 10 > blocks.len() * 8, "{answers} of {} were answered from behind", blocks.len());
    }

    #[test]
    fn a_last_block_without_codes_of_its_own_is_left_to_the_walk() {
        let noise = mixture(100, 3);
        assert_eq!(find_from_behind(&[], &[]), None);
        assert_eq!(find_from_behind(&compressed(&noise[..40], 3), &noise[..40]), None);
        let zeros = vec![0; 100_000];
        agrees(&compressed(&zeros, 3), &zeros);
        let mut random = fastrand::Rng::with_seed(1);
        let random: Vec<u8> = (0..300_000).map(|_| random.u8(..)).collect();
        assert_eq!(find_from_behind(&compressed(&random, 3), &random), None);
    }

    #[test]
    fn a_block_that_spells_other_content_is_not_taken() {
        let content = mixture(300_000, 5);
        let stream = compressed(&content, 3);
        assert!(agrees(&stream, &content));
        let mut other = content.clone();
        *other.last_mut().unwrap() ^= 1;
        assert_eq!(find_from_behind(&stream, &other), None);
        assert_eq!(find_from_behind(&stream[..stream.len() - 1], &content), None);
        assert_eq!(find_from_behind(&[&stream[..], &[0]].concat(), &content), None);
    }

    #[test]
    fn a_block_that_ends_before_the_stream_does_is_not_taken() {
        let content = mixture(60_000, 9);
        let inner = compressed(&content, 9);
        let outer = [&inner[..], &inner[..]].concat();
        // Both halves end the same content, and only the second ends with the stream.
        let twice = [&content[..], &content[..]].concat();
        let found = find_from_behind(&outer, &twice);
        assert_eq!(found.map(|tail| tail.last_block_bit / 8 >= inner.len()), Some(true));
    }

    #[test]
    fn the_tables_are_those_of_the_standard() {
        assert_eq!(LENGTHS[..3], [(3, 0), (4, 0), (5, 0)]);
        assert_eq!((LENGTHS[8], LENGTHS[27], LENGTHS[28]), ((11, 1), (227, 5), (258, 0)));
        assert_eq!((DISTANCES[0], DISTANCES[4], DISTANCES[29]), ((1, 0), (5, 1), (24_577, 13)));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

        #[test]
        fn the_search_never_contradicts_the_walk(seed: u64, length in 0usize..150_000, level in 1i32..=9) {
            let content = mixture(length, seed);
            agrees(&compressed(&content, level), &content);
        }

        #[test]
        fn no_bytes_make_the_search_panic(stream: Vec<u8>, content in 0usize..100_000) {
            let _ = find_from_behind(&stream, &vec![7; content]);
        }
    }
}
