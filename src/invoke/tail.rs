//! What a function says, cut to what a person reads.

/// How much of an answer and of a log is shown, in bytes: what Lambda's own tail has.
const SHOWN: usize = 4096;

/// The end of a text, without what could play tricks on a terminal.
pub fn plain_tail(bytes: &[u8]) -> String {
    let tail = &bytes[bytes.len().saturating_sub(SHOWN)..];
    let text = String::from_utf8_lossy(tail);
    let plain = |c: &char| !c.is_control() || *c == '\n' || *c == '\t';
    text.chars().filter(plain).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_and_plays_no_tricks() {
        assert_eq!(plain_tail(b" a\x1b[31mb\r\nc\td\x07 "), "a[31mb\nc\td");
        assert_eq!(plain_tail(&vec![b'x'; 10_000]).len(), SHOWN);
        assert_eq!(plain_tail(&[0xff, b'a']), "\u{fffd}a");
    }
}
