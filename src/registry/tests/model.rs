//! A small registry on a loopback port: strict about digests, with ECR's departures, and faults on demand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::cloud::{CloudError, RegistryAuthorizer, RegistryCredential};
use crate::event::{Event, Reporter};
use crate::name::Digest;
use crate::registry::{Registry, RegistrySettings, RetryPolicy};

/// The smallest part but the last that the model takes: ECR's, made small to keep the tests quick.
pub(super) const FLOOR: usize = 64 << 10;

/// How the registry behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As the specification says: 202, appends whatever comes, tells its offset when asked.
    Plain,
    /// As ECR: 201, a stale range, every offset checked, a floor for parts, no status.
    Ecr,
}

/// A request as it was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) authorization: Option<String>,
    pub(super) range: Option<String>,
    pub(super) body_length: usize,
}

/// What happens to a request instead of, or after, its being carried out.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// This answer, without doing anything.
    Answer(u16, &'static str, String),
    /// Carried out, but the connection is closed before the answer.
    LostAnswer,
    /// So many bytes of the body are kept, then the connection is closed.
    CutAfter(usize),
    /// The connection is closed at once.
    Closed,
    /// Carried out, but the answer stops in the middle.
    HalfAnswer,
    /// Nothing happens, for ever.
    Stall,
    /// 429 with this header, because too many others are being looked at.
    TurnedAway(&'static str),
}

struct Planned {
    method: &'static str,
    part_of_target: &'static str,
    /// Requests to let through first.
    skip: usize,
    /// How often it happens.
    times: usize,
    fault: Fault,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) blobs: HashMap<String, Vec<u8>>,
    pub(super) manifests: HashMap<String, (String, Vec<u8>)>,
    pub(super) immutable: bool,
    /// Blobs of other repositories.
    pub(super) mountable: HashMap<String, Vec<u8>>,
    /// Manifests are refused so often although all blobs are there.
    pub(super) validator_lag: usize,
    /// The only token that is accepted; any when none.
    pub(super) token: Option<String>,
    /// Where blobs are redirected to.
    pub(super) redirect_blobs: Option<String>,
    /// What Locations of uploads begin with.
    pub(super) location_prefix: String,
    pub(super) log: Vec<Seen>,
    /// How many requests are looked at at a time; any further one is turned away with this header.
    pub(super) most_at_a_time: Option<(usize, &'static str)>,
    /// How long each request takes.
    pub(super) takes: Duration,
    /// How many requests are being looked at, and how many were turned away.
    in_flight: usize,
    pub(super) turned_away: usize,
    /// Requests are held until no other has come for so long, and then answered together: a round trip.
    pub(super) lockstep: Option<Duration>,
    /// The requests of each round trip so far, as method and target.
    pub(super) round_trips: Vec<Vec<String>>,
    held: Vec<String>,
    last_held: Option<std::time::Instant>,
    /// How many connections were made.
    pub(super) connections: usize,
    uploads: HashMap<u32, Vec<u8>>,
    next_upload: u32,
    faults: Vec<Planned>,
}

#[derive(Clone)]
pub(super) struct Model {
    pub(super) address: std::net::SocketAddr,
    pub(super) state: Arc<Mutex<State>>,
    _stop: Arc<tokio::task::JoinSet<()>>,
}

impl Model {
    pub(super) async fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let mut tasks = tokio::task::JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                connections.spawn(serve(stream, kind, Arc::clone(&shared)));
            }
        });
        Self { address, state, _stop: Arc::new(tasks) }
    }

    /// The `skip`-th and following requests like this fail so, `times` in all.
    pub(super) fn plan(
        &self,
        method: &'static str,
        part_of_target: &'static str,
        skip: usize,
        times: usize,
        fault: Fault,
    ) {
        self.state.lock().unwrap().faults.push(Planned { method, part_of_target, skip, times, fault });
    }

    /// No further faults.
    pub(super) fn heal(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    pub(super) fn log(&self) -> Vec<Seen> {
        self.state.lock().unwrap().log.clone()
    }

    pub(super) fn count(&self, method: &str, part_of_target: &str) -> usize {
        let matches = |seen: &&Seen| seen.method == method && seen.target.contains(part_of_target);
        self.log().iter().filter(matches).count()
    }

    pub(super) fn url(&self) -> url::Url {
        format!("http://{}", self.address).parse().unwrap()
    }

    pub(super) fn registry(&self) -> Registry {
        self.registry_with(Arc::new(Tokens::default()), Arc::new(Recorder::default()))
    }

    pub(super) fn registry_with(
        &self,
        authorizer: Arc<dyn RegistryAuthorizer>,
        reporter: Arc<dyn Reporter>,
    ) -> Registry {
        let settings = RegistrySettings {
            retry: quick(),
            smallest_part: FLOOR as u64,
            reporter,
            ..RegistrySettings::default()
        };
        Registry::new(self.url(), "team/app".parse().unwrap(), authorizer, settings).unwrap()
    }
}

