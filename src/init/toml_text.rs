//! Values as TOML, in which nothing is a template that was none before.

use serde_json::{Map, Value};

/// A text in quotes. `${` is written so that it stands for itself.
pub(super) fn text(value: &str) -> String {
    quoted(&value.replace("${", "$${"))
}

/// A text in quotes as it is: a template stays one.
pub(super) fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if is_visible(other) => out.push(other),
            other => out.push_str(&format!("\\U{:08X}", u32::from(other))),
        }
    }
    out.push('"');
    out
}

/// Whether a reader of the file sees the character as it is: no control character, and none that hides or reorders others.
fn is_visible(character: char) -> bool {
    let hidden = matches!(
        character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    !character.is_control() && !hidden
}

/// A key, in quotes where it must be.
pub(super) fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { quoted(name) }
}

/// The lines of settings: one for each value that is no object, `Outer.Inner = 1`.
pub(super) fn lines(prefix: &str, settings: &Map<String, Value>, out: &mut Vec<String>) {
    for (name, setting) in settings {
        let path = if prefix.is_empty() { key(name) } else { format!("{prefix}.{}", key(name)) };
        match setting {
            Value::Object(object) => lines(&path, object, out),
            other => out.push(format!("{path} = {}", value(other))),
        }
    }
}

fn value(from: &Value) -> String {
    match from {
        Value::String(string) => text(string),
        Value::Array(list) => format!("[{}]", list.iter().map(value).collect::<Vec<_>>().join(", ")),
        Value::Object(object) => {
            let entry = |(name, value_of): (&String, &Value)| format!("{} = {}", key(name), value(value_of));
            format!("{{ {} }}", object.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        // TOML has no null; no setting of a live function is one.
        Value::Null => "\"\"".to_owned(),
        Value::Bool(_) | Value::Number(_) => from.to_string(),
    }
}

/// A text of more than one line, each behind `# `.
pub(super) fn comment(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("# {line}").trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_value_has_a_line_in_which_nothing_hides_and_nothing_became_a_template() {
        let settings = json!({
            "A": "quote \" back \\ line\nfeed\ttab \u{7f}\u{202e} \u{1b}[2J é ${x} $${y}",
            "B": {"C": [1, 2.5, true], "D": {"e f": "g"}},
            "F": [{"Arn": "a", "S3": {"Mode": "x"}}],
        });
        let mut out = Vec::new();
        lines("", settings.as_object().unwrap(), &mut out);
        let expected = [
            "A = \"quote \\\" back \\\\ line\\nfeed\\ttab \\U0000007F\\U0000202E \\U0000001B[2J é $${x} $$${y}\"",
            "B.C = [1, 2.5, true]",
            "B.D.\"e f\" = \"g\"",
            "F = [{ Arn = \"a\", S3 = { Mode = \"x\" } }]",
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn keys_are_quoted_where_they_must_be() {
        for (name, written) in
            [("team", "team"), ("a:b", "\"a:b\""), ("a.b", "\"a.b\""), ("", "\"\""), ("é", "\"é\"")]
        {
            assert_eq!(key(name), written);
        }
    }
}
