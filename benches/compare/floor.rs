//! The floor: the same blobs sent by a client that does nothing else. No hashing, no compression, no questions; one PUT
//! a blob, on four kept connections.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use base64::Engine as _;
use lambda_lift_rig::Registry;

use crate::measure::Figures;

const CONNECTIONS: usize = 4;

/// Sends every file of an OCI layout's blob folder, the largest first.
pub(crate) fn send_blobs(registry: &Registry, blobs: &std::path::Path) -> io::Result<Figures> {
    let mut files = Vec::new();
    for entry in fs::read_dir(blobs)? {
        let entry = entry?;
        files.push((entry.metadata()?.len(), entry.path()));
    }
    files.sort();
    let (authority, queue) = (registry.authority(), Mutex::new(files));
    let authorization = base64::engine::general_purpose::STANDARD.encode(registry.credentials());
    let begin = Instant::now();
    let worker = || -> io::Result<()> {
        let mut connection = Connection::open(&authority, &authorization)?;
        loop {
            let next = queue.lock().map_err(|_| io::Error::other("a connection failed"))?.pop();
            let Some((length, path)) = next else { return Ok(()) };
            connection.send(length, path)?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| io::Error::other("a connection failed"))?)
    })?;
    Ok(Figures { wall: begin.elapsed(), cpu: None, peak: None })
}

struct Connection<'a> {
    stream: BufReader<TcpStream>,
    authority: &'a str,
    authorization: &'a str,
}

impl<'a> Connection<'a> {
    fn open(authority: &'a str, authorization: &'a str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), authority, authorization })
    }

    fn send(&mut self, length: u64, path: PathBuf) -> io::Result<()> {
        self.ask("POST", "/v2/floor/blobs/uploads/", 0)?;
        let location = self.answer(202)?.ok_or_else(|| io::Error::other("no Location"))?;
        let digest = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let target = location.split_once(self.authority).map_or(location.as_str(), |(_, target)| target);
        self.ask("PUT", &format!("{target}&digest=sha256:{digest}"), length)?;
        // From file to socket within the kernel.
        io::copy(&mut File::open(path)?, self.stream.get_mut())?;
        self.answer(201).map(|_| ())
    }

    fn ask(&mut self, method: &str, target: &str, length: u64) -> io::Result<()> {
        let (authority, authorization) = (self.authority, self.authorization);
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Basic {authorization}\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
        );
        self.stream.get_mut().write_all(head.as_bytes())
    }

    /// Reads an answer; its Location.
    fn answer(&mut self, expected: u16) -> io::Result<Option<String>> {
        let mut status = String::new();
        self.stream.read_line(&mut status)?;
        if status.split(' ').nth(1) != Some(&expected.to_string()) {
            return Err(io::Error::other(format!("expected {expected}, got {status:?}")));
        }
        let (mut location, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            if name.eq_ignore_ascii_case("location") {
                location = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().map_err(io::Error::other)?;
            }
        }
        io::copy(&mut self.stream.by_ref().take(length), &mut io::sink())?;
        Ok(location)
    }
}
