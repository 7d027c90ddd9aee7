//! Finds where the last block of a raw DEFLATE stream (RFC 1951) begins and ends.
//!
//! Independently compressed streams become one when the last block of each is no longer marked as the last.
//! That mark is one bit at a position that only a walk through all symbols reveals; this module does the walk
//! and nothing more: it decodes lengths and skips, it never produces output. It must not know of gzip.

use super::bit_reader::BitReader;

/// The shape of a stream that was walked to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeflateTail {
    /// The bit at which the header of the last block begins; this bit is its BFINAL mark.
    pub(super) last_block_bit: usize,
    /// The bit after the last block.
    pub(super) end_bit: usize,
}

/// The stream is not DEFLATE, or ends before its last block does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the compressed block is malformed")]
pub(super) struct MalformedStream;

/// Codes up to this length are decoded by one look-up; longer ones are rare and are counted out bit by bit.
const LOOKUP_BITS: u32 = 11;
const LOOKUP_SIZE: usize = 1 << LOOKUP_BITS;
pub(super) const LONGEST_CODE: usize = 15;
const END_OF_BLOCK: usize = 256;
/// The order in which the lengths of the code-length code are stored (RFC 1951, 3.2.7).
const LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

impl DeflateTail {
    /// Walks `stream` block by block.
    ///
    /// # Errors
    /// Fails when the stream is malformed or cut off; never reads past its end.
    pub(super) fn find(stream: &[u8]) -> Result<Self, MalformedStream> {
        let mut bits = BitReader::at(stream, 0);
        let mut codes = BlockCodes::new();
        loop {
            bits.refill();
            let last_block_bit = bits.position();
            let last = bits.take(1) == 1;
            match bits.take(2) {
                0 => bits.skip_stored_block()?,
                1 => {
                    codes.build(&fixed_literal_lengths(), &[5; 32])?;
                    codes.skip_symbols(&mut bits)?;
                }
                2 => {
                    codes.read(&mut bits)?;
                    codes.skip_symbols(&mut bits)?;
                }
                _ => return Err(MalformedStream),
            }
            bits.check()?;
            if last {
                return Ok(Self { last_block_bit, end_bit: bits.position() });
            }
        }
    }
}

/// What a symbol means for the walk: which of the two codes the next symbol is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A literal or length follows (this was a literal or a distance).
    Literal,
    /// A distance follows (this was a length).
    Distance,
    /// The block ends here.
    End,
    /// No block may contain this symbol.
    Malformed,
}

/// What follows a literal/length symbol, and how many extra bits it has.
fn literal_symbol(symbol: usize) -> (Next, u8) {
    match symbol {
        0..END_OF_BLOCK => (Next::Literal, 0),
        END_OF_BLOCK => (Next::End, 0),
        257..=264 | 285 => (Next::Distance, 0),
        265..=284 => (Next::Distance, ((symbol - 261) / 4) as u8),
        _ => (Next::Malformed, 0),
    }
}

/// What follows a distance symbol, and how many extra bits it has.
fn distance_symbol(symbol: usize) -> (Next, u8) {
    match symbol {
        0..=3 => (Next::Literal, 0),
        4..=29 => (Next::Literal, ((symbol - 2) / 2) as u8),
        _ => (Next::Malformed, 0),
    }
}

fn fixed_literal_lengths() -> [u8; 288] {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    lengths
}

/// The two codes of a block, over symbols of which only the width and what follows matter.
///
/// Whether a literal or a match comes next cannot be predicted, so the fast path does not branch on it: an
/// entry names the half of the table in which to look up the symbol after it.
struct BlockCodes {
    /// Literals and lengths in the lower half, distances in the upper. An entry holds the bits that a symbol
    /// takes (code and extra bits) in its low byte and the half to go on with above; 0 is for all that needs
    /// a closer look: long codes, the end of the block, and codes that do not exist.
    lookup: Box<[u16; 2 * LOOKUP_SIZE]>,
    literals: CanonicalCode,
    distances: CanonicalCode,
}

impl BlockCodes {
    fn new() -> Self {
        Self {
            lookup: Box::new([0; 2 * LOOKUP_SIZE]),
            literals: CanonicalCode::default(),
            distances: CanonicalCode::default(),
        }
    }

    fn build(&mut self, literals: &[u8], distances: &[u8]) -> Result<(), MalformedStream> {
        let (lower, upper) = self.lookup.split_at_mut(LOOKUP_SIZE);
        self.literals.build(literals, literal_symbol, lower)?;
        self.distances.build(distances, distance_symbol, upper)
    }

    /// Reads the two codes at the head of a dynamic block.
    fn read(&mut self, bits: &mut BitReader<'_>) -> Result<(), MalformedStream> {
        let lengths = CodeLengths::read(bits)?;
        self.build(lengths.of_literals(), lengths.of_distances())
    }

