//! Builds a sandbox, tries other ways where one is not allowed here, and talks to what keeps it.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Stdio;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command as Process};
use tokio::sync::mpsc;

use super::container::{self, EmptyImage};
use super::identity::{self, Way, ways};
use super::layers::{send_layers, write_frame};
use super::{Cgroup, Engine, LogTail, RoomPlan, RunFolder};
use crate::image::LocalImage;
use crate::layer::LayerError;
use crate::sandbox::stage::HIDDEN_COMMAND;
use crate::sandbox::wire::{self, Blueprint, Command, Identity, Notice, Program, Room, Unpacked};

/// The most entries that all layers may have. An image of Lambda's largest size with files of 4 KiB has half of that.
const ENTRY_LIMIT: u64 = 5_000_000;

/// What a sandbox is given beside the image.
#[derive(Debug, Clone, Copy)]
pub(in crate::sandbox) struct Limits {
    /// The size of /tmp in bytes.
    pub(in crate::sandbox) temporary_bytes: u64,
    /// The most memory in bytes.
    pub(in crate::sandbox) memory_bytes: u64,
    /// The port of the runtime API.
    pub(in crate::sandbox) port: u16,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub(in crate::sandbox) enum BuildError {
    /// This machine does not allow it.
    #[error("{0}")]
    Unavailable(String),
    /// The image is not what it claims to be.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The image cannot be unpacked.
    #[error("the image cannot be unpacked: {0}")]
    Image(String),
    /// There is too little room for its files.
    #[error("there is too little room for the image's files: {0}")]
    Full(String),
    /// Nobody has containers here.
    #[error("there is no such program")]
    NoEngine,
    /// The sandbox ended without a word.
    #[error("the sandbox ended without saying why")]
    Gone,
}

/// A sandbox with the image in it, in which nothing runs yet. Dropping it ends everything in it.
#[derive(Debug)]
pub(in crate::sandbox) struct Sandbox {
    child: Child,
    notices: mpsc::UnboundedReceiver<Notice>,
    commands: OwnedWriteHalf,
    /// The listening socket of the runtime API.
    pub(in crate::sandbox) listener: TcpListener,
    /// What the programs write.
    pub(in crate::sandbox) log: LogTail,
    /// What unpacking gave.
    pub(in crate::sandbox) unpacked: Unpacked,
    /// The sandbox's root, and how its ids stand.
    pub(in crate::sandbox) blueprint: Blueprint,
    /// The kernel's limits; none where there are none. After the processes, which must be gone before it can go.
    pub(in crate::sandbox) cgroup: Option<Cgroup>,
    /// The image of the container that it is in; none where it is in none.
    pub(in crate::sandbox) container: Option<EmptyImage>,
    /// Last, so that it goes when nothing uses it any more.
    _folder: RunFolder,
}

impl Sandbox {
    /// Builds one below the folder `temporary`.
    pub(in crate::sandbox) async fn build(
        image: &LocalImage,
        limits: Limits,
        temporary: &std::path::Path,
    ) -> Result<Self, BuildError> {
        let mut obstacle = BuildError::Gone;
        for room in RoomPlan::candidates(image, temporary) {
            let mut reasons = Vec::new();
            for way in ways(room.room == Room::Disk) {
                match Self::build_so(image, limits, temporary, &room, way).await {
                    Err(BuildError::NoEngine) => {}
                    Err(BuildError::Unavailable(reason)) => {
                        match way.engine {
                            // What the last of our own ways could not do is what a person can change.
                            None => reasons = vec![reason],
                            Some(engine) => reasons.push(format!("{}: {reason}", engine.name())),
                        }
                        obstacle = BuildError::Unavailable(reasons.join("; "));
                    }
                    Err(error @ BuildError::Full(_)) => {
                        obstacle = error;
                        break;
                    }
                    ended => return ended,
                }
            }
            if matches!(obstacle, BuildError::Unavailable(_)) {
                return Err(obstacle);
            }
        }
        Err(obstacle)
    }

