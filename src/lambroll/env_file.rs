//! Environment files, as hashicorp/go-envparse reads them: `NAME=value`, `export NAME="value"`, comments.

use super::error::FileError;

/// Reads the variables of a file. Of two with one name the last counts.
///
/// # Errors
/// Tells the line, and never a value.
pub fn parse(file: &str, text: &str) -> Result<Vec<(String, String)>, FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let wrong = |message: &str| {
            FileError::new(file, message).at(text, start + line.len() - line.trim_start().len())
        };
        let stripped = line.trim();
        if !stripped.is_empty() && !stripped.starts_with('#') {
            let declared = stripped.strip_prefix("export ").map_or(stripped, str::trim_start);
            let (name, value) =
                declared.split_once('=').ok_or_else(|| wrong("there is no NAME=value in this line"))?;
            let name = name.trim();
            let mut characters = name.chars();
            let begins = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            if !begins || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(wrong("what stands before the = is no name of a variable"));
            }
            let value = unquoted(value.trim_start()).map_err(wrong)?;
            variables.push((name.to_owned(), value));
        }
        start += line.len();
    }
    Ok(variables)
}

/// A value without its quotes: in single ones everything stands for itself, in double ones `\n`, `\t`, `\"` and others are escapes. Bare values end
/// at a comment.
fn unquoted(text: &str) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut quote: Option<char> = None;
    let mut characters = text.chars().peekable();
    let mut previous = ' ';
    // White space at the end belongs to no bare value.
    let mut kept = 0;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '#') if previous.is_whitespace() => break,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => {
                quote = None;
                kept = value.len();
            }
            (Some('"'), '\\') => value.push(match characters.next().ok_or("a backslash ends the line")? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other @ ('"' | '\\' | '\'' | '$') => other,
                _ => return Err("this escape is not understood"),
            }),
            (None, '\\') => value.push(characters.next().ok_or("a backslash ends the line")?),
            (_, other) => value.push(other),
        }
        if !character.is_whitespace() || quote.is_some() {
            kept = kept.max(value.len());
        }
        previous = character;
    }
    match quote {
        Some(_) => Err("a quote is not closed"),
        None => {
            value.truncate(kept);
            Ok(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_shells_write_them() {
        let text = "\u{feff}# comment\n\nexport JSON='{\"foo\":\"bar\"}'\nWORLD=\"a\"\n A = b c  # comment\nB=x#y\nC=\n\
                    D=\"line\\n\\\"q\\\"\"\r\nE='a'\"b\"\nA=again\n";
        let parsed = parse(".env", text).unwrap();
        let expected = [
            ("JSON", "{\"foo\":\"bar\"}"),
            ("WORLD", "a"),
            ("A", "b c"),
            ("B", "x#y"),
            ("C", ""),
            ("D", "line\n\"q\""),
            ("E", "ab"),
            ("A", "again"),
        ];
        assert_eq!(parsed, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_cannot_be_read_is_told_without_its_value() {
        for (text, place, part) in [
            ("A=1\nhunter2\n", "2:1", "no NAME=value"),
            ("1A=hunter2", "1:1", "no name of a variable"),
            ("  A-B=hunter2", "1:3", "no name of a variable"),
            ("=x", "1:1", "no name"),
            ("A=\"hunter2", "1:1", "a quote is not closed"),
            ("A=\"\\hunter2\"", "1:1", "escape"),
        ] {
            let error = parse(".env", text).unwrap_err().to_string();
            assert!(error.starts_with(&format!(".env:{place}: ")) && error.contains(part), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[A-B=\"'\\\\# \n\rexport]{0,30}") {
            let _ = parse(".env", &text);
        }
    }
}