    /// Skips the symbols of a block, its end included.
    fn skip_symbols(&self, bits: &mut BitReader<'_>) -> Result<(), MalformedStream> {
        let mut half = 0;
        while !bits.exhausted() {
            bits.refill();
            // A refill leaves 56 bits or more, and no entry takes more than 11 + 13.
            for _ in 0..2 {
                let entry = self.lookup[(half | bits.peek(LOOKUP_BITS) as usize) % (2 * LOOKUP_SIZE)];
                if entry == 0 {
                    bits.refill();
                    let code = if half == 0 { &self.literals } else { &self.distances };
                    let symbol = code.decode(bits.peek(LONGEST_CODE as u32))?;
                    bits.drop(u32::from(symbol.bits));
                    half = match symbol.next {
                        Next::Literal => 0,
                        Next::Distance => LOOKUP_SIZE,
                        Next::End => return Ok(()),
                        Next::Malformed => return Err(MalformedStream),
                    };
                    bits.refill();
                } else {
                    bits.drop(u32::from(entry & 0xff));
                    half = usize::from(entry & 0xff00);
                }
            }
        }
        Err(MalformedStream)
    }
}

/// The lengths of the two codes of a dynamic block, as its head states them (RFC 1951, 3.2.7).
pub(super) struct CodeLengths {
    lengths: [u8; 288 + 32],
    literal_count: usize,
    total: usize,
}

impl CodeLengths {
    /// Reads them; `bits` is behind BTYPE.
    pub(super) fn read(bits: &mut BitReader<'_>) -> Result<Self, MalformedStream> {
        bits.refill();
        let literal_count = bits.take(5) as usize + 257;
        let distance_count = bits.take(5) as usize + 1;
        let stored = bits.take(4) as usize + 4;
        let mut of_lengths = [0; 19];
        for &index in &LENGTH_ORDER[..stored] {
            bits.refill();
            of_lengths[index] = bits.take(3) as u8;
        }
        let lengths_code = LengthsCode::build(&of_lengths)?;
        let mut lengths = [0; 288 + 32];
        let total = literal_count + distance_count;
        let mut filled = 0;
        while filled < total {
            bits.refill();
            bits.check()?;
            let (value, repeat) = match lengths_code.decode(bits)? {
                16 if filled > 0 => (lengths[filled - 1], 3 + bits.take(2) as usize),
                16 => return Err(MalformedStream),
                17 => (0, 3 + bits.take(3) as usize),
                18 => (0, 11 + bits.take(7) as usize),
                length => (length, 1),
            };
            lengths.get_mut(filled..filled + repeat).ok_or(MalformedStream)?.fill(value);
            filled += repeat;
        }
        if filled != total {
            return Err(MalformedStream);
        }
        Ok(Self { lengths, literal_count, total })
    }

    /// For each literal/length symbol the length of its code; 0 when it has none.
    pub(super) fn of_literals(&self) -> &[u8] {
        &self.lengths[..self.literal_count]
    }

    /// For each distance symbol the length of its code; 0 when it has none.
    pub(super) fn of_distances(&self) -> &[u8] {
        &self.lengths[self.literal_count..self.total]
    }
}

/// A symbol: how many bits its code and its extra bits take, and what follows.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    bits: u8,
    next: Next,
}

/// A canonical Huffman code, to be counted out bit by bit.
#[derive(Default)]
struct CanonicalCode {
    /// The symbols, by the length of their code and then by value.
    symbols: Vec<Symbol>,
    /// For each length: the first code, and how many codes there are.
    first: [u32; LONGEST_CODE + 1],
    count: [u32; LONGEST_CODE + 1],
}

impl CanonicalCode {
    fn build(
        &mut self,
        lengths: &[u8],
        meaning: impl Fn(usize) -> (Next, u8),
        lookup: &mut [u16],
    ) -> Result<(), MalformedStream> {
        self.count = [0; LONGEST_CODE + 1];
        for &length in lengths {
            self.count[usize::from(length)] += 1;
        }
        self.count[0] = 0;
        self.first = first_codes(&self.count)?;
        let mut slots = [0; LONGEST_CODE + 2];
        for length in 1..=LONGEST_CODE {
            slots[length + 1] = slots[length] + self.count[length] as usize;
        }
        self.symbols.clear();
        self.symbols.resize(slots[LONGEST_CODE + 1], Symbol { bits: 0, next: Next::Malformed });
        lookup.fill(0);
        let mut codes = self.first;
        for (value, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let (next, extra) = meaning(value);
            let length_index = usize::from(length);
            self.symbols[slots[length_index]] = Symbol { bits: length + extra, next };
            slots[length_index] += 1;
            let code = codes[length_index];
            codes[length_index] += 1;
            let half = match next {
                Next::Literal => 0,
                Next::Distance => LOOKUP_SIZE as u16,
                Next::End | Next::Malformed => continue,
            };
            if u32::from(length) <= LOOKUP_BITS {
                let start = (code.reverse_bits() >> (32 - u32::from(length))) as usize;
                for slot in lookup[start..].iter_mut().step_by(1 << length) {
                    *slot = half | u16::from(length + extra);
                }
            }
        }
        Ok(())
    }

