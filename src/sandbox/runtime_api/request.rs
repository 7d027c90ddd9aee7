//! A request to one of the two APIs, out of its method, path and headers.

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum Request {
    /// The runtime wants the next event.
    Next,
    /// The runtime answers an event.
    Response {
        /// The request id.
        id: String,
        /// The body; none when it is longer than allowed.
        body: Option<Vec<u8>>,
        /// An error after the beginning of a streamed answer: its type, and its body as JSON.
        trailer: Option<(String, Vec<u8>)>,
    },
    /// The runtime could not answer an event.
    Error {
        /// The request id.
        id: String,
        /// The header with the error's type.
        kind: Option<String>,
        /// The error as JSON.
        body: Vec<u8>,
    },
    /// The runtime could not start.
    InitError {
        /// The header with the error's type.
        kind: Option<String>,
        /// The error as JSON.
        body: Vec<u8>,
    },
    /// An extension begins.
    Register {
        /// Its name; none when it gives none.
        name: Option<String>,
        /// What it wants to hear of, as JSON.
        body: Vec<u8>,
    },
    /// An extension wants the next event.
    EventNext {
        /// The identifier that it was given.
        extension: Option<String>,
    },
    /// An extension could not start, or has to end.
    ExtensionError {
        /// The identifier that it was given.
        extension: Option<String>,
        /// The header with the error's type.
        kind: Option<String>,
        /// Whether that was before its first event.
        starting: bool,
    },
    /// Telemetry and logs, which nobody here gives out. Extensions go on without.
    Telemetry,
    /// There is no such address.
    Unknown,
    /// The address is there for another method.
    WrongMethod,
}

/// The parts of a request that matter.
pub(in crate::sandbox) struct Parts<'a> {
    /// `GET`
    pub(in crate::sandbox) method: &'a str,
    /// The path without a query.
    pub(in crate::sandbox) path: &'a str,
    /// A header by its lower-case name.
    pub(in crate::sandbox) header: &'a dyn Fn(&str) -> Option<String>,
    /// The body; none when it is longer than allowed.
    pub(in crate::sandbox) body: Option<Vec<u8>>,
    /// An error in the trailers.
    pub(in crate::sandbox) trailer: Option<(String, Vec<u8>)>,
}

impl Request {
    /// Reads a request.
    pub(in crate::sandbox) fn of(parts: Parts<'_>) -> Self {
        let Parts { method, path, header, body, trailer } = parts;
        let kind = || header("lambda-runtime-function-error-type");
        let extension = || header("lambda-extension-identifier");
        let pieces: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (expected, request) = match pieces.as_slice() {
            ["2018-06-01", "runtime", "invocation", "next"] => ("GET", Self::Next),
            ["2018-06-01", "runtime", "invocation", id, "response"] => {
                ("POST", Self::Response { id: (*id).to_owned(), body, trailer })
            }
            ["2018-06-01", "runtime", "invocation", id, "error"] => {
                ("POST", Self::Error { id: (*id).to_owned(), kind: kind(), body: body.unwrap_or_default() })
            }
            ["2018-06-01", "runtime", "init", "error"] => {
                ("POST", Self::InitError { kind: kind(), body: body.unwrap_or_default() })
            }
            ["2020-01-01", "extension", "register"] => {
                let name = header("lambda-extension-name");
                ("POST", Self::Register { name, body: body.unwrap_or_default() })
            }
            ["2020-01-01", "extension", "event", "next"] => {
                ("GET", Self::EventNext { extension: extension() })
            }
            ["2020-01-01", "extension", phase @ ("init" | "exit"), "error"] => {
                let (extension, kind, starting) =
                    (extension(), header("lambda-extension-function-error-type"), *phase == "init");
                ("POST", Self::ExtensionError { extension, kind, starting })
            }
            ["2020-08-15", "logs"] | ["2022-07-01", "telemetry"] => ("PUT", Self::Telemetry),
            _ => return Self::Unknown,
        };
        if method == expected { request } else { Self::WrongMethod }
    }
}
