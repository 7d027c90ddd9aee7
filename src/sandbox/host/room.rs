//! Where the image's files go: into memory where it is ample, else to the disk.

use std::fs;
use std::path::Path;

use crate::image::LocalImage;
use crate::sandbox::wire::Room;

/// What stays free of a disk.
const DISK_RESERVE: u64 = 256 << 20;
/// How much larger than their gzip layers usually are, and with a margin.
const GUESSED_RATIO: u64 = 4;

/// A place, and how much may be put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct RoomPlan {
    pub(in crate::sandbox) room: Room,
    pub(in crate::sandbox) bytes: u64,
}

impl RoomPlan {
    /// The places to try in turn: the second where the first turns out to be too small.
    pub(in crate::sandbox) fn candidates(image: &LocalImage, folder: &Path) -> Vec<Self> {
        let needed = image.layers.iter().map(|layer| {
            layer.known_uncompressed_size().unwrap_or(layer.stored_size.saturating_mul(GUESSED_RATIO))
        });
        let disk =
            rustix::fs::statvfs(folder).map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize));
        choose(needed.sum(), available_memory(), disk)
    }
}

/// Half of the memory at most: what runs in the sandbox, and everything else, needs some too.
fn choose(needed: u64, memory: u64, disk: u64) -> Vec<RoomPlan> {
    let memory = RoomPlan { room: Room::Memory, bytes: memory / 2 };
    let disk = RoomPlan { room: Room::Disk, bytes: disk.saturating_sub(DISK_RESERVE) };
    if needed <= memory.bytes { vec![memory, disk] } else { vec![disk] }
}

fn available_memory() -> u64 {
    fs::read_to_string("/proc/meminfo").ok().and_then(|text| read_available(&text)).unwrap_or_default()
}

fn read_available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn memory_is_used_where_half_of_it_is_enough() {
        let rooms = |needed, memory, disk| -> Vec<Room> {
            choose(needed, memory, disk).into_iter().map(|plan| plan.room).collect()
        };
        assert_eq!(rooms(GIB, 2 * GIB, GIB), [Room::Memory, Room::Disk]);
        assert_eq!(rooms(GIB + 1, 2 * GIB, GIB), [Room::Disk]);
        assert_eq!(choose(1, 0, 100)[0].bytes, 0);
        assert_eq!(read_available("MemTotal: 9 kB\nMemAvailable:   21685 kB\n"), Some(21685 << 10));
    }
}
