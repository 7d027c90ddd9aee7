//! A server that runs as long as the test does.
//!
//! It is started on a port of its own choosing (port 0) and says in its log which one that is, so there is no
//! moment at which somebody else can take the port. Its log outlives it when the test fails.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::tool::{is_root, missing, output_of, privileged, tool};

/// How long a server may take to get ready. Test machines are small and busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a server may take to end once it was asked to.
const FAREWELL: Duration = Duration::from_secs(15);

/// How often to look whether something has changed.
pub(crate) const GLANCE: Duration = Duration::from_millis(20);

/// A running server and the folder that is its own.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    /// Whether it runs as root while we do not.
    through_sudo: bool,
    folder: Option<TempDir>,
}

/// A folder for one server's files and logs.
///
/// # Panics
/// When the temporary folder cannot be written.
pub(crate) fn folder(name: &str) -> TempDir {
    tempfile::Builder::new()
        .prefix(&format!("lambda-lift-{name}-"))
        .tempdir()
        .unwrap_or_else(|error| panic!("cannot make a temporary folder for {name}: {error}"))
}

impl Server {
    /// Starts `command`, its output in `stdout.log` and `stderr.log` of `folder`.
    ///
    /// `setpriv` has the kernel end it when the thread that started it ends: a test that is killed leaves nothing
    /// behind. It must therefore be started on the test's own thread.
    pub(crate) fn start(name: &'static str, command: &Command, folder: TempDir) -> Self {
        Self::spawn(name, tool("setpriv"), command, folder, false)
    }

    /// The same as root.
    pub(crate) fn start_privileged(name: &'static str, command: &Command, folder: TempDir) -> Self {
        Self::spawn(name, privileged("setpriv"), command, folder, !is_root())
    }

    fn spawn(
        name: &'static str,
        mut wrapper: Command,
        command: &Command,
        folder: TempDir,
        through_sudo: bool,
    ) -> Self {
        let log = |file: &str| {
            let path = folder.path().join(file);
            File::create(&path).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()))
        };
        wrapper.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            wrapper.env(key, value.unwrap_or_default());
        }
        let child = wrapper
            .stdin(Stdio::null())
            .stdout(log("stdout.log"))
            .stderr(log("stderr.log"))
            .spawn()
            .unwrap_or_else(|error| missing(wrapper.get_program(), error));
        Self { name, child, through_sudo, folder: Some(folder) }
    }

    /// The folder that is its own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new("/"), TempDir::path)
    }

    /// Everything it has said so far to `stdout.log` or `stderr.log`.
    pub(crate) fn log(&self, file: &str) -> String {
        fs::read(self.folder().join(file))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The port that it says it listens on, once its log has `announcement` followed by the port.
    pub(crate) fn announced_port(&mut self, announcement: &str) -> u16 {
        self.wait_until("is ready", |server| {
            let log = format!("{}{}", server.log("stdout.log"), server.log("stderr.log"));
            let rest = &log[log.find(announcement)? + announcement.len()..];
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            // A line that is still being written may show a part of the number only.
            rest.contains('\n').then(|| digits.parse().ok()).flatten()
        })
    }

    /// Asks `ready` again and again until it has an answer.
    ///
    /// # Panics
    /// When the server ends before that, or takes too long.
    pub(crate) fn wait_until<T>(&mut self, what: &str, mut ready: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ready(self) {
                return answer;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{} ended with {status} before it {what}", self.name);
            }
            assert!(Instant::now() < deadline, "{} took more than {PATIENCE:?} until it {what}", self.name);
            thread::sleep(GLANCE);
        }
    }

    /// Ends it: politely, then not.
    pub(crate) fn end(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal("-TERM");
        if !self.ends_within(FAREWELL) {
            self.signal("-KILL");
            self.ends_within(FAREWELL);
        }
    }

    fn signal(&self, signal: &str) {
        let mut kill = if self.through_sudo { privileged("kill") } else { tool("kill") };
        // It may have ended by itself, which is what the signal is for.
        let _ = kill.args([signal, &self.child.id().to_string()]).stderr(Stdio::null()).status();
    }

    /// Whether it ends within `patience`.
    fn ends_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(GLANCE);
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        let Some(folder) = self.folder.take() else { return };
        if thread::panicking() {
            keep(self.name, folder);
        } else if self.through_sudo {
            output_of(privileged("rm").arg("-rf").arg(folder.path()));
        }
    }
}

/// Keeps the logs of a server whose test failed, and says where they are. What the server stored may be large and
/// goes.
fn keep(name: &str, folder: TempDir) {
    let path: PathBuf = folder.keep();
    let _ = privileged("rm").arg("-rf").arg(path.join("data")).status();
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "\n{name}: its logs are kept in {}", path.display());
    for log in ["stdout.log", "stderr.log"] {
        let text = fs::read(path.join(log)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(40)..] {
            let _ = writeln!(stderr, "{name} {log}: {line}");
        }
    }
}
