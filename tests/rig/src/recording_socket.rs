//! A Unix socket before another one that notes what is asked through it.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tempfile::TempDir;

/// Hands everything through to a daemon's socket, and remembers the request lines.
#[derive(Debug)]
pub struct RecordingSocket {
    folder: TempDir,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RecordingSocket {
    /// A socket before `daemon`.
    ///
    /// # Panics
    /// When there can be no socket.
    pub fn before(daemon: &Path) -> Self {
        let folder = crate::server::folder("recording");
        let listener = UnixListener::bind(folder.path().join("socket"))
            .unwrap_or_else(|error| panic!("cannot listen in {}: {error}", folder.path().display()));
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (daemon, noted) = (daemon.to_owned(), Arc::clone(&requests));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A connection that fails is closed, which is what its client has to deal with.
                let _ = hand_through(client, &daemon, Arc::clone(&noted));
            }
        });
        Self { folder, requests }
    }

    /// Where it listens, as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The requests since this was asked last: `GET /images/app/json`.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn hand_through(client: UnixStream, daemon: &Path, requests: Arc<Mutex<Vec<String>>>) -> io::Result<()> {
    let daemon = UnixStream::connect(daemon)?;
    let (mut answers, mut back) = (daemon.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let _ = record(client, &daemon, &requests);
        let _ = daemon.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// Requests without a body: each ends with an empty line.
fn record(mut client: UnixStream, mut daemon: &UnixStream, requests: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while client.read(&mut byte)? == 1 {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&head);
            let line = text.split(" HTTP/").next().unwrap_or_default().to_owned();
            requests.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            daemon.write_all(&head)?;
            head.clear();
        }
    }
    Ok(())
}
