//! Results as Markdown, ready for docs/performance.md.

use std::env;
use std::fs::File;
use std::io::{self, Write as _};

use crate::measure::{Figures, median};

/// Contenders in one case, each with its runs. The first is what the others are compared with.
pub(crate) struct Table {
    rows: Vec<(String, Vec<Figures>)>,
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a run.
    pub(crate) fn add(&mut self, name: &str, figures: Figures) {
        match self.rows.iter_mut().find(|(row, _)| row == name) {
            Some((_, runs)) => runs.push(figures),
            None => self.rows.push((name.to_owned(), vec![figures])),
        }
    }

    /// Adds a sentence below the table, once.
    pub(crate) fn note(&mut self, sentence: String) {
        if !self.notes.contains(&sentence) {
            self.notes.push(sentence);
        }
    }

    /// Prints medians, the spread of the walls, the highest peak, and the first row's wall and CPU time as a part of
    /// each row's: the smaller, the faster is the first.
    pub(crate) fn print(&self, title: &str) -> io::Result<()> {
        let mut lines = vec![format!("\n{title}:\n")];
        lines.push("| | wall, s | of runs | CPU, s | peak, MB | first's wall | first's CPU |".to_owned());
        lines.push("|---|---|---|---|---|---|---|".to_owned());
        let first = self.rows.first().map(|(_, runs)| median(runs));
        for (name, runs) in &self.rows {
            lines.push(row(name, runs, first.as_ref()));
        }
        lines.extend(self.notes.iter().map(|note| format!("\n{note}")));
        publish(&lines.join("\n"))
    }
}

fn row(name: &str, runs: &[Figures], first: Option<&Figures>) -> String {
    let middle = median(runs);
    let wall = middle.wall.as_secs_f64();
    let walls = || runs.iter().map(|run| run.wall.as_secs_f64());
    let (least, most) = (walls().fold(f64::MAX, f64::min), walls().fold(0.0, f64::max));
    let text =
        |number: Option<f64>, digits: usize| number.map_or("".to_owned(), |it| format!("{it:.digits$}"));
    let cpu = text(middle.cpu, 2);
    let peak = text(middle.peak.map(|peak| peak as f64 / 1e6), 0);
    let of_wall = text(first.map(|first| first.wall.as_secs_f64() / wall), 2);
    let of_cpu = text(first.and_then(|first| Some(first.cpu? / middle.cpu?)), 2);
    format!("| {name} | {wall:.3} | {least:.3}–{most:.3} | {cpu} | {peak} | {of_wall} × | {of_cpu} |")
        .replace("|  × |", "| |")
}

/// Prints, and adds to the file that `LAMBDA_LIFT_BENCH_TABLES` names.
pub(crate) fn publish(text: &str) -> io::Result<()> {
    say(text);
    match env::var_os("LAMBDA_LIFT_BENCH_TABLES") {
        Some(path) => writeln!(File::options().create(true).append(true).open(path)?, "{text}"),
        None => Ok(()),
    }
}

/// A line on standard output.
pub(crate) fn say(line: &str) {
    // With standard output gone there is nobody left to tell.
    let _ = writeln!(io::stdout(), "{line}");
}
