//! A real Docker daemon (Debian's docker.io) that neither needs nor touches the network.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::certificates;
use crate::server::{Server, folder};
use crate::tool::{output_of, privileged, text_of, tool};

/// A running dockerd with nothing in it.
#[derive(Debug)]
pub struct Dockerd {
    server: Server,
    /// Where it listens behind TLS, if it does.
    tls_port: Option<u16>,
}

impl Dockerd {
    /// Starts dockerd, and the containerd that it brings, in a folder of its own.
    pub fn start() -> Self {
        Self::start_in(folder("dockerd"), &[])
    }

    /// Starts it on a TCP port, too: behind TLS, and for nobody without a certificate of its own authority.
    pub fn start_with_tls() -> Self {
        let folder = folder("dockerd");
        certificates::write(folder.path());
        let file = |name: &str| folder.path().join(name).display().to_string();
        let arguments = [
            "--host=tcp://127.0.0.1:0".to_owned(),
            "--tlsverify".to_owned(),
            format!("--tlscacert={}", file("client-certificates/ca.pem")),
            format!("--tlscert={}", file("server-cert.pem")),
            format!("--tlskey={}", file("server-key.pem")),
        ];
        let mut docker = Self::start_in(folder, &arguments);
        docker.tls_port = Some(docker.server.announced_port("API listen on 127.0.0.1:"));
        docker
    }

    fn start_in(folder: TempDir, arguments: &[String]) -> Self {
        let path = |name: &str| folder.path().join(name).display().to_string();
        // Whoever runs the tests may use the socket without being root.
        let group = std::fs::metadata(folder.path()).map_or(0, |metadata| metadata.gid());
        let mut command = tool("dockerd");
        command
            .args(["--iptables=false", "--bridge=none", "--storage-driver=vfs"])
            .args([format!("--group={group}"), format!("--host=unix://{}", path("socket"))])
            .args([format!("--data-root={}", path("data")), format!("--exec-root={}", path("exec"))])
            .arg(format!("--pidfile={}", path("pid")))
            .args(arguments);
        let mut server = Server::start_privileged("dockerd", &command, folder);
        server.wait_until("answers a ping", |server| answers(&server.folder().join("socket")).then_some(()));
        Self { server, tls_port: None }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.server.folder().join("socket")
    }

    /// Where it listens behind TLS, as `DOCKER_HOST` has it.
    pub fn tls_host(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.tls_port.unwrap_or_default())
    }

    /// `ca.pem`, `cert.pem` and `key.pem` for its clients, as `DOCKER_CERT_PATH` wants them.
    pub fn certificates(&self) -> PathBuf {
        self.server.folder().join("client-certificates")
    }

    /// Has Docker's own command line write down a context for it; answers Docker's configuration folder.
    pub fn create_context(&self, name: &str) -> PathBuf {
        let file = |name: &str| self.certificates().join(name).display().to_string();
        let endpoint = format!(
            "host={},ca={},cert={},key={}",
            self.tls_host(),
            file("ca.pem"),
            file("cert.pem"),
            file("key.pem")
        );
        let mut command = tool("docker");
        command.env("DOCKER_CONFIG", self.configuration());
        output_of(command.args(["context", "create", name, "--docker", &endpoint]));
        self.configuration()
    }

    fn configuration(&self) -> PathBuf {
        self.server.folder().join("client")
    }

    /// Builds the image that a folder's Dockerfile describes. The classic builder runs inside the daemon and needs
    /// no second program.
    pub fn build(&self, tag: &str, context: &Path) {
        let mut command = self.client();
        command.env("DOCKER_BUILDKIT", "0").args(["build", "--quiet", "--tag", tag]).arg(context);
        output_of(&mut command);
    }

    /// Reads an archive of images into its store.
    pub fn load(&self, file: &Path) {
        output_of(self.client().arg("load").arg("--quiet").arg("--input").arg(file));
    }

    /// Writes images with `docker save`.
    pub fn save(&self, tags: &[&str], file: &Path) {
        output_of(self.client().arg("save").arg("--output").arg(file).args(tags));
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

    /// Lets every user of this machine in.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn open_to_everybody(&self) {
        let socket = self.socket();
        output_of(privileged("chmod").arg("0711").arg(self.server.folder()));
        output_of(privileged("chmod").arg("0666").arg(socket));
    }

    /// Its images and its containers, running or not, by their ids.
    pub fn contents(&self) -> String {
        text_of(self.client().args(["images", "--all", "--quiet"]))
            + &text_of(self.client().args(["ps", "--all", "--quiet"]))
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
        command.env("DOCKER_CONFIG", self.configuration());
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

pub(crate) fn answers(socket: &Path) -> bool {
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
