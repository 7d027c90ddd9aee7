//! Control groups: the kernel's own limits of memory and processes for one sandbox, where this user may make groups.
//!
//! Version 1 with a hierarchy for each controller, and version 2 with one for all. Elsewhere the sampler in the sandbox, and the limits of
//! its processes, are what there is. A group is named after the process that made it: one whose maker is gone is removed by the next run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the groups of sandboxes begin.
const PREFIX: &str = "lambda-lift-run-";
/// The most processes and threads: Lambda's limit, and our own stages.
const MOST_PROCESSES: u64 = 1024 + 8;
/// How often, and after how long each time, a group is tried to be removed whose processes are just ending.
const TRIES: (u32, Duration) = (100, Duration::from_millis(4));

/// A place where a group can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    version: Version,
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// The memory controller of version 1.
    Memory,
    /// The pids controller of version 1.
    Processes,
    /// Both, in version 2.
    Unified,
}

/// The groups of one sandbox. Dropping it removes them, once their processes are gone.
#[derive(Debug)]
pub(in crate::sandbox) struct Cgroup {
    groups: Vec<Place>,
    /// What the sandbox had in memory before the image's own programs: the image's files.
    before: u64,
}

impl Cgroup {
    /// Makes groups and puts a process, and all that will come from it, into them. None where that is not allowed.
    pub(in crate::sandbox) fn around(process: u32) -> Option<Self> {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let places = places(&read("cgroup"), &read("mountinfo"));
        let name = format!("{PREFIX}{}-{process}", std::process::id());
        let mut made = Self { groups: Vec::new(), before: 0 };
        for Place { version, folder } in places {
            if version == Version::Unified && !(made.groups.is_empty() && has_controllers(&folder)) {
                continue;
            }
            remove_leftovers(&folder);
            let group = folder.join(&name);
            if fs::create_dir(&group).is_err() {
                continue;
            }
            // First among those to be removed, whatever comes next.
            made.groups.push(Place { version, folder: group.clone() });
            if fs::write(group.join("cgroup.procs"), process.to_string()).is_err() {
                made.groups.pop();
                let _ = fs::remove_dir(&group);
            }
        }
        (!made.groups.is_empty()).then_some(made)
    }

    /// Sets the limits. What is there by now, which is the image's files, does not count.
    pub(in crate::sandbox) fn limit(&mut self, memory_bytes: u64) {
        self.before = self.number("memory.usage_in_bytes", "memory.current").unwrap_or_default();
        let memory = self.before.saturating_add(memory_bytes);
        for Place { version, folder } in &self.groups {
            // A limit that cannot be set is one that there is not: the sampler measures all the same.
            let set = |file: &str, value: u64| fs::write(folder.join(file), value.to_string());
            let _ = match version {
                Version::Memory => {
                    set("memory.max_usage_in_bytes", 0).and(set("memory.limit_in_bytes", memory))
                }
                Version::Processes => set("pids.max", MOST_PROCESSES),
                Version::Unified => set("memory.max", memory).and(set("pids.max", MOST_PROCESSES)),
            };
        }
    }

    /// The most memory in bytes that was taken beyond the image's files. It has files in /tmp in it, which are no memory of the
    /// function's on Lambda: the most that it can have been.
    pub(in crate::sandbox) fn peak(&self) -> Option<u64> {
        let peak = self.number("memory.max_usage_in_bytes", "memory.peak")?;
        Some(peak.saturating_sub(self.before))
    }

    /// How many processes the kernel has ended for their memory.
    pub(in crate::sandbox) fn killed(&self) -> u64 {
        let file = self.memory("memory.oom_control", "memory.events");
        let text = file.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or_default()
    }

    fn number(&self, first: &str, second: &str) -> Option<u64> {
        fs::read_to_string(self.memory(first, second)?).ok()?.trim().parse().ok()
    }

    /// A file of the memory controller, by its name in both versions.
    fn memory(&self, first: &str, second: &str) -> Option<PathBuf> {
        self.groups.iter().find_map(|Place { version, folder }| match version {
            Version::Memory => Some(folder.join(first)),
            Version::Unified => Some(folder.join(second)),
            Version::Processes => None,
        })
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let (times, pause) = TRIES;
        for Place { folder, .. } in &self.groups {
            for _ in 0..times {
                match fs::remove_dir(folder) {
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy => std::thread::sleep(pause),
                    // What else there is, the next run tries again.
                    _ => break,
                }
            }
        }
    }
}

