//! The AWS Query protocol: forms in, XML out.

use serde_json::{Map, Value};

use crate::calendar;

/// The fields of a form, with `%XX` and `+` resolved.
pub(super) fn fields(body: &[u8]) -> Vec<(String, String)> {
    String::from_utf8_lossy(body)
        .split('&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let escape = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&piece.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The nested value that flat names such as `Dimensions.member.1.Name` spell.
pub(super) fn nested(fields: &[(String, String)]) -> Value {
    let mut root = Map::new();
    for (name, value) in fields {
        let path: Vec<&str> = name.split('.').collect();
        // Nobody nests deeper; whoever does wants to exhaust the stack.
        if path.len() <= 32 {
            insert(&mut root, &path, value);
        }
    }
    lists(Value::Object(root))
}

fn insert(into: &mut Map<String, Value>, path: &[&str], value: &str) {
    match path {
        [] => {}
        [last] => {
            into.entry((*last).to_owned()).or_insert_with(|| Value::String(value.to_owned()));
        }
        [first, rest @ ..] => {
            let next = into.entry((*first).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(next) = next {
                insert(next, rest, value);
            }
        }
    }
}

/// Turns `{"member": {"1": a, "2": b}}` into `[a, b]`.
fn lists(value: Value) -> Value {
    let Value::Object(mut map) = value else { return value };
    if let Some(Value::Object(members)) = map.get_mut("member").map(Value::take) {
        let mut numbered: Vec<(u64, Value)> = members
            .into_iter()
            .filter_map(|(number, member)| Some((number.parse().ok()?, lists(member))))
            .collect();
        numbered.sort_by_key(|(number, _)| *number);
        return Value::Array(numbered.into_iter().map(|(_, member)| member).collect());
    }
    Value::Object(map.into_iter().map(|(key, value)| (key, lists(value))).collect())
}

/// A value as XML elements. `is_time` says which members are timestamps.
pub(super) fn xml(value: &Value, time: bool, is_time: &dyn Fn(&str) -> bool) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) if time => spelled(number.as_f64().unwrap_or_default()),
        Value::Number(number) => number.to_string(),
        Value::String(text) => escaped(text),
        Value::Array(items) => {
            items.iter().map(|item| format!("<member>{}</member>", xml(item, time, is_time))).collect()
        }
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("<{key}>{}</{key}>", xml(value, is_time(key), is_time)))
            .collect(),
    }
}

/// Seconds since 1970 in ISO 8601.
fn spelled(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the years up to 9999 first"
    )]
    let milliseconds = (seconds.clamp(0.0, 253_402_300_799.0) * 1000.0).round() as u64;
    format!("{}Z", calendar::write(milliseconds))
}

/// Text as it may stand in XML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flat_names_become_nested_values() {
        let body =
            b"Action=PutMetricAlarm&AlarmName=a+b%2Fc&Dimensions.member.2.Name=y&Dimensions.member.1.Name=x\
                     &AlarmActions=&Metrics.member.1.MetricStat.Metric.Dimensions.member.1.Value=1%";
        let expected = json!({
            "Action": "PutMetricAlarm", "AlarmName": "a b/c",
            "Dimensions": [{"Name": "x"}, {"Name": "y"}], "AlarmActions": "",
            "Metrics": [{"MetricStat": {"Metric": {"Dimensions": [{"Value": "1%"}]}}}],
        });
        assert_eq!(nested(&fields(body)), expected);
    }

    #[test]
    fn contradicting_and_deep_names_do_no_harm() {
        let deep = format!("A{}=1&B=2", ".x".repeat(100_000));
        assert_eq!(nested(&fields(deep.as_bytes())), json!({"B": "2"}));
        assert_eq!(nested(&fields(b"A=1&A.member.1=2")), json!({"A": "1"}));
        assert_eq!(nested(&fields(b"A.member.x=2")), json!({"A": []}));
        assert_eq!(nested(&fields(b"")), json!({}));
    }

    #[test]
    fn values_become_xml() {
        let value =
            json!({"Alarms": [{"Name": "a<b", "At": 0.5, "Threshold": 1.0}], "None": null, "On": true});
        let expected = "<Alarms><member><Name>a&lt;b</Name><At>1970-01-01T00:00:00.500Z</At>\
                        <Threshold>1.0</Threshold></member></Alarms><None></None><On>true</On>";
        assert_eq!(xml(&value, false, &|key| key == "At"), expected);
    }
}
