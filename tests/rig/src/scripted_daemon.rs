//! A Docker daemon that answers as it is told, right or wrong, on a Unix socket. The one server here that a real program
//! cannot stand in for: no real daemon breaks off, stalls or lies when a test wants it to.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A daemon that runs as long as the test does.
#[derive(Debug)]
pub struct ScriptedDaemon {
    folder: TempDir,
    log: Log,
}

type Log = Arc<Mutex<Requests>>;

#[derive(Debug, Default)]
struct Requests {
    /// Since they were last taken.
    recent: Vec<String>,
    /// How often each path was asked for.
    counts: HashMap<String, usize>,
}

/// What a daemon does with a request, in order; then it waits for the next one.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again, for as long as somebody takes them.
    SendForever(Vec<u8>),
    /// Waits.
    Pause(Duration),
    /// Waits until the other side goes away, and notes that as `gone`.
    WaitUntilGone,
    /// Closes the connection.
    Close,
}

impl ScriptedDaemon {
    /// Starts a daemon. `script` is given the path of each request (`/images/app/json`), and how often it was asked for
    /// before.
    ///
    /// # Panics
    /// When there can be no socket.
    pub fn start(script: impl Fn(&str, usize) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let folder = crate::server::folder("daemon");
        let listener = UnixListener::bind(folder.path().join("socket"))
            .unwrap_or_else(|error| panic!("cannot listen in {}: {error}", folder.path().display()));
        let log = Log::default();
        let (script, noted) = (Arc::new(script), Arc::clone(&log));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, log) = (Arc::clone(&script), Arc::clone(&noted));
                // A connection ends as it likes; what counts is what the other side makes of it.
                thread::spawn(move || drop(serve(stream, &*script, &log)));
            }
        });
        Self { folder, log }
    }

    /// Where it listens, as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The paths that were asked for since this was asked last, and `gone` for each client that did not wait.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.log).recent)
    }

    /// Waits until something was noted that `is_it`; false after a minute.
    pub fn saw(&self, is_it: impl Fn(&str) -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if lock(&self.log).recent.iter().any(|noted| is_it(noted)) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

fn lock(log: &Log) -> MutexGuard<'_, Requests> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer in JSON.
pub fn json(status: u16, body: &str) -> Vec<Act> {
    answer(status, "application/json", body.as_bytes())
}

/// An answer of any kind, with its length.
pub fn answer(status: u16, content_type: &str, body: &[u8]) -> Vec<Act> {
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\nServer: Docker/0 (script)\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    vec![Act::Send([head.as_bytes(), body].concat())]
}

/// A whole export, in chunks as Docker sends it.
pub fn export(archive: &[u8]) -> Vec<Act> {
    let mut acts = export_begun(archive);
    acts.push(Act::Send(b"0\r\n\r\n".to_vec()));
    acts
}

/// An export without its end.
pub fn export_begun(archive: &[u8]) -> Vec<Act> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = archive.chunks(32 << 10).map(|chunk| Act::Send(chunked(chunk)));
    std::iter::once(Act::Send(head.into())).chain(chunks).collect()
}

/// One chunk of a body.
pub fn chunked(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn serve(
    stream: UnixStream,
    script: &(impl Fn(&str, usize) -> Vec<Act> + ?Sized),
    log: &Log,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let Some(path) = read_request(&mut reader)? else { return Ok(()) };
        let before = {
            let mut log = lock(log);
            log.recent.push(path.clone());
            let count = log.counts.entry(path.clone()).or_default();
            *count += 1;
            *count - 1
        };
        for act in script(&path, before) {
            match act {
                Act::Send(bytes) => stream.write_all(&bytes)?,
                Act::SendForever(bytes) => loop {
                    stream.write_all(&bytes)?;
                },
                Act::Pause(time) => thread::sleep(time),
                Act::WaitUntilGone => {
                    // Either an end or an error: nothing more is asked on this connection.
                    let _ = reader.read(&mut [0]);
                    lock(log).recent.push("gone".to_owned());
                    return Ok(());
                }
                Act::Close => return Ok(()),
            }
        }
    }
}

/// The path of the next request; none when there is no further one.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    Ok(first.split(' ').nth(1).map(str::to_owned))
}
