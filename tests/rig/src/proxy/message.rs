//! Where a message of HTTP/1.1 ends: its head, and as many bytes as that announces.

/// Longer heads are nobody's.
const LONGEST_HEAD: usize = 1 << 20;

/// The head of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Method and path of a request, without the query; of an answer, its version and status.
    pub(super) title: String,
    /// Bytes of the head.
    pub(super) bytes: u64,
    /// Bytes of the body that it announces, none when they are not announced.
    pub(super) body: Option<u64>,
}

impl Head {
    /// Bytes of the message, unless nobody knows.
    pub(super) fn message(&self) -> Option<u64> {
        self.body.map(|body| self.bytes + body)
    }
}

/// Reads the head that `bytes` begin with; none while it is not whole.
pub(super) fn read_head(bytes: &[u8]) -> Option<Head> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
    let end = end.or((bytes.len() > LONGEST_HEAD).then_some(bytes.len()))?;
    let text = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let title = format!("{first} {}", second.split('?').next().unwrap_or_default());
    let (mut announced, mut chunked) = (0, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            announced = value.trim().parse().unwrap_or(0);
        }
        chunked |= name.eq_ignore_ascii_case("transfer-encoding");
    }
    Some(Head { title, bytes: end as u64, body: (!chunked).then_some(announced) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_what_it_is_about_and_how_long_the_message_is() {
        let head = |text: &str| read_head(text.as_bytes());
        let expect = |title: &str, bytes: usize, body| {
            Some(Head { title: title.to_owned(), bytes: bytes as u64, body })
        };
        let put = "PUT /v2/a?digest=secret HTTP/1.1\r\nContent-Length: 7\r\n\r\n";
        assert_eq!(head(put), expect("PUT /v2/a", put.len(), Some(7)));
        assert_eq!(head("HEAD / HTTP/1.1\r\n\r\nmore"), expect("HEAD /", 19, Some(0)));
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(head(chunked), expect("HTTP/1.1 200", chunked.len(), None));
        assert_eq!(head("GET / HTTP/1.1\r\nContent-Le"), None);
    }
}
