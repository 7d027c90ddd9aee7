//! A local image as an immutable view: what it is, and where its bytes lie.
//!
//! Opening an image reads its metadata only (manifest, configuration), checks it against every size and
//! digest there is, and remembers where each layer's bytes are. Layers are read later, by `layer/`, as
//! streams; they are never held whole and never unpacked. Nothing here knows of AWS.

mod blob;
mod local;

pub use blob::{BlobLocation, Compression};
pub use local::{Choice, Config, Layer, LocalImage, MediaFlavor, OriginalManifest};
