//! Templates in texts: `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`, `${git:commit}`, `${ssm:/path}`, `${tfstate:ADDRESS}`.
//!
//! `$${` is the text `${`. What a template stands for is not looked at for templates again, and it never enters an error: it may be
//! a secret.

use crate::values::{Ask, Missing, split_place};

/// What `${git:…}` asks of the repository in which the configuration lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitFact {
    /// The commit that is checked out: 40 hexadecimal digits.
    Commit,
    /// Its short form: 7 digits, or more where 7 would not tell.
    Short,
    /// The tag that the commit has.
    Tag,
    /// The branch that is checked out.
    Branch,
}

impl GitFact {
    const ALL: [(&'static str, Self); 4] =
        [("commit", Self::Commit), ("short", Self::Short), ("tag", Self::Tag), ("branch", Self::Branch)];
}

/// Where templates take their values from. The command line is the one that knows.
pub trait Sources {
    /// An environment variable; none where it is not set. The error says why it cannot be used, without its value.
    fn variable(&self, name: &str) -> Result<Option<String>, String>;
    /// A file's text. The path is relative to the configuration file.
    fn file(&self, path: &str) -> Result<String, String>;
    /// What git knows.
    fn git(&self, fact: GitFact) -> Result<String, String>;
    /// A parameter of AWS Systems Manager, or the entry of a StringList at a place.
    fn parameter(&self, name: &str, place: Option<usize>) -> Result<String, Missing>;
    /// What an address stands for in the Terraform state that is known by a prefix; empty for the one of the key `tfstate`.
    fn state(&self, prefix: &str, address: &str) -> Result<String, Missing>;
}

/// What is wrong with a template, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct TemplateError {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl TemplateError {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

impl From<Missing> for TemplateError {
    fn from(missing: Missing) -> Self {
        Self { message: missing.message, hint: missing.hint }
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it is written.
    Literal(&'a str),
    /// `${env:NAME:-default}`
    Variable { name: &'a str, default: Option<&'a str> },
    /// `${file:PATH}`
    File(&'a str),
    /// `${git:FACT}`
    Git(GitFact),
    /// `${ssm:NAME}`, `${ssm:NAME[0]}`
    Parameter { name: &'a str, place: Option<usize> },
    /// `${tfstate:ADDRESS}`, `${PREFIXtfstate:ADDRESS}`
    State { prefix: &'a str, address: &'a str },
}

impl Piece<'_> {
    /// Whether what it stands for may be a secret. What git knows is none.
    fn may_be_secret(&self) -> bool {
        !matches!(self, Self::Literal(_) | Self::Git(_))
    }

    /// What it asks for that is not on this machine, or may not be.
    fn ask(&self) -> Option<Ask> {
        match self {
            Self::Parameter { name, .. } => Some(Ask::Parameter((*name).to_owned())),
            Self::State { prefix, .. } => Some(Ask::State((*prefix).to_owned())),
            _ => None,
        }
    }
}

/// Whether a text has something in it that may be a secret.
pub(super) fn may_be_secret(text: &str) -> bool {
    parse(text).is_ok_and(|pieces| pieces.iter().any(Piece::may_be_secret))
}

/// What a text asks for that has to be fetched.
pub(super) fn asks(text: &str) -> Vec<Ask> {
    parse(text).unwrap_or_default().iter().filter_map(Piece::ask).collect()
}

/// Whether a text has a template in it, or the beginning of one.
pub(super) fn is_template(text: &str) -> bool {
    let escaped = text.matches("$${").count();
    text.matches("${").count() > escaped
}

/// The parts of a text.
pub(super) fn parse(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            // The first of two dollars stands for itself no more.
            pieces.extend([Piece::Literal(&rest[..at - 1]), Piece::Literal("${")]);
            rest = &rest[at + 2..];
            continue;
        }
        pieces.push(Piece::Literal(&rest[..at]));
        let inside = &rest[at + 2..];
        let Some(end) = inside.find('}') else {
            return Err(TemplateError::new(
                "a template begins with ${ and does not end",
                "close it with }, or write $${ for the text ${ itself",
            ));
        };
        pieces.push(template(&inside[..end])?);
        rest = &inside[end + 1..];
    }
    pieces.push(Piece::Literal(rest));
    pieces.retain(|piece| *piece != Piece::Literal(""));
    Ok(pieces)
}

fn template(inside: &str) -> Result<Piece<'_>, TemplateError> {
    if inside.contains("${") {
        return Err(TemplateError::new(
            "a template stands inside another",
            "take the inner one out: a value is not looked at for templates again",
        ));
    }
    let (kind, rest) = inside.split_once(':').unwrap_or((inside, ""));
    match kind {
        "env" => variable(rest),
        "file" if rest.is_empty() => Err(TemplateError::new("${file:} names no file", "write ${file:PATH}")),
        "file" => Ok(Piece::File(rest)),
        "git" => match GitFact::ALL.iter().find(|(name, _)| *name == rest) {
            Some((_, fact)) => Ok(Piece::Git(*fact)),
            None => Err(TemplateError::new(
                format!("${{git:{rest}}} is not known"),
                "git knows ${git:commit}, ${git:short}, ${git:tag} and ${git:branch}",
            )),
        },
        "ssm" => parameter(rest),
        _ if kind.ends_with("tfstate") => state(kind, rest),
        _ => Err(TemplateError::new(
            format!("${{{inside}}} is no template"),
            "there are ${env:NAME}, ${env:NAME:-default}, ${file:PATH}, ${git:commit}, ${ssm:/path} and ${tfstate:ADDRESS}; write $${ for the text ${ itself",
        )),
    }
}

fn parameter(rest: &str) -> Result<Piece<'_>, TemplateError> {
    match split_place(rest) {
        Ok((name, place)) => Ok(Piece::Parameter { name, place }),
        Err(_) => Err(TemplateError::new(
            format!("${{ssm:{rest}}} names no parameter"),
            "write ${ssm:/path/name}, or ${ssm:/path/name[0]} for an entry of a StringList",
        )),
    }
}

fn state<'a>(kind: &'a str, address: &'a str) -> Result<Piece<'a>, TemplateError> {
    let prefix = kind.strip_suffix("tfstate").unwrap_or_default();
    match is_prefix(prefix) && !address.is_empty() {
        true => Ok(Piece::State { prefix, address }),
        false => Err(TemplateError::new(
            format!("${{{kind}:…}} takes the address of a resource or an output"),
            "write ${tfstate:aws_iam_role.app.arn}, ${tfstate:output.role} or ${tfstate:aws_subnet.app['a'].id}",
        )),
    }
}

/// Whether a text can stand before `tfstate`, for a state among several.
pub(super) fn is_prefix(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn variable(rest: &str) -> Result<Piece<'_>, TemplateError> {
    let (name, default) = match rest.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (rest, None),
    };
    let is_name = |name: &str| {
        let mut characters = name.chars();
        characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if is_name(name) {
        return Ok(Piece::Variable { name, default });
    }
    Err(TemplateError::new(
        "${env:…} takes the name of an environment variable, of letters, digits and _",
        "write ${env:NAME} or ${env:NAME:-default}",
    ))
}

/// The text with its templates filled in.
pub(super) fn expand(text: &str, sources: &dyn Sources) -> Result<String, TemplateError> {
    let pieces = parse(text)?;
    pieces.iter().map(|piece| fill(piece, sources)).collect()
}

fn fill(piece: &Piece<'_>, sources: &dyn Sources) -> Result<String, TemplateError> {
    let plainly = |message| TemplateError { message, hint: None };
    match *piece {
        Piece::Literal(text) => Ok(text.to_owned()),
        Piece::File(path) => sources.file(path).map_err(plainly),
        Piece::Git(fact) => sources.git(fact).map_err(plainly),
        Piece::Parameter { name, place } => Ok(sources.parameter(name, place)?),
        Piece::State { prefix, address } => Ok(sources.state(prefix, address)?),
        Piece::Variable { name, default } => {
            let value = sources.variable(name).map_err(plainly)?;
            // Continuous integration hands an input that nobody gave on as an empty text.
            match (value.filter(|value| !value.is_empty()), default) {
                (Some(value), _) => Ok(value),
                (None, Some(default)) => Ok(default.to_owned()),
                (None, None) => Err(TemplateError::new(
                    format!("the environment variable {name} is not set, or empty"),
                    format!("export {name}, or write ${{env:{name}:-default}}"),
                )),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::samples::Scripted;
    use proptest::prelude::*;

    #[test]
    fn templates_are_filled_in() {
        for (text, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("$", "$"),
            ("costs $5 {x}", "costs $5 {x}"),
            ("${env:A}", "hunter2"),
            ("a-${env:A}-${git:short}-b", "a-hunter2-0123456-b"),
            ("${env:MISSING:-x}", "x"),
            ("${env:EMPTY:-x}", "x"),
            ("${env:MISSING:-}", ""),
            ("${env:A:-x}", "hunter2"),
            ("${file:token.txt}", "${env:A}"),
            ("$${env:A}", "${env:A}"),
            ("$$${env:A}", "$${env:A}"),
            ("${ssm:/db/password}", "hunter2"),
            ("${ssm:/net/subnets[1]}", "subnet-1"),
            ("${tfstate:aws_iam_role.app.arn}", "arn:aws:iam::123456789012:role/app"),
            ("${net_tfstate:aws_subnet.app['a'].id}!", "subnet-a!"),
            ("$${${env:A}", "${hunter2"),
        ] {
            assert_eq!(expand(text, &Scripted).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn templates_that_are_none_are_refused() {
        for (text, part) in [
            ("${", "does not end"),
            ("${env:A", "does not end"),
            ("${env:A:-${env:B}}", "inside another"),
            ("${A}", "${A} is no template"),
            ("${}", "is no template"),
            ("${env}", "takes the name"),
            ("${env:}", "takes the name"),
            ("${env:A-B}", "takes the name"),
            ("${env:1A}", "takes the name"),
            ("${file:}", "names no file"),
            ("${git:author}", "not known"),
            ("${ssm:}", "names no parameter"),
            ("${ssm:/a[x]}", "names no parameter"),
            ("${ssm:/none}", "/none is not there"),
            ("${tfstate:}", "takes the address"),
            ("${tfstate}", "takes the address"),
            ("${a-tfstate:x.y}", "takes the address"),
            ("${tfstate:output.none}", "is not in the state"),
            ("${other_tfstate:output.x}", "no Terraform state other_"),
            ("${tf:x}", "is no template"),
            ("${env:MISSING}", "MISSING is not set"),
            ("${env:EMPTY}", "EMPTY is not set, or empty"),
            ("${file:missing}", "missing"),
            ("${git:tag}", "tag"),
        ] {
            let error = expand(text, &Scripted).unwrap_err();
            assert!(error.message.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_parts_or_an_error_and_an_escaped_one_is_itself(text in "[a-z$:{}\\-\n]{0,24}") {
            let _ = parse(&text);
            let escaped = text.replace("${", "$${");
            // A dollar just before the escape would be taken into it, and stays a dollar.
            prop_assert_eq!(expand(&escaped, &Scripted), Ok(text.clone()));
            prop_assert_eq!(is_template(&escaped), false);
        }
    }
}
