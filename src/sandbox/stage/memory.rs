//! How much memory the sandbox's processes have together, as /proc tells it.

use std::fs;
use std::path::{Path, PathBuf};

/// Measures again and again, and remembers the most.
pub(super) struct Meter {
    proc: PathBuf,
    /// The most so far, in bytes.
    pub(super) peak: u64,
}

impl Meter {
    pub(super) fn new(root: &Path) -> Self {
        Self { proc: root.join("proc"), peak: 0 }
    }

    /// What they have now, in bytes. Pages that several share count once; that is looked at only when it can matter, since the kernel
    /// walks through all pages for it.
    pub(super) fn measure(&mut self) -> u64 {
        let processes = self.processes();
        let resident: u64 = processes.iter().filter_map(|process| self.resident(process)).sum();
        if resident <= self.peak {
            return resident;
        }
        let share = |process: &String| self.share(process).or_else(|| self.resident(process));
        let shared: u64 = processes.iter().filter_map(share).sum();
        self.peak = self.peak.max(shared);
        shared
    }

    /// All but process 1, which is ours.
    fn processes(&self) -> Vec<String> {
        let Ok(folder) = fs::read_dir(&self.proc) else { return Vec::new() };
        let names = folder.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name != "1" && name.bytes().all(|byte| byte.is_ascii_digit())).collect()
    }

    fn resident(&self, process: &str) -> Option<u64> {
        let text = fs::read_to_string(self.proc.join(process).join("statm")).ok()?;
        text.split(' ').nth(1)?.parse::<u64>().ok().map(|pages| pages * 4096)
    }

    fn share(&self, process: &str) -> Option<u64> {
        proportional(&fs::read_to_string(self.proc.join(process).join("smaps_rollup")).ok()?)
    }
}

/// The line `Pss:` of smaps_rollup, in bytes.
fn proportional(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_process_is_read() {
        let text = "00400000-7fff [rollup]\nRss:    884 kB\nPss:                 385 kB\nPss_Dirty: 68 kB\n";
        assert_eq!(proportional(text), Some(385 << 10));
        assert_eq!(proportional("Rss: 1 kB\n"), None);
    }
}
