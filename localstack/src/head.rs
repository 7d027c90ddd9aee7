//! A request without its body, free of any HTTP library.

use crate::text;

/// Method, path, query and headers.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// As it came: not decoded, without the query.
    pub(crate) path: String,
    /// Decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn of(parts: &hyper::http::request::Parts) -> Head {
        let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Head {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: text::fields(parts.uri.query().unwrap_or_default(), false),
            headers: parts.headers.iter().map(header).collect(),
        }
    }

    /// The first header of that (lower-case) name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first query parameter of that name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The host the caller asked for, or our own name when it did not say.
    pub(crate) fn host(&self) -> &str {
        self.header("host").unwrap_or("127.0.0.1")
    }
}
