//! What to do after a part of an upload failed. Pure: a table of what is known to what comes next.

use super::error::{RegistryError, TransportFailure};
use super::upload::UploadSession;

/// Codes that say that the session holds something that cannot be continued. Wrong content is among them: a
/// registry that does not check offsets appends a part twice, and finds out at the end.
const SPOILED: [&str; 5] =
    ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "RANGE_INVALID", "DIGEST_INVALID", "SIZE_INVALID"];

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    /// The same part again, at the same place.
    Resend,
    /// The part is there after all: on with the next.
    Committed,
    /// Ask the registry how far the upload is, then decide by [`after_status`].
    Ask,
    /// This session cannot be continued.
    NewSession,
    /// Trying again cannot help.
    GiveUp,
}

/// Decides after `error`, with which a part of `length` bytes was answered.
pub(super) fn after_failure(session: &UploadSession, length: u64, error: &RegistryError) -> Recovery {
    match error {
        RegistryError::Refused(refusal) => match refusal.status {
            416 => match committed_bytes(&refusal.message) {
                Some(bytes) => after_status(session, length, Some(bytes)),
                None => Recovery::NewSession,
            },
            // Turned away at the door: the part was not looked at.
            429 => Recovery::Resend,
            // The session is gone, or holds something that cannot be continued.
            404 => Recovery::NewSession,
            _ if error.has_code(&SPOILED) => Recovery::NewSession,
            _ if error.is_transient() => after_doubt(session),
            _ => Recovery::GiveUp,
        },
        RegistryError::Transport { failure: TransportFailure::Untrusted, .. } => Recovery::GiveUp,
        RegistryError::Transport { .. } => after_doubt(session),
        _ => Recovery::GiveUp,
    }
}

/// Decides once the registry said that the upload has `committed` bytes. Only the ends of our own parts are
/// trusted: an interrupted part can be there in part, and such an upload can never be completed.
pub(super) fn after_status(session: &UploadSession, length: u64, committed: Option<u64>) -> Recovery {
    match committed {
        Some(bytes) if bytes == session.offset() + length => Recovery::Committed,
        Some(bytes) if bytes == session.offset() => Recovery::Resend,
        _ => Recovery::NewSession,
    }
}

/// The part may be there whole, in part, or not at all.
fn after_doubt(session: &UploadSession) -> Recovery {
    if session.offset() == 0 {
        // Nothing is lost by a new session.
        Recovery::NewSession
    } else if session.checks_offsets() {
        // Sent again, the part is either taken, or refused with how far the upload is.
        Recovery::Resend
    } else {
        Recovery::Ask
    }
}

/// ECR's words to 416: `First byte of the layer part is 0 instead of N`, N being what is committed.
pub(super) fn committed_bytes(message: &str) -> Option<u64> {
    let (before, after) = message.split_once(" instead of ")?;
    if !before.contains("irst byte") {
        return None;
    }
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;
    use crate::registry::error::{Refusal, RequestLine};
    use crate::registry::operation::Operation;

    const PART: u64 = 100;

    fn line() -> RequestLine {
        let url = "https://registry/v2/a/blobs/uploads/1?state=secret".parse().unwrap();
        RequestLine::new(Operation::SendPart, &Method::PATCH, &url)
    }

    fn refused(status: u16, code: &str, message: &str) -> RegistryError {
        RegistryError::Refused(Box::new(Refusal {
            request: line(),
            status,
            code: (!code.is_empty()).then(|| code.to_owned()),
            message: message.to_owned(),
            retry_after: None,
            crowded: false,
        }))
    }

    fn transport(failure: TransportFailure) -> RegistryError {
        RegistryError::Transport { request: line(), failure, message: "reset".to_owned() }
    }

    #[test]
    fn each_failure_has_its_answer() {
        let ecr = |offset| UploadSession::at(offset, true);
        let plain = |offset| UploadSession::at(offset, false);
        let ecr_416 = |n: u64| {
            refused(416, "RANGE_INVALID", &format!("First byte of the layer part is 0 instead of {n}"))
        };
        let cases = [
            // What the registry has is known by ECR's words, and only ends of our own parts are trusted.
            (ecr(500), ecr_416(600), Recovery::Committed),
            (ecr(500), ecr_416(500), Recovery::Resend),
            (ecr(500), ecr_416(550), Recovery::NewSession),
            (ecr(500), ecr_416(0), Recovery::NewSession),
            (plain(500), ecr_416(600), Recovery::Committed),
            (ecr(500), refused(416, "RANGE_INVALID", "out of order"), Recovery::NewSession),
            (ecr(500), refused(416, "", "The first byte is 1 instead of many"), Recovery::NewSession),
            (ecr(0), refused(416, "", ""), Recovery::NewSession),
            // Turned away before the part was looked at.
            (plain(500), refused(429, "TOOMANYREQUESTS", "Rate exceeded"), Recovery::Resend),
            (ecr(0), refused(429, "TOOMANYREQUESTS", "Rate exceeded"), Recovery::Resend),
            // Doubt.
            (ecr(500), refused(500, "", ""), Recovery::Resend),
            (plain(500), refused(500, "", ""), Recovery::Ask),
            (plain(0), refused(503, "", ""), Recovery::NewSession),
            (ecr(500), transport(TransportFailure::Broken), Recovery::Resend),
            (plain(500), transport(TransportFailure::Stalled), Recovery::Ask),
            (plain(0), transport(TransportFailure::Unreachable), Recovery::NewSession),
            // The session is gone or spoiled.
            (ecr(500), refused(404, "BLOB_UPLOAD_UNKNOWN", ""), Recovery::NewSession),
            (ecr(500), refused(404, "", "not found"), Recovery::NewSession),
            (ecr(500), refused(400, "BLOB_UPLOAD_INVALID", ""), Recovery::NewSession),
            (plain(500), refused(400, "DIGEST_INVALID", ""), Recovery::NewSession),
            // Nothing to be done.
            (ecr(500), refused(403, "DENIED", "not authorized"), Recovery::GiveUp),
            (ecr(500), refused(401, "UNAUTHORIZED", ""), Recovery::GiveUp),
            (ecr(500), refused(400, "", "bad request"), Recovery::GiveUp),
            (ecr(500), transport(TransportFailure::Untrusted), Recovery::GiveUp),
        ];
        for (session, error, expected) in cases {
            assert_eq!(after_failure(&session, PART, &error), expected, "{session:?}: {error}");
        }
    }

    #[test]
    fn a_status_is_trusted_at_the_ends_of_the_part_only() {
        let session = UploadSession::at(500, false);
        for (committed, expected) in [
            (Some(500), Recovery::Resend),
            (Some(600), Recovery::Committed),
            (Some(599), Recovery::NewSession),
            (Some(0), Recovery::NewSession),
            (None, Recovery::NewSession),
        ] {
            assert_eq!(after_status(&session, PART, committed), expected, "{committed:?}");
        }
    }
}
