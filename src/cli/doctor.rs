//! `doctor`: looks at everything that a deploy needs on this machine, all of it at once.

use std::path::Path;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::cloud::{CloudError, Identity as _, RegistryAuthorizer as _};
use crate::doctor::probe::{self, Probed};
use crate::doctor::{Examination, ProxySettings, bypasses, judge_clock, without_password};
use crate::http::client_for;
use crate::memory::Memory;
use crate::name::{Region, RegistryHost, RepositoryRef};
use crate::report::{Failure, Outcome, Report, moments, sizes};

use super::arguments::DoctorArguments;
use super::session::{Connected, Session};
use super::settings::{cache_folder, duration, parse};

/// Below this much room a cache or the export of a daemon may not fit.
const LITTLE_ROOM: u64 = 1 << 30;

/// `doctor`
pub(super) async fn doctor(session: Session, arguments: DoctorArguments) -> Report {
    let mut report = Report::new("doctor");
    let ended = run(&session, &arguments, &mut report).await;
    report.closed(ended)
}

async fn run(
    session: &Session,
    arguments: &DoctorArguments,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let patience = duration(&arguments.patience)?;
    let repository = arguments.repository.as_deref().map(parse::<RepositoryRef>).transpose()?;
    let (aws, docker, proxy) = session
        .or_stopped(async {
            tokio::join!(
                aws(session, repository.as_ref(), patience),
                docker(arguments, patience),
                proxy(patience)
            )
        })
        .await?;
    let mut found = vec![program(), configuration(arguments)];
    found.extend(aws);
    found.extend([proxy, certificates(), docker, cache(arguments)]);
    let healthy = found.iter().all(|found| found.health != crate::doctor::Health::Ng);
    report.doctor = found;
    Ok(if healthy { Outcome::Checked } else { Outcome::Failed })
}

fn program() -> Examination {
    use std::io::IsTerminal as _;
    let version =
        format!("{} for {} on {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    let ci = [
        ("GITHUB_ACTIONS", "GitHub Actions"),
        ("GITLAB_CI", "GitLab"),
        ("BUILDKITE", "Buildkite"),
        ("CI", "a CI system"),
    ];
    let ci = ci.iter().find(|(name, _)| variable(name).is_some()).map(|(_, name)| *name);
    let place = match (ci, std::io::stderr().is_terminal()) {
        (Some(ci), _) => format!("{ci}; a line for each step"),
        (None, true) => "a terminal; progress is drawn".to_owned(),
        (None, false) => "no terminal; a line for each step".to_owned(),
    };
    let mut whole = Examination::of_parts("lambda-lift", vec![Examination::ok("runs in", place)]);
    whole.detail = version;
    whole
}

fn configuration(arguments: &DoctorArguments) -> Examination {
    match (&arguments.file.problem, &arguments.file.file) {
        (Some(problem), _) => Examination::ng(
            "configuration file",
            problem.message.clone(),
            problem.advice().unwrap_or("correct it, or leave it out with --no-config"),
        ),
        (None, Some(file)) => Examination::ok("configuration file", file.clone()),
        (None, None) => Examination::skip("configuration file", "there is no lambda-lift.toml here or above"),
    }
}

/// Region, credentials, endpoints, clock and registry.
async fn aws(session: &Session, repository: Option<&RepositoryRef>, patience: Duration) -> Vec<Examination> {
    let connected = match within(patience, session.connect()).await {
        Some(Ok(connected)) => connected,
        Some(Err(failure)) => {
            let hint = failure.advice().unwrap_or("name the Region with --region or AWS_REGION").to_owned();
            let rest = ["credentials", "endpoints", "clock", "registry"];
            let mut found = vec![Examination::ng("Region", failure.message, hint)];
            found.extend(rest.map(|name| Examination::skip(name, "not looked at without a Region")));
            return found;
        }
        None => {
            return vec![Examination::ng(
                "Region",
                "nobody says which it is",
                "name it with --region or AWS_REGION",
            )];
        }
    };
    let region = Examination::ok("Region", connected.region.as_str());
    let (credentials, (endpoints, clocks), registry) = tokio::join!(
        credentials(session, &connected, patience),
        endpoints(session, &connected.region, patience),
        registry(session, &connected, repository, patience),
    );
    let clock = match clocks {
        Some((ours, theirs)) => judge_clock(ours, theirs),
        None => Examination::skip("clock", "nobody answered who could say what time it is"),
    };
    vec![region, credentials, endpoints, clock, registry]
}

