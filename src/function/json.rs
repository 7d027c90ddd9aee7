//! JSON as a person should have written it: one value, and no key given twice.
//!
//! serde_json alone keeps the last of two equal keys, which would silently drop a setting.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::DefinitionError;

/// Parses `text`, which must be one JSON object without duplicate keys at any depth.
pub(crate) fn parse_object(text: &str) -> Result<Map<String, Value>, DefinitionError> {
    // Editors on Windows put a byte order mark in front; it is no part of the JSON.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str::<Strict>(text) {
        Ok(Strict(Value::Object(object))) => Ok(object),
        Ok(_) => {
            let message = "a function file is one object in braces: { \"MemorySize\": 512, ... }".to_owned();
            Err(DefinitionError::Syntax { line: 1, column: 1, message })
        }
        Err(error) => Err(DefinitionError::Syntax {
            line: error.line(),
            column: error.column(),
            message: without_position(&error.to_string()),
        }),
    }
}

/// serde_json ends its messages with the position, which we tell on our own.
fn without_position(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text).to_owned()
}

/// A JSON value in which no object has a key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} is given twice")));
            }
            let Strict(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_tell_line_and_column() {
        let table = [
            ("{\n  \"MemorySize\": 512,\n  \"MemorySize\": 1024\n}", 3, "\"MemorySize\" is given twice"),
            (
                "{\"Environment\": {\"Variables\": {\"AB\": \"1\", \"AB\": \"2\"}}}",
                1,
                "\"AB\" is given twice",
            ),
            ("{\n  \"MemorySize\": 512,\n}", 3, "trailing comma"),
            ("", 1, "EOF"),
            ("{\"a\": 1} x", 1, "trailing characters"),
            ("[1]", 1, "one object"),
            ("{\"a\": 1e999}", 1, "out of range"),
            (&"[".repeat(100_000), 1, "recursion limit"),
            ("{\"a\": \"\u{1}\"}", 1, "control character"),
        ];
        for (text, at_line, part) in table {
            let Err(DefinitionError::Syntax { line, message, .. }) = parse_object(text) else {
                panic!("{text:.40} was accepted");
            };
            assert_eq!(line, at_line, "{message}");
            assert!(message.contains(part), "{message}");
            assert!(!message.contains(" at line "), "{message}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_all_kinds_of_values_are_kept() {
        let text = "\u{feff}{\"a\": [1, -2, 1.5, true, null, \"x\\u00e9\"], \"b\": {}}";
        let object = parse_object(text).unwrap();
        assert_eq!(Value::Object(object), serde_json::json!({"a": [1, -2, 1.5, true, null, "xé"], "b": {}}));
    }
}
