//! How a call to AWS fails, sorted by what the caller can do about it.

/// A call to AWS that did not succeed. The message is AWS's own and carries no secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{service} {operation} failed: {message}")]
pub struct CloudError {
    /// The service as AWS writes it: "Amazon ECR", "AWS Lambda", "AWS STS".
    pub service: &'static str,
    /// The operation as the API reference names it: "UpdateFunctionCode".
    pub operation: &'static str,
    /// What sort of failure it is.
    pub kind: CloudErrorKind,
    /// AWS's error code, such as `ResourceConflictException`.
    pub code: Option<String>,
    /// The HTTP status, when an answer arrived.
    pub status: Option<u16>,
    /// AWS's message, or what the transport said.
    pub message: String,
    /// AWS's request id, for a support case.
    pub request_id: Option<String>,
}

impl CloudError {
    /// Whether the call may have been performed all the same: no answer came, or none that can be understood.
    pub fn is_answer_lost(&self) -> bool {
        matches!(self.kind, CloudErrorKind::Unreachable | CloudErrorKind::Unexpected)
    }
}

/// The sorts of failure that are handled differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloudErrorKind {
    /// The thing does not exist (404 and the services' own codes).
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// 409: another change is in progress.
    Conflict,
    /// 412: the RevisionId is not the current one.
    PreconditionFailed,
    /// 403: the caller may not do it.
    AccessDenied,
    /// 429 and throttling codes, after the retries.
    Throttled,
    /// 400: the request is wrong.
    Invalid,
    /// No credentials were found, or they are expired or malformed.
    Credentials,
    /// No answer: connection, DNS, TLS or time-out.
    Unreachable,
    /// It was never sent: the user asked to stop while it waited for its turn.
    Stopped,
    /// 5xx, or an answer that cannot be understood.
    Unexpected,
}