async fn credentials(session: &Session, connected: &Connected, patience: Duration) -> Examination {
    let source = credentials_source(session);
    let asked =
        async { tokio::join!(connected.clients.identity.caller(), connected.connection.credentials_end()) };
    // More than one attempt, and where the credentials come from may be asked first.
    let Some((caller, end)) = within(patience * 2, asked).await else {
        let hint = "check the network to AWS STS; see the endpoints below";
        return Examination::ng("credentials", format!("{source}: no answer from AWS STS"), hint);
    };
    match caller {
        Ok(caller) => {
            let end = end.map_or_else(String::new, |end| format!(", until {}", moments::rfc3339(end)));
            Examination::ok("credentials", format!("{} ({source}{end})", caller.arn))
        }
        Err(error) => ill("credentials", &error, &source),
    }
}

fn ill(name: &str, error: &CloudError, source: &str) -> Examination {
    let hint = error.hint().unwrap_or_else(|| "run the same command again".to_owned());
    Examination::ng(name, format!("{error} ({source})"), hint)
}

/// Where the credentials come from, in the order in which they are looked for.
fn credentials_source(session: &Session) -> String {
    if session.common.local.is_some() {
        return "the stand-in's".to_owned();
    }
    if let Some(profile) = &session.common.profile {
        return format!("profile {profile}");
    }
    let is_set = |name: &str| variable(name).is_some();
    if is_set("AWS_ACCESS_KEY_ID") {
        return "environment variables".to_owned();
    }
    match variable("AWS_PROFILE") {
        Some(profile) => format!("profile {profile}, by AWS_PROFILE"),
        None if is_set("AWS_WEB_IDENTITY_TOKEN_FILE") => "web identity".to_owned(),
        None if is_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
            || is_set("AWS_CONTAINER_CREDENTIALS_FULL_URI") =>
        {
            "the container's role".to_owned()
        }
        None => "the default profile, else the instance's role".to_owned(),
    }
}

type Clocks = Option<(SystemTime, SystemTime)>;

/// The control planes, at the addresses at which the SDK asks them.
async fn endpoints(session: &Session, region: &Region, patience: Duration) -> (Examination, Clocks) {
    let of = async |name: &str, own: &str, variable: &str| {
        probe_at(name, service_address(session, region, own, variable), patience).await
    };
    let probed = tokio::join!(
        of("AWS STS", "sts", "AWS_ENDPOINT_URL_STS"),
        of("Amazon ECR", "api.ecr", "AWS_ENDPOINT_URL_ECR"),
        of("AWS Lambda", "lambda", "AWS_ENDPOINT_URL_LAMBDA"),
    );
    let probed = [probed.0, probed.1, probed.2];
    let clocks = probed.iter().find_map(|probed| probed.clocks);
    let parts = probed.into_iter().map(|probed| probed.examination).collect();
    (Examination::of_parts("endpoints", parts), clocks)
}

fn service_address(session: &Session, region: &Region, own: &str, name: &str) -> String {
    let suffix = region.partition().host_suffix();
    let given = session.common.endpoint_url.clone();
    given
        .or_else(|| variable(name))
        .or_else(|| variable("AWS_ENDPOINT_URL"))
        .unwrap_or_else(|| format!("https://{own}.{region}.{suffix}"))
}

async fn probe_at(name: &str, address: String, patience: Duration) -> Probed {
    let Ok(url) = address.parse::<Url>() else {
        let examination = Examination::ng(
            name,
            "its endpoint is not an address",
            "correct --endpoint-url or AWS_ENDPOINT_URL",
        );
        return Probed { examination, clocks: None };
    };
    let client = client_for(&url);
    let host = url.host_str().unwrap_or_default();
    let proxy = proxy_settings();
    let proxy = proxy.https.as_deref().filter(|_| {
        url.scheme() == "https" && !bypasses(proxy.none_for.as_deref().unwrap_or_default(), host)
    });
    let proxy = proxy.and_then(without_password);
    probe::reach(name, &url, proxy.as_ref(), client.as_ref(), patience).await
}

