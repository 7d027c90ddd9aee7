//! What of the environment says where a Docker daemon is.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::image::DaemonSettings;

use super::session::default_cache_directory;

/// Where a daemon listens when nothing says otherwise: Docker, then podman's service of this user and of root.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";
const PODMAN_SOCKET: &str = "podman/podman.sock";

/// The settings of this process's environment. `host` is `--docker-host`.
pub(super) fn daemon_settings(host: Option<&str>) -> DaemonSettings {
    let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
    let folder = |name: &str| variable(name).map(PathBuf::from);
    let runtime = folder("XDG_RUNTIME_DIR").unwrap_or_default();
    let sockets = [
        PathBuf::from(DOCKER_SOCKET),
        runtime.join(PODMAN_SOCKET),
        PathBuf::from("/run").join(PODMAN_SOCKET),
    ];
    DaemonSettings {
        host: host.map(str::to_owned),
        docker_host: text("DOCKER_HOST"),
        context: text("DOCKER_CONTEXT"),
        configuration: folder("DOCKER_CONFIG")
            .or_else(|| std::env::home_dir().map(|home| home.join(".docker"))),
        tls_verify: variable("DOCKER_TLS_VERIFY").is_some(),
        certificates: folder("DOCKER_CERT_PATH"),
        sockets: sockets.into_iter().filter(|socket| socket.is_absolute()).collect(),
        cache: default_cache_directory().join("exports"),
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
