//! JSON as an image must write it: no key twice in one object, bounded in depth and in keys.
//!
//! Two readers that resolve a duplicate key differently see two different images in one manifest, so a duplicate is
//! an error and not a choice. Depth is bounded by `serde_json` itself (128), size by whoever read the bytes.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::error::Problem;

/// More keys than any object in an image's metadata has; bounds the memory that telling duplicates takes.
const MAX_KEYS: usize = 16_384;

/// Parses `bytes`, refusing duplicate keys anywhere in them. `what` names the document in errors, which may quote it.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Problem> {
    look_through(bytes, what)?;
    serde_json::from_slice(bytes).map_err(|error| refusal(what, error.to_string()))
}

/// The same for a document with secrets in its values: no error quotes a value.
pub(super) fn parse_with_secrets<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Problem> {
    look_through(bytes, what)?;
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        refusal(what, format!("a value is missing or of the wrong kind, at line {line} column {column}"))
    })
}

/// Errors of syntax quote nothing, and those of duplicates the key only.
fn look_through(bytes: &[u8], what: &str) -> Result<(), Problem> {
    match serde_json::from_slice::<Unambiguous>(bytes) {
        Ok(Unambiguous) => Ok(()),
        Err(error) => Err(refusal(what, error.to_string())),
    }
}

fn refusal(what: &str, why: String) -> Problem {
    Problem::Json { what: what.to_owned(), why }
}

/// Any JSON value, looked at and not kept.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LookThrough)
    }
}

struct LookThrough;

impl<'de> Visitor<'de> for LookThrough {
    type Value = Unambiguous;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Unambiguous, A::Error> {
        while elements.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unambiguous, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if seen.contains(&key) {
                let shown: String = key.chars().take(100).collect();
                return Err(A::Error::custom(format_args!("the key {shown:?} is there twice")));
            }
            if seen.len() == MAX_KEYS {
                return Err(A::Error::custom(format_args!("an object has more than {MAX_KEYS} keys")));
            }
            seen.insert(key);
            entries.next_value::<Unambiguous>()?;
        }
        Ok(Unambiguous)
    }
}

/// A value that is written as a JSON object. Derived code alone would take an array for a struct too, field by field,
/// as no other reader of image metadata does.
#[derive(Debug, Clone, Default)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectOnly(PhantomData))
    }
}

struct ObjectOnly<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectOnly<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(Object)
    }
}

/// For `#[serde(deserialize_with)]`: Go writes an empty list or map as `null`.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// For `#[serde(deserialize_with)]`: whether a field says anything at all (`null`, `{}`, `[]` and `""` do not).
pub(super) fn says_something<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(SaysSomething)
}

struct SaysSomething;

impl<'de> Visitor<'de> for SaysSomething {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a list, a map or null")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(!text.is_empty())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
        let mut some = false;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            some = true;
        }
        Ok(some)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        let mut some = false;
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            some = true;
        }
        Ok(some)
    }
}

/// For `#[serde(deserialize_with)]`: Docker reads a lone string where a list is meant, as its oldest images have it.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(OneOrMany)
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of texts, a text or null")
    }

    fn visit_unit<E>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_str<E>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<String>, A::Error> {
        let mut list = Vec::new();
        while let Some(text) = elements.next_element()? {
            list.push(text);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<String> {
        match parse::<IgnoredAny>(text.as_bytes(), "the manifest") {
            Ok(_) => None,
            Err(problem) => Some(problem.to_string()),
        }
    }

    #[test]
    fn ordinary_json_passes() {
        for text in [r#"{"a":{"a":1},"b":[{"a":1},{"a":null}],"c":-1.5e3}"#, "[]", "null", r#""x""#, "true"] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_at_any_depth_and_however_it_is_spelled() {
        for text in [
            r#"{"layers":[],"layers":[]}"#,
            r#"{"a":[{"b":{"c":1,"d":2,"c":1}}]}"#,
            r#"{"layers":[],"\u006cayers":[]}"#,
            r#"{"":1,"":1}"#,
        ] {
            assert!(refusal(text).unwrap().contains("there twice"), "{text}");
        }
    }

    #[test]
    fn no_key_is_more_than_a_key() {
        // With its feature "raw_value" serde_json would take this for the number.
        let text = r#"{"$serde_json::private::RawValue":"1"}"#;
        assert!(serde_json::from_str::<serde_json::Value>(text).unwrap().is_object());
    }

    #[test]
    fn broken_and_bomb_like_documents_are_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let deep_objects = r#"{"a":"#.repeat(100_000);
        let wide: Vec<String> = (0..=MAX_KEYS).map(|n| format!("\"{n}\":0")).collect();
        let wide = format!("{{{}}}", wide.join(","));
        for text in ["", " ", "{", "{}{}", "[1,]", "nul", "1e999", "\u{feff}{}", &deep, &deep_objects, &wide]
        {
            assert!(refusal(text).is_some(), "{}", &text[..text.len().min(40)]);
        }
        assert!(parse::<IgnoredAny>(b"\"\xff\"", "x").is_err(), "invalid UTF-8");
    }
}
