//! Lays out JSON text anew by changing only the space between its tokens.
//!
//! Every string, number and escape stays as it was written, so what a statement means, and even how it is
//! spelled, survives. The text must be valid JSON already.

/// Indented by two, one value a line.
pub(super) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut tokens = Tokens(json).peekable();
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => {
                out.push_str(token);
                if let Some(end) = tokens.next_if(|next| matches!(*next, "}" | "]")) {
                    out.push_str(end);
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push(',');
                break_line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            scalar => out.push_str(scalar),
        }
    }
    out
}

/// Without any space between the tokens.
pub(super) fn compact(json: &str) -> String {
    Tokens(json).collect()
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The tokens of a JSON text, as written.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
        let length = match rest.bytes().next()? {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => string_length(rest),
            _ => rest.find(['{', '}', '[', ']', ',', ':', ' ', '\t', '\n', '\r', '"']).unwrap_or(rest.len()),
        };
        let (token, rest) = rest.split_at(length);
        self.0 = rest;
        Some(token)
    }
}

/// How many bytes the string at the start of `text` takes, both quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_space_between_tokens_changes() {
        let text = " {\"a\" :[1.0E+2 ,\"x , \\\" {\\u00e9\"],\n\"b\":{}, \"c\":[ ], \"d\":{\"e\":null}}\t";
        let small = "{\"a\":[1.0E+2,\"x , \\\" {\\u00e9\"],\"b\":{},\"c\":[],\"d\":{\"e\":null}}";
        assert_eq!(compact(text), small);
        assert_eq!(compact(&pretty(text)), small);
        let value: serde_json::Value = serde_json::from_str("{\"a\":[1,\"x\"],\"b\":{},\"c\":[[]]}").unwrap();
        assert_eq!(pretty(&value.to_string()), serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in ["", "\"", "\"\\", "}", "ä", "{\"ä", "1 2"] {
            let _ = (pretty(text), compact(text));
        }
    }
}
