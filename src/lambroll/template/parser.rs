//! From a template's text to its parts.

use super::TemplateError;
use super::lexer::{Kind, Token, tokens};

/// How deep parentheses and conditions may be nested.
const DEEPEST: usize = 64;

/// A part of a template.
#[derive(Debug, PartialEq)]
pub(super) enum Node {
    /// A stretch of the text, as it is written.
    Text { from: usize, to: usize },
    /// `{{ pipeline }}`
    Output(Pipeline),
    /// `{{ if … }}…{{ else if … }}…{{ else }}…{{ end }}`
    If { branches: Vec<(Pipeline, Vec<Node>)>, otherwise: Vec<Node> },
}

/// Commands, each of which hands its value to the next as the last argument.
#[derive(Debug, PartialEq)]
pub(super) struct Pipeline {
    pub(super) at: usize,
    pub(super) commands: Vec<Command>,
}

/// A function with arguments, or a value.
#[derive(Debug, PartialEq)]
pub(super) struct Command {
    pub(super) first: Term,
    pub(super) arguments: Vec<Term>,
}

/// A word of a command, with the fields that are taken of it.
#[derive(Debug, PartialEq)]
pub(super) struct Term {
    pub(super) at: usize,
    pub(super) kind: TermKind,
    pub(super) fields: Vec<String>,
}

/// What a word stands for.
#[derive(Debug, PartialEq)]
pub(super) enum TermKind {
    Text(String),
    Integer(i64),
    Flag(bool),
    Function(String),
    Pipeline(Pipeline),
}

/// The parts of a template.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, TemplateError> {
    let mut parser = Parser { text, at: 0, trims: false, depth: 0 };
    let (nodes, end) = parser.block()?;
    match end {
        Stop::Text => Ok(nodes),
        Stop::Otherwise(at, _) => Err(TemplateError::new(at, "there is an else without an if")),
        Stop::Closed(at) => Err(TemplateError::new(at, "there is an end without an if")),
    }
}

/// What ended a block.
enum Stop {
    /// The end of the text.
    Text,
    /// `end`
    Closed(usize),
    /// `else`, with the words behind it.
    Otherwise(usize, Vec<Token>),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Whether the last action takes the white space away that follows it.
    trims: bool,
    depth: usize,
}

impl Parser<'_> {
    /// The nodes up to what ends them.
    fn block(&mut self) -> Result<(Vec<Node>, Stop), TemplateError> {
        let mut nodes = Vec::new();
        loop {
            let (tokens, at) = match self.action(&mut nodes)? {
                None => return Ok((nodes, Stop::Text)),
                Some(action) => action,
            };
            let Some(Token { kind, .. }) = tokens.first() else {
                return Err(TemplateError::new(at, "an action has nothing in it"));
            };
            let keyword = match kind {
                Kind::Name(name) => name.as_str(),
                _ => "",
            };
            match keyword {
                "if" => nodes.push(self.condition(at, &tokens[1..])?),
                "end" if tokens.len() == 1 => return Ok((nodes, Stop::Closed(at))),
                "else" => return Ok((nodes, Stop::Otherwise(at, tokens[1..].to_vec()))),
                "range" | "with" | "define" | "template" | "block" | "break" | "continue" | "end" => {
                    return Err(TemplateError::new(at, format!("{keyword} is not understood here"))
                        .hint("of Go's actions there are pipelines of functions, and if, else and end; what lambroll render prints can be used as it is"));
                }
                _ => nodes.push(Node::Output(whole(&tokens, at)?)),
            }
        }
    }

    fn condition(&mut self, at: usize, words: &[Token]) -> Result<Node, TemplateError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(TemplateError::new(at, "conditions are nested too deep"));
        }
        let mut branches = Vec::new();
        let mut condition = whole(words, at)?;
        loop {
            let (nodes, end) = self.block()?;
            branches.push((condition, nodes));
            match end {
                Stop::Text => return Err(TemplateError::new(at, "an if has no end")),
                Stop::Closed(_) => {
                    self.depth -= 1;
                    return Ok(Node::If { branches, otherwise: Vec::new() });
                }
                Stop::Otherwise(_, words) if words.is_empty() => break,
                Stop::Otherwise(at, words) => match words.first().map(|word| &word.kind) {
                    Some(Kind::Name(name)) if name == "if" => condition = whole(&words[1..], at)?,
                    _ => return Err(TemplateError::new(at, "behind else only an if can stand")),
                },
            }
        }
        match self.block()? {
            (otherwise, Stop::Closed(_)) => {
                self.depth -= 1;
                Ok(Node::If { branches, otherwise })
            }
            _ => Err(TemplateError::new(at, "an if has no end, or two else")),
        }
    }

    /// The text up to the next action, and the action's words; none at the end. Comments are passed over.
    fn action(&mut self, nodes: &mut Vec<Node>) -> Result<Option<(Vec<Token>, usize)>, TemplateError> {
        loop {
            let rest = &self.text[self.at..];
            let found = rest.find("{{");
            let (from, mut to) = (self.at, found.map_or(self.text.len(), |at| self.at + at));
            let open = to;
            let inside = open + 2;
            let trims_before = found.is_some() && is_trim(&self.text[inside..]);
            let mut from = from;
            if self.trims {
                from += leading(&self.text[from..to]);
            }
            if trims_before {
                to = from + self.text[from..to].trim_end_matches(is_space).len();
            }
            if from < to {
                nodes.push(Node::Text { from, to });
            }
            if found.is_none() {
                return Ok(None);
            }
            let start = if trims_before { inside + 1 } else { inside };
            let (end, is_comment) = self.end_of_action(open, start)?;
            let body = &self.text[start..end];
            self.trims = body.len() >= 2 && body.ends_with('-') && body[..body.len() - 1].ends_with(is_space);
            self.at = end + 2;
            if !is_comment {
                let end = if self.trims { end - 1 } else { end };
                return tokens(self.text, start, end).map(|tokens| Some((tokens, open)));
            }
        }
    }

    /// Where the `}}` of an action is, and whether the action is a comment. Braces in texts are no end.
    fn end_of_action(&self, open: usize, start: usize) -> Result<(usize, bool), TemplateError> {
        let body = &self.text[start..];
        let unended = || TemplateError::new(open, "a template begins with {{ and does not end");
        let comment = leading(body);
        if body[comment..].starts_with("/*") {
            let end = body.find("*/").ok_or_else(unended)? + 2;
            let rest = body[end..].trim_start_matches(is_space);
            let behind = rest.strip_prefix('-').unwrap_or(rest);
            return match behind.starts_with("}}") {
                true => Ok((self.text.len() - behind.len(), true)),
                false => Err(TemplateError::new(open, "a comment has to fill its action")),
            };
        }
        let mut quote = None;
        let mut escaped = false;
        for (offset, character) in body.char_indices() {
            match (quote, character) {
                (Some('"'), '\\') if !escaped => {
                    escaped = true;
                    continue;
                }
                (Some(open), close) if open == close && !escaped => quote = None,
                (None, '"' | '`') => quote = Some(character),
                (None, '}') if body[offset..].starts_with("}}") => return Ok((start + offset, false)),
                _ => {}
            }
            escaped = false;
        }
        Err(unended())
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn leading(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_space).len()
}

