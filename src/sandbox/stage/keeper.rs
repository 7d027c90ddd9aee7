//! Process 1 of the sandbox: has the image unpacked, starts programs, watches and reaps them, and ends with the socket.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{WaitOptions, set_parent_process_death_signal, wait};

use super::memory::Meter;
use super::watch::Watch;
use super::{StageError, Tried as _, blueprint, mounts, stage, unexpected};
use crate::sandbox::wire::{self, Blueprint, Command, Ending, Notice, Program, Refusal};

/// How often memory is measured. A program fills some 20 MB in that time.
const MEASURING: Duration = Duration::from_millis(20);
/// `__WALL` of wait(2): also threads, which are children of their tracer.
const ALL_CHILDREN: u32 = 0x4000_0000;
/// Lambda's host names look like this one.
const HOST_NAME: &[u8] = b"169.254.10.1";

/// Keeps the sandbox until the tool goes away.
pub(super) fn run(socket: &mut UnixStream) -> Result<(), StageError> {
    let tried = "end together with the first stage";
    set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).tried(tried)?;
    // Told by a descriptor instead: a single thread has to wait for programs and for the tool.
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block().tried("wait for signals")?;
    let signals = SignalFd::with_flags(&children, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .tried("wait for signals")?;
    let blueprint = blueprint(socket)?;
    mounts::lay_out(&blueprint)?;
    rustix::system::sethostname(HOST_NAME).tried("set the host name")?;
    unpack()?;
    wire::send(socket, &Notice::Ready).tried("talk to the tool")?;
    let mut keeper = Keeper::new(socket, blueprint);
    keeper.serve(&signals)
}

/// Another process does it, in another root; it goes on reading where this one stopped.
fn unpack() -> Result<(), StageError> {
    let mut unpacking = stage("unpack").spawn().tried("start unpacking")?;
    let ended = unpacking.wait().tried("wait for the image to be unpacked")?;
    if ended.success() { Ok(()) } else { Err(StageError::Reported) }
}

struct Keeper<'a> {
    socket: &'a mut UnixStream,
    blueprint: Blueprint,
    watch: Watch,
    meter: Meter,
    measured: Instant,
    /// Programs that run, by process id.
    running: Vec<(i32, u32)>,
    /// Programs that are about to run: what their last stage says, if it says anything.
    starting: Vec<(u32, bool, UnixStream)>,
    /// Whether they were ended for their memory.
    exceeded: bool,
}

impl<'a> Keeper<'a> {
    fn new(socket: &'a mut UnixStream, blueprint: Blueprint) -> Self {
        let (watch, meter) = (Watch::new(&blueprint.root), Meter::new(&blueprint.root));
        let (running, starting) = (Vec::new(), Vec::new());
        Self { socket, blueprint, watch, meter, measured: Instant::now(), running, starting, exceeded: false }
    }

    fn serve(&mut self, signals: &SignalFd) -> Result<(), StageError> {
        loop {
            let (told, woken) = self.wait(signals).tried("wait for what happens in the sandbox")?;
            if woken {
                while matches!(signals.read_signal(), Ok(Some(_))) {}
            }
            self.reap()?;
            self.hear_starting()?;
            if self.measured.elapsed() >= MEASURING {
                self.measure()?;
            }
            if told {
                let Some(command) = wire::receive(self.socket).tried("listen to the tool")? else {
                    return Ok(());
                };
                self.obey(command)?;
            }
        }
    }

    /// Waits until the tool says something, or a child wants attention, or it is time to measure.
    fn wait(&self, signals: &SignalFd) -> io::Result<(bool, bool)> {
        let mut wanted = vec![
            PollFd::new(&*self.socket, PollFlags::IN),
            PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
        ];
        wanted.extend(self.starting.iter().map(|(_, _, socket)| PollFd::new(socket, PollFlags::IN)));
        let patience = Timespec { tv_sec: 0, tv_nsec: MEASURING.as_nanos() as i64 };
        let patience = if self.running.is_empty() { None } else { Some(&patience) };
        match poll(&mut wanted, patience) {
            Ok(_) => Ok((!wanted[0].revents().is_empty(), !wanted[1].revents().is_empty())),
            Err(rustix::io::Errno::INTR) => Ok((false, false)),
            Err(error) => Err(error.into()),
        }
    }

    fn tell(&mut self, notice: &Notice) -> Result<(), StageError> {
        wire::send(self.socket, notice).tried("talk to the tool")
    }

