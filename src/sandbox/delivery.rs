//! An event on its way to a function that runs here, and what comes back.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::report::{FunctionError, RunStatus};

/// An event, and how it is delivered. Its `Debug` does not show it: it is the user's own.
#[derive(Clone)]
pub struct Delivery {
    /// JSON.
    pub payload: Vec<u8>,
    /// What the request is called, such as `8f5a…`.
    pub request_id: String,
    /// The ARN that was invoked, with an alias or a version; none for the function's own.
    pub function_arn: Option<String>,
    /// What the caller says of itself, as JSON; none when it says nothing.
    pub client_context: Option<String>,
}

/// What came of an event. Its `Debug` shows neither answer nor log: they are the user's own.
#[derive(Clone)]
pub struct Answered {
    /// The answer, byte for byte; or the error.
    pub outcome: Result<Vec<u8>, Unanswered>,
    /// From the delivery to the answer.
    pub elapsed: Duration,
    /// How long it took to be ready, when it was started for this event.
    pub init: Option<Duration>,
    /// The most memory that the function had so far, in bytes.
    pub peak_memory: u64,
    /// The end of what the function wrote meanwhile, between the lines that Lambda puts around it.
    pub log: Vec<u8>,
}

/// An error in the place of an answer.
#[derive(Debug, Clone)]
pub struct Unanswered {
    /// The error as a caller of Lambda gets it: JSON with `errorType` and `errorMessage`, or what the runtime reported.
    pub payload: Vec<u8>,
    /// Whether it took too long, or what else it was.
    pub status: RunStatus,
    /// The error as a person should read it.
    pub error: FunctionError,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Why a function cannot be run on this machine, or not from this image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbuilt {
    /// Whether that is the image's fault, and not this machine's.
    pub image_is_unfit: bool,
    /// Why, for a person.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Delivery {
    /// An event under a request id of its own, for the function itself.
    pub fn new(payload: Vec<u8>) -> Self {
        Self { payload, request_id: request_id(), function_arn: None, client_context: None }
    }
}

/// What a caller says of itself, out of base64: JSON on one line, since it becomes a header of the runtime API.
///
/// # Errors
/// Fails with what it is not, to follow its name in a sentence.
pub fn client_context(text: &str) -> Result<String, &'static str> {
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| "is not base64")?;
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| "is not JSON")?;
    Ok(value.to_string())
}

/// A request id, which is a UUID of version 4.
pub fn request_id() -> String {
    let bits = fastrand::u128(..);
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Delivery({}, {} bytes)", self.request_id, self.payload.len())
    }
}

impl std::fmt::Debug for Answered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let error = self.outcome.as_ref().err().map(|unanswered| unanswered.error.kind.as_str());
        write!(formatter, "Answered({}, {:?})", error.unwrap_or("ok"), self.elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_a_uuid_and_never_the_same() {
        let id = request_id();
        assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert_ne!(id, request_id());
    }
}
