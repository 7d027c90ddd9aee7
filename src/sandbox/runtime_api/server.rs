//! Carries the protocol over HTTP, on a listening socket that lies in the sandbox.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::{HeaderMap, Response};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::sandbox::connections;

use super::{
    Answer, Effect, FunctionIdentity, Happening, Invocation, LARGEST_RESPONSE, LARGEST_STREAM, Parts,
    Protocol, Request,
};

/// The most bodies that are read at a time.
const BODIES: usize = 4;

/// A server of both APIs. Dropping it ends it.
#[derive(Debug)]
pub(in crate::sandbox) struct Server {
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    desk: Mutex<Desk>,
    happenings: mpsc::UnboundedSender<Happening>,
    bodies: Semaphore,
}

/// The protocol, and who waits for its answers.
#[derive(Debug)]
struct Desk {
    protocol: Protocol,
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    last_token: u64,
}

impl Server {
    /// Serves the socket. What happens comes over the channel.
    pub(in crate::sandbox) fn start(
        listener: std::net::TcpListener,
        function: FunctionIdentity,
    ) -> io::Result<(Self, mpsc::UnboundedReceiver<Happening>)> {
        let listener = TcpListener::from_std(listener)?;
        let (happenings, told) = mpsc::unbounded_channel();
        let desk = Desk { protocol: Protocol::new(function), waiting: HashMap::new(), last_token: 0 };
        let state = Arc::new(State { desk: Mutex::new(desk), happenings, bodies: Semaphore::new(BODIES) });
        let asked = Arc::clone(&state);
        let answer = move |request| answer(Arc::clone(&asked), request);
        // A request of Lambda's clients may wait for long, and nobody else is in the sandbox.
        let task = tokio::spawn(connections::serve(listener, None, answer));
        Ok((Self { state, task }, told))
    }

    /// Gives the function an event.
    pub(in crate::sandbox) fn invoke(&self, invocation: Invocation) {
        self.state.work(|desk| desk.protocol.invoke(invocation));
    }

    /// Tells the extensions that it is over.
    pub(in crate::sandbox) fn shut_down(&self, reason: &str, deadline_milliseconds: u64) {
        self.state.work(|desk| desk.protocol.shut_down(reason, deadline_milliseconds));
    }

    /// Whether extensions have registered.
    pub(in crate::sandbox) fn has_extensions(&self) -> bool {
        self.state.desk().protocol.has_extensions()
    }

    /// Names of extensions that have registered and have not asked for their first event.
    pub(in crate::sandbox) fn unready_extensions(&self) -> Vec<String> {
        self.state.desk().protocol.unready_extensions()
    }

    /// Begins anew, for another set of processes. What the old ones wait for is not answered.
    pub(in crate::sandbox) fn reset(&self, function: FunctionIdentity) {
        let mut desk = self.state.desk();
        desk.protocol = Protocol::new(function);
        desk.waiting.clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, change: impl FnOnce(&mut Desk) -> Vec<Effect>) {
        let mut desk = self.desk();
        for effect in change(&mut desk) {
            match effect {
                Effect::Answer(token, answer) => {
                    if let Some(waiting) = desk.waiting.remove(&token) {
                        // Fails when it has gone away, which it will notice.
                        let _ = waiting.send(answer);
                    }
                }
                // Nobody listens any more at the end.
                Effect::Happened(happening) => {
                    let _ = self.happenings.send(happening);
                }
            }
        }
    }

    async fn ask(&self, request: Request) -> Option<Answer> {
        let (sender, receiver) = oneshot::channel();
        let mut token = 0;
        self.work(|desk| {
            desk.last_token += 1;
            token = desk.last_token;
            desk.waiting.insert(token, sender);
            desk.protocol.take(token, request)
        });
        // Whoever asked may go away while this waits; then it must not be given an event.
        let asking = Asking { state: self, token };
        let answer = receiver.await.ok();
        drop(asking);
        answer
    }
}

struct Asking<'a> {
    state: &'a State,
    token: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut desk = self.state.desk();
        if desk.waiting.remove(&self.token).is_some() {
            desk.protocol.forget(self.token);
        }
    }
}

async fn answer(state: Arc<State>, request: hyper::Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let (body, trailer) = {
        let _permit = state.bodies.acquire().await.map_err(io::Error::other)?;
        read(body, is_streamed(&head.headers)).await.map_err(io::Error::other)?
    };
    let header = |name: &str| {
        head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (method, path) = (head.method.as_str(), head.uri.path());
    let request = Request::of(Parts { method, path, header: &header, body, trailer });
    // Without an answer the connection is closed: the environment was reset.
    let answer = state.ask(request).await.ok_or_else(|| io::Error::other("the environment ended"))?;
    response(answer).map_err(io::Error::other)
}

pub(in crate::sandbox) fn response(answer: Answer) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let mut response = Response::builder().status(answer.status).header("content-type", "application/json");
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(answer.body)))
}

fn is_streamed(headers: &HeaderMap) -> bool {
    headers
        .get("lambda-runtime-function-response-mode")
        .is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"streaming"))
}

/// A body, none where it is too long, and an error that came behind it.
type Read = (Option<Vec<u8>>, Option<(String, Vec<u8>)>);

async fn read(mut body: Incoming, streamed: bool) -> Result<Read, hyper::Error> {
    let limit = if streamed { LARGEST_STREAM } else { LARGEST_RESPONSE };
    let (mut bytes, mut trailer) = (Vec::new(), None);
    if body.size_hint().lower() > limit as u64 {
        return Ok((None, None));
    }
    let mut too_long = false;
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => {
                too_long |= bytes.len() + data.len() > limit;
                // An answer that is not streamed is refused at once, as on Lambda: it may have no end.
                if too_long && !streamed {
                    return Ok((None, None));
                }
                if !too_long {
                    bytes.extend_from_slice(&data);
                }
            }
            Err(frame) => trailer = frame.into_trailers().ok().and_then(|found| error_in(&found)),
        }
    }
    Ok(((!too_long).then_some(bytes), trailer))
}

/// The error that a runtime sends when a streamed response breaks off.
fn error_in(trailers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    let kind = text("lambda-runtime-function-error-type")?.to_owned();
    let body = text("lambda-runtime-function-error-body").and_then(|body| BASE64_STANDARD.decode(body).ok());
    Some((kind, body.unwrap_or_default()))
}
