//! Which ids the sandbox can have on this machine, and how they are mapped.

use std::fs;
use std::io;
use std::process::Command;

use super::Engine;
use crate::sandbox::wire::{self, Identity};

/// Where the ids of a sandbox of root's begin outside: a range that no user and no tool is given by default.
const ROOTS_RANGE: u32 = 1_000_000_000;
/// How many ids an image may use.
const WIDTH: u32 = 65_536;

/// A way to make a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) user_namespace: bool,
    pub(super) identity: Identity,
    /// In whose container; none where this process starts it itself.
    pub(super) engine: Option<Engine>,
}

/// The ways to try in turn.
pub(super) fn ways(on_disk: bool) -> Vec<Way> {
    let mut ways = own_ways(on_disk);
    // On disk a container's root would leave files that this user may not remove.
    if !on_disk {
        let way = |engine| Way { user_namespace: false, identity: Identity::Real, engine: Some(engine) };
        ways.extend([Engine::Docker, Engine::Podman].map(way));
    }
    ways
}

/// Those without anybody's help.
fn own_ways(on_disk: bool) -> Vec<Way> {
    let way = |user_namespace, identity| Way { user_namespace, identity, engine: None };
    if rustix::process::geteuid().is_root() {
        let mut ways = vec![way(true, Identity::Range)];
        // Root of a user namespace, as in a container, has only the ids that it was given.
        let has = |file, id| fs::read_to_string(file).is_ok_and(|map| is_mapped(&map, id));
        if has("/proc/self/uid_map", wire::USER) && has("/proc/self/gid_map", wire::GROUP) {
            ways.push(way(false, Identity::Real));
        }
        ways.push(way(true, Identity::Single));
        return ways;
    }
    let single = way(true, Identity::Single);
    // On disk, files of other ids would be left that this user may not remove.
    if on_disk { vec![single] } else { vec![way(true, Identity::Range), single] }
}

/// Maps the ids of the user namespace that `process` is in.
pub(super) fn map(process: u32, identity: Identity) -> io::Result<()> {
    let own = [rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()];
    let proc = |file: &str| format!("/proc/{process}/{file}");
    match identity {
        Identity::Real => Ok(()),
        Identity::Single => {
            fs::write(proc("setgroups"), "deny")?;
            fs::write(proc("uid_map"), format!("0 {} 1", own[0]))?;
            fs::write(proc("gid_map"), format!("0 {} 1", own[1]))
        }
        Identity::Range if own[0] == 0 => {
            // Root inside is root outside, who can do nothing outside any more; everybody else is nobody there.
            let ids = format!("0 0 1\n1 {ROOTS_RANGE} {}", WIDTH - 1);
            fs::write(proc("uid_map"), &ids)?;
            fs::write(proc("gid_map"), &ids)
        }
        Identity::Range => {
            for (program, file, own) in
                [("newuidmap", "/etc/subuid", own[0]), ("newgidmap", "/etc/subgid", own[1])]
            {
                let ranges = fs::read_to_string(file)?;
                let range = subordinate(&ranges, &names())
                    .ok_or_else(|| io::Error::other(format!("{file} has no range for this user")))?;
                map_with(program, process, own, range)?;
            }
            Ok(())
        }
    }
}

fn map_with(program: &str, process: u32, own: u32, (begin, width): (u32, u32)) -> io::Result<()> {
    let numbers = [process, 0, own, 1, 1, begin, width.min(WIDTH - 1)];
    let output = Command::new(program).args(numbers.map(|number| number.to_string())).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().escape_debug().to_string();
    Err(io::Error::other(format!("{program}: {said}")))
}

/// Whether there is an id of this number inside, by a table of /proc: first inside, first outside, how many.
fn is_mapped(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        (first..first + count).contains(&u64::from(id))
    })
}

/// What this user may be called in /etc/subuid: the number, and the name.
fn names() -> Vec<String> {
    let own = rustix::process::geteuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == own).then(|| name.to_owned())
    });
    [Some(own), name].into_iter().flatten().collect()
}

/// The first and the number of the ids that somebody of these names may use.
fn subordinate(text: &str, names: &[String]) -> Option<(u32, u32)> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let (begin, width) = (fields.next()?.parse().ok()?, fields.next()?.trim().parse().ok()?);
        (names.iter().any(|known| known == name) && width > wire::USER).then_some((begin, width))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_there_where_a_line_has_it() {
        assert!(is_mapped("         0          0 4294967295\n", 993));
        assert!(is_mapped("0 1000 1\n1 100000 65536\n", 993));
        assert!(!is_mapped("         0          0          1\n", 993));
        assert!(is_mapped("993 65534 1", 993) && !is_mapped("", 993));
    }

    #[test]
    fn the_range_of_a_user_is_found_by_name_or_number() {
        let text = "root:1:65536\nada:100000:65536\n1001:165536:65536\nfew:5:10\n";
        let find = |name: &str| subordinate(text, &[name.to_owned()]);
        assert_eq!(find("ada"), Some((100_000, 65_536)));
        assert_eq!(find("1001"), Some((165_536, 65_536)));
        assert_eq!(find("few"), None);
        assert_eq!(find("nobody"), None);
    }
}