/// The policy of the real thing, at a hundredth of its times.
pub(super) fn quick() -> RetryPolicy {
    RetryPolicy {
        attempts: 5,
        base_delay: Duration::from_millis(2),
        longest_delay: Duration::from_millis(20),
        validator_patience: Duration::from_millis(500),
        stall: Duration::from_millis(400),
        ..RetryPolicy::default()
    }
}

/// Hands out `AWS:token-1`, `AWS:token-2`, …
#[derive(Default)]
pub(super) struct Tokens(pub(super) AtomicU32);

pub(super) fn basic(number: u32) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("AWS:token-{number}"))
}

#[async_trait::async_trait]
impl RegistryAuthorizer for Tokens {
    async fn authorize(&self) -> Result<RegistryCredential, CloudError> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(RegistryCredential { basic: basic(number), expires_at: None, proxy_endpoint: None })
    }
}

/// Keeps every event.
#[derive(Default)]
pub(super) struct Recorder(pub(super) Mutex<Vec<Event>>);

impl Reporter for Recorder {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

struct Request {
    seen: Seen,
    content_type: String,
    body: Vec<u8>,
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
        Self { body: body.to_string().into_bytes(), ..Self::new(status) }
    }

    fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

async fn serve(mut stream: TcpStream, kind: Kind, state: Arc<Mutex<State>>) {
    stream.set_nodelay(true).unwrap();
    loop {
        let Some((head, early)) = read_head(&mut stream).await else { return };
        let header = |name: &str| {
            let line =
                head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let mut words = head.split_whitespace();
        let length = header("content-length").map_or(0, |text| text.parse().unwrap());
        let seen = Seen {
            method: words.next().unwrap().to_owned(),
            target: words.next().unwrap().to_owned(),
            authorization: header("authorization"),
            range: header("content-range"),
            body_length: length,
        };
        let fault = state.lock().unwrap().begin(&seen);
        let wanted = match fault {
            Some(Fault::CutAfter(kept)) => kept.min(length),
            Some(Fault::Closed) => return,
            _ => length,
        };
        let mut body = early;
        body.truncate(wanted);
        let mut rest = vec![0; wanted - body.len()];
        if stream.read_exact(&mut rest).await.is_err() {
            return;
        }
        body.append(&mut rest);
        let request = Request { seen, content_type: header("content-type").unwrap_or_default(), body };
        let is_head = request.seen.method == "HEAD";
        let reply = match &fault {
            Some(Fault::Answer(status, headers, body)) => {
                state.lock().unwrap().log.push(request.seen);
                let headers = headers.split_once(": ").map(|(name, value)| (name, value.to_owned()));
                Reply {
                    status: *status,
                    headers: headers.into_iter().collect(),
                    body: body.clone().into_bytes(),
                }
            }
            Some(Fault::Stall) => return std::future::pending().await,
            Some(Fault::TurnedAway(header)) => {
                let reply = Reply::error(429, "TOOMANYREQUESTS", "Rate exceeded");
                header
                    .split_once(": ")
                    .into_iter()
                    .fold(reply, |reply, (name, value)| reply.header(name, value))
            }
            _ => {
                let takes = state.lock().unwrap().takes;
                tokio::time::sleep(takes).await;
                keep_step(&state, &request.seen).await;
                let mut state = state.lock().unwrap();
                state.in_flight = state.in_flight.saturating_sub(1);
                state.carry_out(kind, request)
            }
        };
        match fault {
            Some(Fault::LostAnswer | Fault::CutAfter(_)) => return,
            Some(Fault::HalfAnswer) => {
                let _ = stream.write_all(b"HTTP/1.1 201 Created\r\nLocat").await;
                return;
            }
            _ => {}
        }
        let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let body = if is_head { &[][..] } else { &reply.body };
        if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(body).await.is_err() {
            return;
        }
    }
}

/// Holds a request until its round trip is over, where requests are held.
async fn keep_step(state: &Mutex<State>, seen: &Seen) {
    let (quiet, trip) = {
        let mut state = state.lock().unwrap();
        let Some(quiet) = state.lockstep else { return };
        state.held.push(format!("{} {}", seen.method, seen.target));
        state.last_held = Some(std::time::Instant::now());
        (quiet, state.round_trips.len())
    };
    loop {
        tokio::time::sleep(quiet / 10).await;
        let mut state = state.lock().unwrap();
        if state.round_trips.len() > trip {
            return;
        }
        if state.last_held.is_some_and(|last| last.elapsed() >= quiet) {
            let together = std::mem::take(&mut state.held);
            state.round_trips.push(together);
            return;
        }
    }
}

/// The head of the next request, and what of its body came with it.
async fn read_head(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let early = read.split_off(end + 4);
            return Some((String::from_utf8(read).unwrap(), early));
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

impl State {
    /// Makes every byte of every upload under way this one.
    pub(super) fn overwrite_uploads(&mut self, byte: u8) {
        self.uploads.values_mut().for_each(|upload| upload.fill(byte));
    }

    /// Begins a request: turns it away, or says what goes wrong with it.
    fn begin(&mut self, seen: &Seen) -> Option<Fault> {
        match self.most_at_a_time {
            Some((most, header)) if self.in_flight >= most => {
                self.turned_away += 1;
                return Some(Fault::TurnedAway(header));
            }
            _ => self.in_flight += 1,
        }
        self.fault_for(seen)
    }

    fn fault_for(&mut self, seen: &Seen) -> Option<Fault> {
        for planned in &mut self.faults {
            if planned.method != seen.method || !seen.target.contains(planned.part_of_target) {
                continue;
            }
            if planned.skip > 0 {
                planned.skip -= 1;
            } else if planned.times > 0 {
                planned.times -= 1;
                return Some(planned.fault.clone());
            }
        }
        None
    }

    fn carry_out(&mut self, kind: Kind, request: Request) -> Reply {
        let seen = request.seen.clone();
        self.log.push(seen.clone());
        let expected = self.token.as_ref().map(|token| format!("Basic {token}"));
        if expected.is_some() && seen.authorization != expected {
            return match kind {
                Kind::Ecr => Reply::error(
                    403,
                    "DENIED",
                    "Your authorization token has expired. Reauthenticate and try again.",
                ),
                Kind::Plain => Reply::error(401, "UNAUTHORIZED", "").header("www-authenticate", "Basic"),
            };
        }
        let Some(path) = seen.target.strip_prefix("/v2/") else { return Reply::new(404) };
        let Some(path) = path.strip_prefix("team/app/") else { return Reply::new(200) };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        match (seen.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
            ("POST", ["blobs", "uploads", ""]) => self.open(query),
            ("PATCH", ["blobs", "uploads", id]) => self.append(kind, id, &request),
            ("GET", ["blobs", "uploads", id]) => self.status(kind, id),
            ("PUT", ["blobs", "uploads", id]) => self.complete(kind, id, query, &request),
            (method, ["blobs", digest]) => self.blob(method, digest),
            (method, ["manifests", reference]) => self.manifest(kind, method, reference, &request),
            _ => Reply::new(404),
        }
    }

    fn open(&mut self, query: &str) -> Reply {
        if let Some(mount) = query.strip_prefix("mount=") {
            let digest = mount.split('&').next().unwrap().replace("%3A", ":");
            if let Some(content) = self.mountable.get(&digest) {
                let reply = Reply::new(201).header("location", format!("/v2/team/app/blobs/{digest}"));
                self.blobs.insert(digest, content.clone());
                return reply;
            }
        }
        self.next_upload += 1;
        self.uploads.insert(self.next_upload, Vec::new());
        Reply::new(202).header("location", self.location(self.next_upload))
    }

    fn location(&self, id: u32) -> String {
        format!("{}/v2/team/app/blobs/uploads/{id}?_state=secret%2Fstate", self.location_prefix)
    }

    /// Adds a part to an upload; the reply when it must not.
    fn add(&mut self, kind: Kind, id: &str, request: &Request, last: bool) -> Result<u32, Reply> {
        let id: u32 = id.parse().map_err(|_| Reply::new(404))?;
        let unknown = || Reply::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown");
        let upload = self.uploads.get_mut(&id).ok_or_else(unknown)?;
        if kind == Kind::Ecr && request.seen.body_length > 0 {
            let range = request.seen.range.clone().unwrap_or_default();
            let first: usize = range.split('-').next().unwrap_or_default().parse().unwrap_or_default();
            if first != upload.len() {
                let words = format!("First byte of the layer part is {first} instead of {}", upload.len());
                return Err(Reply::error(416, "RANGE_INVALID", &words));
            }
            if !last && request.seen.body_length < FLOOR {
                return Err(Reply::error(400, "BLOB_UPLOAD_INVALID", "part too small"));
            }
        }
        upload.extend_from_slice(&request.body);
        Ok(id)
    }

    fn append(&mut self, kind: Kind, id: &str, request: &Request) -> Reply {
        match self.add(kind, id, request, false) {
            Err(reply) => reply,
            Ok(id) => {
                let (status, shown) = match kind {
                    Kind::Ecr => (201, FLOOR),
                    Kind::Plain => (202, self.uploads[&id].len()),
                };
                Reply::new(status)
                    .header("location", self.location(id))
                    .header("range", format!("0-{}", shown.saturating_sub(1)))
            }
        }
    }

    fn status(&self, kind: Kind, id: &str) -> Reply {
        match id.parse().ok().and_then(|id: u32| self.uploads.get(&id)) {
            Some(upload) if kind == Kind::Plain => {
                Reply::new(204).header("range", format!("0-{}", upload.len().saturating_sub(1)))
            }
            _ => Reply::new(404),
        }
    }

    fn complete(&mut self, kind: Kind, id: &str, query: &str, request: &Request) -> Reply {
        let id = match self.add(kind, id, request, true) {
            Ok(id) => id,
            Err(reply) => return reply,
        };
        let digest = query.rsplit("digest=").next().unwrap().replace("%3A", ":");
        let content = self.uploads.remove(&id).unwrap();
        if Digest::of(&content).to_string() != digest {
            return Reply::error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        }
        self.blobs.insert(digest.clone(), content);
        Reply::new(201).header("docker-content-digest", digest)
    }

    fn blob(&self, method: &str, digest: &str) -> Reply {
        let Some(content) = self.blobs.get(digest) else {
            return Reply::error(404, "BLOB_UNKNOWN", "blob unknown");
        };
        match &self.redirect_blobs {
            Some(target) => Reply::new(307).header("location", target),
            None if method == "HEAD" => Reply::new(200),
            None => Reply { body: content.clone(), ..Reply::new(200) },
        }
    }

    fn manifest(&mut self, kind: Kind, method: &str, reference: &str, request: &Request) -> Reply {
        if method == "PUT" {
            return self.put_manifest(reference, request);
        }
        match self.manifests.get(reference) {
            None => Reply::error(404, "MANIFEST_UNKNOWN", "Requested image not found"),
            Some((media_type, bytes)) => {
                let reply =
                    Reply { body: bytes.clone(), ..Reply::new(200) }.header("content-type", media_type);
                if method == "HEAD" || kind == Kind::Plain {
                    reply.header("docker-content-digest", Digest::of(bytes))
                } else {
                    reply
                }
            }
        }
    }

    fn put_manifest(&mut self, reference: &str, request: &Request) -> Reply {
        if self.validator_lag > 0 {
            self.validator_lag -= 1;
            return Reply::error(404, "LAYERS_NOT_FOUND", "The layers with digests '…' could not be found");
        }
        if self.immutable && self.manifests.contains_key(reference) {
            let words = format!(
                "The image tag '{reference}' already exists in the 'team/app' repository and cannot be overwritten because the repository is immutable."
            );
            return Reply::error(400, "TAG_INVALID", &words);
        }
        let manifest: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter();
        for blob in layers.chain([&manifest["config"]]) {
            let digest = blob["digest"].as_str().unwrap();
            let size = self.blobs.get(digest).map(|content| content.len() as u64);
            if size.is_none() || size != blob["size"].as_u64() {
                return Reply::error(400, "MANIFEST_BLOB_UNKNOWN", digest);
            }
        }
        let stored = (request.content_type.clone(), request.body.clone());
        self.manifests.insert(Digest::of(&request.body).to_string(), stored.clone());
        self.manifests.insert(reference.to_owned(), stored);
        Reply::new(201)
    }
}
