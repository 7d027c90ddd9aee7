//! `docker-daemon:REF`: an image in the store of a Docker daemon, or of podman's service, which speaks the same API.
//!
//! The daemon is found as Docker's own command line finds it ([`address`]), and asked for the image's id ([`client`]). An
//! image can only be had as one export, a tar stream without random access; so what an export holds beside its layers is
//! remembered by the image's id ([`records`]), and an image that is remembered is opened without one. Otherwise, and when
//! somebody asks for a layer ([`layers`]), the export is read once as a stream ([`export`]), what is needed of it is kept
//! in a file without a name ([`spool`]), and the readers of archives read that.
//!
//! Nothing here knows the environment or the home directory: [`DaemonSettings`] has what counts of them.
//!
//! # Why reqwest and not bollard
//! Two requests are made, both GET. reqwest, which the registry needs anyway, speaks HTTP over a Unix socket itself and
//! brings no further crate. bollard 0.21 with its fewest features brings five (its stubs of the whole API among them), and
//! its TLS feature a second implementation of cryptography (ring).

mod address;
mod client;
mod error;
mod export;
mod layers;
mod open;
mod records;
mod reference;
mod spool;

#[cfg(test)]
mod tests;

pub use address::DaemonSettings;
pub(super) use error::DaemonProblem;
pub(super) use layers::ExportFailure;
pub(super) use open::open;
