//! What the APIs answer.

use serde_json::json;

use super::LARGEST_RESPONSE;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Answer {
    /// The HTTP status.
    pub(in crate::sandbox) status: u16,
    /// Headers beside the content type.
    pub(in crate::sandbox) headers: Vec<(&'static str, String)>,
    /// The body: JSON.
    pub(in crate::sandbox) body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(super) fn accepted() -> Self {
        Self::new(202, b"{\"status\":\"OK\"}\n".to_vec())
    }

    pub(super) fn error(status: u16, kind: &str, message: &str) -> Self {
        Self::new(status, json!({ "errorMessage": message, "errorType": kind }).to_string().into_bytes())
    }

    pub(super) fn wrong_id() -> Self {
        Self::error(400, "InvalidRequestID", "Invalid request ID")
    }

    pub(super) fn too_large() -> Self {
        let message = format!("Exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes).");
        Self::error(413, "RequestEntityTooLarge", &message)
    }

    pub(super) fn transition(from: &str, to: &str) -> Self {
        let message = format!(
            "State transition from {from} to {to} failed for runtime. Error: State transition is not allowed"
        );
        Self::error(403, "InvalidStateTransition", &message)
    }
}
