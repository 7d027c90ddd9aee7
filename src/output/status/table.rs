//! Columns that stand below each other, with colour or without.

use crate::output::Style;
use crate::output::printable::one_line;

/// How a cell is marked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Plain,
    Good,
    Notice,
    Bad,
    Faint,
}

/// A text of one line, whoever wrote it, and its mark-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    mark: Mark,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>, mark: Mark) -> Self {
        Self { text: one_line(&text.into()), mark }
    }

    pub(super) fn drawn(&self, style: Style) -> String {
        marked(&self.text, self.mark, style)
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Mark::Plain)
    }
}

/// Text as it is marked up.
fn marked(text: &str, mark: Mark, style: Style) -> String {
    match mark {
        Mark::Plain => text.to_owned(),
        Mark::Good => style.good(text),
        Mark::Notice => style.notice(text),
        Mark::Bad => style.bad(text),
        Mark::Faint => style.faint(text),
    }
}

/// A heading and how many characters a cell below it may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    pub(super) widest: usize,
}

/// Rows below headings; with each row, lines that belong to it.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) columns: &'a [Column],
    pub(super) rows: Vec<Row>,
}

#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// Lines below it.
    pub(super) notes: Vec<Cell>,
}

impl Table<'_> {
    /// The lines: of the heading, then of each row. A cell that is too long for its column is cut; columns are no wider than what
    /// stands in them.
    pub(super) fn lines(&self, style: Style) -> Vec<Vec<String>> {
        let widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(index, column)| self.width(index, column)).collect();
        let headings = self.columns.iter().map(|column| Cell::new(column.heading, Mark::Faint)).collect();
        let heading = line(&Row { cells: headings, notes: Vec::new() }, &widths, style);
        let mut lines = vec![vec![heading]];
        for row in &self.rows {
            let notes = row.notes.iter().map(|note| format!("    {}", note.drawn(style)));
            lines.push(std::iter::once(line(row, &widths, style)).chain(notes).collect());
        }
        lines
    }

    fn width(&self, index: usize, column: &Column) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.cells.get(index));
        let longest = cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0);
        longest.min(column.widest).max(column.heading.chars().count())
    }
}

fn line(row: &Row, widths: &[usize], style: Style) -> String {
    let mut line = String::from(" ");
    let mut gap = 1;
    for (cell, width) in row.cells.iter().zip(widths) {
        let text = cut(&cell.text, *width);
        let room = width - text.chars().count();
        if !text.is_empty() {
            line.push_str(&" ".repeat(gap));
            line.push_str(&marked(&text, cell.mark, style));
            gap = 0;
        } else {
            gap += text.chars().count();
        }
        gap += room + 2;
    }
    line
}

/// At most so many characters, the last of which says that there were more.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(colour: bool) -> Vec<String> {
        let columns = [
            Column { heading: "NAME", widest: 6 },
            Column { heading: "N", widest: 9 },
            Column { heading: "END", widest: 9 },
        ];
        let row = |name: &str, number: &str, end: &str| Row {
            cells: vec![Cell::plain(name), Cell::new(number, Mark::Good), Cell::plain(end)],
            notes: Vec::new(),
        };
        let mut rows = vec![row("live", "12", "x"), row("a-long-name", "", "größe"), row("", "7", "")];
        rows[0].notes.push(Cell::new("a note of any length", Mark::Notice));
        Table { columns: &columns, rows }.lines(Style::new(colour)).concat()
    }

    #[test]
    fn columns_stand_below_each_other_and_no_line_ends_in_blanks() {
        let expected = [
            "  NAME    N   END",
            "  live    12  x",
            "    a note of any length",
            "  a-lon…      größe",
            "          7",
        ];
        assert_eq!(lines(false), expected);
    }

    #[test]
    fn colour_changes_no_column() {
        let line = &lines(true)[1];
        assert_eq!(line, "  live    \u{1b}[32m12\u{1b}[0m  x");
    }
}
