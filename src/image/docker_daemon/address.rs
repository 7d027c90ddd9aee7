//! Where the daemon is, by the rules of Docker's own command line (docker/cli, `cli/command/cli.go` and
//! `cli/context/store`): a host that is named, else a context that is named, else the context of the configuration, else
//! the usual sockets. Files are read here; the environment is not.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::DaemonProblem;
use crate::image::strict_json::{self, Object, null_is_default};
use crate::name::Digest;

/// A configuration or context has some kilobytes.
const LARGEST_FILE: u64 = 4 << 20;

/// Where a daemon listens without TLS and with it, when the port is not said.
const PORTS: (u16, u16) = (2375, 2376);

/// What says where a Docker daemon is: plain values, empty ones being none.
#[derive(Debug, Clone, Default)]
pub struct DaemonSettings {
    /// `--docker-host`, which goes before everything else.
    pub host: Option<String>,
    /// `DOCKER_HOST`
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub context: Option<String>,
    /// `DOCKER_CONFIG`, else `~/.docker`.
    pub configuration: Option<PathBuf>,
    /// Whether `DOCKER_TLS_VERIFY` is set.
    pub tls_verify: bool,
    /// `DOCKER_CERT_PATH`; without it certificates are looked for in the configuration's folder.
    pub certificates: Option<PathBuf>,
    /// Where a daemon may listen when nothing names one, in the order in which they are tried.
    pub sockets: Vec<PathBuf>,
    /// Where exports are kept while they are needed, and what is remembered of them.
    pub cache: PathBuf,
    /// Whether anything is remembered beyond this run.
    pub remember: bool,
}

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Unix(PathBuf),
    /// The URL is `http` or `https`, its path ends with `/`.
    Tcp {
        url: Url,
        tls: Option<Tls>,
    },
}

/// How a daemon and we prove to each other who we are. Files that are none, are not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) authority: Option<PathBuf>,
    /// Certificate and key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    pub(super) skip_verify: bool,
}

impl Endpoint {
    /// The address for a person.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Unix(path) => format!("unix://{}", path.display()),
            Self::Tcp { url, .. } => url.as_str().trim_end_matches('/').to_owned(),
        }
    }
}

/// The daemons to try, in this order. More than one only where none is named.
pub(super) fn resolve(settings: &DaemonSettings) -> Result<Vec<Endpoint>, DaemonProblem> {
    let named = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let hosts = [(named(&settings.host), "--docker-host"), (named(&settings.docker_host), "DOCKER_HOST")];
    for (host, origin) in hosts {
        if let Some(host) = host {
            let tls = settings.tls_verify.then(|| environment_tls(settings));
            return Ok(vec![parse_host(&host, origin, tls, &settings.sockets)?]);
        }
    }
    let context = match named(&settings.context) {
        Some(name) => Some((name, "DOCKER_CONTEXT")),
        None => current_context(settings)?.map(|name| (name, "currentContext of Docker's config.json")),
    };
    match context {
        // Docker's name for "no context".
        Some((name, _)) if name == "default" => {}
        Some((name, origin)) => return Ok(vec![of_context(settings, &name, origin)?]),
        None => {}
    }
    Ok(settings.sockets.iter().cloned().map(Endpoint::Unix).collect())
}

fn parse_host(
    host: &str,
    origin: &str,
    tls: Option<Tls>,
    sockets: &[PathBuf],
) -> Result<Endpoint, DaemonProblem> {
    let refuse = |why: &str| Err(DaemonProblem::BadHost { origin: origin.to_owned(), why: why.to_owned() });
    let Some((scheme, rest)) = host.split_once("://") else {
        return refuse("it has no scheme such as unix:// or tcp://");
    };
    match scheme {
        "unix" => match (rest, sockets.first()) {
            ("", Some(usual)) => Ok(Endpoint::Unix(usual.clone())),
            ("", None) => refuse("no path follows unix://"),
            (path, _) => Ok(Endpoint::Unix(path.into())),
        },
        "tcp" | "http" | "https" => parse_tcp(scheme, rest, origin, tls),
        "ssh" => Err(DaemonProblem::ForeignHost { origin: origin.to_owned(), scheme: "ssh" }),
        "npipe" => Err(DaemonProblem::ForeignHost { origin: origin.to_owned(), scheme: "npipe" }),
        "fd" => Err(DaemonProblem::ForeignHost { origin: origin.to_owned(), scheme: "fd" }),
        _ => refuse("its scheme is none of unix, tcp, http and https"),
    }
}

