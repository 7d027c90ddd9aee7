//! Carries invocations over HTTP, and hands them over in the order of their arrival.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::{Head, Invoke, Kind, PLACES, Refusal};
use crate::sandbox::connections;
use crate::sandbox::delivery::{Answered, Delivery};

/// How long the head of a request, and then its event, may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// An event that waits for its turn. It has its place among others until it is dropped.
pub(in crate::sandbox) struct Job {
    pub(in crate::sandbox) delivery: Delivery,
    pub(in crate::sandbox) kind: Kind,
    /// The function as the caller named it.
    pub(in crate::sandbox) function: String,
    answer: oneshot::Sender<Answered>,
    _place: OwnedSemaphorePermit,
}

impl Job {
    /// Whether nobody waits for the answer any more, and nobody ever wanted it run without that.
    pub(in crate::sandbox) fn is_given_up(&self) -> bool {
        self.kind == Kind::Wait && self.answer.is_closed()
    }

    /// Answers it.
    pub(in crate::sandbox) fn answer(self, answered: Answered) {
        // Nobody waits for what was queued, and others may have gone away.
        let _ = self.answer.send(answered);
    }
}

/// A server. Dropping it ends it, and every connection.
pub(in crate::sandbox) struct Server {
    task: tokio::task::JoinHandle<()>,
}

struct State {
    jobs: mpsc::UnboundedSender<Job>,
    places: Arc<Semaphore>,
    version: String,
}

impl Server {
    /// Serves the socket for a function of this version. Events come over the channel.
    pub(in crate::sandbox) fn start(
        listener: std::net::TcpListener,
        version: String,
    ) -> io::Result<(Self, mpsc::UnboundedReceiver<Job>)> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let state = Arc::new(State { jobs, places: Arc::new(Semaphore::new(PLACES)), version });
        let answer = move |request| answer(Arc::clone(&state), request);
        let task = tokio::spawn(connections::serve(listener, Some(ARRIVAL), answer));
        Ok((Self { task }, waiting))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    state: Arc<State>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let id = crate::sandbox::request_id();
    let response = match state.invoke(request, &id).await {
        Ok(response) => response,
        Err(refusal) => Reply {
            status: refusal.status,
            headers: vec![("x-amzn-errortype", refusal.code.to_owned())],
            body: refusal.body(),
        },
    };
    response.with("x-amzn-requestid", id).into_response()
}

/// What is sent back.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn into_response(self) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
        let mut response = Response::builder().status(self.status).header("content-type", "application/json");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Full::new(Bytes::from(self.body)))
    }
}

impl State {
    async fn invoke(&self, request: hyper::Request<Incoming>, id: &str) -> Result<Reply, Refusal> {
        let (head, body) = request.into_parts();
        let header = |name: &str| {
            head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let invoke =
            Invoke::of(&Head { method: head.method.as_str(), path: head.uri.path(), header: &header })?;
        let empty = |status| Reply { status, headers: Vec::new(), body: Vec::new() };
        // Before its body is read: what waits is what may be in memory.
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::throttled())?;
        let body = timeout(ARRIVAL, read(body, invoke.most_bytes())).await;
        let body = body.map_err(|_| Refusal::unread())?.map_err(|_| Refusal::unread())?;
        let payload = invoke.event(body)?;
        let Invoke { kind, function, wants_log, client_context } = invoke;
        if kind == Kind::DryRun {
            return Ok(empty(204));
        }
        let delivery = Delivery { client_context, request_id: id.to_owned(), ..Delivery::new(payload) };
        let (sender, receiver) = oneshot::channel();
        let job = Job { delivery, kind, function, answer: sender, _place: place };
        self.jobs.send(job).map_err(|_| Refusal::ended())?;
        if kind == Kind::Queue {
            return Ok(empty(202));
        }
        let answered = receiver.await.map_err(|_| Refusal::ended())?;
        Ok(self.reply(answered, wants_log))
    }

    fn reply(&self, answered: Answered, wants_log: bool) -> Reply {
        let Answered { outcome, log, .. } = answered;
        let mut headers = vec![("x-amz-executed-version", self.version.clone())];
        if wants_log {
            headers.push(("x-amz-log-result", BASE64_STANDARD.encode(log)));
        }
        let body = outcome.unwrap_or_else(|unanswered| {
            headers.push(("x-amz-function-error", "Unhandled".to_owned()));
            unanswered.payload
        });
        Reply { status: 200, headers, body }
    }
}

/// A body; none where it is larger than `most`. It is read to its end all the same, as far as that is bearable: whoever still sends would
/// see a broken connection in the place of the refusal.
async fn read(mut body: Incoming, most: usize) -> Result<Option<Vec<u8>>, hyper::Error> {
    let mut bytes = Vec::new();
    let mut count = 0_usize;
    if body.size_hint().lower() > 4 * most as u64 {
        return Ok(None);
    }
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        count = count.saturating_add(data.len());
        if count > 4 * most {
            break;
        }
        if count <= most {
            bytes.extend_from_slice(&data);
        }
    }
    Ok((count <= most).then_some(bytes))
}
