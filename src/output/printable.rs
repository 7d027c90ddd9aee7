//! Text that does to a terminal and to a CI log nothing but be read.
//!
//! Messages quote what others wrote: names in an image, answers of a server. None of it may move the cursor, hide what
//! was printed before, or give a GitHub job a command.

/// `text` with control and direction characters written out, colours left as they are, and no line that a GitHub job would
/// take for a command (`::error::…`, `##[…]`).
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(length) = colour_length(rest) {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        match next {
            '\n' | '\t' => out.push(next),
            '\r' if rest.starts_with("\r\n") => {}
            _ if next.is_control() || turns_direction(next) => out.extend(next.escape_default()),
            _ => out.push(next),
        }
        rest = &rest[next.len_utf8()..];
    }
    without_commands(&out)
}

/// The length of the colour sequence (`ESC [ … m`) that a text begins with.
fn colour_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    parameters[end..].starts_with('m').then_some("\u{1b}[".len() + end + 1)
}

/// Characters that reorder what stands around them.
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
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
    fn what_is_only_text_and_colour_stays_as_it_is() {
        for text in
            ["", "plain\n", "a::b", "größer → 7", "\u{1b}[1;31mrefused\u{1b}[0m: no\n  hint: x\n", "a\tb"]
        {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn control_characters_are_written_out_and_commands_broken() {
        let table = [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{1b}", "a\\u{1b}"),
            ("bell\u{7}", "bell\\u{7}"),
            ("over\rwritten", "over\\rwritten"),
            ("line\r\nline", "line\nline"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("for\n::error::x", "for\n: :error::x"),
            ("  ::set-output name=a::b", "  : :set-output name=a::b"),
            ("a ##[group]x", "a # #[group]x"),
        ];
        for (text, expect) in table {
            assert_eq!(printable(text), expect, "{text:?}");
        }
    }
}
