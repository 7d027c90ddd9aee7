//! What a server was asked, as the server itself recorded it.

use std::fmt;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// One request that a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `ecr`, `lambda`, `sts`, … as in the signing scope; `registry` for the image registry.
    pub service: String,
    /// The operation where the protocol names it (`CreateRepository`), else method and path.
    pub operation: String,
    /// Whether it could change anything.
    pub writes: bool,
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.service, self.operation)
    }
}

/// A point in time: the number of calls before it.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    pub(crate) control_plane: usize,
    pub(crate) registry: usize,
}

/// What a path begins with that is asked for the log's sake only.
pub(crate) const MARKER: &str = "marker-";

/// The calls in a recording of moto: a JSON document a line, with method, url and headers.
pub(crate) fn of_recording(path: &Path) -> Vec<Call> {
    // Nobody has asked anything yet when there is no file.
    let recording = fs::read_to_string(path).unwrap_or_default();
    recording
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .map(|entry| control_plane_call(&entry))
        .collect()
}

fn control_plane_call(entry: &Value) -> Call {
    let method = entry["method"].as_str().unwrap_or_default();
    let scope = header(entry, "Authorization").split('/').nth(3).unwrap_or("unsigned").to_owned();
    let target = header(entry, "X-Amz-Target").rsplit('.').next().unwrap_or_default();
    let operation = match target {
        "" => format!("{method} {}", path_of(entry["url"].as_str().unwrap_or_default())),
        target => target.to_owned(),
    };
    let writes = match scope.as_str() {
        // GetCallerIdentity and AssumeRole: STS keeps nothing.
        "sts" => false,
        _ if target.is_empty() => method != "GET" && method != "HEAD",
        _ => {
            !["Get", "Describe", "List", "BatchGet", "BatchCheck"].iter().any(|verb| target.starts_with(verb))
        }
    };
    Call { service: scope, operation, writes }
}

fn header<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry["headers"]
        .as_object()
        .and_then(|headers| headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))
        .and_then(|(_, value)| value.as_str())
        .unwrap_or_default()
}

/// The path of an absolute URL, without its query.
fn path_of(url: &str) -> &str {
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|start| &rest[start..]));
    path.unwrap_or(url).split('?').next().unwrap_or_default()
}

/// The calls in an access log of docker-registry, in the combined format of Apache.
pub(crate) fn of_access_log(log: &str) -> Vec<Call> {
    log.lines()
        .filter_map(|line| line.split('"').nth(1))
        .filter_map(|request| {
            let mut words = request.split(' ');
            let (method, target) = (words.next()?, words.next()?);
            let path = target.split('?').next()?;
            (!path.trim_start_matches('/').starts_with(MARKER)).then(|| Call {
                service: "registry".to_owned(),
                operation: format!("{method} {path}"),
                writes: method != "GET" && method != "HEAD",
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_recorded_call_is_named_by_its_target_or_its_path() {
        let authorization = |service: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=key/20261123/eu-central-1/{service}/aws4_request, SignedHeaders=host"
            )
        };
        let call = |method: &str, path: &str, service: &str, target: &str| {
            let call = control_plane_call(&json!({
                "method": method,
                "url": format!("http://127.0.0.1:1{path}"),
                "headers": { "authorization": authorization(service), "X-Amz-Target": target },
            }));
            (call.to_string(), call.writes)
        };
        let ecr = |operation: &str| {
            call("POST", "/", "ecr", &format!("AmazonEC2ContainerRegistry_V20150921.{operation}"))
        };
        assert_eq!(ecr("DescribeRepositories"), ("ecr DescribeRepositories".to_owned(), false));
        assert_eq!(ecr("SetRepositoryPolicy"), ("ecr SetRepositoryPolicy".to_owned(), true));
        assert_eq!(
            call("PUT", "/2015-03-31/functions/f/code?x=y", "lambda", ""),
            ("lambda PUT /2015-03-31/functions/f/code".to_owned(), true)
        );
        assert!(!call("GET", "/2015-03-31/functions/f", "lambda", "").1);
        assert!(!call("POST", "/", "sts", "").1);
    }

    #[test]
    fn an_access_log_tells_methods_and_paths_and_the_marker_is_left_out() {
        let log = "127.0.0.1 - - [x] \"HEAD /v2/r/blobs/sha256:0 HTTP/1.1\" 404 157 \"\" \"a\"\n\
                   127.0.0.1 - - [x] \"POST /v2/r/blobs/uploads/?digest=1 HTTP/1.1\" 202 0 \"\" \"a\"\n\
                   127.0.0.1 - - [x] \"GET /marker-12 HTTP/1.0\" 404 0 \"\" \"\"\n";
        let calls: Vec<_> = of_access_log(log).iter().map(|call| (call.to_string(), call.writes)).collect();
        let expected =
            [("registry HEAD /v2/r/blobs/sha256:0", false), ("registry POST /v2/r/blobs/uploads/", true)];
        assert_eq!(calls, expected.map(|(call, writes)| (call.to_owned(), writes)));
    }
}
