//! A real Docker daemon (Debian's docker.io) that neither needs nor touches the network.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::server::{Server, folder};
use crate::tool::{output_of, privileged, tool};

/// A running dockerd with nothing in it.
#[derive(Debug)]
pub struct Dockerd {
    server: Server,
}

impl Dockerd {
    /// Starts dockerd, and the containerd that it brings, in a folder of its own.
    pub fn start() -> Self {
        let folder = folder("dockerd");
        let path = |name: &str| folder.path().join(name).display().to_string();
        // Whoever runs the tests may use the socket without being root.
        let group = std::fs::metadata(folder.path()).map_or(0, |metadata| metadata.gid());
        let mut command = tool("dockerd");
        command
            .args(["--iptables=false", "--bridge=none", "--storage-driver=vfs"])
            .args([format!("--group={group}"), format!("--host=unix://{}", path("socket"))])
            .args([format!("--data-root={}", path("data")), format!("--exec-root={}", path("exec"))])
            .arg(format!("--pidfile={}", path("pid")));
        let mut server = Server::start_privileged("dockerd", &command, folder);
        server.wait_until("answers a ping", |server| answers(&server.folder().join("socket")).then_some(()));
        Self { server }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.server.folder().join("socket")
    }

    /// Builds the image that a folder's Dockerfile describes. The classic builder runs inside the daemon and needs
    /// no second program.
    pub fn build(&self, tag: &str, context: &Path) {
        let mut command = self.client();
        command.env("DOCKER_BUILDKIT", "0").args(["build", "--quiet", "--tag", tag]).arg(context);
        output_of(&mut command);
    }

    /// Writes images with `docker save`.
    pub fn save(&self, tags: &[&str], file: &Path) {
        output_of(self.client().arg("save").arg("--output").arg(file).args(tags));
    }

    /// Takes in the images of an archive.
    pub fn load(&self, archive: &Path) {
        output_of(self.client().args(["load", "--quiet", "--input"]).arg(archive));
    }

    /// Gives an image another name.
    pub fn tag(&self, image: &str, name: &str) {
        output_of(self.client().args(["tag", image, name]));
    }

    /// Logs in to a registry with `USER:PASSWORD`.
    pub fn log_in(&self, registry: &str, credentials: &str) {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        output_of(self.client().args(["login", "--username", user, "--password", password, registry]));
    }

    /// Pushes an image to the registry that its name names.
    pub fn push(&self, name: &str) {
        output_of(self.client().args(["push", "--quiet", name]));
    }

    /// The daemon's process.
    ///
    /// # Panics
    /// When the daemon has not written its number.
    pub fn pid(&self) -> u32 {
        let path = self.server.folder().join("pid");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.trim().parse().unwrap_or_else(|_| panic!("no process number in {}", path.display()))
    }

    fn client(&self) -> Command {
        let mut command = tool("docker");
        // A configuration of its own: the user's may name plugins, proxies and credential helpers.
        command.env("DOCKER_CONFIG", self.server.folder().join("client"));
        command.arg(format!("--host=unix://{}", self.socket().display()));
        command
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // dockerd ends its containerd when it is asked to end. When it cannot, this does.
        let pid = self.server.folder().join("exec/containerd/containerd.pid");
        let containerd = std::fs::read_to_string(pid).ok();
        self.server.end();
        if let Some(pid) = containerd.filter(|pid| is_containerd(pid)) {
            let _ = privileged("kill").args(["-KILL", pid.trim()]).status();
        }
    }
}

/// Whether that process still is a containerd, and not another one that got its number.
fn is_containerd(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/comm", pid.trim()))
        .is_ok_and(|name| name.trim() == "containerd")
}

fn answers(socket: &Path) -> bool {
    let ping = || {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n")?;
        let mut answer = [0; 15];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer.ends_with(b" 200 OK"))
    };
    ping().unwrap_or(false)
}
