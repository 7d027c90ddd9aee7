//! The filters of system calls: what Lambda refuses too, and what is watched.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

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
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
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

/// What `clone` would make a namespace of. `clone3` has its flags in memory, where no filter sees them, and does not exist here: the C
/// libraries go back to `clone` then, as they do under Docker.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

/// The families of sockets that there are. Others, such as those of virtual machines, know nothing of network namespaces.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// The rules for one action: calls, each with its conditions, or refused whatever its arguments are.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Installs the filters for good, for this process and all that come from it.
pub(super) fn install(watch: bool) -> io::Result<()> {
    let mut refused = always(REFUSED.iter().copied());
    let namespaces = NAMESPACES.map(|flag| {
        let flag = flag as u64;
        rule(vec![condition(SeccompCmpOp::MaskedEq(flag), flag)?])
    });
    refused.insert(libc::SYS_clone, namespaces.into_iter().collect::<io::Result<_>>()?);
    apply(SeccompAction::Errno(libc::EPERM as u32), refused)?;
    apply(SeccompAction::Errno(libc::ENOSYS as u32), always([libc::SYS_clone3].into_iter()))?;
    let other = FAMILIES.map(|family| condition(SeccompCmpOp::Ne, family as u64));
    let other = rule(other.into_iter().collect::<io::Result<_>>()?)?;
    let sockets = [libc::SYS_socket, libc::SYS_socketpair].map(|call| (call, vec![other.clone()]));
    apply(SeccompAction::Errno(libc::EAFNOSUPPORT as u32), sockets.into())?;
    if watch {
        // Without a tracer such a call would fail.
        apply(SeccompAction::Trace(0), always(WATCHED.iter().map(|WatchedCall { number, .. }| *number)))?;
    }
    Ok(())
}

fn always(calls: impl Iterator<Item = libc::c_long>) -> Rules {
    calls.map(|number| (number, Vec::new())).collect()
}

/// A rule that holds when all of its conditions do.
fn rule(conditions: Vec<SeccompCondition>) -> io::Result<SeccompRule> {
    SeccompRule::new(conditions).map_err(io::Error::other)
}

/// A condition on a call's first argument, of which the kernel looks at 32 bits.
fn condition(operator: SeccompCmpOp, value: u64) -> io::Result<SeccompCondition> {
    SeccompCondition::new(0, SeccompCmpArgLen::Dword, operator, value).map_err(io::Error::other)
}

fn apply(action: SeccompAction, rules: Rules) -> io::Result<()> {
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, architecture);
    let program: BpfProgram = filter.map_err(io::Error::other)?.try_into().map_err(io::Error::other)?;
    apply_filter(&program).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;
    use rustix::net::{AddressFamily, SocketType, socket};

    use super::*;

    #[test]
    fn programs_and_sockets_of_the_usual_kind_work_behind_the_filters_and_no_others() {
        install(false).unwrap();
        // Neither a thread nor a process needs clone3.
        assert_eq!(std::thread::spawn(|| 7).join().unwrap(), 7);
        assert!(std::process::Command::new("true").status().unwrap().success());
        let of = |family| socket(family, SocketType::STREAM, None).map(drop);
        assert_eq!(of(AddressFamily::UNIX), Ok(()));
        assert_eq!(of(AddressFamily::INET), Ok(()));
        assert_eq!(of(AddressFamily::INET6), Ok(()));
        assert_eq!(of(AddressFamily::VSOCK), Err(Errno::AFNOSUPPORT));
        assert_eq!(of(AddressFamily::PACKET), Err(Errno::AFNOSUPPORT));
    }
}
