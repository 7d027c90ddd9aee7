//! One execution environment: runtime and extensions started, events answered, and begun anew after an accident, as Lambda does it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use nix::libc;

use super::delivery::Delivery;
use super::host::{BuildError, Cgroup, Limits, LogTail, Sandbox};
use super::order::{RUNTIME_PORT, RunOrder};
use super::runtime_api::server::Server;
use super::runtime_api::{FunctionIdentity, Happening, Invocation, Reported};
use super::wire::{Command, Denial, Ending, Notice, Refusal};
use crate::image::LocalImage;

/// The runtime's label; extensions follow.
const RUNTIME: u32 = 0;
/// How long a function has to end after it was told, as on Lambda.
pub(super) const PATIENCE: Duration = Duration::from_millis(2000);
/// How long it may take to measure.
const MEASURING: Duration = Duration::from_millis(500);
/// How long it has when a user waits for the end, who asked for it.
pub(super) const HASTE: Duration = Duration::from_millis(600);

/// What kept a function from starting or answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It took too long.
    Timeout,
    /// Somebody ended: which program, and how.
    Exited(String, Ending),
    /// A program could not be started: which, and why not.
    NotStarted(String, Refusal),
    /// The runtime says that it could not start.
    InitFailed(Reported),
    /// The runtime says that it could not answer.
    Failed(Reported),
    /// An extension says that it could not go on: its name and the error's type.
    Extension(String, String),
    /// They had too much memory.
    Memory,
    /// The sandbox is gone.
    Gone,
}

/// What was seen of the function so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The most memory in bytes.
    pub(super) peak_memory: u64,
    /// What was refused.
    pub(super) denials: BTreeSet<(bool, String, i32)>,
    /// Whether system calls are watched.
    pub(super) watched: bool,
    /// Whether the runtime ever asked for an event.
    pub(super) connected: bool,
    /// What it did that it may not.
    pub(super) misbehaviour: BTreeSet<String>,
    /// The extensions that registered.
    pub(super) registered: Vec<String>,
    /// In whose container it ran, where it had to be in one.
    pub(super) engine: Option<&'static str>,
    /// The extensions that were started and have not registered yet, which the runtime is not started before.
    pub(super) awaited: Vec<String>,
    /// The extensions that registered and have not asked for their first event.
    pub(super) unready: Vec<String>,
}

impl Seen {
    fn note_denial(&mut self, denial: Denial) {
        let Denial { path, errno, writes, .. } = denial;
        // /tmp is there to be written, and /dev and /proc are no part of the image.
        let inside = |folder: &str| path == folder || path.starts_with(&format!("{folder}/"));
        if writes && ["/tmp", "/dev", "/proc"].iter().any(|folder| inside(folder)) {
            return;
        }
        let shown = folder_of_compiled_files(&path).escape_debug().to_string();
        self.denials.insert((writes, shown, errno));
    }
}

/// An environment. Dropping it ends everything in it.
#[derive(Debug)]
pub(super) struct Environment {
    sandbox: Sandbox,
    server: Server,
    happenings: UnboundedReceiver<Happening>,
    order: RunOrder,
    /// Names of programs that run, by label.
    running: Vec<(u32, String)>,
    invocations: u64,
    /// How many processes the kernel has ended for their memory, as far as is known.
    killed: u64,
    pub(super) seen: Seen,
}

/// Something that a wait may end with.
#[derive(Debug)]
enum Turn {
    Registered,
    Initialised,
    Responded(Vec<u8>),
    Ready,
    Cleared,
    Measured,
    Trouble(Trouble),
}

impl Environment {
    /// A sandbox with the image in it, and the API beside it. Nothing runs yet.
    pub(super) async fn build(
        image: &LocalImage,
        order: RunOrder,
        temporary: &std::path::Path,
    ) -> Result<Self, BuildError> {
        let limits = Limits {
            temporary_bytes: order.temporary_bytes(),
            memory_bytes: order.memory_bytes(),
            port: RUNTIME_PORT,
        };
        let sandbox = Sandbox::build(image, limits, temporary).await?;
        let listener = sandbox.listener.try_clone().map_err(|_| BuildError::Gone)?;
        let (server, happenings) = Server::start(listener, identity(&order)).map_err(|_| BuildError::Gone)?;
        let engine = sandbox.container.as_ref().map(|image| image.engine.name());
        let (running, seen) = (Vec::new(), Seen { engine, ..Seen::default() });
        Ok(Self { sandbox, server, happenings, order, running, invocations: 0, killed: 0, seen })
    }

    /// The end of what the programs wrote.
    pub(super) fn log(&self) -> LogTail {
        self.sandbox.log.clone()
    }

    /// Starts extensions, then the runtime, and waits until all are ready.
    pub(super) async fn initialise(&mut self, deadline: Instant) -> Result<(), Trouble> {
        let ended = self.start_all(deadline).await;
        self.seen.unready = self.server.unready_extensions();
        ended
    }

