//! JSON read into a tree that remembers where each value stands in the text.
//!
//! A policy decides over access, so nothing of it may be guessed or lost: of two equal keys a map keeps one
//! and nobody knows which one AWS takes, a number may not be rounded, and an error must say where it is.
//! So this reader refuses duplicate keys, keeps numbers as written and gives every value its place. It knows
//! nothing of policies.

use std::collections::HashSet;
use std::ops::Range;

/// A value nested deeper than this is refused. A real policy needs five levels.
const MAX_DEPTH: usize = 32;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    /// The bytes of the text that this value takes, without the space around it.
    pub(super) span: Range<usize>,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    /// As written: the span has the word.
    Bool,
    /// As written: the span has the digits.
    Number,
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// One key of an object with its value.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) node: Node,
}

impl Node {
    /// The value of a key, when this is an object that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Object(members) => {
                members.iter().find(|member| member.key == key).map(|member| &member.node)
            }
            _ => None,
        }
    }

    /// What sort of value this is, for a person.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool => "a boolean",
            Value::Number => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

/// Why a text is not JSON, and the byte at which that shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) at: usize,
    pub(super) why: String,
}

/// Reads a whole text that must be exactly one JSON value.
pub(super) fn read(text: &str) -> Result<Node, SyntaxError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let node = reader.node()?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.error("nothing may follow the end of the policy"));
    }
    Ok(node)
}

/// Line and column (both from 1, the column in characters) of a byte of a text.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, why: impl Into<String>) -> SyntaxError {
        SyntaxError { at: self.at, why: why.into() }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn node(&mut self) -> Result<Node, SyntaxError> {
        self.skip_space();
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'a'..=b'z') => self.word()?,
            Some(_) => return Err(self.error("a JSON value is expected here")),
            None => return Err(self.error("the text ends where a JSON value is expected")),
        };
        Ok(Node { value, span: start..self.at })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, SyntaxError>) -> Result<Value, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("values are nested more than {MAX_DEPTH} levels deep")));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, SyntaxError> {
        let mut members: Vec<Member> = Vec::new();
        let mut seen = HashSet::new();
        if self.closes(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.error("a key in double quotes is expected here"));
            }
            let key = self.string()?;
            if !seen.insert(key.clone()) {
                let why = format!("the key {key:?} appears twice in the same object, which is ambiguous");
                return Err(SyntaxError { at: start, why });
            }
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.error("a colon is expected after the key"));
            }
            self.at += 1;
            members.push(Member { key, node: self.node()? });
            if !self.continues(b'}')? {
                return Ok(Value::Object(members));
            }
        }
    }

    fn array(&mut self) -> Result<Value, SyntaxError> {
        let mut nodes = Vec::new();
        if self.closes(b']') {
            return Ok(Value::Array(nodes));
        }
        loop {
            nodes.push(self.node()?);
            if !self.continues(b']')? {
                return Ok(Value::Array(nodes));
            }
        }
    }

    /// Whether an object or list ends right after it began.
    fn closes(&mut self, end: u8) -> bool {
        self.skip_space();
        let closed = self.peek() == Some(end);
        self.at += usize::from(closed);
        closed
    }

    /// Whether another member follows: takes the comma or the end.
    fn continues(&mut self, end: u8) -> Result<bool, SyntaxError> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.error(format!("a comma or '{}' is expected here", char::from(end)))),
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                // Whatever is escaped, its first character cannot end the string; serde_json judges the rest.
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(SyntaxError { at: start, why: "this string has no end".to_owned() }),
            }
        }
        self.at += 1;
        let token = self.text.get(start..self.at);
        token.and_then(|token| serde_json::from_str(token).ok()).ok_or_else(|| SyntaxError {
            at: start,
            why: "this string has a wrong escape or an unescaped control character".to_owned(),
        })
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        let mut correct = whole > 0 && !(leading_zero && whole > 1);
        if self.peek() == Some(b'.') {
            self.at += 1;
            correct &= self.digits() > 0;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            correct &= self.digits() > 0;
        }
        if correct {
            Ok(Value::Number)
        } else {
            Err(SyntaxError { at: start, why: "this is not a number".into() })
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self) -> Result<Value, SyntaxError> {
        let words = [("null", Value::Null), ("true", Value::Bool), ("false", Value::Bool)];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.error("a JSON value is expected here; a text needs double quotes"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn to_serde(node: &Node, text: &str) -> serde_json::Value {
        match &node.value {
            Value::Array(nodes) => nodes.iter().map(|node| to_serde(node, text)).collect(),
            Value::Object(members) => {
                members.iter().map(|member| (member.key.clone(), to_serde(&member.node, text))).collect()
            }
            _ => serde_json::from_str(&text[node.span.clone()]).unwrap(),
        }
    }

    #[test]
    fn an_error_says_where_and_why() {
        let table = [
            ("", 0, "ends where"),
            ("{", 1, "a key in double quotes"),
            ("{\"a\":1,}", 7, "a key in double quotes"),
            ("{\"a\" 1}", 5, "a colon"),
            ("[1 2]", 3, "a comma or ']'"),
            ("{} x", 3, "nothing may follow"),
            ("[01]", 1, "not a number"),
            ("[-]", 1, "not a number"),
            ("[1.]", 1, "not a number"),
            ("nul", 0, "needs double quotes"),
            ("\"abc", 0, "no end"),
            ("\"abc\\", 0, "no end"),
            ("\"\\q\"", 0, "wrong escape"),
            ("\"\\ud800\"", 0, "wrong escape"),
            ("\"a\nb\"", 0, "control character"),
            ("{\"a\":1,\"\\u0061\":2}", 7, "appears twice"),
        ];
        for (text, at, why) in table {
            let error = read(text).unwrap_err();
            assert_eq!(error.at, at, "{text}");
            assert!(error.why.contains(why), "{text}: {}", error.why);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert!(read(&nested(MAX_DEPTH + 1)).unwrap_err().why.contains("nested"));
        assert!(read(&"{\"a\":".repeat(20_000)).is_err());
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        assert_eq!(line_and_column("ab\ncä,d", 8), (2, 5));
        assert_eq!(line_and_column("", 0), (1, 1));
    }

    proptest! {
        #[test]
        fn what_serde_json_reads_is_read_alike(text in r#"[\[\]{}",:0-9eE.+\-a-ctrufalsn\\ ]{0,40}"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match (read(&text), theirs) {
                (Ok(node), Ok(theirs)) => prop_assert_eq!(to_serde(&node, &text), theirs),
                (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("out of range"), "{}", error),
                (Err(error), Ok(_)) => prop_assert!(error.why.contains("twice"), "{}", error.why),
                (Err(_), Err(_)) => {}
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), quoted in r#"[\[{"\\\PC]{0,30}"#) {
            let _ = read(&text);
            let _ = read(&quoted);
        }
    }
}