    /// Decodes the symbol at the start of `window`, which holds the next 15 bits.
    #[cold]
    fn decode(&self, window: u32) -> Result<Symbol, MalformedStream> {
        let (mut code, mut index) = (0, 0);
        for length in 1..=LONGEST_CODE {
            code = (code << 1) | ((window >> (length - 1)) & 1);
            let offset = code.wrapping_sub(self.first[length]);
            if offset < self.count[length] {
                return self.symbols.get((index + offset) as usize).copied().ok_or(MalformedStream);
            }
            index += self.count[length];
        }
        Err(MalformedStream)
    }
}

/// The first canonical code of each length.
pub(super) fn first_codes(
    count: &[u32; LONGEST_CODE + 1],
) -> Result<[u32; LONGEST_CODE + 1], MalformedStream> {
    let mut first = [0; LONGEST_CODE + 1];
    let mut code = 0;
    for length in 1..=LONGEST_CODE {
        code = (code + count[length - 1]) << 1;
        first[length] = code;
        // More codes than the length has room for: no prefix code has these lengths.
        if code + count[length] > 1 << length {
            return Err(MalformedStream);
        }
    }
    Ok(first)
}

/// The code in which the lengths of the other two codes are written; its codes have at most 7 bits.
struct LengthsCode([(u8, u8); 128]);

impl LengthsCode {
    fn build(lengths: &[u8; 19]) -> Result<Self, MalformedStream> {
        let mut count = [0; LONGEST_CODE + 1];
        for &length in lengths {
            count[usize::from(length)] += 1;
        }
        count[0] = 0;
        let mut next = first_codes(&count)?;
        let mut table = [(0, 0); 128];
        for (symbol, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let code = next[usize::from(length)];
            next[usize::from(length)] += 1;
            let start = (code.reverse_bits() >> (32 - u32::from(length))) as usize;
            for slot in table[start..].iter_mut().step_by(1 << length) {
                *slot = (symbol as u8, length);
            }
        }
        Ok(Self(table))
    }

    fn decode(&self, bits: &mut BitReader<'_>) -> Result<u8, MalformedStream> {
        let (symbol, length) = self.0[bits.peek(7) as usize];
        if length == 0 {
            return Err(MalformedStream);
        }
        bits.drop(u32::from(length));
        Ok(symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(bytes: &[u8], last: bool) -> Vec<u8> {
        let length = bytes.len() as u16;
        let mut stream = vec![u8::from(last)];
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(bytes);
        stream
    }

    #[test]
    fn the_last_of_several_blocks_is_found() {
        let stream = [stored(b"one", false), stored(b"three", true)].concat();
        let tail = DeflateTail::find(&stream).unwrap();
        assert_eq!(tail, DeflateTail { last_block_bit: 8 * 8, end_bit: stream.len() * 8 });
        // Fixed codes, marked as the last, nothing but the end of the block.
        assert_eq!(
            DeflateTail::find(&[0b0000_0011, 0]).unwrap(),
            DeflateTail { last_block_bit: 0, end_bit: 10 }
        );
    }

    #[test]
    fn streams_of_another_encoder_are_walked_to_their_end() {
        let text = include_bytes!("deflate_tail.rs").repeat(20);
        for level in 0..=9 {
            let mut encoder = flate2::Compress::new(flate2::Compression::new(level), false);
            let mut stream = Vec::with_capacity(text.len() + 1000);
            encoder.compress_vec(&text, &mut stream, flate2::FlushCompress::Finish).unwrap();
            let tail = DeflateTail::find(&stream).unwrap();
            assert_eq!(tail.end_bit.div_ceil(8), stream.len(), "level {level}");
        }
    }

    #[test]
    fn malformed_and_cut_off_streams_are_refused() {
        let bad: [&[u8]; 6] = [
            &[],
            &[0b0000_0111],
            &[0b0000_0001, 3, 0, 0, 0],
            &[0b0000_0001, 3, 0, 0xfc, 0xff, 1],
            &[0b0000_0011],
            &[0b0000_0101, 0xff, 0xff, 0xff],
        ];
        for stream in bad {
            assert_eq!(DeflateTail::find(stream), Err(MalformedStream), "{stream:?}");
        }
        let mut encoder = flate2::Compress::new(flate2::Compression::best(), false);
        let text = include_bytes!("deflate_tail.rs");
        let mut stream = Vec::with_capacity(text.len());
        encoder.compress_vec(text, &mut stream, flate2::FlushCompress::Finish).unwrap();
        for length in (0..stream.len()).step_by(7) {
            assert_eq!(DeflateTail::find(&stream[..length]), Err(MalformedStream), "cut at {length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_walk_panic(stream: Vec<u8>) {
            if let Ok(tail) = DeflateTail::find(&stream) {
                proptest::prop_assert!(tail.end_bit <= stream.len() * 8);
                proptest::prop_assert!(tail.last_block_bit < tail.end_bit);
            }
        }
    }
}