    async fn build_so(
        image: &LocalImage,
        limits: Limits,
        temporary: &std::path::Path,
        room: &RoomPlan,
        way: Way,
    ) -> Result<Self, BuildError> {
        let unavailable = |what: &str, error: io::Error| BuildError::Unavailable(format!("{what}: {error}"));
        let folder = RunFolder::new(temporary)
            .map_err(|error| unavailable(&format!("no folder in {}", temporary.display()), error))?;
        let blueprint = Blueprint {
            user_namespace: way.user_namespace,
            identity: way.identity,
            root: folder.root(),
            room: room.room.clone(),
            room_bytes: room.bytes,
            entry_limit: ENTRY_LIMIT,
            layers: image.layers.len(),
            temporary_bytes: limits.temporary_bytes,
            memory_bytes: limits.memory_bytes,
            port: limits.port,
        };
        let start = match way.engine {
            None => start_foundation().map(|(child, stream)| (child, stream, None)),
            Some(engine) => start_container(engine, &folder).await,
        };
        let (mut child, stream, container) = start.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if way.engine.is_some() => BuildError::NoEngine,
            _ => unavailable("the sandbox does not start", error),
        })?;
        let followed = follow(&mut child, stream);
        let (stream, log) = followed.map_err(|error| unavailable("the sandbox does not start", error))?;
        // Before it has anything, so that all of it is in there. A container has groups of its own.
        let own = child.id().filter(|_| way.engine.is_none());
        let mut cgroup = own.and_then(Cgroup::around);
        let mut building = Building { stream, child };
        let listener = building.lay_foundation(&blueprint).await?;
        let unpacked = building.fill(image, &blueprint).await?;
        let Building { stream, child } = building;
        if let Some(cgroup) = &mut cgroup {
            // What is in /tmp counts there, and is no memory on Lambda; what a program has itself is measured from inside.
            cgroup.limit(limits.memory_bytes.saturating_add(limits.temporary_bytes));
        }
        let (notices, commands) = stream.into_split();
        let notices = listen(notices);
        Ok(Self {
            child,
            notices,
            commands,
            listener,
            log,
            unpacked,
            blueprint,
            cgroup,
            container,
            _folder: folder,
        })
    }

    /// What happens next in the sandbox; none when it is gone.
    pub(in crate::sandbox) async fn next(&mut self) -> Option<Notice> {
        self.notices.recv().await
    }

    /// Tells the sandbox to do something.
    pub(in crate::sandbox) async fn tell(&mut self, command: &Command) -> Result<(), BuildError> {
        let bytes = serde_json::to_vec(command).unwrap_or_default();
        write_frame(&mut self.commands, &bytes).await
    }

    /// A program of the image, as this sandbox starts it.
    pub(in crate::sandbox) fn program(&self, label: u32, arguments: Vec<String>) -> Program {
        Program {
            label,
            arguments,
            environment: Vec::new(),
            directory: "/".to_owned(),
            identity: self.blueprint.identity,
            root: self.blueprint.root.clone(),
            traced: true,
        }
    }

    /// Ends it, and waits until all of it is gone. What it had still to say.
    pub(in crate::sandbox) async fn end(mut self) -> Vec<Notice> {
        drop(self.commands);
        let patience = std::time::Duration::from_secs(2);
        let mut told = Vec::new();
        let ended = async {
            while let Some(notice) = self.notices.recv().await {
                told.push(notice);
            }
            self.child.wait().await
        };
        if tokio::time::timeout(patience, ended).await.is_err() {
            let _ = self.child.kill().await;
        }
        told
    }
}

/// Starts the first stage in a container.
async fn start_container(
    engine: Engine,
    folder: &RunFolder,
) -> io::Result<(Child, StdUnixStream, Option<EmptyImage>)> {
    let (child, stream, image) = container::start(engine, folder).await?;
    Ok((child, stream, Some(image)))
}

/// Starts the first stage, with one end of a socket as its stdin.
fn start_foundation() -> io::Result<(Child, StdUnixStream)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    let child = Process::new("/proc/self/exe")
        .args([HIDDEN_COMMAND, "foundation"])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C at a terminal is for the tool, which then ends the sandbox in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok((child, ours))
}

/// The socket to a first stage, and what it and those after it write, which is read from now on.
fn follow(child: &mut Child, stream: StdUnixStream) -> io::Result<(UnixStream, LogTail)> {
    stream.set_nonblocking(true)?;
    let mut pipes = Vec::new();
    if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
        pipes = vec![stdout.into_owned_fd()?, stderr.into_owned_fd()?];
    }
    Ok((UnixStream::from_std(stream)?, LogTail::follow(pipes)?))
}

