//! A local image as an immutable view: what it is, and where its bytes lie.
//!
//! Opening an image reads its metadata only (manifest, configuration), checks it against every size and
//! digest there is, and remembers where each layer's bytes are. Layers are read later, by `layer/`, as
//! streams; they are never held whole and never unpacked. Nothing here knows of AWS.

mod access;
mod archive;
mod assemble;
mod blob;
mod candidates;
mod compressed;
mod config;
mod descriptor;
mod docker_archive;
mod docker_daemon;
mod entry_name;
mod error;
mod files;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod hint;
mod local;
mod media_type;
mod oci_layout;
mod open;
mod platform;
mod remote;
mod selector;
mod source;
mod stored;
mod strict_json;

#[cfg(test)]
mod damage;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod oci_layout_tests;

pub use access::SourceAccess;
pub use blob::{BlobLocation, BlobStore, Compression, announce};
pub use compressed::CompressedFile;
pub use config::diff_ids;
pub use docker_daemon::DaemonSettings;
pub use error::{ImageError, ImageErrorKind};
pub use local::{Choice, Config, Layer, LocalImage, MediaFlavor, OriginalManifest, UNCOMPRESSED_LIMIT};
pub use open::open;
pub use remote::{
    AuthFiles, Credential, CredentialError, Credentials, Pin, RemoteAccess, RemoteReference,
    StoredCredentials,
};
pub use source::{SourceRef, Transport};
pub use stored::open_stored;
