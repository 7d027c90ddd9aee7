//! The end of what programs in the sandbox wrote: all of it is read, a bounded part is kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How much is kept. Lambda's own log tail has 4 KB.
const KEPT: usize = 16 << 10;

/// What was written last, by all programs together.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct LogTail(Arc<Mutex<VecDeque<u8>>>);

impl LogTail {
    /// Reads `source` to its end.
    pub(super) async fn follow(self, mut source: impl AsyncRead + Unpin) {
        let mut piece = vec![0; 16 << 10];
        while let Ok(count) = source.read(&mut piece).await {
            if count == 0 {
                return;
            }
            self.take(&piece[..count]);
        }
    }

    fn take(&self, piece: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(piece);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    /// What was written last, from the beginning of a line. Control characters other than line feeds and tabs are escaped: it
    /// comes from a stranger and goes to a terminal.
    pub(in crate::sandbox) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        let whole = String::from_utf8_lossy(&bytes);
        let cut = if bytes.len() < KEPT { 0 } else { whole.find('\n').map_or(0, |end| end + 1) };
        without_controls(&whole[cut..])
    }
}

/// A stranger's text with its control characters escaped, but for line feeds and tabs.
pub(in crate::sandbox) fn without_controls(text: &str) -> String {
    let shown = text.chars().map(|letter| match letter {
        '\n' | '\t' => letter.to_string(),
        _ if letter.is_control() => letter.escape_default().to_string(),
        _ => letter.to_string(),
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept_and_controls_are_escaped() {
        let tail = LogTail::default();
        for number in 0..10_000 {
            tail.take(format!("line {number}\n").as_bytes());
        }
        tail.take(b"\x1b[2J\tend\n");
        let text = tail.text();
        assert!(text.len() <= KEPT + 64 && text.starts_with("line "), "{text}");
        assert!(text.ends_with("line 9999\n\\u{1b}[2J\tend\n"), "{text}");
    }
}
