//! podman's service (Debian's podman), which speaks Docker's API on a socket of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{Server, folder};
use crate::tool::{output_of, privileged, text_of, tool};

/// A running service with nothing in its store.
#[derive(Debug)]
pub struct PodmanService {
    server: Server,
}

impl PodmanService {
    /// Starts the service in a folder of its own.
    pub fn start() -> Self {
        let folder = folder("podman-service");
        let mut command = podman(folder.path(), tool("podman"));
        command.args(["system", "service", "--time=0"]);
        command.arg(format!("unix://{}", folder.path().join("socket").display()));
        let mut server = Server::start_privileged("podman", &command, folder);
        server.wait_until("answers a ping", |server| {
            let socket = server.folder().join("socket");
            // Whoever runs the tests may use the socket without being root.
            let _ = privileged("chmod").arg("0666").arg(&socket).output();
            crate::docker::answers(&socket).then_some(())
        });
        Self { server }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.server.folder().join("socket")
    }

    /// Lets users who are not root come to the socket.
    pub fn open_to_everybody(&self) {
        output_of(privileged("chmod").arg("0711").arg(self.server.folder()));
    }

    /// Its images and its containers, running or not, by their ids.
    pub fn contents(&self) -> String {
        let of = |words: &[&str]| {
            text_of(podman(self.server.folder(), privileged("podman")).args(words).arg("--quiet"))
        };
        of(&["images", "--all"]) + &of(&["ps", "--all"])
    }

    /// Reads an archive of images into its store.
    pub fn load(&self, file: &Path) {
        let mut command = podman(self.server.folder(), privileged("podman"));
        output_of(command.args(["load", "--quiet", "--input"]).arg(file));
    }
}

/// Copying files needs neither an overlay nor a mount, so it works inside containers too.
fn podman(folder: &Path, mut command: Command) -> Command {
    let path = |name: &str| folder.join(name).display().to_string();
    command.args(["--storage-driver=vfs", "--root", &path("data"), "--runroot", &path("run")]);
    command
}
