//! An answer on its way out: headers, and a body from memory or from a file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::mpsc;

use crate::call::Answer;
use crate::calls::OpenCall;

/// Large enough to be fast, small enough that many downloads at once cost little memory.
const PIECE: usize = 256 * 1024;

/// How long a cut answer's first half has to get on its way.
const PAUSE: Duration = Duration::from_millis(20);

/// What a handler answers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Content,
}

/// The body of a [`Reply`].
#[derive(Debug)]
pub(crate) enum Content {
    Whole(Bytes),
    /// No body, but the `Content-Length` that a GET would have had.
    Announced(u64),
    /// A part of a file.
    File {
        path: PathBuf,
        from: u64,
        length: u64,
    },
}

impl Reply {
    pub(crate) fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), content: Content::Whole(Bytes::new()) }
    }

    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Reply {
        let reply = Reply { status, headers: Vec::new(), content: Content::Whole(body.into()) };
        reply.with("content-type", content_type)
    }

    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Reply {
        Reply::text(status, "application/json", value.to_string())
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same answer as a HEAD request gets it.
    pub(crate) fn without_body(mut self) -> Reply {
        let length = match &self.content {
            Content::Whole(bytes) => bytes.len() as u64,
            Content::Announced(length) | Content::File { length, .. } => *length,
        };
        self.content = Content::Announced(length);
        self
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        Reply { status: answer.status, headers: answer.headers, content: Content::Whole(answer.body.into()) }
    }
}

/// How a reply is sent: for which call, and whether a fault cuts it off.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) call: Arc<OpenCall>,
    pub(crate) cut_in_half: bool,
}

impl Sending {
    pub(crate) fn response(self, reply: Reply) -> Response<Outgoing> {
        self.call.answered(reply.status);
        let (source, length, sent) = match reply.content {
            Content::Whole(bytes) => {
                let length = bytes.len() as u64;
                (Source::Whole(bytes), length, length)
            }
            Content::Announced(length) => (Source::Whole(Bytes::new()), length, 0),
            Content::File { path, from, length } => (Source::File(pieces(path, from, length)), length, 0),
        };
        let counter = self.call.response_bytes();
        counter.store(if self.cut_in_half { sent / 2 } else { sent }, Ordering::Relaxed);
        let left_until_cut = (self.cut_in_half && length > 0).then_some(length / 2);
        let outgoing =
            Outgoing { source, left: length, left_until_cut, pause: None, counter, call: self.call };
        let mut response = Response::new(outgoing);
        // Handlers only use statuses from 200 to 599; a fault may ask for any number.
        *response.status_mut() =
            hyper::StatusCode::from_u16(reply.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in reply.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        if !matches!(reply.status, 204 | 304) {
            response.headers_mut().insert(hyper::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

/// Reads a part of a file on a blocking thread, a few pieces ahead of the connection.
fn pieces(path: PathBuf, from: u64, length: u64) -> mpsc::Receiver<std::io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let read = || -> std::io::Result<()> {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(from))?;
            let mut file = file.take(length);
            let mut left = length;
            while left > 0 {
                let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
                file.read_exact(&mut piece)?;
                left -= piece.len() as u64;
                if sender.blocking_send(Ok(piece.into())).is_err() {
                    break;
                }
            }
            Ok(())
        };
        if let Err(error) = read() {
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

#[derive(Debug)]
enum Source {
    Whole(Bytes),
    File(mpsc::Receiver<std::io::Result<Bytes>>),
}

/// The body that hyper sends.
#[derive(Debug)]
pub(crate) struct Outgoing {
    source: Source,
    left: u64,
    left_until_cut: Option<u64>,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
    counter: Arc<AtomicU64>,
    call: Arc<OpenCall>,
}

impl Outgoing {
    /// What of a piece is sent.
    fn send(&mut self, mut piece: Bytes) -> Bytes {
        if let Some(left) = &mut self.left_until_cut {
            piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= piece.len() as u64;
        }
        self.left = self.left.saturating_sub(piece.len() as u64);
        piece
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left_until_cut == Some(0) {
            // Without a pause the error would overtake what was sent before it.
            let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
            let fault = || std::io::Error::other("a fault cuts this answer off");
            return pause.as_mut().poll(context).map(|()| Some(Err(fault())));
        }
        let piece = match &mut self.source {
            Source::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Source::Whole(bytes) => std::mem::take(bytes),
            Source::File(receiver) => match receiver.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(piece))) => {
                    self.counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
                    piece
                }
            },
        };
        Poll::Ready(Some(Ok(Frame::data(self.send(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left_until_cut.is_none() && matches!(&self.source, Source::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.is_end_stream() { 0 } else { self.left })
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.call.close();
    }
}
