//! What others wrote, in GitHub's Markdown: it is read, and never marks up, links, mentions or embeds anything.

use crate::output::printable::one_line;

/// How many characters of one text are shown. What is longer belongs in the log.
const LONGEST: usize = 8000;

/// A text on one line of ours; its own lines are broken by `<br>`.
pub(super) fn text(text: &str) -> String {
    let lines: Vec<String> = cut(text).lines().map(|line| harmless(&one_line(line))).collect();
    lines.join("<br>")
}

/// A name or a command, as it is.
pub(super) fn code(name: &str) -> String {
    format!("<code>{}</code>", harmless(&one_line(&cut(name))))
}

/// Lines as they are, in a block that nothing in them can end; set in by `indent`.
pub(super) fn block(language: &str, lines: &str, indent: &str) -> String {
    let body: Vec<String> = cut(lines).lines().map(one_line).collect();
    let longest = body.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let fence = "`".repeat(3.max(longest + 1));
    let body: String = body.iter().map(|line| format!("{indent}{line}\n")).collect();
    format!("{indent}{fence}{language}\n{body}{indent}{fence}\n")
}

/// Every character that could mean something, written as a number.
fn harmless(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        let is_address = character == ':' && rest.peek() == Some(&'/');
        let is_marking = "\\`*_{}[]<>#|~$!&^@".contains(character);
        match is_address || is_marking {
            true => out.push_str(&format!("&#{};", u32::from(character))),
            false => out.push(character),
        }
    }
    out
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… (cut)", &text[..end]),
        None => text.to_owned(),
    }
}

/// How many backticks follow each other at most.
fn longest_run(line: &str) -> usize {
    line.split(|character| character != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_wrote_marks_up() {
        let table = [
            ("plain, text (2) - 50%", "plain, text (2) - 50%"),
            ("<script>&lt;", "&#60;script&#62;&#38;lt;"),
            ("[a](https://b)", "&#91;a&#93;(https&#58;//b)"),
            ("a|b\nc", "a&#124;b<br>c"),
            ("@team #12 ~~x~~ ![i](j)", "&#64;team &#35;12 &#126;&#126;x&#126;&#126; &#33;&#91;i&#93;(j)"),
            ("a\u{202e}b\r", "a&#92;u&#123;202e&#125;b&#92;r"),
            ("`code` *b* _i_ $m$", "&#96;code&#96; &#42;b&#42; &#95;i&#95; &#36;m&#36;"),
        ];
        for (given, expected) in table {
            assert_eq!(text(given), expected, "{given:?}");
        }
        assert_eq!(code("a<b"), "<code>a&#60;b</code>");
    }

    #[test]
    fn a_block_ends_where_we_end_it() {
        assert_eq!(
            block("text", "a\n```\n<b>\n````x", "  "),
            "  `````text\n  a\n  ```\n  <b>\n  ````x\n  `````\n"
        );
        assert_eq!(block("", "a\u{1b}[2J\n::error::x", ""), "```\na\\u{1b}[2J\n::error::x\n```\n");
    }

    #[test]
    fn a_long_text_is_cut() {
        let long = "ö".repeat(LONGEST + 1);
        assert!(text(&long).ends_with("ö… (cut)") && text(&long).chars().count() == LONGEST + 7);
        assert_eq!(text(&long[..2 * LONGEST]), "ö".repeat(LONGEST));
    }
}
