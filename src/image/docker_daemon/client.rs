//! The two requests that are made of a daemon: what an image is (`GET /images/{name}/json`), and the image itself
//! (`GET /images/{id}/get`). (Docker Engine API 1.40 to 1.53; podman serves the same paths.)
//!
//! The paths carry no version: every daemon takes those for its newest, and neither answer has changed in a way that
//! matters here, while each version that could be named is too new for some daemon and too old for another.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use super::DaemonProblem;
use super::address::{DaemonSettings, Endpoint, Tls, resolve};
use super::reference::ImageReference;
use crate::image::strict_json::{self, Object};
use crate::name::Digest;

/// How long a daemon may take to accept a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);

/// How long a daemon may take to say what an image is. It is one look into its store, but the machine may be busy.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);

/// How long a daemon may be silent in an export. Docker 20.10 writes every layer to its own disk before the first byte.
pub(super) const EXPORT_PATIENCE: Duration = Duration::from_secs(900);

/// A description has some kilobytes, a refusal fewer.
const LARGEST_ANSWER: usize = 8 << 20;

/// How much of what a daemon says is shown.
const LONGEST_MESSAGE: usize = 400;

/// A daemon that answers.
#[derive(Debug)]
pub(super) struct Daemon {
    http: reqwest::Client,
    /// Ends with `/`.
    base: String,
    place: String,
}

/// What a daemon says of an image, as far as it counts: the rest is in the image itself, where it can be verified.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    id: String,
}

impl Daemon {
    /// Asks the daemons that `settings` lead to for the id of an image; the first that can be reached counts. The id is
    /// the digest of the configuration; where containerd keeps the images, that of the manifest or index.
    pub(super) async fn find(
        settings: &DaemonSettings,
        reference: &ImageReference,
    ) -> Result<(Self, Digest), DaemonProblem> {
        let mut tried = Vec::new();
        for endpoint in resolve(settings)? {
            let daemon = Self::at(&endpoint)?;
            match daemon.id_of(reference).await {
                Ok(id) => return Ok((daemon, id)),
                Err(DaemonProblem::NoDaemon { tried: here }) => tried.extend(here),
                Err(other) => return Err(other),
            }
        }
        Err(DaemonProblem::NoDaemon { tried })
    }