fn parse_tcp(scheme: &str, rest: &str, origin: &str, tls: Option<Tls>) -> Result<Endpoint, DaemonProblem> {
    let refuse = |why: String| DaemonProblem::BadHost { origin: origin.to_owned(), why };
    let secure = scheme == "https" || (scheme == "tcp" && tls.is_some());
    let rest = if rest.is_empty() { "localhost" } else { rest };
    // Parsed under the scheme tcp, which has no port of its own: so a port that is not said is seen as such.
    let mut given: Url =
        format!("tcp://{rest}").parse().map_err(|error: url::ParseError| refuse(error.to_string()))?;
    if !given.username().is_empty() || given.password().is_some() {
        return Err(refuse("it has a user name or password, which a Docker daemon does not know".to_owned()));
    }
    if given.query().is_some() || given.fragment().is_some() {
        return Err(refuse("nothing but host, port and path can stand in it".to_owned()));
    }
    if given.port().is_none() && scheme == "tcp" {
        let port = if secure { PORTS.1 } else { PORTS.0 };
        given.set_port(Some(port)).map_err(|()| refuse("it has no host".to_owned()))?;
    }
    let path = given.path().trim_end_matches('/').to_owned();
    given.set_path(&format!("{path}/"));
    let proper = given.as_str().replacen("tcp", if secure { "https" } else { "http" }, 1);
    let url: Url = proper.parse().map_err(|error: url::ParseError| refuse(error.to_string()))?;
    Ok(Endpoint::Tcp { url, tls: secure.then(|| tls.unwrap_or_default()) })
}

/// The certificates that the environment names: `ca.pem`, `cert.pem` and `key.pem`, each if it is there.
fn environment_tls(settings: &DaemonSettings) -> Tls {
    let folder = settings.certificates.as_ref().or(settings.configuration.as_ref());
    folder.map(|folder| tls_in(folder, false)).unwrap_or_default()
}

fn tls_in(folder: &Path, skip_verify: bool) -> Tls {
    let there = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    Tls { authority: there("ca.pem"), identity: there("cert.pem").zip(there("key.pem")), skip_verify }
}

/// The context that Docker's configuration says is in use.
fn current_context(settings: &DaemonSettings) -> Result<Option<String>, DaemonProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Configuration {
        #[serde(default, deserialize_with = "null_is_default")]
        current_context: String,
    }
    let Some(folder) = &settings.configuration else { return Ok(None) };
    let path = folder.join("config.json");
    let unusable = |why: String| DaemonProblem::Configuration { path: path.clone(), why };
    let bytes = match read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error.to_string())),
    };
    // The file may hold passwords of registries: no error quotes it.
    let Object(configuration): Object<Configuration> = strict_json::parse_with_secrets(&bytes, "config.json")
        .map_err(|error| unusable(error.to_string()))?;
    Ok(Some(configuration.current_context).filter(|name| !name.is_empty()))
}

/// The daemon of a context: `contexts/meta/<SHA-256 of the name>/meta.json`, its certificates beside it.
fn of_context(
    settings: &DaemonSettings,
    name: &str,
    origin: &'static str,
) -> Result<Endpoint, DaemonProblem> {
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "Endpoints", default, deserialize_with = "null_is_default")]
        endpoints: Object<Endpoints>,
    }
    #[derive(Default, Deserialize)]
    struct Endpoints {
        docker: Option<Object<Docker>>,
    }
    #[derive(Deserialize)]
    struct Docker {
        #[serde(rename = "Host", default, deserialize_with = "null_is_default")]
        host: String,
        #[serde(rename = "SkipTLSVerify", default, deserialize_with = "null_is_default")]
        skip_tls_verify: bool,
    }
    let unusable = |why: String| DaemonProblem::Context { name: name.to_owned(), origin, why };
    let folder = settings.configuration.as_ref().map(|folder| folder.join("contexts"));
    let folder = folder.ok_or_else(|| unusable("there is no folder of Docker's configuration".to_owned()))?;
    let id = Digest::of(name.as_bytes()).hex();
    let bytes =
        read(&folder.join("meta").join(&id).join("meta.json")).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => unusable("there is no such context".to_owned()),
            _ => unusable(error.to_string()),
        })?;
    let Object(meta): Object<Meta> =
        strict_json::parse(&bytes, "its meta.json").map_err(|error| unusable(error.to_string()))?;
    let docker =
        meta.endpoints.0.docker.map(|Object(docker)| docker).filter(|docker| !docker.host.is_empty());
    let docker = docker.ok_or_else(|| unusable("it does not say where the daemon is".to_owned()))?;
    let tls = tls_in(&folder.join("tls").join(&id).join("docker"), docker.skip_tls_verify);
    let tls = Some(tls).filter(|tls| *tls != Tls::default());
    parse_host(&docker.host, &format!("the Docker context {name:?} ({origin})"), tls, &settings.sockets)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 4 MiB"));
    }
    Ok(bytes)
}
