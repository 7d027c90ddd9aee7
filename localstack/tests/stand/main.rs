//! The stand-in as its callers see it: over HTTP, and through skopeo.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod calls;
mod client;
mod control_plane;
mod faults;
mod limits;
mod policies;
mod pulls;
mod sdk;
mod server;
mod skopeo;
mod sts;
mod uploads;
