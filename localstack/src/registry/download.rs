//! The storage behind the registry: layers by signed address, as S3 serves them.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::blobs::is_digest;
use crate::ecr::{DOWNLOAD_PATH, Ecr};
use crate::head::Head;
use crate::protocol::Protocol;
use crate::reply::{Content, Reply};

/// Answers a download. Credentials have no business here: S3 refuses a request with two kinds of authorization,
/// and so a client that leaks its registry password across the redirect is found out.
pub(crate) fn download(ecr: &Ecr, head: &Head, now: SystemTime) -> Reply {
    let fault = |status, code, message| Protocol::Storage.error(status, code, message);
    if head.header("authorization").is_some() {
        return fault(
            400,
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
             parameter or the Authorization header should be specified",
        );
    }
    let digest = head.path.strip_prefix(DOWNLOAD_PATH).unwrap_or_default();
    let (end, signature) = (head.parameter("X-Amz-Expires"), head.parameter("X-Amz-Signature"));
    if !is_digest(digest) || !ecr.downloads.is_good(digest, end, signature, now) {
        return fault(403, "AccessDenied", "Access Denied");
    }
    if !matches!(head.method.as_str(), "GET" | "HEAD") {
        return fault(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
    }
    let path = ecr.blobs.path(digest);
    match path.metadata() {
        Ok(metadata) => file_reply(path, metadata.len(), head.header("range")),
        Err(_) => fault(404, "NoSuchKey", "The specified key does not exist."),
    }
}

/// A file, or the range of it that was asked for.
pub(super) fn file_reply(path: PathBuf, size: u64, range: Option<&str>) -> Reply {
    let (status, from, length) = match range.map(|range| byte_range(range, size)) {
        None | Some(Range::Ignored) => (200, 0, size),
        Some(Range::Bytes { from, length }) => (206, from, length),
        Some(Range::Unsatisfiable) => {
            return Protocol::Storage
                .error(416, "InvalidRange", "The requested range is not satisfiable")
                .with("content-range", format!("bytes */{size}"));
        }
    };
    let reply = Reply { status, headers: Vec::new(), content: Content::File { path, from, length } };
    let reply = reply.with("content-type", "application/octet-stream").with("accept-ranges", "bytes");
    if status == 206 {
        reply.with("content-range", format!("bytes {from}-{}/{size}", from + length - 1))
    } else {
        reply
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// Not one range of bytes: a server may answer with the whole.
    Ignored,
    Unsatisfiable,
    Bytes {
        from: u64,
        length: u64,
    },
}

fn byte_range(text: &str, size: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Range::Ignored;
    };
    let (from, end) = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.trim().is_empty() => (first, size),
        (Err(_), Ok(length)) if first.trim().is_empty() => (size.saturating_sub(length), size),
        _ => return Range::Ignored,
    };
    if from >= end { Range::Unsatisfiable } else { Range::Bytes { from, length: end - from } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_understood() {
        let bytes = |from, length| Range::Bytes { from, length };
        for (text, expected) in [
            ("bytes=0-0", bytes(0, 1)),
            ("bytes=2-", bytes(2, 8)),
            ("bytes=-3", bytes(7, 3)),
            ("bytes=-30", bytes(0, 10)),
            ("bytes=5-99", bytes(5, 5)),
            ("bytes=10-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=3-2", Range::Ignored),
            ("bytes=0-1,3-4", Range::Ignored),
            ("lines=0-1", Range::Ignored),
        ] {
            assert_eq!(byte_range(text, 10), expected, "{text}");
        }
    }
}
