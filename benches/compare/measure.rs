//! One measured run, and the median of several.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// What one run took.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    /// From start to end.
    pub(crate) wall: Duration,
    /// Seconds of all cores, user and system; none where nothing was measured.
    pub(crate) cpu: Option<f64>,
    /// The most memory held at once, in bytes.
    pub(crate) peak: Option<u64>,
}

/// What GNU time is given before the program, so that `report` holds CPU seconds and peak memory.
pub(crate) fn time_arguments(report: &Path) -> [String; 5] {
    let report = report.display().to_string();
    ["--quiet", "--format=%U %S %M", "--output", &report, "--"].map(str::to_owned)
}

/// Runs something that goes through GNU time.
pub(crate) fn measured(report: &Path, run: impl FnOnce() -> io::Result<()>) -> io::Result<Figures> {
    let begin = Instant::now();
    run()?;
    let wall = begin.elapsed();
    let text = fs::read_to_string(report)?;
    let words: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, system, kilobytes] = words[..] else {
        return Err(io::Error::other(format!("GNU time wrote {text:?}")));
    };
    // Peaks are whole kilobytes, far below what a f64 holds exactly.
    Ok(Figures { wall, cpu: Some(user + system), peak: Some(kilobytes as u64 * 1024) })
}

/// The median of each figure on its own.
pub(crate) fn median(runs: &[Figures]) -> Figures {
    let mut walls: Vec<_> = runs.iter().map(|run| run.wall).collect();
    walls.sort();
    let mut cpus: Vec<_> = runs.iter().filter_map(|run| run.cpu).collect();
    cpus.sort_by(f64::total_cmp);
    let peak = runs.iter().filter_map(|run| run.peak).max();
    Figures { wall: walls[walls.len() / 2], cpu: cpus.get(cpus.len() / 2).copied(), peak }
}
