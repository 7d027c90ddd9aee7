//! The words inside of `{{ … }}`.

use super::TemplateError;

/// A word, and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
    /// Whether white space stands before it.
    pub(super) apart: bool,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A function or a keyword.
    Name(String),
    /// `.Field`
    Field(String),
    /// `.`
    Dot,
    /// A text in `"…"` or in backquotes.
    Text(String),
    Integer(i64),
    Open,
    Close,
    Pipe,
    /// `$x`, `:=`, `,` and what else only larger templates need.
    Other(String),
}

/// The words of an action. `text` is the whole template, `from..to` what stands between the braces.
pub(super) fn tokens(text: &str, from: usize, to: usize) -> Result<Vec<Token>, TemplateError> {
    let mut lexer = Lexer { text: &text[..to], at: from };
    let mut tokens = Vec::new();
    loop {
        let before = lexer.at;
        lexer.skip(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
        let apart = lexer.at > before || tokens.is_empty();
        let Some(first) = lexer.peek() else { return Ok(tokens) };
        let at = lexer.at;
        tokens.push(Token { at, kind: lexer.kind(first)?, apart });
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let word = rest[..end].to_owned();
        self.at += end;
        word
    }

    fn kind(&mut self, first: char) -> Result<Kind, TemplateError> {
        let at = self.at;
        match first {
            '"' => self.quoted(),
            '`' => {
                let inside = self.rest().get(1..).unwrap_or_default();
                let Some(end) = inside.find('`') else {
                    return Err(TemplateError::new(at, "a text in backquotes does not end"));
                };
                let word = inside[..end].to_owned();
                self.at += end + 2;
                Ok(Kind::Text(word))
            }
            '(' | ')' | '|' => {
                self.at += 1;
                Ok(match first {
                    '(' => Kind::Open,
                    ')' => Kind::Close,
                    _ => Kind::Pipe,
                })
            }
            '.' => {
                self.at += 1;
                let name = self.skip(is_letter);
                Ok(if name.is_empty() { Kind::Dot } else { Kind::Field(name) })
            }
            '0'..='9' | '-' | '+' => {
                let word = self.skip(|c| is_letter(c) || matches!(c, '.' | '-' | '+'));
                let number = word.parse().map_err(|_| {
                    TemplateError::new(at, "this number is none that is understood here: write a whole one")
                })?;
                Ok(Kind::Integer(number))
            }
            _ if is_letter(first) => Ok(Kind::Name(self.skip(is_letter))),
            _ => {
                self.at += first.len_utf8();
                let rest = if first == '$' || first == ':' {
                    self.skip(|c| is_letter(c) || c == '=')
                } else {
                    String::new()
                };
                Ok(Kind::Other(format!("{first}{rest}")))
            }
        }
    }

    /// A text in double quotes, with Go's escapes.
    fn quoted(&mut self) -> Result<Kind, TemplateError> {
        let start = self.at;
        let unended = || TemplateError::new(start, "a text in double quotes does not end");
        let mut word = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at = start + offset + 1;
                    return Ok(Kind::Text(word));
                }
                '\n' => return Err(unended()),
                '\\' => {
                    let (offset, escape) = characters.next().ok_or_else(unended)?;
                    word.push(match escape {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        '\\' | '"' => escape,
                        _ => {
                            return Err(TemplateError::new(
                                start + offset - 1,
                                "this escape is not understood: there are \\\\, \\\", \\n, \\r and \\t",
                            )
                            .hint("a text in backquotes has no escapes"));
                        }
                    });
                }
                other => word.push(other),
            }
        }
        Err(unended())
    }
}

fn is_letter(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
