//! Lets a traced thread go on, with any signal.
//!
//! `nix` has safe functions for this, whose signals are an enum of the thirty-one classic ones. A program under the sandbox's
//! tracer also gets real-time signals, which must reach it: .NET suspends its threads with number 34, glibc cancels threads with 32 and changes users with 33.
//! So this one call is made here. It takes numbers only, no address of this process, and the kernel checks them all.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_not_traced_is_an_error() {
        let own = std::process::id() as i32;
        assert_eq!(resume(own, Until::NextEvent, 0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }
}