/// The registry's own host, and whether it takes a token.
async fn registry(
    session: &Session,
    connected: &Connected,
    repository: Option<&RepositoryRef>,
    patience: Duration,
) -> Examination {
    let profile = session.common.repository_profile.as_deref();
    let named = repository.and_then(|repository| repository.registry.as_ref());
    let region = named.map_or(&connected.region, |registry| &registry.region);
    let clients = match connected.clients_in(region, profile).await {
        Ok(own) => own.unwrap_or_else(|| connected.clients.clone()),
        Err(failure) => return Examination::ng("registry", failure.message, "check --repository-profile"),
    };
    let token = match within(patience * 2, clients.ecr.authorize()).await {
        None => {
            return Examination::ng(
                "registry",
                "no token: Amazon ECR does not answer",
                "see the endpoints above",
            );
        }
        Some(Err(error)) => return ill("registry", &error, "no token"),
        Some(Ok(token)) => token,
    };
    let own_host = named.map(|registry: &RegistryHost| format!("https://{}", registry.as_str()));
    let address = connected.registry_endpoint.clone().or(own_host).or_else(|| token.proxy_endpoint.clone());
    let Some(address) = address else {
        return Examination::skip("registry", "Amazon ECR does not say where it is");
    };
    let base = format!("{}/v2/", address.trim_end_matches('/'));
    let probed = probe_at("registry", base.clone(), patience).await.examination;
    let mut parts = probed.parts;
    if parts.iter().all(|part| part.hint.is_none()) {
        parts.push(signed_in(&base, &token.basic, session.common.allow_plain_http, patience).await);
    }
    Examination { detail: probed.detail, ..Examination::of_parts("registry", parts) }
}

async fn signed_in(address: &str, basic: &str, allow_plain_http: bool, patience: Duration) -> Examination {
    let Ok(url) = address.parse::<Url>() else { return Examination::skip("token", "not an address") };
    if let Err(error) = crate::registry::check_endpoint(&url, allow_plain_http) {
        return Examination::ng("token", error.to_string(), "name an https address with --registry-endpoint");
    }
    let Ok(client) = client_for(&url) else { return Examination::skip("token", "no HTTP client") };
    let asked = client.get(url).header("authorization", format!("Basic {basic}")).send();
    match within(patience, asked).await {
        Some(Ok(answer)) if answer.status().is_success() => Examination::ok("token", "the registry takes it"),
        Some(Ok(answer)) => Examination::ng(
            "token",
            format!("the registry answers {}", answer.status().as_u16()),
            "Region and account of the credentials must be those of the registry; behind another address check --registry-endpoint",
        ),
        Some(Err(_)) | None => {
            Examination::ng("token", "no answer", "something on the way breaks the connection")
        }
    }
}

fn proxy_settings() -> ProxySettings {
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_ascii_lowercase()));
    ProxySettings {
        https: either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")),
        none_for: either("NO_PROXY"),
    }
}

async fn proxy(patience: Duration) -> Examination {
    let settings = proxy_settings();
    let Some(text) = settings.https else {
        return Examination::skip("proxy", "HTTPS_PROXY is not set");
    };
    let Some(url) = without_password(&text) else {
        let hint = "write it as http://HOST:PORT";
        return Examination::ng("proxy", "HTTPS_PROXY is not an address", hint);
    };
    let none_for = settings.none_for.map_or_else(String::new, |hosts| format!(", not for {hosts}"));
    let parts = probe::connect(&url, patience).await;
    let detail = format!("{}{none_for}", url.as_str().trim_end_matches('/'));
    Examination { detail, ..Examination::of_parts("proxy", parts) }
}

fn certificates() -> Examination {
    let count = rustls_native_certs::load_native_certs().certs.len();
    let file = variable("SSL_CERT_FILE").map_or_else(String::new, |file| format!(", SSL_CERT_FILE={file}"));
    match count {
        0 => Examination::ng("certificates", format!("none{file}"), crate::http::CLIENT_HINT),
        count => Examination::ok("certificates", format!("{count} authorities are trusted{file}")),
    }
}

