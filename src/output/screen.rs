//! One text that is drawn again and again on a terminal, on a screen of its own that leaves no trace of it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::status::Status;

use super::printable::one_line;
use super::standard::{Room, room, write_result};
use super::status::status_page_in;
use super::{Style, printable};

/// To the other screen, which does not scroll into what is kept; without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
/// Back, with all that was there before.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the upper left corner, and nothing below.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Whether the terminal is on the other screen. Of the process: there is one terminal.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The terminal's other screen, for as long as it lives.
#[derive(Debug)]
pub struct Screen {
    style: Style,
}

impl Screen {
    /// Goes to the other screen of standard output, which must be a terminal.
    ///
    /// # Errors
    /// Fails when the terminal takes no text.
    pub fn enter(style: Style) -> io::Result<Self> {
        ENTERED.store(true, Ordering::SeqCst);
        let screen = Self { style };
        write_result(ENTER)?;
        Ok(screen)
    }

    /// Draws how a function stands in the place of everything that is there, as much as there is room for; below it a note.
    ///
    /// # Errors
    /// Fails when the terminal takes no text.
    pub fn draw(&self, status: &Status, note: Option<&str>) -> io::Result<()> {
        // The size may have changed since the last time.
        let rest = room().map(|room| Room { rows: room.rows - usize::from(note.is_some()), ..room });
        let mut lines = status_page_in(status, self.style, rest);
        lines.extend(
            note.map(|note| {
                one_line(note).chars().take(rest.map_or(usize::MAX, |rest| rest.columns)).collect()
            }),
        );
        write_result(&frame(&printable(&lines.join("\n"), self.style)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave_screen();
    }
}

/// Brings the terminal back to the screen that it was on, if it is not there: also for who ends the process at once.
pub fn leave_screen() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // A terminal that went away has no screen to go back to.
        let _ = write_result(LEAVE);
    }
}

/// Without a line feed at the end, which would move all up by a line when the last row is taken.
fn frame(text: &str) -> String {
    format!("{CLEAR}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_begins_above_and_never_scrolls() {
        assert_eq!(frame("a\n\nb"), "\u{1b}[H\u{1b}[Ja\n\nb");
    }
}