/// Whether what stands behind `{{` takes the white space before it away.
fn is_trim(inside: &str) -> bool {
    inside.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

/// A pipeline that takes all the words.
fn whole(tokens: &[Token], at: usize) -> Result<Pipeline, TemplateError> {
    let mut words = Words { tokens, next: 0, end: at };
    let pipeline = words.pipeline(0)?;
    match words.peek() {
        None => Ok(pipeline),
        Some(token) => Err(TemplateError::new(token.at, "a parenthesis closes that none opened")),
    }
}

struct Words<'a> {
    tokens: &'a [Token],
    next: usize,
    end: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next)
    }

    fn pipeline(&mut self, depth: usize) -> Result<Pipeline, TemplateError> {
        let at = self.peek().map_or(self.end, |token| token.at);
        if depth > DEEPEST {
            return Err(TemplateError::new(at, "parentheses are nested too deep"));
        }
        let mut commands = vec![self.command(depth)?];
        while matches!(self.peek(), Some(Token { kind: Kind::Pipe, .. })) {
            self.next += 1;
            commands.push(self.command(depth)?);
        }
        Ok(Pipeline { at, commands })
    }

    fn command(&mut self, depth: usize) -> Result<Command, TemplateError> {
        let at = self.peek().map_or(self.end, |token| token.at);
        let mut terms = Vec::new();
        while let Some(term) = self.term(depth)? {
            terms.push(term);
        }
        if terms.is_empty() {
            return Err(TemplateError::new(at, "a value or a function is missing here"));
        }
        let first = terms.remove(0);
        Ok(Command { first, arguments: terms })
    }

    /// The next word with its fields; none where the command ends.
    fn term(&mut self, depth: usize) -> Result<Option<Term>, TemplateError> {
        let Some(token) = self.peek() else { return Ok(None) };
        let kind = match &token.kind {
            Kind::Pipe | Kind::Close => return Ok(None),
            Kind::Text(text) => TermKind::Text(text.clone()),
            Kind::Integer(number) => TermKind::Integer(*number),
            Kind::Name(name) => match name.as_str() {
                "true" | "false" => TermKind::Flag(name == "true"),
                _ => TermKind::Function(name.clone()),
            },
            Kind::Open => {
                self.next += 1;
                let pipeline = self.pipeline(depth + 1)?;
                match self.peek() {
                    Some(Token { kind: Kind::Close, .. }) => TermKind::Pipeline(pipeline),
                    _ => return Err(TemplateError::new(token.at, "this parenthesis is not closed")),
                }
            }
            Kind::Field(_) | Kind::Dot => {
                return Err(TemplateError::new(token.at, "there is no data here, and so no fields of it")
                    .hint(
                        "values come from functions: env, must_env, ssm, tfstate, caller_identity.Account",
                    ));
            }
            Kind::Other(word) => {
                return Err(TemplateError::new(token.at, format!("{word} is not understood here"))
                    .hint("templates here have functions, texts in backquotes or double quotes, whole numbers, parentheses and |, and no variables"));
            }
        };
        self.next += 1;
        let mut fields = Vec::new();
        while let Some(Token { kind: Kind::Field(name), apart: false, .. }) = self.peek() {
            fields.push(name.clone());
            self.next += 1;
        }
        Ok(Some(Term { at: token.at, kind, fields }))
    }
}
