//! AWS's own runtime interface emulator, with an image's files as its root.
//!
//! The binary comes from the PyPI package `aws-sam-cli`; `tests/run` puts it beside the Python of the tests.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::FunctionImage;
use crate::server::{GLANCE, folder};
use crate::tool::{missing, output_of, privileged, tool};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lambda's user, and its group.
const USER: &str = "993:990";

/// A running emulator. Dropping it ends everything in it.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    port: u16,
    root: TempDir,
}

/// What came of an event: the status and the body of the emulator's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Emulated {
    /// Of HTTP.
    pub status: u16,
    /// JSON, or null where the body is something else.
    pub payload: Value,
    /// The body as it came.
    pub body: String,
}

impl Emulator {
    /// The emulator as a program for an architecture, in Linux's names.
    ///
    /// # Panics
    /// When `tests/run` did not install it.
    pub fn binary(architecture: &str) -> PathBuf {
        let name = if architecture == "aarch64" { "arm64" } else { "x86_64" };
        let path = crate::moto::python().with_file_name(format!("aws-lambda-rie-{name}"));
        assert!(path.exists(), "{} is not there; tests/run installs it", path.display());
        path
    }

    /// Starts it with the image's program, in namespaces of its own but for the network, as an unprivileged user.
    pub fn start(image: &FunctionImage, timeout_seconds: u32) -> Self {
        let root = folder("emulator");
        image.unpack(root.path());
        let place = root.path().join("aws-lambda-rie");
        output_of(privileged("cp").arg(Self::binary(std::env::consts::ARCH)).arg(&place));
        output_of(privileged("chmod").arg("1777").arg(root.path().join("tmp")));
        let (port, api) = (free_port(), free_port());
        // The kernel ends `unshare` with the thread that started it, with that the shell, and with that everything, since it is process 1 there.
        // The emulator cannot be it: whoever changes the user is no longer ended with its parent.
        let mut command = privileged("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "--pid", "--fork", "--kill-child"]);
        command.arg(format!("--mount-proc={}", root.path().join("proc").display()));
        command.args(["sh", "-c", "\"$@\" & wait", "sh"]);
        command.args(["chroot", &format!("--userspec={USER}")]).arg(root.path());
        command.args(["env", "--ignore-environment", &format!("--chdir={}", image.directory())]);
        command.args(image.environment()).arg(format!("AWS_LAMBDA_FUNCTION_TIMEOUT={timeout_seconds}"));
        command.args(["AWS_LAMBDA_FUNCTION_NAME=function", "/aws-lambda-rie", "--log-level=error"]);
        command.arg(format!("--runtime-interface-emulator-address=127.0.0.1:{port}"));
        command.arg(format!("--runtime-api-address=127.0.0.1:{api}"));
        command.args(image.arguments());
        let log = |name: &str| {
            let path = root.path().with_extension(name);
            std::fs::File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        command.stdin(Stdio::null()).stdout(log("stdout")).stderr(log("stderr"));
        let child = command.spawn().unwrap_or_else(|error| missing(command.get_program(), error));
        let mut emulator = Self { child, port, root };
        emulator.wait();
        emulator
    }

    /// Gives it an event.
    pub fn invoke(&self, event: &Value) -> Emulated {
        let place = folder("event");
        let (sent, answered) = (place.path().join("event"), place.path().join("answer"));
        std::fs::write(&sent, event.to_string())
            .unwrap_or_else(|error| panic!("{}: {error}", sent.display()));
        let mut command = tool("curl");
        command.args(["--silent", "--show-error", "--max-time", "60", "--write-out", "%{http_code}"]);
        command.arg("--output").arg(&answered).arg("--data-binary").arg(format!("@{}", sent.display()));
        command.arg(format!("http://127.0.0.1:{}/2015-03-31/functions/function/invocations", self.port));
        let status = String::from_utf8_lossy(&output_of(&mut command)).into_owned();
        let body = std::fs::read(&answered).unwrap_or_default();
        let body = String::from_utf8_lossy(&body).into_owned();
        let payload = serde_json::from_str(&body).unwrap_or(Value::Null);
        Emulated { status: status.parse().unwrap_or_default(), payload, body }
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.try_wait();
            assert!(matches!(ended, Ok(None)), "the emulator ended with {ended:?}: {}", self.log());
            assert!(Instant::now() < deadline, "the emulator does not listen: {}", self.log());
            thread::sleep(GLANCE);
        }
    }

    /// What it, and what runs in it, wrote.
    pub fn log(&self) -> String {
        let read = |name: &str| std::fs::read(self.root.path().with_extension(name)).unwrap_or_default();
        ["stdout", "stderr"].map(|name| String::from_utf8_lossy(&read(name)).into_owned()).concat()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended by itself, which is what the signal is for.
        let _ = privileged("kill").args(["-KILL", &self.child.id().to_string()]).output();
        let _ = self.child.wait();
        let deadline = Instant::now() + PATIENCE;
        while !thread::panicking() && TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            assert!(Instant::now() < deadline, "the emulator does not end");
            thread::sleep(GLANCE);
        }
        for name in ["stdout", "stderr"] {
            let _ = std::fs::remove_file(self.root.path().with_extension(name));
        }
        remove(self.root.path());
    }
}

/// Removes what belongs to root.
fn remove(folder: &Path) {
    // Its processes go a moment after the one that was killed.
    let _ = privileged("rm").arg("-rf").arg(folder).output();
}

/// A port that nobody has. The emulator takes none of its own choosing.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("there is no free port: {error}")).port()
}
