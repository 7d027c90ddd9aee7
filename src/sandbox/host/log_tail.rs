//! The end of what programs in the sandbox wrote: all of it is read, a bounded part is kept.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::unix::pipe::Receiver;

/// How much is kept. Lambda's own log tail has 4 KB.
const KEPT: usize = 16 << 10;
/// How much is read in one go, so that a program that writes without end holds up nobody.
const PIECES: usize = 64;

/// What was written last, by all programs together.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct LogTail(Arc<Log>);

#[derive(Debug, Default)]
struct Log {
    kept: Mutex<Kept>,
    pipes: Vec<Receiver>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: VecDeque<u8>,
    /// All bytes that ever came.
    total: u64,
}

/// A moment in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) struct Mark(u64);

impl LogTail {
    /// Reads these pipes to their end, beside everything else.
    pub(super) fn follow(pipes: Vec<OwnedFd>) -> io::Result<Self> {
        let pipes = pipes.into_iter().map(Receiver::from_owned_fd).collect::<io::Result<Vec<_>>>()?;
        let log = Arc::new(Log { kept: Mutex::default(), pipes });
        for index in 0..log.pipes.len() {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                while log.pipes[index].readable().await.is_ok()
                    && log.read(&log.pipes[index], &Receiver::try_read)
                {}
            });
        }
        Ok(Self(log))
    }

    /// Now. What was written before this is asked for counts as before.
    pub(in crate::sandbox) fn mark(&self) -> Mark {
        self.catch_up();
        Mark(self.0.kept().total)
    }

    /// What was written since then, as far as it was kept.
    pub(in crate::sandbox) fn since(&self, Mark(then): Mark) -> Vec<u8> {
        self.catch_up();
        let kept = self.0.kept();
        let wanted = usize::try_from(kept.total - then).unwrap_or(usize::MAX);
        kept.bytes.iter().skip(kept.bytes.len().saturating_sub(wanted)).copied().collect()
    }

    /// What was written last, from the beginning of a line. Control characters other than line feeds and tabs are escaped: it
    /// comes from a stranger and goes to a terminal.
    pub(in crate::sandbox) fn text(&self) -> String {
        let kept = self.0.kept();
        let bytes: Vec<u8> = kept.bytes.iter().copied().collect();
        let whole = String::from_utf8_lossy(&bytes);
        let cut = if bytes.len() < KEPT { 0 } else { whole.find('\n').map_or(0, |end| end + 1) };
        without_controls(&whole[cut..])
    }

    /// Takes what lies in the pipes already. Asks the system itself: the runtime may not have heard of it yet.
    fn catch_up(&self) {
        for pipe in &self.0.pipes {
            self.0.read(pipe, &|pipe, piece| Ok(rustix::io::read(pipe, piece)?));
        }
    }
}

impl Log {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what lies in a pipe. Whether more can come.
    fn read(&self, pipe: &Receiver, how: &dyn Fn(&Receiver, &mut [u8]) -> io::Result<usize>) -> bool {
        // Held over the read, so that nobody looks while bytes are in between.
        let mut kept = self.kept();
        let mut piece = vec![0; 16 << 10];
        for _ in 0..PIECES {
            match how(pipe, &mut piece) {
                Ok(0) => return false,
                Ok(count) => kept.take(&piece[..count]),
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        true
    }
}

impl Kept {
    fn take(&mut self, piece: &[u8]) {
        self.bytes.extend(piece);
        self.total += piece.len() as u64;
        let surplus = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..surplus);
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
    use std::io::Write as _;

    use super::*;

    #[test]
    fn only_the_end_is_kept_and_controls_are_escaped() {
        let tail = LogTail::default();
        for number in 0..10_000 {
            tail.0.kept().take(format!("line {number}\n").as_bytes());
        }
        tail.0.kept().take(b"\x1b[2J\tend\n");
        let text = tail.text();
        assert!(text.len() <= KEPT + 64 && text.starts_with("line "), "{text}");
        assert!(text.ends_with("line 9999\n\\u{1b}[2J\tend\n"), "{text}");
    }

    #[tokio::test]
    async fn what_lies_in_a_pipe_is_there_when_it_is_asked_for() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let tail = LogTail::follow(vec![reader.into()]).unwrap();
        for number in 0..100 {
            writer.write_all(b"before\n").unwrap();
            let mark = tail.mark();
            writer.write_all(format!("{number}\n").as_bytes()).unwrap();
            assert_eq!(tail.since(mark), format!("{number}\n").into_bytes());
        }
    }
}