    fn at(endpoint: &Endpoint) -> Result<Self, DaemonProblem> {
        let place = endpoint.place();
        let unusable = |why: String| DaemonProblem::Certificates { place: place.clone(), why };
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_PATIENCE)
            .user_agent(concat!("lambda-lift/", env!("CARGO_PKG_VERSION")));
        let base = match endpoint {
            Endpoint::Unix(path) => {
                builder = over_socket(builder, path)?;
                "http://localhost/".to_owned()
            }
            Endpoint::Tcp { url, tls } => {
                builder = match tls {
                    Some(tls) => secured(builder, tls).map_err(unusable)?,
                    // Without TLS the root certificates of this machine need not be loaded, which takes a while.
                    None => builder.tls_certs_only([]),
                };
                url.to_string()
            }
        };
        let http = builder.build().map_err(|error| unusable(described(&error)))?;
        Ok(Self { http, base, place })
    }

    /// The address, for messages.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The id of the image of this name. Asked twice when the connection breaks: looking changes nothing.
    async fn id_of(&self, reference: &ImageReference) -> Result<Digest, DaemonProblem> {
        match self.ask_for_id(reference).await {
            Err(DaemonProblem::Broken { .. }) => self.ask_for_id(reference).await,
            answered => answered,
        }
    }

    async fn ask_for_id(&self, reference: &ImageReference) -> Result<Digest, DaemonProblem> {
        let asked = async {
            let mut answer = self.get(&format!("images/{reference}/json")).await?;
            let body = self.body(&mut answer).await?;
            Ok((answer, body))
        };
        let (answer, body) = match timeout(ANSWER_PATIENCE, asked).await {
            Ok(answered) => answered?,
            Err(_) => {
                let (place, seconds) = (self.place.clone(), ANSWER_PATIENCE.as_secs());
                return Err(DaemonProblem::Silent { place, seconds });
            }
        };
        if answer.status() != reqwest::StatusCode::OK {
            return Err(self.refusal(answer.status().as_u16(), &body, &reference.to_string()));
        }
        self.read_id(&body)
    }

    fn read_id(&self, body: &[u8]) -> Result<Digest, DaemonProblem> {
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(self.not_a_daemon("it answers something else than JSON"));
        }
        let strange = |why: String| DaemonProblem::Description { place: self.place.clone(), why };
        // An environment may be in it: no error quotes a value.
        let Object(Description { id }): Object<Description> =
            strict_json::parse_with_secrets(body, "its description")
                .map_err(|error| strange(error.to_string()))?;
        // Older versions of podman leave the algorithm out.
        let hex = id.strip_prefix("sha256:").unwrap_or(&id);
        Digest::from_hex(hex).map_err(|error| strange(error.to_string()))
    }

    /// Begins the export of an image. By its id: a name may mean another image by now.
    pub(super) async fn export(&self, id: &Digest) -> Result<reqwest::Response, DaemonProblem> {
        let mut answer = self.get(&format!("images/{id}/get")).await?;
        if answer.status() == reqwest::StatusCode::OK {
            return Ok(answer);
        }
        let body = self.body(&mut answer).await?;
        Err(self.refusal(answer.status().as_u16(), &body, &id.to_string()))
    }

    async fn get(&self, path: &str) -> Result<reqwest::Response, DaemonProblem> {
        let url = format!("{}{path}", self.base);
        self.http.get(url).send().await.map_err(|error| self.unreachable(&error))
    }

    /// A whole answer, unless it is far too long.
    async fn body(&self, answer: &mut reqwest::Response) -> Result<Vec<u8>, DaemonProblem> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(self.not_a_daemon("it answers more than 8 MiB about one image"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What an answer other than 200 means. Docker says why as `{"message": …}`.
    fn refusal(&self, status: u16, body: &[u8], reference: &str) -> DaemonProblem {
        #[derive(Deserialize)]
        struct Refusal {
            message: String,
        }
        let place = self.place.clone();
        let said = serde_json::from_slice::<Refusal>(body).ok().map(|refusal| printable(&refusal.message));
        match (status, said) {
            // A daemon that does not know the path does not say so in JSON.
            (404, Some(_)) => DaemonProblem::NoSuchImage { place, reference: reference.to_owned() },
            (400, Some(message)) => {
                DaemonProblem::NotAName { place, reference: reference.to_owned(), message }
            }
            (_, Some(message)) => DaemonProblem::Failed { place, status, message },
            (500.., None) => {
                DaemonProblem::Failed { place, status, message: "it does not say why".to_owned() }
            }
            (_, None) => self.not_a_daemon(&format!("it answers {status} to a question for an image")),
        }
    }

    fn not_a_daemon(&self, why: &str) -> DaemonProblem {
        DaemonProblem::NotADaemon { place: self.place.clone(), why: why.to_owned() }
    }

    pub(super) fn unreachable(&self, error: &reqwest::Error) -> DaemonProblem {
        let (place, why) = (self.place.clone(), described(error));
        // rustls' words where either side does not trust the other.
        if why.contains("peer certificate") || why.contains("fatal alert") {
            return DaemonProblem::Certificates { place, why };
        }
        match (error.is_connect(), kind_of(error)) {
            (true, Some(io::ErrorKind::PermissionDenied)) => DaemonProblem::NoPermission { place },
            (true, Some(io::ErrorKind::NotFound)) => {
                DaemonProblem::NoDaemon { tried: vec![format!("{place} (there is no such socket)")] }
            }
            (true, Some(io::ErrorKind::ConnectionRefused)) => {
                DaemonProblem::NoDaemon { tried: vec![format!("{place} (nobody listens there)")] }
            }
            (true, _) => DaemonProblem::NoDaemon { tried: vec![format!("{place} ({why})")] },
            // hyper's words for an answer that it cannot parse.
            _ if why.starts_with("invalid HTTP") => self.not_a_daemon("it does not speak plain HTTP"),
            _ => DaemonProblem::Broken { place, why },
        }
    }
}

#[cfg(unix)]
fn over_socket(
    builder: reqwest::ClientBuilder,
    path: &std::path::Path,
) -> Result<reqwest::ClientBuilder, DaemonProblem> {
    Ok(builder.unix_socket(path).tls_certs_only([]))
}

#[cfg(not(unix))]
fn over_socket(
    _: reqwest::ClientBuilder,
    path: &std::path::Path,
) -> Result<reqwest::ClientBuilder, DaemonProblem> {
    let why = "this system has no Unix sockets".to_owned();
    Err(DaemonProblem::BadHost { origin: format!("unix://{}", path.display()), why })
}

fn secured(builder: reqwest::ClientBuilder, tls: &Tls) -> Result<reqwest::ClientBuilder, String> {
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    let mut builder = builder.tls_danger_accept_invalid_certs(tls.skip_verify);
    if let Some(path) = &tls.authority {
        let authorities = reqwest::Certificate::from_pem_bundle(&read(path)?)
            .ok()
            .filter(|authorities| !authorities.is_empty())
            .ok_or_else(|| format!("{} has no certificate", path.display()))?;
        builder = builder.tls_certs_only(authorities);
    }
    if let Some((certificate, key)) = &tls.identity {
        let pem = [read(certificate)?, read(key)?].join(&b'\n');
        let identity = reqwest::Identity::from_pem(&pem).map_err(|_| {
            format!("{} and {} are not a certificate and its key", certificate.display(), key.display())
        })?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

/// The operating system's word for what went wrong, if it had one.
fn kind_of(error: &reqwest::Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return Some(cause.kind());
        }
        source = cause.source();
    }
    None
}

/// The innermost cause. The outer ones name the URL only, which for a socket is made up.
fn described(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}

/// What a daemon says, fit to be shown: on one line, without control characters, and not endless.
fn printable(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|character| !character.is_control()).take(LONGEST_MESSAGE).collect()
}
