//! What runs inside: this same program, started again under a hidden name, single-threaded and before anything else.
//!
//! ```text
//! the tool ── foundation: namespaces, loopback, the listening socket
//!               └─ keeper: process 1 of the sandbox; mounts, starts, watches and reaps
//!                    ├─ unpack: changes its root to the empty folder first, so that nothing can escape from it
//!                    └─ program: becomes nobody, and then the image's own program
//! ```
//!
//! A process cannot enter namespaces once it has threads, and `fork` without `exec` is not safe in Rust; so each stage is a program of its
//! own, and only Tokio-free code is in it. They talk to the tool over the socket that is their stdin. When the tool dies, however it dies, the
//! socket ends; then process 1 ends, and the kernel takes everything else with it.

mod calls;
mod filter;
mod foundation;
mod keeper;
mod loopback;
mod memory;
mod mounts;
mod permissions;
mod program;
mod sparse;
mod unpack;
mod watch;

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};

use super::wire::{self, Notice};

/// The hidden first argument.
pub(super) const HIDDEN_COMMAND: &str = "__sandbox";

/// Runs a stage, when that is what this process was started for. Must be called before any thread is started.
pub fn run_stage() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != HIDDEN_COMMAND {
        return None;
    }
    let stage = arguments.next().unwrap_or_default();
    Some(run(&stage))
}

fn run(stage: &OsString) -> ExitCode {
    let Ok(mut socket) = connected().and_then(|()| socket()) else { return ExitCode::FAILURE };
    let ended = match stage.to_str() {
        Some("foundation") => foundation::run(&mut socket),
        Some("keeper") => keeper::run(&mut socket),
        Some("unpack") => unpack::run(&mut socket),
        Some("program") => return program::run(&mut socket),
        _ => return ExitCode::FAILURE,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(StageError::Reported) => ExitCode::FAILURE,
        Err(StageError::Step { what, source }) => {
            let full = matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
            );
            let notice = Notice::Failed { what, reason: source.to_string(), full };
            // The tool may be gone, which is one reason to fail.
            let _ = wire::send(&mut socket, &notice);
            ExitCode::FAILURE
        }
    }
}

/// In a container there is nobody to inherit the socket from: then a further argument says where the tool listens.
fn connected() -> io::Result<()> {
    let Some(path) = std::env::args_os().nth(3) else { return Ok(()) };
    let socket = UnixStream::connect(path)?;
    Ok(rustix::stdio::dup2_stdin(&socket)?)
}

/// The socket to the tool: stdin, without a buffer, since one stage reads on where another one stopped.
fn socket() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Another stage of this program.
pub(super) fn stage(name: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    // What the user has in the environment is none of the image's business.
    command.args([HIDDEN_COMMAND, name]).env_clear();
    command
}

/// How a stage fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    /// A step did not succeed.
    #[error("{what}")]
    Step {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Another stage has said why.
    #[error("another stage failed")]
    Reported,
}

/// Names what was tried.
pub(super) trait Tried<T> {
    /// The same with the name of what was tried.
    fn tried(self, what: impl Into<String>) -> Result<T, StageError>;
}

impl<T, E: Into<io::Error>> Tried<T> for Result<T, E> {
    fn tried(self, what: impl Into<String>) -> Result<T, StageError> {
        self.map_err(|error| StageError::Step { what: what.into(), source: error.into() })
    }
}

/// The next message of the tool. Its end is an error: nobody wants this sandbox any more.
pub(super) fn next(socket: &mut UnixStream) -> Result<wire::Command, StageError> {
    let message = wire::receive(socket).tried("listen to the tool")?;
    message.ok_or(StageError::Reported)
}

/// The blueprint, which each stage is told first.
pub(super) fn blueprint(socket: &mut UnixStream) -> Result<wire::Blueprint, StageError> {
    match next(socket)? {
        wire::Command::Build(blueprint) => Ok(*blueprint),
        other => Err(unexpected(&other)),
    }
}

/// The tool said something that has no place here.
pub(super) fn unexpected(command: &wire::Command) -> StageError {
    let source = io::Error::other(format!("{command:?} came at a wrong moment"));
    StageError::Step { what: "listen to the tool".to_owned(), source }
}
