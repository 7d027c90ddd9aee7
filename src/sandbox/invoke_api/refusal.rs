//! How an invocation is refused: status, code and text as Lambda has them.

use serde_json::json;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    message: String,
    reason: Option<&'static str>,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), reason: None }
    }

    /// Only Invoke is here.
    pub(super) fn unknown_operation() -> Self {
        let message = "only Invoke is answered here: POST /2015-03-31/functions/NAME/invocations";
        Self::new(404, "UnknownOperationException", message)
    }

    /// A page of a browser asks, or somebody by a name that is not this machine's.
    pub(super) fn foreign() -> Self {
        let message = "only programs of this machine are answered: no web pages, and no other host names";
        Self::new(403, "AccessDeniedException", message)
    }

    pub(super) fn kind(given: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value '{}' at 'invocationType' failed to satisfy constraint: \
             Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
            given.escape_debug()
        );
        Self::new(400, "ValidationException", message)
    }

    pub(super) fn malformed(why: &str) -> Self {
        let message = format!("Could not parse request body into json: {why}");
        Self::new(400, "InvalidRequestContentException", message)
    }

    pub(super) fn too_large(most: usize) -> Self {
        let message = format!("Request must be smaller than {most} bytes for the InvokeFunction operation");
        Self::new(413, "RequestTooLargeException", message)
    }

    /// The body did not come in time, or not to its end.
    pub(super) fn unread() -> Self {
        Self::new(408, "RequestTimeoutException", "the event did not arrive")
    }

    /// All places are taken.
    pub(super) fn throttled() -> Self {
        Self {
            reason: Some("ReservedFunctionConcurrentInvocationLimitExceeded"),
            ..Self::new(429, "TooManyRequestsException", "Rate exceeded")
        }
    }

    /// Nobody answers events any more.
    pub(super) fn ended() -> Self {
        Self::new(500, "ServiceException", "the function is no longer served")
    }

    /// The document: AWS spells the member `Message` in some errors and `message` in others; clients take both.
    pub(super) fn body(&self) -> Vec<u8> {
        let side = if self.status < 500 { "User" } else { "Service" };
        let mut body = json!({ "Type": side, "message": self.message, "Message": self.message });
        if let Some(reason) = self.reason {
            body["Reason"] = json!(reason);
        }
        body.to_string().into_bytes()
    }
}
