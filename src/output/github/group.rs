//! A group around the log of a command, so that a job's page shows it folded. It opens with the first line and must be ended before
//! anything is told that shall be seen.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::output::printable::one_line;

/// Whether a group is open. Of the process: there is one stderr.
static OPEN: AtomicBool = AtomicBool::new(false);

/// stderr, in a group.
#[derive(Debug)]
pub(in crate::output) struct GroupedLog {
    title: String,
}

impl GroupedLog {
    /// A log whose group has this title.
    pub(in crate::output) fn new(title: &str) -> Self {
        Self { title: one_line(title) }
    }
}

impl Write for GroupedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        if !OPEN.swap(true, Ordering::SeqCst) {
            writeln!(stderr, "::group::{}", self.title)?;
        }
        stderr.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Ends the group, if one is open.
pub fn end_group() {
    if OPEN.swap(false, Ordering::SeqCst) {
        // A log that cannot be written to has no group to end.
        let _ = writeln!(io::stderr().lock(), "::endgroup::");
    }
}
