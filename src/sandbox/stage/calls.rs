//! The system calls that name a file, and where in their arguments they do.

/// A call that is watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct WatchedCall {
    /// Its number.
    pub(super) number: libc::c_long,
    /// Its name.
    pub(super) name: &'static str,
    /// Which argument is the folder that a relative path begins in; none where that is the working directory.
    pub(super) folder: Option<usize>,
    /// Which argument is the path.
    pub(super) path: usize,
    /// What it wants to do there.
    pub(super) intent: Intent,
}

/// What a call wants to do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Look at it.
    Read,
    /// Change it, or the folder it is in.
    Write,
    /// What its flags say, in this argument.
    Flags(usize),
}

impl Intent {
    /// Whether a call with these arguments would change something.
    pub(super) fn writes(self, arguments: &[u64; 6]) -> bool {
        const CHANGING: i32 = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;
        match self {
            Self::Read => false,
            Self::Write => true,
            // The upper half of a register says nothing about an `int`.
            Self::Flags(index) => arguments[index] as i32 & CHANGING != 0,
        }
    }
}

const fn at(number: libc::c_long, name: &'static str, intent: Intent) -> WatchedCall {
    WatchedCall { number, name, folder: Some(0), path: 1, intent }
}

/// The place that is written comes second.
const fn second(number: libc::c_long, name: &'static str, folder: usize, path: usize) -> WatchedCall {
    WatchedCall { number, name, folder: Some(folder), path, intent: Intent::Write }
}

const fn plain(number: libc::c_long, name: &'static str, path: usize, intent: Intent) -> WatchedCall {
    WatchedCall { number, name, folder: None, path, intent }
}

/// All of them.
pub(super) const WATCHED: &[WatchedCall] = &[
    at(libc::SYS_openat, "openat", Intent::Flags(2)),
    at(libc::SYS_mkdirat, "mkdirat", Intent::Write),
    at(libc::SYS_mknodat, "mknodat", Intent::Write),
    at(libc::SYS_unlinkat, "unlinkat", Intent::Write),
    at(libc::SYS_fchmodat, "fchmodat", Intent::Write),
    at(libc::SYS_fchownat, "fchownat", Intent::Write),
    second(libc::SYS_renameat2, "renameat2", 2, 3),
    second(libc::SYS_renameat, "renameat", 2, 3),
    second(libc::SYS_linkat, "linkat", 2, 3),
    second(libc::SYS_symlinkat, "symlinkat", 1, 2),
    plain(libc::SYS_truncate, "truncate", 0, Intent::Write),
    plain(libc::SYS_execve, "execve", 0, Intent::Read),
    plain(libc::SYS_chdir, "chdir", 0, Intent::Read),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_open, "open", 0, Intent::Flags(1)),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_creat, "creat", 0, Intent::Write),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_mkdir, "mkdir", 0, Intent::Write),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_rmdir, "rmdir", 0, Intent::Write),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_unlink, "unlink", 0, Intent::Write),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_rename, "rename", 1, Intent::Write),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_link, "link", 1, Intent::Write),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_symlink, "symlink", 1, Intent::Write),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_mknod, "mknod", 0, Intent::Write),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_chmod, "chmod", 0, Intent::Write),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_chown, "chown", 0, Intent::Write),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_writes_when_its_flags_say_so() {
        let table = [
            (libc::O_RDONLY, false),
            (libc::O_RDONLY | libc::O_CLOEXEC | libc::O_DIRECTORY, false),
            (libc::O_WRONLY, true),
            (libc::O_RDWR, true),
            (libc::O_RDONLY | libc::O_CREAT, true),
            (libc::O_RDONLY | libc::O_TRUNC, true),
        ];
        for (flags, writes) in table {
            let arguments = [0, 0, flags as u64 | 0xffff_ffff_0000_0000, 0, 0, 0];
            assert_eq!(Intent::Flags(2).writes(&arguments), writes, "{flags:o}");
        }
    }

    #[test]
    fn no_call_is_in_the_table_twice() {
        let mut numbers: Vec<_> = WATCHED.iter().map(|call| call.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), WATCHED.len());
    }
}
