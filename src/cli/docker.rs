//! What of the environment says where a Docker daemon is.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::image::DaemonSettings;

use super::arguments::SourceArguments;
use super::settings::cache_folder;

/// Where a daemon listens when nothing says otherwise: Docker, then podman's service of this user and of root.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";
const PODMAN_SOCKET: &str = "podman/podman.sock";

/// The settings of the arguments and of this process's environment.
pub(super) fn daemon_settings(arguments: &SourceArguments) -> DaemonSettings {
    let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
    let folder = |name: &str| variable(name).map(PathBuf::from);
    let runtime = folder("XDG_RUNTIME_DIR").unwrap_or_default();
    let sockets = [
        PathBuf::from(DOCKER_SOCKET),
        runtime.join(PODMAN_SOCKET),
        PathBuf::from("/run").join(PODMAN_SOCKET),
    ];
    DaemonSettings {
        host: arguments.docker_host.clone(),
        docker_host: text("DOCKER_HOST"),
        context: text("DOCKER_CONTEXT"),
        configuration: folder("DOCKER_CONFIG")
            .or_else(|| std::env::home_dir().map(|home| home.join(".docker"))),
        tls_verify: variable("DOCKER_TLS_VERIFY").is_some(),
        certificates: folder("DOCKER_CERT_PATH"),
        sockets: sockets.into_iter().filter(|socket| socket.is_absolute()).collect(),
        cache: cache_folder(arguments).join("exports"),
        remember: !arguments.no_cache,
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
