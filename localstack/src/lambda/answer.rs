//! Answers on the wire.

use serde_json::Value;

use crate::call::Answer;
use crate::uuid::uuid;

/// A JSON document.
pub(super) fn json(status: u16, body: &Value) -> Answer {
    Answer {
        status,
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-amzn-requestid".to_owned(), uuid()),
        ],
        body: body.to_string().into_bytes(),
    }
}

/// An answer to the request of that id, with a body that may be anything.
pub(super) fn bytes(status: u16, request: &str, body: Vec<u8>) -> Answer {
    Answer {
        status,
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-amzn-requestid".to_owned(), request.to_owned()),
        ],
        body,
    }
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Answer {
    Answer { status, headers: vec![("x-amzn-requestid".to_owned(), uuid())], body: Vec::new() }
}
