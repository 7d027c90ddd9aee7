//! The first stage: makes the namespaces, has their ids mapped, and opens the listening socket of the runtime API inside them.

use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{StageError, Tried as _, blueprint, loopback, next, stage, unexpected};
use crate::sandbox::wire::{self, Blueprint, Command, Notice};

/// Makes the namespaces and waits for what runs in them.
pub(super) fn run(socket: &mut UnixStream) -> Result<(), StageError> {
    let blueprint = blueprint(socket)?;
    enter_namespaces(&blueprint)?;
    wire::send(socket, &Notice::Unshared).tried("talk to the tool")?;
    match next(socket)? {
        Command::Mapped => {}
        other => return Err(unexpected(&other)),
    }
    loopback::raise().tried("bring up the loopback interface of the network namespace")?;
    // A socket belongs to the namespace that it was made in, whoever has it: the tool serves it from outside.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, blueprint.port))
        .tried("listen on the loopback interface of the network namespace")?;
    wire::send(socket, &Notice::Listening).tried("talk to the tool")?;
    hand_over(socket, &listener).tried("hand the listening socket to the tool")?;
    drop(listener);
    // The first child is process 1 of the process namespace. It inherits our stdin, which is the socket.
    let mut keeper = stage("keeper").spawn().tried("start process 1 of the sandbox")?;
    let ended = keeper.wait().tried("wait for process 1 of the sandbox")?;
    if ended.success() { Ok(()) } else { Err(StageError::Reported) }
}

fn enter_namespaces(blueprint: &Blueprint) -> Result<(), StageError> {
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWNET;
    if blueprint.user_namespace {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    let kinds = if blueprint.user_namespace { "user, mount" } else { "mount" };
    let made = unshare(flags).map_err(|errno| match errno {
        // It says that of a limit, and means no room for files.
        Errno::ENOSPC => {
            io::Error::other("no more of them are allowed (sysctl user.max_user_namespaces and its like)")
        }
        errno => errno.into(),
    });
    made.tried(format!("make {kinds}, process, IPC, host name and network namespaces"))
}

fn hand_over(socket: &mut UnixStream, listener: &TcpListener) -> std::io::Result<()> {
    let descriptors = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(std::io::Error::other("there is no room for one descriptor"));
    }
    sendmsg(socket.as_fd(), &[IoSlice::new(&[1])], &mut ancillary, SendFlags::empty())?;
    socket.flush()
}
