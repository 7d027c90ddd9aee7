//! Who runs the code of functions, where somebody does: the border to whatever can run an image.
//!
//! The stand-in itself runs nothing. It knows what is to be run (the version's settings, its image's manifest, where the blobs lie), and what
//! Lambda makes of the outcome.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::images::{Images, StoredImage};

/// Runs functions.
pub trait Runner: fmt::Debug + Send + Sync {
    /// Runs one with an event, and waits for its end. Called on a thread that may block, and outside of all locks.
    ///
    /// # Errors
    /// Fails with a sentence where the function cannot be run on this machine. What goes wrong in the function is no error.
    fn run(&self, execution: Execution) -> Result<Ran, String>;
}

/// One invocation.
#[derive(Clone)]
pub struct Execution {
    /// The function's account, 12 digits.
    pub account: String,
    /// Its Region.
    pub region: String,
    /// Its name.
    pub function: String,
    /// The version that runs: a number, or `$LATEST`.
    pub version: String,
    /// The ARN as it was invoked, with an alias where one was named.
    pub invoked_arn: String,
    /// The request's id, which the caller is told too.
    pub request_id: String,
    /// The event: JSON.
    pub payload: Vec<u8>,
    /// What `X-Amz-Client-Context` said, in base64.
    pub client_context: Option<String>,
    /// The version's settings in the shape of the CreateFunction request: `ImageConfig`, `Environment`, `MemorySize`, …
    pub settings: Map<String, Value>,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// The image that the version pins.
    pub image: StoredImage,
    pub(super) images: Arc<dyn Images>,
}

/// What a function came to.
#[derive(Clone)]
pub struct Ran {
    /// Its answer, byte for byte, or its error as JSON.
    pub payload: Vec<u8>,
    /// Whether that is an error.
    pub error: bool,
    /// The end of its log, 4 KB at most, with Lambda's own lines.
    pub log: Vec<u8>,
    /// How long it took, in milliseconds.
    pub milliseconds: f64,
}

impl Execution {
    /// The file with a blob of the image; none where it is not there.
    pub fn blob(&self, digest: &str) -> Option<PathBuf> {
        self.images.blob(digest)
    }
}

/// Neither event nor settings: the values in an environment are secrets.
impl fmt::Debug for Execution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Execution({}, version {}, {})", self.invoked_arn, self.version, self.request_id)
    }
}

impl fmt::Debug for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Ran({} bytes, error: {})", self.payload.len(), self.error)
    }
}
