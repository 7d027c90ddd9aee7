//! What a request asks for.

use std::net::IpAddr;

use super::Refusal;

/// The largest event that is waited for, and the largest that is queued, in bytes.
const LARGEST_EVENT: usize = 6 << 20;
const LARGEST_QUEUED: usize = 1 << 20;
/// The largest client context in base64, which the API documents.
const LARGEST_CONTEXT: usize = 3583;

/// An invocation, before its event is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Invoke {
    pub(in crate::sandbox) kind: Kind,
    /// The function as the caller names it: any name is right.
    pub(in crate::sandbox) function: String,
    /// Whether the end of the log is wanted.
    pub(in crate::sandbox) wants_log: bool,
    /// What the caller says of itself, as JSON.
    pub(in crate::sandbox) client_context: Option<String>,
}

/// Whether the answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Kind {
    Wait,
    Queue,
    DryRun,
}

/// The head of a request.
pub(in crate::sandbox) struct Head<'a> {
    /// `POST`
    pub(in crate::sandbox) method: &'a str,
    /// The path without a query.
    pub(in crate::sandbox) path: &'a str,
    /// A header by its lower-case name.
    pub(in crate::sandbox) header: &'a dyn Fn(&str) -> Option<String>,
}

impl Invoke {
    /// Reads a head.
    pub(in crate::sandbox) fn of(head: &Head<'_>) -> Result<Self, Refusal> {
        let Head { method, path, header } = head;
        // A page from anywhere may have a browser send requests to this machine, and a name from anywhere may lead to it.
        let host = header("host").unwrap_or_default();
        if header("origin").is_some() || !is_loopback(&host) {
            return Err(Refusal::foreign());
        }
        let pieces: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let function = match pieces.as_slice() {
            ["2015-03-31", "functions", function, "invocations"] if *method == "POST" => *function,
            _ => return Err(Refusal::unknown_operation()),
        };
        let kind = match header("x-amz-invocation-type").as_deref() {
            None | Some("" | "RequestResponse") => Kind::Wait,
            Some("Event") => Kind::Queue,
            Some("DryRun") => Kind::DryRun,
            Some(other) => return Err(Refusal::kind(other)),
        };
        let client_context = header("x-amz-client-context").map(|text| client_context(&text)).transpose()?;
        let wants_log = header("x-amz-log-type").as_deref() == Some("Tail");
        Ok(Self { kind, function: function.to_owned(), wants_log, client_context })
    }

    /// The most bytes that the event may have.
    pub(in crate::sandbox) fn most_bytes(&self) -> usize {
        match self.kind {
            Kind::Queue => LARGEST_QUEUED,
            Kind::Wait | Kind::DryRun => LARGEST_EVENT,
        }
    }

    /// The event out of a body, which is none where it is larger than it may be.
    pub(in crate::sandbox) fn event(&self, body: Option<Vec<u8>>) -> Result<Vec<u8>, Refusal> {
        let body = body.ok_or_else(|| Refusal::too_large(self.most_bytes()))?;
        if body.is_empty() {
            return Ok(b"{}".to_vec());
        }
        // What is skipped over is not looked at for UTF-8.
        let text = std::str::from_utf8(&body).map_err(|error| Refusal::malformed(&error.to_string()))?;
        match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Ok(body),
            Err(error) => Err(Refusal::malformed(&error.to_string())),
        }
    }
}

/// What the caller says of itself.
fn client_context(text: &str) -> Result<String, Refusal> {
    let read = match text.len() {
        0..=LARGEST_CONTEXT => crate::sandbox::client_context(text),
        _ => Err("is longer than 3583 bytes"),
    };
    read.map_err(|why| Refusal::malformed(&format!("the client context {why}")))
}

/// Whether the host that a request is for is this machine by one of its own names.
fn is_loopback(host: &str) -> bool {
    let (name, rest) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or_default(),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let is_this_machine = name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_this_machine && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, path: &str, headers: &[(&str, &str)]) -> Result<Invoke, (u16, &'static str)> {
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            found.or((name == "host").then_some("127.0.0.1:9000")).map(str::to_owned)
        };
        Invoke::of(&Head { method, path, header: &header }).map_err(|refusal| (refusal.status, refusal.code))
    }

    const PATH: &str = "/2015-03-31/functions/function/invocations";

    #[test]
    fn headers_say_how_a_function_is_invoked() {
        let plain = Invoke {
            kind: Kind::Wait,
            function: "function".to_owned(),
            wants_log: false,
            client_context: None,
        };
        assert_eq!(read("POST", PATH, &[]), Ok(plain.clone()));
        let queued = read("POST", PATH, &[("x-amz-invocation-type", "Event")]).unwrap();
        assert_eq!((queued.kind, queued.most_bytes()), (Kind::Queue, 1 << 20));
        let logged = [("x-amz-log-type", "Tail"), ("x-amz-client-context", "eyAiYSI6IDEgfQ==")];
        let context = Some(r#"{"a":1}"#.to_owned());
        let expected = Invoke { wants_log: true, client_context: context, ..plain };
        assert_eq!(read("POST", PATH, &logged), Ok(expected));
    }

    #[test]
    fn what_is_no_invocation_is_refused_with_lambdas_words() {
        let wrong = "InvalidRequestContentException";
        for (method, path, headers, expected) in [
            ("GET", PATH, &[][..], (404, "UnknownOperationException")),
            ("POST", "/2015-03-31/functions/", &[], (404, "UnknownOperationException")),
            ("POST", PATH, &[("x-amz-invocation-type", "Later")], (400, "ValidationException")),
            ("POST", PATH, &[("x-amz-client-context", "?")], (400, wrong)),
            ("POST", PATH, &[("x-amz-client-context", "Cg==")], (400, wrong)),
            ("POST", PATH, &[("origin", "https://example.com")], (403, "AccessDeniedException")),
            ("POST", PATH, &[("host", "example.com:9000")], (403, "AccessDeniedException")),
            ("POST", PATH, &[("host", "127.0.0.1.example.com")], (403, "AccessDeniedException")),
            ("POST", PATH, &[("host", "[::1]example.com")], (403, "AccessDeniedException")),
            ("POST", PATH, &[("host", "[::1")], (403, "AccessDeniedException")),
            ("POST", PATH, &[("host", "localhost:80@example.com")], (403, "AccessDeniedException")),
        ] {
            assert_eq!(read(method, path, headers), Err(expected), "{method} {path} {headers:?}");
        }
        for host in ["localhost:9000", "LOCALHOST", "127.0.0.2", "[::1]:9000"] {
            assert!(read("POST", PATH, &[("host", host)]).is_ok(), "{host}");
        }
    }

    #[test]
    fn an_event_is_json_and_none_at_all_is_an_empty_object() {
        let invoke = read("POST", PATH, &[]).unwrap();
        assert_eq!(invoke.event(Some(Vec::new())), Ok(b"{}".to_vec()));
        assert_eq!(invoke.event(Some(b"[1]".to_vec())), Ok(b"[1]".to_vec()));
        for wrong in [&b"[1"[..], b"\"\xff\"", b"{} {}"] {
            let refused = invoke.event(Some(wrong.to_vec())).unwrap_err();
            assert_eq!(refused.code, "InvalidRequestContentException", "{}", wrong.escape_ascii());
        }
        assert_eq!(invoke.event(None).unwrap_err().status, 413);
    }
}
