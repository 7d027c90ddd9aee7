//! Results as Markdown, ready for docs/performance.md.

use std::io::{self, Write as _};

use crate::measure::{Figures, median};

/// Contenders in one case, each with its runs. The first is what the others are compared with.
pub(crate) struct Table {
    rows: Vec<(String, Vec<Figures>)>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a run.
    pub(crate) fn add(&mut self, name: &str, figures: Figures) {
        match self.rows.iter_mut().find(|(row, _)| row == name) {
            Some((_, runs)) => runs.push(figures),
            None => self.rows.push((name.to_owned(), vec![figures])),
        }
    }

    /// Prints medians, the spread of the walls, the highest peak, and each wall as a multiple of the first row's.
    pub(crate) fn print(&self, title: &str) {
        say(&format!("\n{title}\n"));
        say("| | wall, s | of runs | CPU, s | peak, MB | × |\n|---|---|---|---|---|---|");
        let first = self.rows.first().map_or(1.0, |(_, runs)| median(runs).wall.as_secs_f64());
        for (name, runs) in &self.rows {
            let middle = median(runs);
            let wall = middle.wall.as_secs_f64();
            let walls = || runs.iter().map(|run| run.wall.as_secs_f64());
            let (least, most) = (walls().fold(f64::MAX, f64::min), walls().fold(0.0, f64::max));
            let cpu = middle.cpu.map_or("".to_owned(), |cpu| format!("{cpu:.2}"));
            let peak = middle.peak.map_or("".to_owned(), |peak| format!("{:.0}", peak as f64 / 1e6));
            let ratio = wall / first;
            say(&format!("| {name} | {wall:.3} | {least:.3}–{most:.3} | {cpu} | {peak} | {ratio:.2} |"));
        }
    }
}

/// A line on standard output.
pub(crate) fn say(line: &str) {
    // With standard output gone there is nobody left to tell.
    let _ = writeln!(io::stdout(), "{line}");
}
