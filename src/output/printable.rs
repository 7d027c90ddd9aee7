//! Text that does to a terminal and to a CI log nothing but be read.
//!
//! Messages quote what others wrote: names in an image, answers of a server, reasons of an alarm. None of it may move the
//! cursor, hide what was printed, pass for a line of ours, or give a GitHub job a command. So it is made harmless *before* it
//! is marked up ([`one_line`], [`block`]), and [`printable`] lets no sequence through but those that [`Style`] writes.

use super::Style;

/// How far the further lines of a text stand in: further than any line of ours that begins something.
const INDENT: &str = "    ";

/// What others wrote, on one line: control characters, line breaks and what turns the direction are written out.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match is_harmless(character) {
            true => out.push(character),
            false => out.extend(character.escape_default()),
        }
    }
    out
}

/// A text of more than one line, whose further lines are seen to belong to the first.
pub(super) fn block(text: &str) -> String {
    indented(text, INDENT)
}

/// The same, with what its further lines begin with.
pub(super) fn indented(text: &str, indent: &str) -> String {
    let lines: Vec<String> = text.lines().map(one_line).collect();
    lines.join(&format!("\n{indent}"))
}

/// A finished text: nothing but lines, tabs and the mark-up of `style`, and no line that a GitHub job would take for a command
/// (`::error::…`, `##[…]`).
pub(super) fn printable(text: &str, style: Style) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = style.sequence_length(rest).unwrap_or(next.len_utf8());
        match next == '\n' || length > next.len_utf8() || is_harmless(next) {
            true => out.push_str(&rest[..length]),
            false => out.extend(next.escape_default()),
        }
        rest = &rest[length..];
    }
    without_commands(&out)
}

/// A JSON text with what is not harmless in its strings written as JSON writes it. It says the same.
pub(super) fn printable_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character == '\n' || is_harmless(character) {
            true => out.push(character),
            false => {
                let mut units = [0; 2];
                character
                    .encode_utf16(&mut units)
                    .iter()
                    .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
        }
    }
    // Only strings can hold it.
    out.replace("##[", "#\\u0023[")
}

fn is_harmless(character: char) -> bool {
    character == '\t' || !(character.is_control() || is_unseen(character))
}

/// Characters that break a line, reorder what stands around them, or cannot be seen.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

fn without_commands(text: &str) -> String {
    let harmless = |line: &str| {
        let line = line.replace("##[", "# #[");
        match line.trim_start().strip_prefix("::") {
            Some(command) => format!("{}: :{command}", &line[..line.len() - line.trim_start().len()]),
            None => line,
        }
    };
    text.split('\n').map(harmless).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_text_and_our_own_colour_stays_as_it_is() {
        let style = Style::new(true);
        let marked = format!("{}: no\n  hint: x\n", style.bad("refused"));
        for text in ["", "plain\n", "a::b", "größer → 7", &marked, "a\tb"] {
            assert_eq!(printable(text, style), text);
        }
        assert_eq!(printable(&marked, Style::new(false)), "\\u{1b}[1;31mrefused\\u{1b}[0m: no\n  hint: x\n");
    }

    #[test]
    fn control_characters_are_written_out_and_commands_broken() {
        let table = [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{1b}[8mb", "a\\u{1b}[8mb"),
            ("a\u{1b}", "a\\u{1b}"),
            ("bell\u{7}", "bell\\u{7}"),
            ("over\rwritten", "over\\rwritten"),
            ("eight\u{9b}31mbits", "eight\\u{9b}31mbits"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("one\u{2028}two", "one\\u{2028}two"),
            ("for\n::error::x", "for\n: :error::x"),
            ("  ::set-output name=a::b", "  : :set-output name=a::b"),
            ("a ##[group]x", "a # #[group]x"),
        ];
        for (text, expect) in table {
            assert_eq!(printable(text, Style::new(true)), expect, "{text:?}");
        }
    }

    #[test]
    fn what_others_wrote_stays_on_its_line_or_in_its_block() {
        let forged = "\u{1b}[8mgone\r\n\ndeployed\n  version:  99\n";
        assert_eq!(one_line(forged), "\\u{1b}[8mgone\\r\\n\\ndeployed\\n  version:  99\\n");
        assert_eq!(block(forged), "\\u{1b}[8mgone\n    \n    deployed\n      version:  99");
    }

    #[test]
    fn a_json_text_says_the_same_without_what_does_more_than_be_read() {
        let value = serde_json::json!({ "a": "\u{9b}31m \u{202e} \u{e0041} ##[error] ö \u{7f}" });
        let text = printable_json(&serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(text, "{\n  \"a\": \"\\u009b31m \\u202e \\udb40\\udc41 #\\u0023[error] ö \\u007f\"\n}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
