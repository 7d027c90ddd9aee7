//! Names and targets one after the other, each behind its length. A name that many folders have is mostly kept once.

use std::hash::{BuildHasher, RandomState};

/// More than that is not kept.
const MOST_BYTES: usize = 256 << 20;
/// For how many texts it is remembered where they are. `index.js` and its like come again and again.
const REMEMBERED: usize = 1 << 14;

/// The texts. Each has at most 65,535 bytes.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where the text with a hash was put last; the lowest bits of the hash say which slot.
    recent: Vec<u32>,
    hasher: RandomState,
}

impl Texts {
    /// Keeps a text and gives where; none when there is no room for it.
    pub(super) fn keep(&mut self, text: &[u8]) -> Option<u32> {
        if self.recent.is_empty() {
            self.recent.resize(REMEMBERED, 0);
        }
        let slot = self.hasher.hash_one(text) as usize % REMEMBERED;
        let known = self.recent[slot];
        if !self.bytes.is_empty() && self.get(known) == text {
            return Some(known);
        }
        let length = u16::try_from(text.len()).ok()?.to_le_bytes();
        let at =
            u32::try_from(self.bytes.len()).ok().filter(|_| self.bytes.len() + text.len() <= MOST_BYTES)?;
        self.bytes.extend_from_slice(&length);
        self.bytes.extend_from_slice(text);
        self.recent[slot] = at;
        Some(at)
    }

    /// The text that was put there.
    pub(super) fn get(&self, at: u32) -> &[u8] {
        let start = at as usize + 2;
        let length = u16::from_le_bytes([self.bytes[start - 2], self.bytes[start - 1]]);
        &self.bytes[start..start + usize::from(length)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_one_that_was_just_kept_takes_no_more_room() {
        let mut texts = Texts::default();
        let kept: Vec<(u32, String)> = (0..100_000)
            .map(|n| format!("name-{n}"))
            .map(|name| (texts.keep(name.as_bytes()).unwrap(), name))
            .collect();
        assert!(kept.iter().all(|(at, name)| texts.get(*at) == name.as_bytes()));
        let before = texts.bytes.len();
        let again = texts.keep(b"name-99999").unwrap();
        assert_eq!((again, texts.bytes.len()), (kept[99_999].0, before));
        assert_eq!(texts.keep(b"").map(|at| texts.get(at)), Some(&b""[..]));
        assert_eq!(texts.keep(&[0; 65_536]), None);
    }
}
