//! Standard output: where the result goes, how large it is when it is a terminal, and whether anybody still reads it.

use std::io::{self, Write as _};

#[cfg(unix)]
use rustix::event::{PollFd, PollFlags, Timespec, poll};
#[cfg(unix)]
use rustix::termios::tcgetwinsize;

use super::print_message;

/// How many characters a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Writes the result to stdout, and says whether who was to have it could have it. A reader that went away (a closed pipe) wanted
/// no more; what else goes wrong is told on stderr.
pub fn print_result(text: &str) -> bool {
    written(write_result(text))
}

/// Whether who was to have what was written could have it; what else goes wrong is told.
pub(super) fn written(result: io::Result<()>) -> bool {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            print_message(&format!("error: the result could not be written to standard output: {error}"));
            false
        }
        _ => true,
    }
}

/// Writes to stdout at once.
///
/// # Errors
/// Fails when it takes no text; with [`io::ErrorKind::BrokenPipe`] when its reader went away.
pub fn write_result(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Whether the reader of stdout went away, which a pipe tells without being written to.
#[cfg(unix)]
pub fn is_unread() -> bool {
    let stdout = io::stdout();
    // Only what is told unasked is of interest: that the other end is closed.
    let mut descriptors = [PollFd::new(&stdout, PollFlags::empty())];
    let answered = poll(&mut descriptors, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    answered.is_ok() && descriptors[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// The size of the terminal that stdout is; none where it is none, or does not know.
#[cfg(unix)]
pub(super) fn room() -> Option<Room> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    let room = Room { rows: usize::from(size.ws_row), columns: usize::from(size.ws_col) };
    (room.rows > 0 && room.columns > 0).then_some(room)
}

/// Elsewhere that shows only when something is written.
#[cfg(not(unix))]
pub fn is_unread() -> bool {
    false
}

/// Elsewhere the size is not known.
#[cfg(not(unix))]
pub(super) fn room() -> Option<Room> {
    None
}
