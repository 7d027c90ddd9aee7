//! A small registry on a loopback port that gives images out, with the logins of real ones and faults on demand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::event::{Event, Reporter};
use crate::http::retry::RetryPolicy;
use crate::image::fixture::{Layout, OCI_INDEX, OCI_MANIFEST};
use crate::image::remote::{Credential, CredentialError, Credentials, RemoteAccess, RemoteReference};
use crate::image::{ImageError, LocalImage, SourceAccess};
use crate::name::{Architecture, Digest};

/// A request as it was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) host: String,
    pub(super) authorization: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) range: Option<String>,
    pub(super) body: String,
}

/// What happens to a request instead of its ordinary answer.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// This status, header and body.
    Answer(u16, &'static str, String),
    /// The connection is closed after so many bytes of the body.
    CutAfter(usize),
    /// Nothing more comes after so many bytes of the body.
    StallAfter(usize),
    /// The range is ignored: the whole comes, with 200.
    WholeInstead,
    /// Other bytes of the same length.
    Lie,
    /// These bytes.
    Instead(Vec<u8>),
    /// The tokens that were handed out are good no more, from before this request on.
    ForgetTokens,
}

struct Planned {
    part_of_target: &'static str,
    skip: usize,
    times: usize,
    fault: Fault,
}

/// How the registry wants to be convinced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Login {
    #[default]
    Open,
    /// `user:password`
    Basic(&'static str),
    /// A token, given to anybody or to `user:password` only.
    Bearer(Option<&'static str>),
}

#[derive(Default)]
pub(super) struct State {
    /// By tag and by digest: content type and bytes.
    pub(super) manifests: HashMap<String, (String, Vec<u8>)>,
    pub(super) blobs: HashMap<String, Vec<u8>>,
    pub(super) login: Login,
    /// Whether an answer to GET names the digest, too.
    pub(super) digest_on_get: bool,
    /// What HEAD names instead of the truth.
    pub(super) head_digest: Option<String>,
    /// Whether blobs are redirected to another host (`localhost`), as Amazon ECR does.
    pub(super) redirects: bool,
    pub(super) token_life: Option<u64>,
    pub(super) log: Vec<Seen>,
    tokens: Vec<String>,
    handed_out: usize,
    faults: Vec<Planned>,
}

pub(super) struct Model {
    pub(super) address: std::net::SocketAddr,
    pub(super) state: Arc<Mutex<State>>,
    /// What was told.
    pub(super) recorder: Arc<Recorder>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Model {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { digest_on_get: true, ..State::default() }));
        let mut tasks = tokio::task::JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared), address.port()));
            }
        });
        Self { address, state, recorder: Arc::default(), _tasks: tasks }
    }

    /// With everything that is in a layout; its last entry is `team/app:v1`.
    pub(super) async fn with(layout: &Layout) -> Self {
        let model = Self::start().await;
        model.take(layout);
        model
    }

    pub(super) fn take(&self, layout: &Layout) {
        let mut state = self.state.lock().unwrap();
        for (name, bytes) in layout.tree.iter() {
            let Some(hex) = name.strip_prefix("blobs/sha256/") else { continue };
            let digest = format!("sha256:{hex}");
            let document: Option<Value> = serde_json::from_slice(bytes).ok();
            let media_type = document.as_ref().and_then(|document| {
                let stated = document["mediaType"].as_str().map(str::to_owned);
                let guessed = || {
                    document
                        .get("manifests")
                        .map(|_| OCI_INDEX)
                        .or(document.get("layers").map(|_| OCI_MANIFEST))
                };
                stated.or_else(|| guessed().map(str::to_owned))
            });
            match media_type {
                Some(media_type) => drop(state.manifests.insert(digest, (media_type, bytes.clone()))),
                None => drop(state.blobs.insert(digest, bytes.clone())),
            }
        }
        if let Some(entry) = layout.entries.last() {
            let root = state.manifests[entry["digest"].as_str().unwrap()].clone();
            state.manifests.insert("v1".to_owned(), root);
        }
    }

    /// The `skip`-th and following requests like this fail so, `times` in all.
    pub(super) fn plan(&self, part_of_target: &'static str, skip: usize, times: usize, fault: Fault) {
        self.state.lock().unwrap().faults.push(Planned { part_of_target, skip, times, fault });
    }

    pub(super) fn log(&self) -> Vec<Seen> {
        self.state.lock().unwrap().log.clone()
    }

    /// `GET /v2/…` for each request.
    pub(super) fn requests(&self) -> Vec<String> {
        self.log().iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
    }

    pub(super) fn count(&self, method: &str, part_of_target: &str) -> usize {
        let matches = |seen: &&Seen| seen.method == method && seen.target.contains(part_of_target);
        self.log().iter().filter(matches).count()
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// Opens `team/app` with this pin (`:v1`, `@sha256:…`) as nobody.
    pub(super) async fn open(&self, pin: &str) -> Result<LocalImage, ImageError> {
        self.open_as(pin, None, RemoteAccess::default()).await
    }

    pub(super) async fn open_as(
        &self,
        pin: &str,
        wanted: Option<Architecture>,
        access: RemoteAccess,
    ) -> Result<LocalImage, ImageError> {
        let remote = RemoteAccess { retry: quick(), ..access };
        let access = SourceAccess { remote, reporter: self.recorder.clone(), ..SourceAccess::default() };
        let source = format!("docker://{}/team/app{pin}", self.address).parse().unwrap();
        let opened = crate::image::open(&source, wanted, &access).await;
        if let Err(error) = &opened {
            let text = format!("{error} {error:?} {:?}", error.hint());
            assert!(!text.contains("secret") && !text.contains("Signature"), "{text}");
        }
        opened
    }
}