/// Whether groups in this folder of version 2 have limits.
fn has_controllers(folder: &Path) -> bool {
    let enabled = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
    enabled.split_whitespace().any(|name| name == "memory")
}

/// Removes groups of runs whose tool is gone. One with processes in it cannot be removed.
fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(maker) = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()) else { continue };
        if maker.parse::<u32>().is_ok() && !Path::new("/proc").join(maker).exists() {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Where groups can be made for this process, out of /proc/self/cgroup and /proc/self/mountinfo.
fn places(cgroup: &str, mountinfo: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for line in mountinfo.lines() {
        let Some((mount, system)) = line.split_once(" - ") else { continue };
        let mount: Vec<&str> = mount.split(' ').collect();
        let system: Vec<&str> = system.split(' ').collect();
        let (&[_, _, _, root, point, ..], &[kind, _, options, ..]) = (&mount[..], &system[..]) else {
            continue;
        };
        let controllers: Vec<&str> = options.split(',').collect();
        let own = |wanted: &dyn Fn(&str) -> bool| {
            let path = cgroup.lines().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                let names = fields.next()?;
                wanted(names).then(|| fields.next())?
            })?;
            Some(Path::new(point).join(Path::new(path).strip_prefix(root).ok()?))
        };
        let of_controller = |name: &'static str, version| {
            let is_here = kind == "cgroup" && controllers.contains(&name);
            let folder = is_here.then(|| own(&|names| names.split(',').any(|known| known == name)))??;
            Some(Place { version, folder })
        };
        places.extend(of_controller("memory", Version::Memory));
        places.extend(of_controller("pids", Version::Processes));
        if let Some(folder) = (kind == "cgroup2").then(|| own(&str::is_empty)).flatten() {
            // A group with processes of its own, as ours, has no groups with limits below it; its neighbours may have limits.
            let above = folder.parent().filter(|above| above.starts_with(point)).map(Path::to_owned);
            let folders = above.into_iter().chain([folder]);
            places.extend(folders.map(|folder| Place { version: Version::Unified, folder }));
        }
    }
    // Where both versions are there, the controllers are most often in the first.
    places.sort_by_key(|place| place.version == Version::Unified);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(version: Version, folder: &str) -> Place {
        Place { version, folder: folder.into() }
    }

    #[test]
    fn groups_are_made_below_our_own_in_version_one_and_beside_it_in_version_two() {
        let first = "4:memory:/session/a\n8:pids:/\n9:name=systemd:/x\n0::/\n";
        let mounts = "30 1 0:20 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      31 1 0:21 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                      32 1 0:22 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,name=systemd\n\
                      33 1 0:23 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 none rw\n";
        let expected = [
            place(Version::Memory, "/sys/fs/cgroup/memory/session/a"),
            place(Version::Processes, "/sys/fs/cgroup/pids"),
            place(Version::Unified, "/sys/fs/cgroup/unified"),
        ];
        assert_eq!(places(first, mounts), expected);

        let mounts = "33 1 0:23 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        let expected = [
            place(Version::Unified, "/sys/fs/cgroup/user.slice"),
            place(Version::Unified, "/sys/fs/cgroup/user.slice/run.scope"),
        ];
        assert_eq!(places("0::/user.slice/run.scope\n", mounts), expected);
        // A container sees its own part only.
        let inside = "33 1 0:23 /docker/1 /sys/fs/cgroup rw - cgroup cgroup rw,memory\n";
        assert_eq!(places("4:memory:/docker/1/x\n", inside), [place(Version::Memory, "/sys/fs/cgroup/x")]);
        assert_eq!(places("4:memory:/other\n", inside), []);
    }

    #[test]
    fn only_groups_of_dead_makers_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::process::id();
        for name in [format!("{PREFIX}{own}-1"), "other".to_owned()] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let dead = folder.path().join(format!("{PREFIX}4194304-1"));
        fs::create_dir(&dead).unwrap();
        remove_leftovers(folder.path());
        assert!(!dead.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