    async fn start_all(&mut self, deadline: Instant) -> Result<(), Trouble> {
        let extensions = self.sandbox.unpacked.extensions.clone();
        self.seen.awaited.clone_from(&extensions);
        for (label, name) in (1..).zip(&extensions) {
            let arguments = vec![format!("/opt/extensions/{name}")];
            self.start(label, name.clone(), arguments, true).await?;
        }
        // Lambda starts the runtime when its extensions have registered. Those that the runtime brings itself come later.
        for _ in &extensions {
            while !matches!(self.turn(deadline).await?, Turn::Registered) {}
        }
        let name = self.order.arguments.first().cloned().unwrap_or_default();
        self.start(RUNTIME, name, self.order.arguments.clone(), false).await?;
        while !matches!(self.turn(deadline).await?, Turn::Initialised) {}
        Ok(())
    }

    /// Gives the function an event, and waits for its answer.
    pub(super) async fn invoke(&mut self, event: Delivery, deadline: Instant) -> Result<Vec<u8>, Trouble> {
        self.invocations += 1;
        let number = self.invocations;
        let Delivery { payload, request_id, function_arn, client_context } = event;
        self.server.invoke(Invocation {
            id: request_id,
            event: payload,
            deadline_milliseconds: milliseconds_at(deadline),
            function_arn: function_arn.unwrap_or_else(|| self.order.function_arn()),
            trace_id: format!("Root=1-00000000-{number:024x};Parent=0000000000000000;Sampled=0"),
            client_context,
        });
        loop {
            if let Turn::Responded(payload) = self.turn(deadline).await? {
                return Ok(payload);
            }
        }
    }

