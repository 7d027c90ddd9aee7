//! As much HTTP/1.1 as the runtime API needs: one request a connection, over loopback.
//!
//! It knows nothing of Lambda. Neither redirects nor chunked bodies nor TLS exist on this interface.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// An answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// Names in lower case, values trimmed.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, as long as `Content-Length` says, or all there is when it says nothing.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of that (lower-case) name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Sends one request to `authority` (`host:port`) and reads the answer, however long that takes: the runtime
/// API answers "next" when there is an event.
pub(crate) fn send(
    authority: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut stream = TcpStream::connect(authority)?;
    stream.write_all(request.as_bytes())?;
    stream.write_all(body)?;
    read_answer(BufReader::new(stream))
}

fn read_answer(mut stream: impl BufRead) -> io::Result<Answer> {
    let status_line = read_line(&mut stream)?;
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| malformed("no status line"))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(&mut stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a header without a colon"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    match answer.header("content-length").map(str::parse::<u64>) {
        Some(Ok(length)) => {
            let read = stream.take(length).read_to_end(&mut answer.body)?;
            if read as u64 != length {
                return Err(malformed("the body ends early"));
            }
        }
        Some(Err(_)) => return Err(malformed("a Content-Length that is no number")),
        None => {
            stream.read_to_end(&mut answer.body)?;
        }
    }
    Ok(answer)
}

/// One line without its ending.
fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(text) => Ok(text.to_owned()),
        None => Err(malformed("the head ends early")),
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed answer: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_content_length() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLambda-Runtime-Deadline-Ms: 5 \r\n\r\n{}garbage";
        let answer = read_answer(&text[..]).expect("well formed");
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
        assert_eq!(answer.header("lambda-runtime-deadline-ms"), Some("5"));
    }

    #[test]
    fn a_malformed_answer_is_an_error() {
        for text in
            ["", "hello\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]
        {
            assert!(read_answer(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
