//! The tracer: sees the calls that name a file begin and end, and notes those that were refused.
//!
//! A filter of system calls stops a program at these calls only, so all others run at full speed. What is noted was really asked and really
//! refused, whatever the program is linked with. The program's own view does not change, but that it takes longer: two stops a call.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use lambda_lift_tracee::{Until, resume};
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;

use super::calls::WATCHED;
use crate::sandbox::wire::Denial;

/// The most refusals that are told.
const MOST_DENIALS: usize = 200;
/// The longest path (PATH_MAX).
const LONGEST_PATH: usize = 4096;
/// The sign of a stop at a system call (`PTRACE_O_TRACESYSGOOD`).
const CALL_STOP: i32 = libc::SIGTRAP | 0x80;
/// `PTRACE_EVENT_SECCOMP` of ptrace(2).
const EVENT_SECCOMP: i32 = 7;

/// What it knows of the threads that it traces.
pub(super) struct Watch {
    /// The sandbox's /proc as this process sees it.
    proc: PathBuf,
    /// The calls under way, by thread.
    under_way: HashMap<i32, Denial>,
    told: HashSet<Denial>,
}

impl Watch {
    pub(super) fn new(root: &Path) -> Self {
        Self { proc: root.join("proc"), under_way: HashMap::new(), told: HashSet::new() }
    }

    /// Begins to trace a process, and all that come from it. False where the kernel does not allow it.
    pub(super) fn begin(&self, process: u32) -> bool {
        use ptrace::Options;
        let options = Options::PTRACE_O_TRACESECCOMP
            | Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_EXITKILL;
        ptrace::seize(Pid::from_raw(process.cast_signed()), options).is_ok()
    }

    /// A traced thread has stopped, with this status of wait(2). Lets it go on; gives the refusal when that was one.
    pub(super) fn stopped(&mut self, thread: i32, status: i32) -> Option<Denial> {
        let (signal, event) = (status >> 8 & 0xff, status >> 16);
        let (until, deliver, denial) = match event {
            EVENT_SECCOMP => match self.entered(thread) {
                Some(call) => {
                    self.under_way.insert(thread, call);
                    (Until::EndOfCall, 0, None)
                }
                None => (Until::NextEvent, 0, None),
            },
            0 if signal == CALL_STOP => (Until::NextEvent, 0, self.left(thread)),
            0 => (Until::NextEvent, signal, None),
            // Births of threads, and stops of whole groups: a function has nobody who would let it go on.
            _ => (Until::NextEvent, 0, None),
        };
        // Fails when the thread was killed meanwhile; its end is told on its own.
        let _ = resume(thread, until, deliver);
        denial
    }

    /// A thread is no more.
    pub(super) fn ended(&mut self, thread: i32) {
        self.under_way.remove(&thread);
    }

    fn entered(&self, thread: i32) -> Option<Denial> {
        let registers = ptrace::getregs(Pid::from_raw(thread)).ok()?;
        let (number, arguments) = call(&registers);
        let watched = WATCHED.iter().find(|call| call.number == number)?;
        let path = self.path(thread, arguments[watched.path])?;
        let path = match watched.folder.map(|index| arguments[index] as i32) {
            _ if path.is_absolute() => path,
            None | Some(libc::AT_FDCWD) => self.link(thread, "cwd")?.join(path),
            Some(folder) => self.link(thread, &format!("fd/{folder}"))?.join(path),
        };
        Some(Denial {
            call: watched.name.to_owned(),
            path: path.to_string_lossy().into_owned(),
            errno: 0,
            writes: watched.intent.writes(&arguments),
        })
    }

    fn left(&mut self, thread: i32) -> Option<Denial> {
        let call = self.under_way.remove(&thread)?;
        let registers = ptrace::getregs(Pid::from_raw(thread)).ok()?;
        let errno = i32::try_from(-result(&registers)).ok()?;
        let refused = match errno {
            libc::EROFS | libc::EPERM | libc::EACCES => true,
            // A program that was to be executed, and is not there or not for this machine.
            libc::ENOENT | libc::ENOEXEC | libc::ENOSPC => false,
            _ => false,
        };
        // Written where a program may write, it is no affair of ours.
        let denial = Denial { errno, ..call };
        let is_new = refused && self.told.len() < MOST_DENIALS && self.told.insert(denial.clone());
        is_new.then_some(denial)
    }

    /// The text that lies at an address of the thread's.
    fn path(&self, thread: i32, address: u64) -> Option<PathBuf> {
        let memory = File::open(self.proc.join(format!("{thread}/mem"))).ok()?;
        let mut bytes = Vec::new();
        // Up to the end of a page at a time: what lies behind it need not be mapped.
        while bytes.len() < LONGEST_PATH {
            let position = address + bytes.len() as u64;
            let mut piece = vec![0; 4096 - (position % 4096) as usize];
            let count = memory.read_at(&mut piece, position).ok().filter(|count| *count > 0)?;
            if let Some(end) = piece[..count].iter().position(|byte| *byte == 0) {
                bytes.extend(&piece[..end]);
                return Some(PathBuf::from(std::ffi::OsStr::from_bytes(&bytes)));
            }
            bytes.extend(&piece[..count]);
        }
        None
    }

    fn link(&self, thread: i32, name: &str) -> Option<PathBuf> {
        fs::read_link(self.proc.join(format!("{thread}/{name}"))).ok()
    }
}

/// The number and the arguments of the call that a thread is in.
#[cfg(target_arch = "x86_64")]
fn call(registers: &libc::user_regs_struct) -> (libc::c_long, [u64; 6]) {
    let libc::user_regs_struct { rdi, rsi, rdx, r10, r8, r9, .. } = *registers;
    (registers.orig_rax.cast_signed(), [rdi, rsi, rdx, r10, r8, r9])
}

#[cfg(target_arch = "x86_64")]
fn result(registers: &libc::user_regs_struct) -> i64 {
    registers.rax.cast_signed()
}

/// The number and the arguments of the call that a thread is in.
#[cfg(target_arch = "aarch64")]
fn call(registers: &libc::user_regs_struct) -> (libc::c_long, [u64; 6]) {
    let r = &registers.regs;
    (r[8].cast_signed(), [r[0], r[1], r[2], r[3], r[4], r[5]])
}

#[cfg(target_arch = "aarch64")]
fn result(registers: &libc::user_regs_struct) -> i64 {
    registers.regs[0].cast_signed()
}
