//! The last stage: becomes nobody in particular, in the image's root, and then the image's own program.
//!
//! It waits for its orders until whoever watches it is ready, and says over the same socket what could not be done.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use lambda_lift_tracee::restore_broken_pipe;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::execve;
use rustix::fs::{Mode, OFlags, open};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Resource, Rlimit, pivot_root, setrlimit, setsid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::filter;
use crate::sandbox::wire::{self, GROUP, Identity, Program, Refusal, USER};

/// Lambda's limits: "File descriptors 1,024, execution processes/threads 1,024".
const DESCRIPTORS: u64 = 1024;
const PROCESSES: u64 = 1024;

/// Becomes the program that it is told. Comes back only when that fails.
pub(super) fn run(socket: &mut UnixStream) -> ExitCode {
    let Ok(Some(program)) = wire::receive::<Program>(socket) else { return ExitCode::FAILURE };
    let refusal = match become_nobody(&program) {
        Ok(()) => execute(&program),
        Err(refusal) => refusal,
    };
    // Close-on-exec: that the socket ends is how the other side learns of success.
    let _ = wire::send(socket, &refusal);
    ExitCode::FAILURE
}

/// With `execve` itself: `execvp` would give what is no program to a shell, which Lambda does not.
fn execute(program: &Program) -> Refusal {
    let refused = |errno: Errno| Refusal { step: "execute".to_owned(), errno: errno as i32 };
    let Some(first) = program.arguments.first() else { return refused(Errno::ENOENT) };
    let path = program.environment.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value);
    let environment = program.environment.iter().map(|(name, value)| format!("{name}={value}"));
    let (Ok(file), Ok(arguments), Ok(environment)) = (
        CString::new(find(first, path)),
        program.arguments.iter().map(|word| CString::new(word.as_str())).collect::<Result<Vec<_>, _>>(),
        environment.map(CString::new).collect::<Result<Vec<_>, _>>(),
    ) else {
        return refused(Errno::EINVAL);
    };
    // Rust's own programs ignore it, and what is ignored stays so.
    if restore_broken_pipe().is_err() {
        return refused(Errno::EINVAL);
    }
    match execve(&file, &arguments, &environment) {
        Ok(never) => match never {},
        Err(errno) => refused(errno),
    }
}

/// A word without a slash is looked for in the folders of PATH.
fn find(word: &str, path: &str) -> String {
    let places = path.split(':').map(|folder| format!("{folder}/{word}"));
    let found = places.filter(|_| !word.contains('/')).find(|place| Path::new(place).is_file());
    found.unwrap_or_else(|| word.to_owned())
}

/// Names the step that failed.
fn step<T>(what: &str, result: Result<T, impl Into<io::Error>>) -> Result<T, Refusal> {
    result.map_err(|error| Refusal {
        step: what.to_owned(),
        errno: error.into().raw_os_error().unwrap_or_default(),
    })
}

fn become_nobody(program: &Program) -> Result<(), Refusal> {
    step("make a session", setsid())?;
    step("make the image's folder the root", enter_root(&program.root))?;
    step("take its standard input away", empty_input())?;
    for (what, limit) in [(Resource::Nofile, DESCRIPTORS), (Resource::Nproc, PROCESSES), (Resource::Core, 0)]
    {
        let limits = Rlimit { current: Some(limit), maximum: Some(limit) };
        step("set limits", setrlimit(what, limits))?;
    }
    drop_bounding_set();
    step("become an unprivileged user", change_user(program.identity))?;
    step(
        "give up all capabilities",
        set_capabilities(
            None,
            CapabilitySets {
                effective: CapabilitySet::empty(),
                permitted: CapabilitySet::empty(),
                inheritable: CapabilitySet::empty(),
            },
        ),
    )?;
    step("change into the working directory", std::env::set_current_dir(&program.directory))?;
    step("give up new privileges", set_no_new_privs(true))?;
    step("install the filter of system calls", filter::install(program.traced))
}

/// The image's root becomes the only root there is in a mount namespace of this program's own.
fn enter_root(root: &Path) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    std::env::set_current_dir(root)?;
    // The old root lies over the new one for a moment, and goes.
    pivot_root(c".", c".")?;
    unmount(c".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")
}

fn empty_input() -> io::Result<()> {
    const NULL: &CStr = c"/dev/null";
    let null = open(NULL, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::stdio::dup2_stdin(&null)?)
}

fn drop_bounding_set() {
    // A kernel knows fewer than there are names for, and some may be gone already.
    for capability in CapabilitySet::all().iter() {
        let _ = remove_capability_from_bounding_set(capability);
    }
}

fn change_user(identity: Identity) -> io::Result<()> {
    let (user, group) = (rustix::fs::Uid::from_raw(USER), rustix::fs::Gid::from_raw(GROUP));
    if identity == Identity::Single {
        // There is no second id to change to. In a namespace below, the one there is has another name.
        unshare(CloneFlags::CLONE_NEWUSER)?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/gid_map", format!("{GROUP} 0 1"))?;
        return std::fs::write("/proc/self/uid_map", format!("{USER} 0 1"));
    }
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    Ok(set_thread_res_uid(user, user, user)?)
}
