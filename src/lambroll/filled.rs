//! Which settings of a JSON text hold something that was filled in.

use std::ops::Range;

/// The paths (`VpcConfig.SubnetIds[0]`) of the values of a valid JSON text that a stretch touches. A stretch in a key touches all of the key's value.
pub(super) fn paths(text: &str, stretches: &[Range<usize>]) -> Vec<String> {
    let mut reader = Reader { text: text.as_bytes(), at: 0, stretches, found: Vec::new() };
    reader.value("");
    reader.found.sort();
    reader.found.dedup();
    reader.found
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    stretches: &'a [Range<usize>],
    found: Vec<String>,
}

impl Reader<'_> {
    fn touches(&self, from: usize, to: usize) -> bool {
        self.stretches.iter().any(|stretch| stretch.start < to && from < stretch.end)
    }

    fn peek(&mut self) -> u8 {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied().unwrap_or_default()
    }

    fn value(&mut self, path: &str) {
        match self.peek() {
            b'{' => self.object(path),
            b'[' => self.list(path),
            b'"' => {
                let from = self.at;
                self.string();
                self.note(path, from);
            }
            _ => {
                let from = self.at;
                while self.text.get(self.at).is_some_and(|byte| !b",]} \t\r\n".contains(byte)) {
                    self.at += 1;
                }
                self.note(path, from);
                // Of a text that is no JSON, too, something has to be passed over.
                self.at += usize::from(self.at == from);
            }
        }
    }

    fn note(&mut self, path: &str, from: usize) {
        if self.touches(from, self.at) {
            self.found.push(path.to_owned());
        }
    }

    fn object(&mut self, path: &str) {
        self.at += 1;
        while self.peek() == b'"' {
            let from = self.at;
            let key = self.string();
            let inner = if path.is_empty() { key } else { format!("{path}.{key}") };
            self.note(&inner, from);
            if self.peek() == b':' {
                self.at += 1;
            }
            self.value(&inner);
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    fn list(&mut self, path: &str) {
        self.at += 1;
        let mut index = 0;
        while !matches!(self.peek(), b']' | 0) {
            self.value(&format!("{path}[{index}]"));
            index += 1;
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    /// A text in quotes, with its escapes read.
    fn string(&mut self) -> String {
        let from = self.at;
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            self.at += match byte {
                b'\\' => 2,
                b'"' => break,
                _ => 1,
            };
        }
        self.at = (self.at + 1).min(self.text.len());
        serde_json::from_slice(&self.text[from..self.at]).unwrap_or_default()
    }
}

/// The paths of the values of a JSON text that hold one of these texts.
pub(super) fn paths_with(text: &str, brought: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let value = serde_json::from_str(text).unwrap_or_default();
    search(&value, String::new(), brought, &mut found);
    found
}

fn search(value: &serde_json::Value, path: String, brought: &[String], found: &mut Vec<String>) {
    use serde_json::Value;
    let holds = |text: &str| brought.iter().any(|one| !one.is_empty() && text.contains(one.as_str()));
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if holds(key) {
                    found.push(inner.clone());
                }
                search(value, inner, brought, found);
            }
        }
        Value::Array(entries) => {
            for (index, value) in entries.iter().enumerate() {
                search(value, format!("{path}[{index}]"), brought, found);
            }
        }
        Value::String(text) if holds(text) => found.push(path),
        Value::Number(number) if holds(&number.to_string()) => found.push(path),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_where_they_stand() {
        let text = r#"{ "Role": "arn:X", "Tags": {"a\"b": "c", "X": 1}, "L": [1, {"k": [true, "X"]}, X], "D": "d" }"#;
        let stretches: Vec<_> = text.match_indices('X').map(|(at, _)| at..at + 1).collect();
        assert_eq!(paths(text, &stretches), ["L[1].k[1]", "L[2]", "Role", "Tags.X"]);
        let at = text.find("\"c\"").unwrap();
        assert_eq!(paths(text, std::slice::from_ref(&(at..at + 2))), ["Tags.a\"b"]);
        assert_eq!(paths(text, &[]), Vec::<String>::new());
    }

    #[test]
    fn values_are_found_by_what_they_hold() {
        let text =
            r#"{"Role": "arn:hunter2:x", "Timeout": 77, "Tags": {"hunter2": "c"}, "L": ["a", "hunter2"]}"#;
        let brought = ["hunter2".to_owned(), "77".to_owned(), String::new()];
        assert_eq!(paths_with(text, &brought), ["Role", "Timeout", "Tags.hunter2", "L[1]"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_read_without_end(text in "[\\[\\]{}\",:a0\\\\ ]{0,40}", from in 0usize..40) {
            let _ = paths(&text, std::slice::from_ref(&(from..from + 3)));
        }
    }
}
