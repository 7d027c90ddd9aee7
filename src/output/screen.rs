//! One text that is drawn again and again on a terminal.

use super::print_result;

/// To the upper left corner.
const HOME: &str = "\x1b[H";
/// Nothing more on this line.
const CLEAR_LINE: &str = "\x1b[K";
/// Nothing more below.
const CLEAR_BELOW: &str = "\x1b[J";

/// Draws a text on standard output, which must be a terminal, in the place of everything that is on it. Drawn over and not after a
/// wipe, so that what stays the same does not flicker.
pub fn redraw(text: &str) {
    print_result(&over(text));
}

fn over(text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("{line}{CLEAR_LINE}\n")).collect();
    format!("{HOME}{lines}{CLEAR_BELOW}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_is_gone_line_by_line() {
        assert_eq!(over("a\n\nb\n"), "\u{1b}[Ha\u{1b}[K\n\u{1b}[K\nb\u{1b}[K\n\u{1b}[J");
    }
}
