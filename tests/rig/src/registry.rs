//! The CNCF distribution registry, as Debian packages it (`docker-registry`).

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::calls::{self, Call};
use crate::server::{Server, folder};
use crate::tool::{text_of, tool};

/// A running registry that lets one user in.
#[derive(Debug)]
pub struct Registry {
    server: Server,
    port: u16,
    password: String,
}

impl Registry {
    /// Starts a registry for the user `AWS` with this password.
    pub fn start(password: &str) -> Self {
        let folder = folder("registry");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text)
                .unwrap_or_else(|error| panic!("cannot write {}: {error}", path(name)));
        };
        // The cheapest bcrypt: it is computed for every request, and nothing here is secret.
        write("htpasswd", &text_of(tool("htpasswd").args(["-nbB", "-C", "4", "AWS", password])));
        write(
            "config.yml",
            &format!(
                "version: 0.1\n\
                 log: {{level: info}}\n\
                 storage:\n  \
                   filesystem: {{rootdirectory: {}}}\n  \
                   delete: {{enabled: true}}\n  \
                   redirect: {{disable: true}}\n\
                 http: {{addr: \"127.0.0.1:0\", secret: rig}}\n\
                 auth:\n  \
                   htpasswd: {{realm: rig, path: {}}}\n",
                path("data"),
                path("htpasswd")
            ),
        );
        let mut command = tool("docker-registry");
        command.args(["serve", &path("config.yml")]);
        let mut server = Server::start("docker-registry", &command, folder);
        let port = server.announced_port("listening on 127.0.0.1:");
        Self { server, port, password: password.to_owned() }
    }

    /// `127.0.0.1:PORT`
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// `AWS:PASSWORD`, as skopeo wants it.
    pub fn credentials(&self) -> String {
        format!("AWS:{}", self.password)
    }

    /// How many bytes all blobs have.
    ///
    /// # Errors
    /// Fails when its folder cannot be read.
    pub fn stored_bytes(&self) -> io::Result<u64> {
        size_below(&self.server.folder().join("data/docker/registry/v2/blobs"))
    }

    /// Every call since it started, by its own access log.
    ///
    /// # Panics
    /// When it does not answer any more.
    pub fn calls(&self) -> Vec<Call> {
        let log = self.settled_access_log();
        calls::of_access_log(&log)
    }

    /// The access log, when everything answered so far has been written to it. A line is written after its answer
    /// was sent, so one more request is made and its line awaited.
    fn settled_access_log(&self) -> String {
        let log = self.server.log("stdout.log");
        let marker = format!("/{}{}", calls::MARKER, log.len());
        let request = format!("GET {marker} HTTP/1.0\r\n\r\n");
        let mut answer = Vec::new();
        TcpStream::connect(self.authority())
            .and_then(|mut stream| {
                stream.write_all(request.as_bytes())?;
                stream.read_to_end(&mut answer)
            })
            .unwrap_or_else(|error| panic!("docker-registry does not answer: {error}"));
        loop {
            let log = self.server.log("stdout.log");
            if log.contains(&marker) {
                return log;
            }
            std::thread::sleep(crate::server::GLANCE);
        }
    }
}

fn size_below(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() { size_below(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}