/// A sandbox in the making.
struct Building {
    stream: UnixStream,
    child: Child,
}

impl Building {
    /// Namespaces, ids, and the listening socket inside.
    async fn lay_foundation(&mut self, blueprint: &Blueprint) -> Result<TcpListener, BuildError> {
        self.tell(&Command::Build(Box::new(blueprint.clone()))).await?;
        self.expect(&Notice::Unshared).await?;
        if blueprint.identity != Identity::Real {
            let process = self.child.id().ok_or(BuildError::Gone)?;
            let identity = blueprint.identity;
            // It may run programs, and waits for them.
            let mapped = tokio::task::spawn_blocking(move || identity::map(process, identity)).await;
            let mapped = mapped.map_err(io::Error::other).and_then(|mapped| mapped);
            mapped.map_err(|error| {
                BuildError::Unavailable(format!("ids of a user namespace cannot be mapped: {error}"))
            })?;
        }
        self.tell(&Command::Mapped).await?;
        self.expect(&Notice::Listening).await?;
        let stream = &self.stream;
        let received = stream.async_io(Interest::READABLE, || receive_descriptor(stream)).await;
        received.map_err(|_| BuildError::Gone)
    }

    /// The image's files.
    async fn fill(&mut self, image: &LocalImage, blueprint: &Blueprint) -> Result<Unpacked, BuildError> {
        // One for process 1, one for the stage that unpacks.
        for _ in 0..2 {
            self.tell(&Command::Build(Box::new(blueprint.clone()))).await?;
        }
        match send_layers(image, &mut self.stream).await {
            // Why it went away is the next that it said.
            Ok(()) | Err(BuildError::Gone) => {}
            Err(error) => return Err(error),
        }
        let unpacked = match self.next().await? {
            Notice::Unpacked(unpacked) => unpacked,
            other => return Err(failure(other)),
        };
        self.expect(&Notice::Ready).await?;
        Ok(unpacked)
    }

    async fn tell(&mut self, command: &Command) -> Result<(), BuildError> {
        let bytes = serde_json::to_vec(command).unwrap_or_default();
        match write_frame(&mut self.stream, &bytes).await {
            // What it said before it went away is read next.
            Ok(()) | Err(BuildError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn next(&mut self) -> Result<Notice, BuildError> {
        receive(&mut self.stream).await.ok().flatten().ok_or(BuildError::Gone)
    }

    async fn expect(&mut self, expected: &Notice) -> Result<(), BuildError> {
        let found = self.next().await?;
        if found == *expected { Ok(()) } else { Err(failure(found)) }
    }
}

/// Reads notices on a task of its own: a read that is given up half-way would lose its place.
fn listen(mut source: OwnedReadHalf) -> mpsc::UnboundedReceiver<Notice> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(notice)) = receive(&mut source).await {
            if sender.send(notice).is_err() {
                return;
            }
        }
    });
    receiver
}

fn failure(notice: Notice) -> BuildError {
    let Notice::Failed { what, reason, full } = notice else { return BuildError::Gone };
    if full {
        return BuildError::Full(format!("{what}: {reason}"));
    }
    // What the unpacking stage was doing is the image's affair; all else is this machine's.
    let is_image = what.starts_with("unpack ") || what.starts_with("read a layer");
    let text = format!("{what}: {reason}");
    if is_image { BuildError::Image(text) } else { BuildError::Unavailable(format!("cannot {text}")) }
}

async fn receive(source: &mut (impl tokio::io::AsyncRead + Unpin)) -> io::Result<Option<Notice>> {
    let mut header = [0; 4];
    match source.read_exact(&mut header).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = vec![0; wire::frame_length(header)?];
    source.read_exact(&mut bytes).await?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}

fn receive_descriptor(stream: &UnixStream) -> io::Result<TcpListener> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(stream, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let descriptor = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let listener = TcpListener::from(descriptor.ok_or_else(|| io::Error::other("no descriptor came"))?);
    listener.set_nonblocking(true)?;
    Ok(listener)
}
