//! The filters of system calls: what Lambda refuses too, and what is watched.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use super::calls::{WATCHED, WatchedCall};

/// Refused with EPERM: what changes the system, looks into other processes or makes namespaces, none of which a function of Lambda can do, and
/// io_uring, whose requests no filter would see.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// Installs the filters for good, for this process and all that come from it.
pub(super) fn install(watch: bool) -> io::Result<()> {
    apply(SeccompAction::Errno(libc::EPERM as u32), REFUSED.iter().copied())?;
    if watch {
        // Without a tracer such a call would fail.
        apply(SeccompAction::Trace(0), WATCHED.iter().map(|WatchedCall { number, .. }| *number))?;
    }
    Ok(())
}

fn apply(action: SeccompAction, calls: impl Iterator<Item = libc::c_long>) -> io::Result<()> {
    let rules: BTreeMap<i64, _> = calls.map(|number| (number, Vec::new())).collect();
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, architecture);
    let program: BpfProgram = filter.map_err(io::Error::other)?.try_into().map_err(io::Error::other)?;
    apply_filter(&program).map_err(io::Error::other)
}