/// The policy of the real thing, at a hundredth of its times.
pub(super) fn quick() -> RetryPolicy {
    RetryPolicy {
        attempts: 4,
        base_delay: Duration::from_millis(2),
        longest_delay: Duration::from_millis(10),
        stall: Duration::from_millis(500),
        ..RetryPolicy::default()
    }
}

/// A name and a password, as they are.
#[derive(Debug)]
pub(super) struct Known(pub(super) Credential);

impl Known {
    pub(super) fn access(text: &str) -> RemoteAccess {
        let (user, password) = text.split_once(':').unwrap();
        let credential = Credential::Basic { user: user.to_owned(), password: password.to_owned() };
        RemoteAccess { credentials: Arc::new(Known(credential)), ..RemoteAccess::default() }
    }
}

#[async_trait::async_trait]
impl Credentials for Known {
    async fn credential(&self, _: &RemoteReference) -> Result<Option<Credential>, CredentialError> {
        Ok(Some(self.0.clone()))
    }

    fn hint(&self, reference: &RemoteReference, had_some: bool) -> String {
        super::super::credential::login_hint(reference, had_some)
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

struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type".into(), content_type.into())], body: body.into() }
    }

    fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({"errors": [{"code": code, "message": message}]});
        Self::new(status, "application/json", body.to_string())
    }

    fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>, port: u16) {
    stream.set_nodelay(true).unwrap();
    while let Some(seen) = read_request(&mut stream).await {
        let (fault, mut reply) = {
            let mut state = state.lock().unwrap();
            let fault = state.fault_for(&seen);
            let reply = state.answer(&seen, fault.as_ref(), port);
            state.log.push(seen.clone());
            (fault, reply)
        };
        match &fault {
            Some(Fault::Answer(status, header, body)) => {
                reply = Reply { status: *status, headers: Vec::new(), body: body.clone().into_bytes() };
                if let Some((name, value)) = header.split_once(": ") {
                    reply = reply.header(name, value);
                }
            }
            Some(Fault::Lie) => reply.body.iter_mut().for_each(|byte| *byte ^= 0x55),
            Some(Fault::Instead(bytes)) => reply.body.clone_from(bytes),
            _ => {}
        }
        let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let (sent, end) = match fault {
            Some(Fault::CutAfter(count)) => (&reply.body[..count.min(reply.body.len())], Some(false)),
            Some(Fault::StallAfter(count)) => (&reply.body[..count.min(reply.body.len())], Some(true)),
            _ if seen.method == "HEAD" => (&[][..], None),
            _ => (&reply.body[..], None),
        };
        let written = async {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(sent).await
        };
        match (written.await, end) {
            (Err(_), _) | (Ok(()), Some(false)) => return,
            (Ok(()), Some(true)) => return std::future::pending().await,
            (Ok(()), None) => {}
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = read.split_off(end);
    let head = String::from_utf8(read).unwrap();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let length = header("content-length").map_or(0, |text| text.parse().unwrap());
    let mut rest = vec![0; length - body.len()];
    stream.read_exact(&mut rest).await.ok()?;
    body.append(&mut rest);
    let mut words = head.split_whitespace();
    Some(Seen {
        method: words.next().unwrap().to_owned(),
        target: words.next().unwrap().to_owned(),
        host: header("host").unwrap_or_default(),
        authorization: header("authorization"),
        accept: header("accept"),
        range: header("range"),
        body: String::from_utf8(body).unwrap(),
    })
}

impl State {
    /// No further faults.
    pub(super) fn forget_faults(&mut self) {
        self.faults.clear();
    }

    fn fault_for(&mut self, seen: &Seen) -> Option<Fault> {
        for planned in &mut self.faults {
            if !seen.target.contains(planned.part_of_target) {
                continue;
            }
            if planned.skip > 0 {
                planned.skip -= 1;
            } else if planned.times > 0 {
                planned.times -= 1;
                if matches!(planned.fault, Fault::ForgetTokens) {
                    self.tokens.clear();
                }
                return Some(planned.fault.clone());
            }
        }
        None
    }

    fn answer(&mut self, seen: &Seen, fault: Option<&Fault>, port: u16) -> Reply {
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        if path == "/token" {
            return self.token(seen, query);
        }
        if let Some(digest) = path.strip_prefix("/storage/") {
            // As S3: credentials have no business here.
            if seen.authorization.is_some() || !query.contains("Signature=") {
                return Reply::new(400, "application/xml", "<Error/>");
            }
            return self.blob(digest, seen, fault);
        }
        if let Some(refusal) = self.refuse(seen, port) {
            return refusal;
        }
        let Some(path) = path.strip_prefix("/v2/team/app/") else {
            return Reply::error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        match path.split_once('/') {
            Some(("manifests", reference)) => self.manifest(reference, seen),
            Some(("blobs", digest)) if self.redirects => {
                let address = format!("http://localhost:{port}/storage/{digest}?Signature=secret");
                Reply::new(307, "text/plain", "").header("location", address)
            }
            Some(("blobs", digest)) => self.blob(digest, seen, fault),
            _ => Reply::new(404, "text/plain", "404 page not found"),
        }
    }

    fn refuse(&self, seen: &Seen, port: u16) -> Option<Reply> {
        use base64::Engine as _;
        let denied = |challenge: String| {
            Some(
                Reply::error(401, "UNAUTHORIZED", "authentication required")
                    .header("www-authenticate", challenge),
            )
        };
        let given = seen.authorization.as_deref().unwrap_or_default();
        match &self.login {
            Login::Open => None,
            Login::Basic(pair) => {
                let good = base64::engine::general_purpose::STANDARD.encode(pair);
                if given == format!("Basic {good}") { None } else { denied("Basic realm=\"x\"".to_owned()) }
            }
            Login::Bearer(_) => {
                if self.tokens.iter().any(|token| given == format!("Bearer {token}")) {
                    return None;
                }
                denied(format!(
                    "Bearer realm=\"http://127.0.0.1:{port}/token?a=b\",service=\"the service\",scope=\"x\""
                ))
            }
        }
    }

    fn token(&mut self, seen: &Seen, query: &str) -> Reply {
        use base64::Engine as _;
        let asked = format!("{query}&{}", seen.body);
        assert!(asked.contains("scope=repository%3Ateam%2Fapp%3Apull"), "{asked}");
        assert!(asked.contains("service=the+service"), "{asked}");
        let Login::Bearer(wanted) = &self.login else { return Reply::new(404, "text/plain", "") };
        let good = wanted.map(|pair| base64::engine::general_purpose::STANDARD.encode(pair));
        let refreshed = seen.method == "POST" && seen.body.contains("refresh_token=refresh-secret");
        if good.is_some_and(|good| seen.authorization != Some(format!("Basic {good}"))) && !refreshed {
            return Reply::error(401, "UNAUTHORIZED", "incorrect username or password");
        }
        self.handed_out += 1;
        let token = format!("secret-token-{}", self.handed_out);
        self.tokens.push(token.clone());
        let key = if self.handed_out.is_multiple_of(2) { "access_token" } else { "token" };
        let mut answer = json!({key: token});
        if let Some(life) = self.token_life {
            answer["expires_in"] = life.into();
        }
        Reply::new(200, "application/json", answer.to_string())
    }

    fn manifest(&self, reference: &str, seen: &Seen) -> Reply {
        let Some((media_type, bytes)) = self.manifests.get(reference) else {
            return Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown");
        };
        let reply = Reply::new(200, media_type, bytes.clone());
        let digest = Digest::of(bytes).to_string();
        if seen.method == "HEAD" {
            return reply.header("docker-content-digest", self.head_digest.clone().unwrap_or(digest));
        }
        if self.digest_on_get { reply.header("docker-content-digest", digest) } else { reply }
    }

    fn blob(&self, digest: &str, seen: &Seen, fault: Option<&Fault>) -> Reply {
        let Some(bytes) = self.blobs.get(digest) else {
            return Reply::error(404, "BLOB_UNKNOWN", "blob unknown");
        };
        let asked = seen.range.as_ref().filter(|_| !matches!(fault, Some(Fault::WholeInstead)));
        let Some(range) = asked else { return Reply::new(200, "application/octet-stream", bytes.clone()) };
        let from: usize = range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
        let last = bytes.len() - 1;
        Reply::new(206, "application/octet-stream", &bytes[from..])
            .header("content-range", format!("bytes {from}-{last}/{}", bytes.len()))
    }
}
