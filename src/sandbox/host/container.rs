//! The first stage in a container of Docker's or podman's, for users who may make no namespaces here and may start containers.
//!
//! The container has nothing of its own: this program and this machine's libraries are in it, read-only, and the run's folder. It is not what
//! confines the image: that is the sandbox, which the stage makes in there as root does elsewhere. So it is given what that needs.
//! It ends with the socket to the tool, as every stage does, and its engine removes it; its empty image is removed here.

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::RunFolder;
use crate::sandbox::stage::HIDDEN_COMMAND;

/// How long an engine may take to say something, and to start a container.
const PATIENCE: Duration = Duration::from_secs(30);
/// An image that was made for a run has this label, with the process id of the tool.
const LABEL: &str = "lambda-lift-run";
/// The name of this program in the container.
const PROGRAM: &str = "/lambda-lift";
/// What the loader of this program may need.
const LIBRARIES: [&str; 3] = ["/usr", "/lib", "/lib64"];
/// What it takes to make the sandbox: namespaces and mounts, its loopback interface, and to watch who is another user.
const CAPABILITIES: [&str; 3] = ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"];
/// Limits of our own stages. The image's programs are limited in the sandbox.
const DESCRIPTORS: &str = "nofile=4096:4096";
const PROCESSES: &str = "nproc=4096:4096";
/// Lambda's limit, and our own stages.
const MOST_PROCESSES: &str = "1032";

/// Who has containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Engine {
    Docker,
    Podman,
}

impl Engine {
    /// Its program.
    pub(in crate::sandbox) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// Lets a new /proc be mounted, which the kernel allows only where nothing of the old one is hidden.
    fn unmasked(self) -> &'static str {
        match self {
            Self::Docker => "systempaths=unconfined",
            Self::Podman => "unmask=ALL",
        }
    }
}

/// An image with nothing in it. Dropping it removes it.
#[derive(Debug)]
pub(in crate::sandbox) struct EmptyImage {
    pub(in crate::sandbox) engine: Engine,
    id: String,
}

impl EmptyImage {
    async fn import(engine: Engine) -> io::Result<Self> {
        remove_leftovers(engine).await;
        let mut command = Command::new(engine.name());
        let label = format!("LABEL {LABEL}={}", std::process::id());
        command.args(["import", "--change", &label, "-"]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // The end of an archive, and nothing before it. Why it was not read is told below.
            let _ = stdin.write_all(&[0; 1024]).await;
        }
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.map_err(|_| io::Error::other("it does not answer"))??;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || id.is_empty() {
            return Err(io::Error::other(last_line(&output.stderr)));
        }
        Ok(Self { engine, id })
    }
}

impl Drop for EmptyImage {
    fn drop(&mut self) {
        // It is no longer used a moment after its container ended; what fails now is done by the next run.
        for _ in 0..20 {
            let mut command = std::process::Command::new(self.engine.name());
            let command = command.args(["rmi", &self.id]).stdin(Stdio::null());
            let removed = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            if removed.is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Removes images of runs whose tool is gone.
async fn remove_leftovers(engine: Engine) {
    let filter = format!("label={LABEL}");
    let format = format!("{{{{index .Config.Labels \"{LABEL}\"}}}}");
    let listed = ask(engine, &["images", "--quiet", "--filter", &filter]).await;
    for id in listed.unwrap_or_default().split_whitespace() {
        let Ok(found) = ask(engine, &["inspect", "--format", &format, id]).await else { continue };
        let maker = found.trim().parse::<u32>().ok();
        if maker.is_some_and(|maker| !Path::new("/proc").join(maker.to_string()).exists()) {
            // Somebody else may have done it just now.
            let _ = ask(engine, &["rmi", id]).await;
        }
    }
}

async fn ask(engine: Engine, arguments: &[&str]) -> io::Result<String> {
    let mut command = Command::new(engine.name());
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await;
    let output = output.map_err(|_| io::Error::other("it does not answer"))??;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(io::Error::other(last_line(&output.stderr)))
}

/// Starts the first stage in a container: the engine's program, whose output is the container's, and the socket to the stage.
pub(super) async fn start(
    engine: Engine,
    folder: &RunFolder,
) -> io::Result<(Child, StdUnixStream, EmptyImage)> {
    let image = EmptyImage::import(engine).await?;
    let socket = folder.socket();
    let listener = UnixListener::bind(&socket)?;
    let mut command = Command::new(engine.name());
    command.args(["run", "--rm", "--network", "none", "--pids-limit", MOST_PROCESSES]);
    // An engine that is confined itself may not be allowed its own default, which is far more than is needed.
    command.args(["--ulimit", DESCRIPTORS, "--ulimit", PROCESSES]);
    for capability in CAPABILITIES {
        command.args(["--cap-add", capability]);
    }
    for option in ["seccomp=unconfined", "apparmor=unconfined", "label=disable", engine.unmasked()] {
        command.args(["--security-opt", option]);
    }
    let program = std::env::current_exe()?;
    let folders = LIBRARIES.iter().map(Path::new).filter(|path| path.is_dir()).map(|path| (path, path));
    for (source, target) in folders.chain([(program.as_path(), Path::new(PROGRAM))]) {
        let (source, target) = (source.display(), target.display());
        command.args(["--mount", &format!("type=bind,source={source},target={target},readonly")]);
    }
    let place = folder.place().display().to_string();
    command.args(["--mount", &format!("type=bind,source={place},target={place}")]);
    command.args([&image.id, PROGRAM, HIDDEN_COMMAND, "foundation"]).arg(&socket);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
    let stream = tokio::select! {
        accepted = timeout(PATIENCE, listener.accept()) => match accepted {
            Ok(accepted) => accepted?.0,
            Err(_) => return Err(io::Error::other("its container does not begin")),
        },
        _ = child.wait() => {
            let output = child.wait_with_output().await?;
            return Err(io::Error::other(last_line(&output.stderr)));
        }
    };
    Ok((child, UnixStream::into_std(stream)?, image))
}

/// What a program said last, for a person.
fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("--help"));
    lines.next_back().unwrap_or("it says nothing").escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_said_last_is_told_without_its_advice() {
        let said = b"docker: Error response: no such thing\n\nRun 'docker run --help' for more information\n";
        assert_eq!(last_line(said), "docker: Error response: no such thing");
        assert_eq!(last_line(b""), "it says nothing");
    }
}
