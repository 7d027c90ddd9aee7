//! One request to a control plane, and the answer to it, free of any HTTP library.

use std::time::SystemTime;

/// A request, after the caller's account and Region were read from its signature.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, percent-decoding not yet applied, without the query.
    pub path: String,
    /// The decoded query, in order.
    pub query: Vec<(String, String)>,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// The caller's account, from its access key.
    pub account: String,
    /// The Region, from the signing scope.
    pub region: String,
    /// The service, from the signing scope: `ecr`, `lambda`, `sts`, `monitoring`.
    pub service: String,
    /// When it arrived.
    pub now: SystemTime,
}

impl Call {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first query parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What is sent back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers beside those the server adds itself.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}
