//! The registry: the OCI distribution protocol as ECR speaks it, and the push of an image.
//!
//! [`Registry`] has one function a wire step; [`push_image`] puts them together. It knows the protocol and
//! layers; it does not know AWS's control plane, nor who prints.
//!
//! # Departures of ECR that are built in
//! PATCH answers 201 and its `Range` sticks at the first part, so offsets are our own. A wrong offset gives
//! 416 with the committed offset in words. Parts below 5 MiB are refused but for the last. A closed
//! connection can mean a missing repository or permission. The manifest PUT has no `Location`, and may miss
//! blobs for some hundred milliseconds after they were committed. Immutable tags are refused even for the
//! same digest. GET of a manifest has no `Docker-Content-Digest`.

mod authorization;
mod blob;
mod blob_source;
mod blob_upload;
mod congestion;
mod content_gate;
mod error;
mod exchange;
mod gate;
mod image_manifest;
mod inventory;
mod layer_push;
mod manifest;
mod mounting;
mod operation;
mod origins;
mod part;
mod pulse;
mod push;
mod push_error;
mod read_back;
mod recovery;
#[expect(clippy::module_inception, reason = "a file is named after its main type")]
mod registry;
mod resume;
mod room;
#[cfg(test)]
mod tests;
mod timed_push;
mod tries;
mod upload;

use crate::http::{endpoint, refusal_body, retry};

pub use blob::MountOutcome;
pub use content_gate::{ContentGate, Unfit};
pub use endpoint::{EndpointError, check_endpoint};
pub use error::{Refusal, RegistryError, RequestLine, TransportFailure};
pub use image_manifest::{
    ImageManifest, LayerDescriptor, PublishedLayer, as_stored, config_media_type, layer_media_type,
    manifest_for, manifest_media_type, published_layers,
};
pub use inventory::BlobInventory;
pub use manifest::{LARGEST_MANIFEST, Reference, StoredManifest};
pub use mounting::RememberedOrigins;
pub use operation::Operation;
pub use origins::Origins;
pub use part::Part;
pub use push::{
    DEFAULT_PART_SIZE, KnownLayer, PushRequest, PushedImage, PushedLayer, publish_manifest, push_image,
};
pub use push_error::{LayerSize, PushError};
pub use registry::{Registry, RegistrySettings, SMALLEST_PART};
pub use resume::UploadRecords;
pub use retry::RetryPolicy;
pub use timed_push::push_image_within;
pub use upload::UploadSession;