/// The daemon's socket. Only docker-daemon: sources need one, so that its absence is no trouble.
#[cfg(unix)]
async fn docker(arguments: &DoctorArguments, patience: Duration) -> Examination {
    let settings = super::docker::daemon_settings(&arguments.from);
    let named = settings.host.clone().or(settings.docker_host.clone());
    let sockets = match named.as_deref().map(|host| (host, host.strip_prefix("unix://"))) {
        Some((_, Some(path))) => vec![Path::new(path).to_owned()],
        Some((host, None)) => return Examination::skip("Docker", format!("{host} is not on this machine")),
        None => settings.sockets,
    };
    let Some(socket) = sockets.iter().find(|socket| socket.exists()) else {
        let looked: Vec<String> = sockets.iter().map(|socket| socket.display().to_string()).collect();
        let detail = format!("no socket at {}; only docker-daemon: sources need one", looked.join(", "));
        return match named {
            Some(_) => {
                Examination::ng("Docker", detail, "start the daemon, or correct --docker-host or DOCKER_HOST")
            }
            None => Examination::skip("Docker", detail),
        };
    };
    let place = socket.display();
    match within(patience, api_version(socket)).await {
        Some(Ok(version)) => Examination::ok("Docker", format!("{place}, API {version}")),
        Some(Err(error)) if error.kind() == std::io::ErrorKind::PermissionDenied => Examination::ng(
            "Docker",
            format!("{place} may not be used by this user"),
            "sudo usermod -aG docker USER and log in again, or save the image: sudo docker save -o app.tar NAME",
        ),
        Some(Err(error)) => Examination::ng(
            "Docker",
            format!("{place}: {error}"),
            "start the daemon: sudo systemctl start docker",
        ),
        None => Examination::ng(
            "Docker",
            format!("{place} does not answer"),
            "restart the daemon: sudo systemctl restart docker",
        ),
    }
}

#[cfg(not(unix))]
async fn docker(_: &DoctorArguments, _: Duration) -> Examination {
    Examination::skip("Docker", "sockets are looked at on Unix only")
}

/// What `GET /version` says of the Engine API.
#[cfg(unix)]
async fn api_version(socket: &Path) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::UnixStream::connect(socket).await?;
    stream.write_all(b"GET /version HTTP/1.0\r\nHost: docker\r\n\r\n").await?;
    let mut answer = Vec::new();
    // Whoever listens there may be no daemon, and send without an end.
    stream.take(64 << 10).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    let version = text.split_once("\"ApiVersion\":\"").and_then(|(_, rest)| rest.split_once('"'));
    version
        .map(|(version, _)| version.to_owned())
        .ok_or_else(|| std::io::Error::other("what listens there is no Docker daemon"))
}

/// The folder of what is remembered: can it be used, how much is in it, how much room is left?
fn cache(arguments: &DoctorArguments) -> Examination {
    if arguments.from.no_cache {
        return Examination::skip("cache", "--no-cache: nothing is remembered");
    }
    let folder = cache_folder(&arguments.from);
    let memory = Memory::in_folder(&folder);
    if let Some(distrust) = memory.distrust() {
        return Examination::ng("cache", distrust.to_string(), distrust.hint());
    }
    let there = folder.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/")).to_owned();
    let writable = there.metadata().is_ok_and(|metadata| !metadata.permissions().readonly())
        && tempfile::tempfile_in(&there).is_ok();
    let place = folder.display();
    if !writable {
        let hint = "give another folder with --cache-dir, or remember nothing with --no-cache";
        return Examination::ng("cache", format!("{} cannot be written to", there.display()), hint);
    }
    let held = sizes::bytes(size_of(&folder, 4));
    match room(&there) {
        Some(room) if room < LITTLE_ROOM => Examination::ng(
            "cache",
            format!("{place} holds {held}; only {} are free", sizes::bytes(room)),
            "free some space, or give another folder with --cache-dir",
        ),
        Some(room) => {
            Examination::ok("cache", format!("{place} holds {held}; {} are free", sizes::bytes(room)))
        }
        None => Examination::ok("cache", format!("{place} holds {held}")),
    }
}

/// Bytes of the files in a folder, so many folders deep. Links are not followed.
fn size_of(folder: &Path, depth: u8) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() && depth > 0 => size_of(&entry.path(), depth - 1),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    entries.map(size).sum()
}

#[cfg(unix)]
fn room(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn room(_: &Path) -> Option<u64> {
    None
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What came of it, unless it took too long.
async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(patience, work).await.ok()
}
