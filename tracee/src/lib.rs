//! The two system calls of the sandbox that no safe interface covers.
//!
//! [`resume`] lets a traced thread go on, with any signal.
//! `nix` has safe functions for this, whose signals are an enum of the thirty-one classic ones. A program under the sandbox's
//! tracer also gets real-time signals, which must reach it: .NET suspends its threads with number 34, glibc cancels threads with 32 and changes users with 33.
//! So this call is made here. It takes numbers only, no address of this process, and the kernel
//! checks them all.
//!
//! [`restore_broken_pipe`] gives a program that is about to be executed the signal back that Rust's start-up code ignores for us. The standard
//! library does so in `Command`, but only together with `execvp`, which gives what is no program to a shell. It sets no handler.

#![cfg(target_os = "linux")]

use std::io;

/// Up to where a thread goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// To whatever stops it next.
    NextEvent,
    /// At most to the end of the system call that it is in.
    EndOfCall,
}

/// Lets a thread that is stopped under this thread's tracing go on. It gets the signal of that number, or none for 0.
///
/// # Errors
/// Fails when the thread is gone, not stopped, or not traced by this thread.
pub fn resume(thread: i32, until: Until, signal: i32) -> io::Result<()> {
    let request = match until {
        Until::NextEvent => libc::PTRACE_CONT,
        Until::EndOfCall => libc::PTRACE_SYSCALL,
    };
    let no_address = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: for these two requests the kernel ignores the address and takes the data as a number (ptrace(2)); nothing of this
    // process's memory is read or written.
    let result = unsafe { libc::ptrace(request, thread, no_address, libc::c_long::from(signal)) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes SIGPIPE end this process again, as programs expect to find it.
///
/// # Errors
/// Fails when the kernel refuses, which it has no reason to.
pub fn restore_broken_pipe() -> io::Result<()> {
    // SAFETY: the default action runs no code of ours.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_not_traced_is_an_error() {
        let own = std::process::id() as i32;
        assert_eq!(resume(own, Until::NextEvent, 0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }
}
