//! The parts of what is shown of a function, and which of them go first where there is not room for all.

use crate::output::Style;
use crate::output::standard::Room;

/// The lines of each part.
pub(super) struct Page {
    pub(super) style: Style,
    /// The function's own; its name first.
    pub(super) function: Vec<String>,
    pub(super) aliases: Vec<String>,
    /// The heading, then each version.
    pub(super) versions: Vec<Vec<String>>,
    /// How many of the versions are published.
    pub(super) published: usize,
    /// How many older ones there are.
    pub(super) left_out: usize,
    pub(super) findings: Vec<String>,
}

impl Page {
    /// All of it.
    pub(super) fn whole(&self) -> Vec<String> {
        let mut versions = self.versions.concat();
        if self.left_out > 0 {
            let (count, all) = (self.left_out, self.left_out + self.published);
            let more = format!("  and {count} older; show them with --versions {all}");
            versions.push(self.style.faint(&more));
        }
        self.lines(&self.function, &versions)
    }

    /// What fits. Versions go first, the oldest before the others; then what the function is like; then the end.
    pub(super) fn fitted(&self, room: Room) -> Vec<String> {
        let fits = |lines: &Vec<String>| rows(lines, room.columns) <= room.rows;
        let cut = (1..self.versions.len()).rev().map(|shown| self.lines(&self.function, &self.cut(shown)));
        let brief = || self.lines(&self.function[..1], &self.cut(1));
        let mut page = std::iter::once(self.whole()).chain(cut).find(fits).unwrap_or_else(brief);
        while page.len() > 1 && !fits(&page) {
            page.pop();
        }
        page
    }

    /// So many entries of the table of versions, of which the heading is the first, and how many are not shown.
    fn cut(&self, shown: usize) -> Vec<String> {
        let hidden = self.versions.len() - shown + self.left_out;
        let mut lines = if shown > 1 { self.versions[..shown].concat() } else { Vec::new() };
        lines.push(
            self.style.faint(&format!("  {hidden} more versions: the terminal is not high enough for them")),
        );
        lines
    }

    fn lines(&self, function: &[String], versions: &[String]) -> Vec<String> {
        let mut lines = [function, &[String::new()], &self.aliases, &[String::new()]].concat();
        lines.push(self.style.strong("versions"));
        lines.extend_from_slice(versions);
        if !self.findings.is_empty() {
            lines.push(String::new());
            lines.extend_from_slice(&self.findings);
        }
        lines
    }
}

/// How many rows of a terminal lines take.
fn rows(lines: &[String], columns: usize) -> usize {
    lines.iter().map(|line| width(line).div_ceil(columns).max(1)).sum()
}

/// How many columns a line takes, at most: mark-up takes none, and what may be wide counts as wide.
fn width(line: &str) -> usize {
    let mut marked_up = false;
    let cells = |character: char| match character {
        '\u{1b}' => {
            marked_up = true;
            0
        }
        _ if marked_up => {
            marked_up = character != 'm';
            0
        }
        '\t' => 8,
        '\u{1100}'.. if !('\u{2000}'..='\u{2bff}').contains(&character) => 2,
        _ => 1,
    };
    line.chars().map(cells).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::status::status_page_in;
    use crate::preflight::Finding;
    use crate::status::samples::{canary, readings, status};

    fn page(rows: usize, columns: usize) -> Vec<String> {
        let mut readings = readings();
        canary(&mut readings, 60);
        let mut status = status(readings);
        let version = status.versions[2].clone();
        status.versions.extend((0..30).map(|_| version.clone()));
        status.left_out = 5;
        status.findings = vec![Finding::warn("x", "what is wrong", "mend it")];
        status_page_in(&status, Style::new(true), Some(Room { rows, columns }))
    }

    #[test]
    fn what_there_is_room_for_is_shown_with_aliases_and_findings_first() {
        assert!(!page(100, 200).concat().contains("high enough"));
        for (height, hidden) in [(30, Some(29)), (24, Some(35)), (17, Some(38)), (14, Some(38)), (4, None)] {
            let page = page(height, 100);
            assert!(rows(&page, 100) <= height, "{page:#?}");
            let text = page.join("\n");
            assert!(text.starts_with("\u{1b}[1mfunction"), "{text}");
            if let Some(hidden) = hidden {
                let note = format!("{hidden} more versions: the terminal is not high enough");
                for part in [&note, "release running", "what is wrong", "mend it", "ALIAS"] {
                    assert!(text.contains(part), "{height}: {part} is not in:\n{text}");
                }
            }
        }
    }

    #[test]
    fn a_line_that_is_longer_than_the_terminal_is_wide_takes_more_rows() {
        let lines = ["", "\u{1b}[1;31mab\u{1b}[0mcd", "größe", "日本"].map(str::to_owned);
        assert_eq!(rows(&lines, 4), 1 + 1 + 2 + 1);
        let page = page(24, 40);
        assert!(rows(&page, 40) <= 24 && page.concat().contains("ALIAS"), "{page:#?}");
    }
}
