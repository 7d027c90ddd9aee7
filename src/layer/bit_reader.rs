//! The bits of a DEFLATE stream, in the order of RFC 1951.

use super::deflate_tail::MalformedStream;

/// Reads bits, least significant first. Past the end of the stream it reads zeros and counts them.
pub(super) struct BitReader<'a> {
    stream: &'a [u8],
    /// The next byte to load.
    next: usize,
    buffer: u64,
    /// How many bits of `buffer` are loaded.
    loaded: u32,
}

impl<'a> BitReader<'a> {
    /// A reader whose first bit is the one at `bit`.
    pub(super) fn at(stream: &'a [u8], bit: usize) -> Self {
        let mut reader = Self { stream, next: bit / 8, buffer: 0, loaded: 0 };
        reader.refill();
        reader.drop(bit as u32 % 8);
        reader
    }

    /// Loads 56 bits or more.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if let Some(word) = self.stream.get(self.next..).and_then(|rest| rest.first_chunk()) {
            self.buffer |= u64::from_le_bytes(*word) << self.loaded;
            self.next += ((63 - self.loaded) >> 3) as usize;
            self.loaded |= 56;
        } else {
            while self.loaded < 56 {
                let byte = self.stream.get(self.next).copied().unwrap_or(0);
                self.buffer |= u64::from(byte) << self.loaded;
                self.next += 1;
                self.loaded += 8;
            }
        }
    }

    /// The next bits, at most 32, without taking them.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.buffer & ((1 << count) - 1)) as u32
    }

    /// Leaves out bits that are loaded.
    #[inline(always)]
    pub(super) fn drop(&mut self, count: u32) {
        self.buffer >>= count;
        self.loaded -= count;
    }

    /// Takes the next bits, at most 32.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.drop(count);
        bits
    }

    /// The place of the next bit.
    pub(super) fn position(&self) -> usize {
        self.next * 8 - self.loaded as usize
    }

    /// Whether so much was read past the end that the stream cannot be whole.
    #[inline(always)]
    pub(super) fn exhausted(&self) -> bool {
        self.next > self.stream.len() + 8
    }

    /// Fails when bits past the end were taken.
    pub(super) fn check(&self) -> Result<(), MalformedStream> {
        if self.position() > self.stream.len() * 8 { Err(MalformedStream) } else { Ok(()) }
    }

    /// Skips a stored block, from behind its BTYPE.
    pub(super) fn skip_stored_block(&mut self) -> Result<(), MalformedStream> {
        self.drop(self.loaded & 7);
        self.refill();
        let length = self.take(16) as usize;
        if length != !self.take(16) as usize & 0xffff {
            return Err(MalformedStream);
        }
        let next = self.position() / 8 + length;
        *self = Self { stream: self.stream, next, buffer: 0, loaded: 0 };
        self.check()
    }
}
