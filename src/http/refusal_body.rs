//! Reads the body of an answer that is not success: the protocol's JSON, AWS's JSON, or anything at all.

use serde::Deserialize;

use super::without_signed_queries;

/// More of a message than this helps nobody.
const LONGEST_MESSAGE: usize = 600;

#[derive(Deserialize)]
struct ProtocolBody {
    errors: Vec<ProtocolError>,
}

#[derive(Deserialize)]
struct ProtocolError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    detail: Option<serde_json::Value>,
}

/// AWS's gateways answer like this when the registry itself was not reached.
#[derive(Deserialize)]
struct GatewayBody {
    #[serde(alias = "Message")]
    message: String,
}

/// The code and the words in `body`. Bodies may be HTML, empty, or cut off: what is there is shown.
pub(crate) fn read_refusal(body: &[u8]) -> (Option<String>, String) {
    if let Ok(ProtocolBody { errors }) = serde_json::from_slice(body)
        && let Some(first) = errors.into_iter().next()
    {
        let detail = first.detail.and_then(|detail| detail.as_str().map(str::to_owned));
        let words = first.message.filter(|message| !message.is_empty()).or(detail).unwrap_or_default();
        return (first.code.map(|code| presentable(&code)), presentable(&words));
    }
    if let Ok(GatewayBody { message }) = serde_json::from_slice(body) {
        return (None, presentable(&message));
    }
    (None, presentable(&String::from_utf8_lossy(body)))
}

/// One line of bounded length without control characters and signatures: the text is a stranger's and goes to a terminal.
pub(crate) fn presentable(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = without_signed_queries(&words.collect::<Vec<_>>().join(" "));
    if let Some((end, _)) = line.char_indices().nth(LONGEST_MESSAGE) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_every_kind_give_what_they_have() {
        let cases: [(&str, Option<&str>, &str); 10] = [
            (
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'x' does not exist"}]}"#,
                Some("NAME_UNKNOWN"),
                "The repository with name 'x' does not exist",
            ),
            (r#"{"errors":[{"code":"DENIED","message":"","detail":"no"}]}"#, Some("DENIED"), "no"),
            (r#"{"errors":[{"code":"DENIED","detail":{"a":1}},{"code":"B"}]}"#, Some("DENIED"), ""),
            (r#"{"errors":[{"message":"only words"}]}"#, None, "only words"),
            (r#"{"errors":[]}"#, None, r#"{"errors":[]}"#),
            (r#"{"message":"Forbidden"}"#, None, "Forbidden"),
            (r#"{"Message":"Rate exceeded"}"#, None, "Rate exceeded"),
            ("<html>\n<h1>503</h1>\n</html>", None, "<html> <h1>503</h1> </html>"),
            ("", None, ""),
            ("\u{1b}[31mred\u{7}", None, "[31mred"),
        ];
        for (body, code, message) in cases {
            assert_eq!(
                read_refusal(body.as_bytes()),
                (code.map(str::to_owned), message.to_owned()),
                "{body}"
            );
        }
        assert_eq!(read_refusal(b"\xff\xfe").1, "\u{fffd}\u{fffd}");
        assert_eq!(read_refusal("é".repeat(5000).as_bytes()).1.chars().count(), LONGEST_MESSAGE + 1);
    }
}
