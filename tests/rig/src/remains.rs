//! What a run of an image could leave behind on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::GLANCE;

/// How long the kernel may take to take apart what a killed process leaves.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one tool under test could leave behind: told apart from all else on a busy machine by the folder for temporary files that only it
/// has, and by a word that only its programs have on their command lines.
#[derive(Debug, Clone)]
pub struct Remains {
    folder: PathBuf,
    mark: String,
}

impl Remains {
    /// Of a tool whose `TMPDIR` is this folder, and whose programs are started with this word.
    pub fn of(folder: &Path, mark: &str) -> Self {
        Self { folder: folder.to_owned(), mark: mark.to_owned() }
    }

    /// Processes that are the sandbox's or a program's in it, by number and command line.
    pub fn processes(&self) -> Vec<String> {
        let own = std::process::id().to_string();
        let folder = self.folder.display().to_string();
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = processes.filter(|entry| {
            let number = entry.file_name().to_string_lossy().into_owned();
            number != own && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let told = processes.filter_map(|entry| {
            let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
            let (words, mounts) = (read("cmdline"), read("mountinfo"));
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            let is_program = !self.mark.is_empty() && words.contains(&self.mark);
            let is_stage = String::from_utf8_lossy(&mounts).contains(&folder);
            (is_program || is_stage).then(|| format!("{} {words}", entry.file_name().to_string_lossy()))
        });
        told.collect()
    }

    /// Names in the folder for temporary files.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Mounts of this machine that are below the folder.
    pub fn mounts(&self) -> Vec<String> {
        let folder = self.folder.display().to_string();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        mounts.lines().filter(|line| line.contains(&folder)).map(str::to_owned).collect()
    }

    /// Control groups that the tool with this process number made: it is in their names.
    pub fn control_groups(&self, tool: u32) -> Vec<PathBuf> {
        let prefix = format!("lambda-lift-run-{tool}-");
        let mut found = Vec::new();
        let mut waiting = vec![PathBuf::from("/sys/fs/cgroup")];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if entry.file_name().to_string_lossy().starts_with(&prefix) {
                        found.push(entry.path());
                    }
                    waiting.push(entry.path());
                }
            }
        }
        found
    }

    /// Holds that nothing is left, but for `folders` of a tool that was killed, which the next run removes.
    ///
    /// # Panics
    /// When something stays.
    pub fn assert_none_but(&self, folders: usize) {
        let begun = Instant::now();
        loop {
            let (processes, mounts) = (self.processes(), self.mounts());
            let files = self.files();
            if processes.is_empty() && mounts.is_empty() && files.len() <= folders {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "left behind: processes {processes:#?}, mounts {mounts:#?}, files {files:?}"
            );
            thread::sleep(GLANCE);
        }
    }
}
