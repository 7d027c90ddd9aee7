//! CBOR (RFC 8949), as far as Smithy's RPC protocol uses it, to and from JSON values.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

/// How deep values may nest.
const DEPTH: usize = 64;

/// Reads one value; none when the bytes are not CBOR, or more than one value. Tags are dropped: a timestamp
/// becomes its number.
pub(super) fn decode(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(DEPTH)??;
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// Major type, additional information, and the argument; no argument for an indefinite length.
    fn head(&mut self) -> Option<(u8, u8, Option<u64>)> {
        let first = *self.take(1)?.first()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..=23 => Some(u64::from(info)),
            24..=27 => {
                let bytes = self.take(1 << (info - 24))?;
                Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            }
            31 => None,
            _ => return None,
        };
        Some((major, info, argument))
    }

    /// A value, or `Some(None)` for the break that ends an indefinite one.
    fn value(&mut self, depth: usize) -> Option<Option<Value>> {
        let depth = depth.checked_sub(1)?;
        let (major, info, argument) = self.head()?;
        Some(Some(match major {
            0 => Value::from(argument?),
            1 => Value::from(i64::try_from(argument?).ok()?.checked_neg()?.checked_sub(1)?),
            2 => Value::String(STANDARD.encode(self.bytes(2, argument)?)),
            3 => Value::String(String::from_utf8(self.bytes(3, argument)?).ok()?),
            4 => {
                let mut items = Vec::new();
                while argument.is_none_or(|count| (items.len() as u64) < count) {
                    match self.value(depth)? {
                        Some(item) => items.push(item),
                        None if argument.is_none() => break,
                        None => return None,
                    }
                }
                Value::Array(items)
            }
            5 => self.map(depth, argument)?,
            6 => self.value(depth)??,
            _ => match (info, argument) {
                (31, _) => return Some(None),
                (20, _) => Value::Bool(false),
                (21, _) => Value::Bool(true),
                (22 | 23, _) => Value::Null,
                (25, Some(bits)) => number(half(u16::try_from(bits).ok()?)),
                (26, Some(bits)) => number(f64::from(f32::from_bits(u32::try_from(bits).ok()?))),
                (27, Some(bits)) => number(f64::from_bits(bits)),
                _ => return None,
            },
        }))
    }

    /// The bytes of a string, which may come in chunks.
    fn bytes(&mut self, major: u8, length: Option<u64>) -> Option<Vec<u8>> {
        if let Some(length) = length {
            return self.take(usize::try_from(length).ok()?).map(<[u8]>::to_vec);
        }
        let mut bytes = Vec::new();
        loop {
            match self.head()? {
                (7, 31, _) => return Some(bytes),
                (kind, _, Some(length)) if kind == major => {
                    bytes.extend_from_slice(self.take(usize::try_from(length).ok()?)?);
                }
                _ => return None,
            }
        }
    }

    fn map(&mut self, depth: usize, count: Option<u64>) -> Option<Value> {
        let mut map = Map::new();
        let mut read = 0;
        while count.is_none_or(|count| read < count) {
            let key = match self.value(depth)? {
                Some(Value::String(key)) => key,
                None if count.is_none() => break,
                _ => return None,
            };
            map.insert(key, self.value(depth)??);
            read += 1;
        }
        Some(Value::Object(map))
    }
}

fn number(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// A half-precision number.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match bits >> 10 & 0x1f {
        0 => fraction * 2f64.powi(-24),
        31 => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// Writes a value. `is_time` says which members of maps are timestamps.
pub(super) fn encode(value: &Value, is_time: &dyn Fn(&str) -> bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, false, is_time, &mut bytes);
    bytes
}

fn write(value: &Value, time: bool, is_time: &dyn Fn(&str) -> bool, into: &mut Vec<u8>) {
    match value {
        Value::Null => into.push(0xf6),
        Value::Bool(flag) => into.push(if *flag { 0xf5 } else { 0xf4 }),
        Value::Number(number) => {
            if time {
                head(6, 1, into);
            }
            write_number(number, into);
        }
        Value::String(text) => {
            head(3, text.len() as u64, into);
            into.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u64, into);
            items.iter().for_each(|item| write(item, time, is_time, into));
        }
        Value::Object(map) => {
            head(5, map.len() as u64, into);
            for (key, value) in map {
                head(3, key.len() as u64, into);
                into.extend_from_slice(key.as_bytes());
                write(value, is_time(key), is_time, into);
            }
        }
    }
}

fn write_number(number: &Number, into: &mut Vec<u8>) {
    if let Some(number) = number.as_u64() {
        head(0, number, into);
    } else if let Some(negative) = number.as_i64() {
        head(1, !negative.cast_unsigned(), into);
    } else {
        into.push(0xfb);
        into.extend(number.as_f64().unwrap_or_default().to_be_bytes());
    }
}

fn head(major: u8, argument: u64, into: &mut Vec<u8>) {
    let bytes = argument.to_be_bytes();
    let (info, used) = match argument {
        0..=23 => (bytes[7], 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    into.push(major << 5 | info);
    into.extend_from_slice(&bytes[8 - used..]);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_examples_of_rfc_8949_are_read() {
        for (hex, expected) in [
            ("00", json!(0)),
            ("1903e8", json!(1000)),
            ("1bffffffffffffffff", json!(u64::MAX)),
            ("3903e7", json!(-1000)),
            ("f93c00", json!(1.0)),
            ("f90001", json!(5.960_464_477_539_063e-8)),
            ("fa47c35000", json!(100_000.0)),
            ("fbc010666666666666", json!(-4.1)),
            ("f97e00", json!(null)),
            ("f5", json!(true)),
            ("f6", json!(null)),
            ("c11a514b67b0", json!(1_363_896_240)),
            ("6449455446", json!("IETF")),
            ("4401020304", json!("AQIDBA==")),
            ("8301820203820405", json!([1, [2, 3], [4, 5]])),
            ("a26161016162820203", json!({"a": 1, "b": [2, 3]})),
            ("7f657374726561646d696e67ff", json!("streaming")),
            ("9f018202039f0405ffff", json!([1, [2, 3], [4, 5]])),
            ("bf61610161629f0203ffff", json!({"a": 1, "b": [2, 3]})),
        ] {
            assert_eq!(decode(&hex::decode(hex).unwrap()), Some(expected), "{hex}");
        }
    }

    #[test]
    fn broken_input_is_no_value() {
        let deep = "81".repeat(100_000);
        for hex in [
            "",
            "19",
            "1c",
            "61",
            "ff",
            "8201ff",
            "a16161",
            "a10102",
            "0000",
            "5bffffffffffffffff",
            "9f",
            "3bffffffffffffffff",
            "7f01ff",
            "c1",
            &deep,
        ] {
            assert_eq!(decode(&hex::decode(hex).unwrap()), None, "{}", &hex[..hex.len().min(20)]);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({"a": [1, -1, 1.5, 255, 256, 70_000, u64::MAX, i64::MIN + 1], "Time": 12.5,
                           "text": "x".repeat(300), "null": null, "flag": false});
        let bytes = encode(&value, &|key| key == "Time");
        assert_eq!(decode(&bytes), Some(value));
        assert_eq!(
            encode(&json!({"Time": 1}), &|key| key == "Time"),
            hex::decode("a16454696d65c101").unwrap()
        );
    }
}
