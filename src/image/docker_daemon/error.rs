//! How an image cannot be had from a daemon, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::image::ImageErrorKind;
use crate::name::Digest;

/// What can go wrong between here and a daemon. `place` is the daemon's address.
#[derive(Debug, thiserror::Error)]
pub(in crate::image) enum DaemonProblem {
    // How the daemon and the image are named.
    #[error("{given:?} does not name an image of a Docker daemon: {why}")]
    BadReference { given: String, why: &'static str },
    #[error("{origin} does not say where a Docker daemon is: {why}")]
    BadHost { origin: String, why: String },
    #[error("{origin} names a Docker daemon behind {scheme}://, which is not supported")]
    ForeignHost { origin: String, scheme: &'static str },
    #[error("the Docker context {name:?} ({origin}) cannot be used: {why}")]
    Context { name: String, origin: &'static str, why: String },
    #[error("Docker's configuration {} cannot be used: {why}", path.display())]
    Configuration { path: PathBuf, why: String },
    #[error("the certificates for the Docker daemon at {place} cannot be used: {why}")]
    Certificates { place: String, why: String },

    // Reaching it.
    #[error("no Docker daemon answers at {}", tried.join(", nor at "))]
    NoDaemon { tried: Vec<String> },
    #[error("the socket {place} may not be used by this user")]
    NoPermission { place: String },
    #[error("the connection to the Docker daemon at {place} failed: {why}")]
    Broken { place: String, why: String },
    #[error("the Docker daemon at {place} has not answered for {seconds} seconds")]
    Silent { place: String, seconds: u64 },
    #[error("what answers at {place} is not a Docker daemon: {why}")]
    NotADaemon { place: String, why: String },

    // What it says.
    #[error("the Docker daemon at {place} has no image {reference}")]
    NoSuchImage { place: String, reference: String },
    #[error("the Docker daemon at {place} does not take {reference:?} for a name: {message}")]
    NotAName { place: String, reference: String, message: String },
    #[error("the Docker daemon at {place} failed ({status}): {message}")]
    Failed { place: String, status: u16, message: String },
    #[error("the Docker daemon at {place} describes the image in a way that is not understood: {why}")]
    Description { place: String, why: String },
    #[error("the Docker daemon at {place} ended its export of the image early: {why}")]
    ExportCut { place: String, why: String },
    #[error("the Docker daemon at {place} exports an image that is not {id}")]
    OtherImage { place: String, id: Digest },
    #[error("the image {id} is remembered otherwise than the Docker daemon at {place} exports it")]
    Changed { place: String, id: Digest },

    // Keeping what it sends.
    #[error("the export is longer than {limit} bytes, more than an image for Lambda can need")]
    TooLong { limit: u64 },
    #[error("there is no room for the image in {}, after {written} bytes of it", folder.display())]
    NoRoom { folder: PathBuf, written: u64 },
    #[error("the image cannot be kept in {} meanwhile: {reason}", folder.display())]
    NotKept { folder: PathBuf, reason: io::Error },
}

impl DaemonProblem {
    pub(in crate::image) fn kind(&self) -> ImageErrorKind {
        match self {
            Self::BadReference { .. }
            | Self::BadHost { .. }
            | Self::ForeignHost { .. }
            | Self::Context { .. }
            | Self::Configuration { .. }
            | Self::Certificates { .. }
            | Self::NotAName { .. } => ImageErrorKind::Usage,
            Self::NoSuchImage { .. } => ImageErrorKind::NotFound,
            Self::NoDaemon { .. }
            | Self::NoPermission { .. }
            | Self::Broken { .. }
            | Self::Silent { .. }
            | Self::NotADaemon { .. }
            | Self::Failed { .. }
            | Self::Description { .. }
            | Self::ExportCut { .. }
            | Self::Changed { .. }
            | Self::NoRoom { .. }
            | Self::NotKept { .. } => ImageErrorKind::Unavailable,
            Self::OtherImage { .. } | Self::TooLong { .. } => ImageErrorKind::Malformed,
        }
    }

    pub(in crate::image) fn hint(&self) -> &'static str {
        match self {
            Self::BadReference { .. } | Self::NotAName { .. } => {
                "use docker-daemon:NAME[:TAG], docker-daemon:NAME@sha256:DIGEST or an image id; docker image ls lists them"
            }
            Self::NoSuchImage { .. } => {
                "docker image ls lists the images that it has; docker pull gets one, and --docker-host or DOCKER_CONTEXT \
                 names another daemon"
            }
            Self::BadHost { .. } => {
                "write unix:///PATH, tcp://HOST:PORT or http://HOST:PORT, for example --docker-host \
                 unix:///var/run/docker.sock"
            }
            Self::ForeignHost { scheme: "ssh", .. } => {
                "forward the socket and name it: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST, then --docker-host \
                 unix:///tmp/docker.sock; or docker save -o image.tar NAME, then docker-archive:image.tar"
            }
            Self::ForeignHost { .. } => "docker save -o image.tar NAME, then docker-archive:image.tar",
            Self::Context { .. } => {
                "docker context ls lists the contexts; --docker-host URL or DOCKER_HOST goes around them"
            }
            Self::Configuration { .. } => {
                "mend the file, or go around it with --docker-host URL or DOCKER_HOST"
            }
            Self::Certificates { .. } => {
                "DOCKER_CERT_PATH (else Docker's configuration folder) needs ca.pem, cert.pem and key.pem"
            }
            Self::NoDaemon { .. } => {
                "start Docker, or podman's service (systemctl --user start podman.socket); or name the daemon with \
                 --docker-host URL or DOCKER_HOST; or docker save -o image.tar NAME, then docker-archive:image.tar"
            }
            Self::NoPermission { .. } => {
                "run as a member of the group docker (sudo usermod -aG docker USER, then log in again), name another daemon \
                 with --docker-host URL, or sudo docker save -o image.tar NAME, then docker-archive:image.tar"
            }
            Self::NotADaemon { .. } => {
                "check --docker-host, DOCKER_HOST and DOCKER_CONTEXT; a daemon with TLS needs DOCKER_TLS_VERIFY=1"
            }
            Self::Broken { .. } | Self::Silent { .. } | Self::Failed { .. } | Self::ExportCut { .. } => {
                "look at the daemon's log (journalctl -u docker), and run the command again; or docker save -o image.tar \
                 NAME, then docker-archive:image.tar"
            }
            Self::Description { .. } | Self::OtherImage { .. } => {
                "docker save -o image.tar NAME, then docker-archive:image.tar"
            }
            Self::Changed { .. } => "what was remembered is forgotten now: run the command again",
            Self::TooLong { .. } => {
                "Lambda takes images of at most 10 GB uncompressed: make it smaller; docker history shows its largest layers"
            }
            Self::NoRoom { .. } | Self::NotKept { .. } => {
                "free some space there, or name a folder with more: --cache-dir DIR"
            }
        }
    }
}
