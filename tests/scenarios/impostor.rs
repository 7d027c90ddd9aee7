//! A server in the registry's place that lies where it is told to, and passes everything else on to the stand-in.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is asked of the impostor.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Whether it carries credentials.
    pub(crate) has_credentials: bool,
}

impl Asked {
    /// Whether it is of this method and its target has this in it.
    pub(crate) fn is(&self, method: &str, part_of_target: &str) -> bool {
        self.method == method && self.target.contains(part_of_target)
    }
}

/// A lie.
#[derive(Debug, Clone)]
pub(crate) enum Lie {
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, and the last of the two again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes one by one, so far apart.
    Trickle(Vec<u8>, Duration),
}

impl Lie {
    /// A whole answer: the status line without its version, headers, and a body of the right length.
    pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
        Self::Raw(head.into_bytes())
    }
}

/// What is answered to whom; none where the truth is.
pub(crate) type Script = dyn Fn(&Asked) -> Option<Lie> + Send + Sync;

/// A running impostor. Its threads end with the test.
pub(crate) struct Impostor {
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    lied: Arc<AtomicU64>,
}

impl Impostor {
    /// Starts in front of `upstream` (a URL).
    pub(crate) fn start(
        upstream: &str,
        script: impl Fn(&Asked) -> Option<Lie> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let (asked, lied) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicU64>::default());
        let (log, count, script) = (Arc::clone(&asked), Arc::clone(&lied), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (upstream, log, count) = (upstream.clone(), Arc::clone(&log), Arc::clone(&count));
                let script = Arc::clone(&script);
                // However a caller goes away is its own affair.
                thread::spawn(move || serve(&stream, &upstream, &*script, &log, &count));
            }
        });
        Self { url, asked, lied }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many lies were told.
    pub(crate) fn lies(&self) -> u64 {
        self.lied.load(Ordering::Relaxed)
    }
}

/// Answers one request; the connection ends with it.
fn serve(
    mut stream: &TcpStream,
    upstream: &str,
    script: &Script,
    log: &Mutex<Vec<Asked>>,
    lied: &AtomicU64,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (Vec::new(), 0_u64);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut asked = Asked { method, target, has_credentials: false };
    head.extend_from_slice(line.as_bytes());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        asked.has_credentials |= lower.starts_with("authorization:");
        if line == "\r\n" {
            break;
        }
        if !lower.starts_with("connection:") {
            head.extend_from_slice(line.as_bytes());
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    log.lock().unwrap().push(asked.clone());
    match script(&asked) {
        Some(lie) => {
            lied.fetch_add(1, Ordering::Relaxed);
            tell(stream, lie)
        }
        None => {
            let mut server = TcpStream::connect(upstream)?;
            head.extend_from_slice(b"Connection: close\r\n\r\n");
            server.write_all(&head)?;
            server.write_all(&body)?;
            io::copy(&mut server, &mut stream).map(drop)
        }
    }
}

fn tell(mut stream: &TcpStream, lie: Lie) -> io::Result<()> {
    match lie {
        Lie::Raw(bytes) => stream.write_all(&bytes),
        Lie::Endless(first, again) => {
            stream.write_all(&first)?;
            loop {
                stream.write_all(&again)?;
                // Some fifty megabytes a second are too much for anybody who keeps them, and leave others room.
                thread::sleep(Duration::from_millis(1));
            }
        }
        Lie::Trickle(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[byte])?;
                thread::sleep(pause);
            }
            Ok(())
        }
    }
}
