//! Reads a Terraform state from where it is.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::StatusCode;
use reqwest::header::LOCATION;
use url::Url;

use super::Missing;
use super::location::{Location, is_bucket};
use crate::cloud::Objects;
use crate::http::{client_for, endpoint::is_private};
use crate::terraform::{Backend, Parsed, State};

/// The largest state that is read. Those of very large companies have some ten megabytes.
const LARGEST: u64 = 64 << 20;
/// How long a state on the web may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a web server is asked.
const TRIES: u32 = 4;
/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// What reading a state depends on.
pub struct Surroundings<'a> {
    /// Terraform's workspace: `TF_WORKSPACE`, if it is set.
    pub workspace: Option<&'a str>,
    /// Whether a state may be read over plain http from another machine.
    pub allow_plain_http: bool,
}

/// Reads a state; `objects` are opened only where the state is in S3.
///
/// # Errors
/// It is not there, cannot be read, or is no state.
pub async fn read_state(
    location: &Location,
    surroundings: &Surroundings<'_>,
    objects: &(dyn Objects + Sync),
) -> Result<State, Missing> {
    match parsed(location, surroundings, objects).await? {
        Parsed::State(state) => Ok(state),
        Parsed::Elsewhere(backend) => {
            let there = follow(&backend, location, surroundings)?;
            match parsed(&there, surroundings, objects).await? {
                Parsed::State(state) => Ok(state),
                Parsed::Elsewhere(_) => Err(unreadable(&there, "it says again that the state is elsewhere")),
            }
        }
    }
}

async fn parsed(
    location: &Location,
    surroundings: &Surroundings<'_>,
    objects: &(dyn Objects + Sync),
) -> Result<Parsed, Missing> {
    let bytes = match location {
        Location::File(path) => file(path, location)?,
        Location::S3 { bucket, key, region } => {
            let read = objects.object(bucket, key, region.as_deref(), LARGEST).await;
            read.map_err(|error| Missing { hint: error.hint(), ..unreadable(location, error) })?
        }
        Location::Http(url) => tokio::time::timeout(PATIENCE, web(url, surroundings.allow_plain_http))
            .await
            .map_err(|_| {
                unreadable(location, format!("no whole answer came within {} s", PATIENCE.as_secs()))
            })?
            .map_err(|missing| Missing {
                message: format!("the Terraform state {location} cannot be read: {}", missing.message),
                ..missing
            })?,
    };
    State::parse(&bytes).map_err(|error| unreadable(location, &error).hint(error.hint()))
}

fn unreadable(location: &Location, why: impl std::fmt::Display) -> Missing {
    Missing::new(format!("the Terraform state {location} cannot be read: {why}"))
}

fn file(path: &Path, location: &Location) -> Result<Vec<u8>, Missing> {
    use std::io::Read as _;
    let failed = |error: std::io::Error| unreadable(location, error);
    // Opening a pipe would wait for somebody to write to it.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(unreadable(location, "it is not a plain file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(unreadable(location, format!("it has more than {LARGEST} bytes")));
    }
    Ok(bytes)
}

/// Where the state of `.terraform/terraform.tfstate` is.
fn follow(
    backend: &Backend,
    location: &Location,
    surroundings: &Surroundings<'_>,
) -> Result<Location, Missing> {
    match backend {
        Backend::S3 { bucket, key, workspace_key_prefix, region } if is_bucket(bucket) => {
            let workspace = workspace(location, surroundings);
            let key = Backend::key_of(key, workspace_key_prefix, &workspace);
            Ok(Location::S3 { bucket: bucket.clone(), key, region: region.clone() })
        }
        Backend::Http(address) => Location::parse(address, Path::new("")),
        Backend::S3 { .. } => Err(unreadable(location, "the bucket that it names is none")),
        Backend::Other(kind) => Err(unreadable(
            location,
            format!("it says that the state is in a backend of the kind {kind}, which is not read"),
        )
        .hint("write the state into a file with terraform state pull > FILE, and name that")),
    }
}

/// Terraform keeps the name of the workspace that was selected beside the file.
fn workspace(location: &Location, surroundings: &Surroundings<'_>) -> String {
    let selected = || match location {
        Location::File(path) => std::fs::read_to_string(path.with_file_name("environment")).ok(),
        _ => None,
    };
    let named = surroundings.workspace.map(str::to_owned).or_else(selected);
    named
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "default".to_owned())
}

/// Reads what is at an address. The name and the password in it are sent to its own host only.
async fn web(start: &Url, allow_plain_http: bool) -> Result<Vec<u8>, Missing> {
    let mut url = start.clone();
    for _ in 0..=REDIRECTS {
        if !is_private(&url) && !allow_plain_http {
            return Err(Missing::new("it would come over plain http, for all on the way to read")
                .hint("use https, or --allow-plain-http if you trust the network"));
        }
        let answer = patiently(&url).await?;
        let status = answer.status();
        if status.is_redirection() {
            let target = answer.headers().get(LOCATION).and_then(|target| target.to_str().ok());
            let target = target.and_then(|target| url.join(target).ok());
            let mut next =
                target.ok_or_else(|| Missing::new("the server points elsewhere, and not to an address"))?;
            if next.origin() != url.origin() {
                let _ = (next.set_username(""), next.set_password(None));
            }
            url = next;
            continue;
        }
        return match status {
            StatusCode::OK => bounded(answer).await,
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Err(Missing::new("there is none")),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Missing::new(format!("the server refuses it ({status})"))
                    .hint("write https://USER:PASSWORD@HOST/…, with the password from ${env:…}"))
            }
            other => Err(Missing::new(format!("the server answers {other}"))),
        };
    }
    Err(Missing::new(format!("the server redirects more than {REDIRECTS} times")))
}

/// Asks again where that may help.
async fn patiently(url: &Url) -> Result<reqwest::Response, Missing> {
    let client = client_for(url).map_err(Missing::new)?;
    let mut bare = url.clone();
    let _ = (bare.set_username(""), bare.set_password(None));
    let mut pause = Duration::from_millis(200);
    for tried in 1.. {
        let mut request = client.get(bare.clone());
        if !url.username().is_empty() || url.password().is_some() {
            request = request.basic_auth(decoded(url.username()), url.password().map(decoded));
        }
        let last = tried >= TRIES;
        match request.send().await {
            Ok(answer)
                if last
                    || !(answer.status().is_server_error()
                        || answer.status() == StatusCode::TOO_MANY_REQUESTS) =>
            {
                return Ok(answer);
            }
            // The address stands in the error, with its query.
            Err(error) if last => return Err(Missing::new(told(&error.without_url()))),
            _ => {}
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    Err(Missing::new("no answer came"))
}

fn decoded(text: &str) -> String {
    url::form_urlencoded::parse(text.replace('+', "%2B").as_bytes())
        .map(|(text, _)| text.into_owned())
        .next()
        .unwrap_or_default()
}

fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

async fn bounded(answer: reqwest::Response) -> Result<Vec<u8>, Missing> {
    let mut bytes = Vec::new();
    let mut stream = answer.bytes_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| Missing::new(told(&error.without_url())))?;
        if (bytes.len() + piece.len()) as u64 > LARGEST {
            return Err(Missing::new(format!("it has more than {LARGEST} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
