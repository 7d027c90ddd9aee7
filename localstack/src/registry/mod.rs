//! ECR's registry: the OCI distribution protocol under `/v2/`, with ECR's departures from it.
//!
//! What may be stored is decided by [`crate::ecr`]; this room owns the wire: paths, headers, statuses, streams.

mod authorization;
mod blobs;
mod download;
mod manifests;
mod route;
mod uploads;
mod visit;

pub(crate) use authorization::{Visitor, visitor};
pub(crate) use download::download;
pub(crate) use route::{Route, Step};
pub(crate) use visit::{Failure, Visit, error, unsupported};