    fn obey(&mut self, command: Command) -> Result<(), StageError> {
        match command {
            Command::Start(program) => self.start(*program),
            Command::Terminate(label) => {
                for (process, _) in self.running.iter().filter(|(_, found)| *found == label) {
                    // Fails when it is gone already, which is what was wanted.
                    let _ = kill(Pid::from_raw(*process), Signal::SIGTERM);
                }
                Ok(())
            }
            Command::Measure => {
                self.measure()?;
                self.tell(&Notice::Measured)
            }
            Command::Clear => {
                self.end_all();
                self.starting.clear();
                while !self.running.is_empty() {
                    std::thread::sleep(Duration::from_millis(1));
                    self.reap()?;
                }
                // Those that nobody named have to be gone as well before others may start.
                while self.children_left() {
                    std::thread::sleep(Duration::from_millis(1));
                    self.end_all();
                    self.reap()?;
                }
                self.exceeded = false;
                self.tell(&Notice::Cleared)
            }
            other => Err(unexpected(&other)),
        }
    }

    fn start(&mut self, mut program: Program) -> Result<(), StageError> {
        let label = program.label;
        match self.spawn(&mut program) {
            Ok((process, ours)) => {
                self.running.push((process.cast_signed(), label));
                self.starting.push((label, program.traced, ours));
                Ok(())
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or_default();
                self.tell(&Notice::NotStarted(label, Refusal { step: "start a process".to_owned(), errno }))
            }
        }
    }

    fn spawn(&self, program: &mut Program) -> io::Result<(u32, UnixStream)> {
        let (mut ours, theirs) = UnixStream::pair()?;
        let child = stage("program").stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
        program.traced = program.traced && self.watch.begin(child.id());
        wire::send(&mut ours, program)?;
        // `wait` is ours to call: it tells of traced threads, too.
        Ok((child.id(), ours))
    }

    /// What stages that were to become programs have to say. Nothing, once they have.
    fn hear_starting(&mut self) -> Result<(), StageError> {
        let mut index = 0;
        while index < self.starting.len() {
            let (label, watched, socket) = &mut self.starting[index];
            if !is_readable(socket) {
                index += 1;
                continue;
            }
            let notice = match wire::receive::<Refusal>(socket) {
                Ok(Some(refusal)) => Notice::NotStarted(*label, refusal),
                Ok(None) | Err(_) => Notice::Started { label: *label, watched: *watched },
            };
            self.starting.remove(index);
            self.tell(&notice)?;
        }
        Ok(())
    }

    /// Takes note of everything that children have to tell.
    fn reap(&mut self) -> Result<(), StageError> {
        let options = WaitOptions::NOHANG | WaitOptions::from_bits_retain(ALL_CHILDREN);
        while let Ok(Some((process, status))) = wait(options) {
            let process = process.as_raw_nonzero().get();
            if status.stopped() {
                if let Some(denial) = self.watch.stopped(process, status.as_raw()) {
                    self.tell(&Notice::Denied(denial))?;
                }
                continue;
            }
            self.watch.ended(process);
            let Some(place) = self.running.iter().position(|(found, _)| *found == process) else { continue };
            let (_, label) = self.running.remove(place);
            // What it said before it ended comes first.
            self.hear_starting()?;
            let ending = match (status.exit_status(), status.terminating_signal()) {
                (_, Some(signal)) => Ending::Signal(signal),
                (status, None) => Ending::Status(status.unwrap_or_default()),
            };
            self.tell(&Notice::Peak(self.meter.peak))?;
            self.tell(&Notice::Exited(label, ending))?;
        }
        Ok(())
    }

    fn measure(&mut self) -> Result<(), StageError> {
        let before = self.meter.peak;
        let used = self.meter.measure();
        self.measured = Instant::now();
        if used > self.blueprint.memory_bytes && !self.exceeded {
            self.exceeded = true;
            self.end_all();
            self.tell(&Notice::MemoryExceeded)?;
        }
        if self.meter.peak > before { self.tell(&Notice::Peak(self.meter.peak)) } else { Ok(()) }
    }

    /// Everything but ourselves: from process 1, that is the sandbox.
    fn end_all(&self) {
        // Fails when there is nobody.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    }

    fn children_left(&self) -> bool {
        let options = WaitOptions::NOHANG | WaitOptions::from_bits_retain(ALL_CHILDREN);
        !matches!(wait(options), Err(rustix::io::Errno::CHILD))
    }
}

fn is_readable(socket: &UnixStream) -> bool {
    let mut wanted = [PollFd::new(socket, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut wanted, Some(&now)).is_ok_and(|count| count > 0)
}
