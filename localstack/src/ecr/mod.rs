//! Amazon ECR: what it holds, and its control plane (JSON 1.1).
//!
//! The registry's `/v2/` interface is a room of its own, [`crate::registry`]; both stand on [`Ecr`].

mod access;
mod api;
mod download;
mod names;
mod place;
mod policy_document;
mod put_image;
mod refusal;
mod registries;
mod replication;
mod repository;
mod store;
mod token;
mod upload;

pub(crate) use download::PATH as DOWNLOAD_PATH;
pub(crate) use names::{check_reference, is_repository};
pub(crate) use place::Place;
pub(crate) use put_image::{LARGEST_MANIFEST, NewImage, converted};
pub(crate) use refusal::Refusal;
pub use replication::ReplicationSettings;
pub(crate) use store::Ecr;
pub(crate) use token::{Claims, TokenFault};
pub(crate) use upload::Progress;