    /// Has the memory measured now: a function may have answered before that was ever done. Only while it waits for an event.
    pub(super) async fn measure(&mut self) -> Result<(), Trouble> {
        self.sandbox.tell(&Command::Measure).await.map_err(|_| Trouble::Gone)?;
        let patience = Instant::now() + MEASURING;
        loop {
            match self.turn(patience).await {
                Ok(Turn::Measured) | Err(Trouble::Timeout) => return Ok(()),
                Ok(_) => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// Waits until the runtime asks for another event. Whether it did.
    pub(super) async fn settle(&mut self, deadline: Instant) -> bool {
        loop {
            match self.turn(deadline).await {
                Ok(Turn::Ready) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// Ends all programs; the next ones find everything as at the beginning, but for /tmp.
    pub(super) async fn clear(&mut self) -> Result<(), Trouble> {
        self.sandbox.tell(&Command::Clear).await.map_err(|_| Trouble::Gone)?;
        let patience = Instant::now() + Duration::from_secs(10);
        loop {
            match self.turn(patience).await {
                Ok(Turn::Cleared) => break,
                Err(trouble @ (Trouble::Gone | Trouble::Timeout)) => return Err(trouble),
                Ok(_) | Err(_) => {}
            }
        }
        self.running.clear();
        self.server.reset(identity(&self.order));
        while self.happenings.try_recv().is_ok() {}
        Ok(())
    }

    /// Ends everything in order: extensions are told and have their time, the runtime gets a SIGTERM when there are any, and a
    /// quarter of that time.
    pub(super) async fn shut_down(mut self, time: Duration) -> Seen {
        if self.server.has_extensions() {
            let deadline = Instant::now() + time;
            let _ = self.sandbox.tell(&Command::Terminate(RUNTIME)).await;
            self.wait_for_ends(Instant::now() + time / 4, true).await;
            self.server.shut_down("spindown", milliseconds_at(deadline));
            self.wait_for_ends(deadline, false).await;
        }
        let Self { sandbox, mut seen, .. } = self;
        // A refusal and the error that it led to come over different ways, and may come in either order.
        for notice in sandbox.end().await {
            if let Notice::Denied(denial) = notice {
                seen.note_denial(denial);
            }
        }
        seen
    }

    /// Waits until the runtime has ended, or all have.
    async fn wait_for_ends(&mut self, deadline: Instant, only_runtime: bool) {
        let left = |label: u32| !only_runtime || label == RUNTIME;
        while self.running.iter().any(|(label, _)| left(*label)) {
            match self.turn(deadline).await {
                Ok(_) | Err(Trouble::Exited(..) | Trouble::NotStarted(..)) => {}
                Err(_) => return,
            }
        }
    }

    async fn start(
        &mut self,
        label: u32,
        name: String,
        arguments: Vec<String>,
        is_extension: bool,
    ) -> Result<(), Trouble> {
        let mut program = self.sandbox.program(label, arguments);
        program.environment = self.order.environment(is_extension);
        program.directory = if is_extension { "/".to_owned() } else { self.order.directory.clone() };
        self.running.push((label, name));
        self.sandbox.tell(&Command::Start(Box::new(program))).await.map_err(|_| Trouble::Gone)
    }

    fn name(&self, label: u32) -> String {
        let found = self.running.iter().find(|(known, _)| *known == label);
        found.map(|(_, name)| name.clone()).unwrap_or_default()
    }

    /// Waits for the next thing that matters. Trouble is an error, so that no wait goes on over it.
    async fn turn(&mut self, deadline: Instant) -> Result<Turn, Trouble> {
        loop {
            let next = async {
                tokio::select! {
                    // An answer that came before the end counts.
                    biased;
                    happening = self.happenings.recv() => Ok(happening),
                    notice = self.sandbox.next() => Err(notice),
                }
            };
            let turn = match timeout_at(deadline, next).await {
                Err(_) => Some(Turn::Trouble(Trouble::Timeout)),
                Ok(Ok(happening)) => happening.and_then(|happening| self.note_happening(happening)),
                Ok(Err(Some(notice))) => self.note(notice),
                Ok(Err(None)) => Some(Turn::Trouble(Trouble::Gone)),
            };
            match turn {
                Some(Turn::Trouble(trouble)) => return Err(trouble),
                Some(turn) => return Ok(turn),
                None => {}
            }
        }
    }

    fn note_happening(&mut self, happening: Happening) -> Option<Turn> {
        Some(match happening {
            Happening::Connected => {
                self.seen.connected = true;
                return None;
            }
            Happening::Misbehaved(what) => {
                // A runtime in a loop must not fill memory.
                if self.seen.misbehaviour.len() < 10 {
                    self.seen.misbehaviour.insert(what);
                }
                return None;
            }
            Happening::Registered(name) => {
                self.seen.awaited.retain(|awaited| *awaited != name);
                self.seen.registered.push(name);
                Turn::Registered
            }
            Happening::Initialised => Turn::Initialised,
            Happening::Ready => Turn::Ready,
            Happening::Responded(payload) => Turn::Responded(payload),
            Happening::InitFailed(reported) => Turn::Trouble(Trouble::InitFailed(reported)),
            Happening::Failed(reported) => Turn::Trouble(Trouble::Failed(reported)),
            Happening::ExtensionFailed { name, kind } => Turn::Trouble(Trouble::Extension(name, kind)),
        })
    }

    fn note(&mut self, notice: Notice) -> Option<Turn> {
        match notice {
            Notice::Peak(bytes) => self.seen.peak_memory = self.seen.peak_memory.max(bytes),
            Notice::Started { watched, .. } => self.seen.watched = watched,
            Notice::Denied(denial) => self.seen.note_denial(denial),
            Notice::MemoryExceeded => return Some(Turn::Trouble(Trouble::Memory)),
            Notice::Cleared => return Some(Turn::Cleared),
            Notice::Measured => return Some(Turn::Measured),
            Notice::NotStarted(label, refusal) => {
                return Some(Turn::Trouble(Trouble::NotStarted(self.name(label), refusal)));
            }
            Notice::Exited(label, ending) => {
                let name = self.name(label);
                self.running.retain(|(known, _)| *known != label);
                self.look_at_the_kernels_account();
                if ending == Ending::Signal(libc::SIGKILL) && self.was_killed_for_memory() {
                    return Some(Turn::Trouble(Trouble::Memory));
                }
                return Some(Turn::Trouble(Trouble::Exited(name, ending)));
            }
            Notice::Failed { .. } => return Some(Turn::Trouble(Trouble::Gone)),
            Notice::Unshared | Notice::Listening | Notice::Unpacked(_) | Notice::Ready => {}
        }
        None
    }

    /// Whether the kernel has ended a process for its memory since that was last asked.
    fn was_killed_for_memory(&mut self) -> bool {
        let killed = self.sandbox.cgroup.as_ref().map_or(0, Cgroup::killed);
        std::mem::replace(&mut self.killed, killed) < killed
    }

    /// A program that ended before anybody measured it has had memory all the same.
    fn look_at_the_kernels_account(&mut self) {
        if self.seen.peak_memory == 0 {
            self.seen.peak_memory = self.sandbox.cgroup.as_ref().and_then(Cgroup::peak).unwrap_or_default();
        }
    }
}

/// Python tries to keep each file that it compiled, under a new name each time, and goes on without: the folder says it all.
fn folder_of_compiled_files(path: &str) -> &str {
    const FOLDER: &str = "/__pycache__";
    path.find(FOLDER).map_or(path, |place| &path[..place + FOLDER.len()])
}

fn identity(order: &RunOrder) -> FunctionIdentity {
    FunctionIdentity {
        name: order.function.clone(),
        version: order.version.clone(),
        handler: order.handler.clone(),
        account: order.account.clone(),
    }
}

fn milliseconds_at(deadline: Instant) -> u64 {
    let left = deadline.saturating_duration_since(Instant::now());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from((now + left).as_millis()).unwrap_or(u64::MAX)
}
