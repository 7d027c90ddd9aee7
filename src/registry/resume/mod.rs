//! Uploads that outlive the run that began them.
//!
//! What is kept of an upload is a small file: where it goes on, how many bytes the registry took, and their digest
//! ([`UploadRecord`]). The bytes themselves are not kept. A layer's bytes follow from the image and the encoder, on
//! every machine and thread count, so the next run makes those that were sent again, holds them against the digest,
//! and sends only what comes after. A copy of a compressed layer on disk would cost every push as much room and
//! writing as the layer has, for the rare one that is interrupted.
//!
//! A record is a hint, never an authority: the registry is asked how far the upload is before anything is built on
//! it, and at the end the registry holds the whole blob against its digest. What does not fit begins anew.

mod folder;
mod journal;
mod probe;
mod record;

pub use folder::UploadRecords;
pub(super) use journal::Journal;
pub(super) use probe::Standing;
pub(super) use record::{BlobIdentity, UploadRecord};
