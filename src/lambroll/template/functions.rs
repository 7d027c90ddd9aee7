//! The functions of a template: lambroll's, and a few of Go's own.

use super::TemplateError;
use super::parser::{Pipeline, TermKind};
use super::value::Value;
use crate::lambroll::Lookups;
use crate::spelling::nearest;
use crate::values::{Ask, Missing};

/// What is there beside `tfstate` and `tfstatef` with prefixes.
const NAMES: [&str; 14] = [
    "env",
    "must_env",
    "json_escape",
    "ssm",
    "tfstate",
    "tfstatef",
    "caller_identity",
    "and",
    "or",
    "not",
    "eq",
    "ne",
    "print",
    "printf",
];

/// Functions of Go's that are not here.
const MISSING: [&str; 12] =
    ["call", "html", "index", "slice", "js", "len", "println", "urlquery", "lt", "le", "gt", "ge"];

pub(super) struct Functions<'a> {
    pub(super) lookups: &'a dyn Lookups,
}

/// Whether what a pipeline gives is no secret: the caller's identity, and texts that stand in the file.
pub(super) fn is_open(pipeline: &Pipeline) -> bool {
    pipeline.commands.iter().all(|command| {
        std::iter::once(&command.first).chain(&command.arguments).all(|term| match &term.kind {
            TermKind::Text(_) | TermKind::Integer(_) | TermKind::Flag(_) => true,
            TermKind::Function(name) => {
                ["caller_identity", "json_escape", "print", "printf"].contains(&name.as_str())
            }
            TermKind::Pipeline(inner) => is_open(inner),
        })
    })
}

impl Functions<'_> {
    /// What a call will ask for, if that can be told already.
    pub(super) fn ask(&self, name: &str, literal: Option<&str>) -> Option<Ask> {
        match (name, literal) {
            ("ssm", Some(parameter)) => Some(Ask::Parameter(parameter.to_owned())),
            ("caller_identity", _) => Some(Ask::Caller),
            _ => prefix(name).map(|(prefix, _)| Ask::State(prefix.to_owned())),
        }
    }

    /// Calls a function.
    pub(super) fn call(&self, name: &str, values: &[Value], at: usize) -> Result<Value, TemplateError> {
        let wrong = |takes: &str| TemplateError::new(at, format!("{name} takes {takes}"));
        let missing = |missing: Missing| TemplateError {
            at,
            message: format!("{name}: {}", missing.message),
            hint: missing.hint,
        };
        match name {
            "env" => self.env(&texts(values).ok_or_else(|| wrong("texts"))?).map_err(missing),
            "must_env" => match values {
                [Value::Text(name)] => self.must_env(name).map_err(missing),
                _ => Err(wrong("the name of an environment variable")),
            },
            "json_escape" => match values {
                [Value::Text(text)] => Ok(Value::Text(json_escaped(text))),
                _ => Err(wrong("one text")),
            },
            "ssm" => match values {
                [Value::Text(name)] => self.lookups.parameter(name, None).map(Value::Text).map_err(missing),
                [Value::Text(name), Value::Integer(index)] => {
                    let index = usize::try_from(*index).map_err(|_| wrong("a place from 0 on"))?;
                    self.lookups.parameter(name, Some(index)).map(Value::Text).map_err(missing)
                }
                _ => Err(wrong("the name of a parameter, and of a StringList a place in it: ssm `/name` 0")),
            },
            "caller_identity" => match values {
                [] => self.lookups.caller().map(|caller| Value::Fields(caller.fields())).map_err(missing),
                _ => Err(wrong("nothing; write caller_identity.Account")),
            },
            "and" | "or" => {
                let stops = |value: &&Value| value.holds() == (name == "or");
                let found = values.iter().find(stops).or(values.last());
                found.cloned().ok_or_else(|| wrong("at least one value"))
            }
            "not" => match values {
                [value] => Ok(Value::Flag(!value.holds())),
                _ => Err(wrong("one value")),
            },
            "eq" => match values {
                [first, others @ ..] if !others.is_empty() => Ok(Value::Flag(others.contains(first))),
                _ => Err(wrong("two values or more")),
            },
            "ne" => match values {
                [one, other] => Ok(Value::Flag(one != other)),
                _ => Err(wrong("two values")),
            },
            "print" => Ok(Value::Text(values.iter().map(Value::written).collect())),
            "printf" => match values {
                [Value::Text(format), rest @ ..] => formatted(format, rest, at).map(Value::Text),
                _ => Err(wrong("a format and values")),
            },
            _ => match prefix(name) {
                Some((prefix, has_format)) => self.state(prefix, has_format, values, at).map_err(|error| {
                    TemplateError { message: format!("{name}: {}", error.message), ..error }
                }),
                None => Err(unknown(name, at)),
            },
        }
    }

    /// The first variable that is set and not empty; else the last name itself, which is how a default is given.
    fn env(&self, names: &[&str]) -> Result<Value, Missing> {
        for name in names {
            if let Some(value) = self.lookups.variable(name)?.filter(|value| !value.is_empty()) {
                return Ok(Value::Text(value));
            }
        }
        Ok(Value::Text(names.last().map(|name| (*name).to_owned()).unwrap_or_default()))
    }

    fn must_env(&self, name: &str) -> Result<Value, Missing> {
        self.lookups.variable(name)?.map(Value::Text).ok_or_else(|| {
            Missing::new(format!("the environment variable {name} is not set"))
                .hint(format!("export {name}, or name a file that has it with --envfile"))
        })
    }

    fn state(
        &self,
        prefix: &str,
        has_format: bool,
        values: &[Value],
        at: usize,
    ) -> Result<Value, TemplateError> {
        let address = match values {
            [Value::Text(address)] if !has_format => address.clone(),
            [Value::Text(format), rest @ ..] if has_format => formatted(format, rest, at)?,
            _ => {
                return Err(TemplateError::new(
                    at,
                    "an address is wanted: `aws_iam_role.app.arn`, `output.role`",
                ));
            }
        };
        let found = self.lookups.state(prefix, &address.replace('\'', "\""));
        let found =
            found.map_err(|missing| TemplateError { at, message: missing.message, hint: missing.hint })?;
        Ok(Value::Text(found.as_text()))
    }
}

/// The prefix of a function that looks into Terraform's state, and whether it takes a format.
fn prefix(name: &str) -> Option<(&str, bool)> {
    name.strip_suffix("tfstatef")
        .map(|prefix| (prefix, true))
        .or(name.strip_suffix("tfstate").map(|prefix| (prefix, false)))
}

fn texts(values: &[Value]) -> Option<Vec<&str>> {
    values
        .iter()
        .map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn unknown(name: &str, at: usize) -> TemplateError {
    let error = TemplateError::new(at, format!("there is no function {name}"));
    if name == "layer_arn" {
        return error.hint("an image function has no layers: put their content into the image");
    }
    if MISSING.contains(&name) {
        return error
            .hint("it is one of Go's that are not here; what lambroll render prints can be used as it is");
    }
    match nearest(name, &NAMES) {
        Some(meant) => error.hint(format!("did you mean {meant}?")),
        None => error
            .hint(format!("there are {}; write {{{{ `{{{{` }}}} for the text {{{{ itself", NAMES.join(", "))),
    }
}

/// What stands between the quotes of the text as JSON, as Go writes it.
fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    // Go also escapes what HTML would not take.
    quoted[1..quoted.len() - 1].replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Go's Sprintf, with the verbs that addresses and names need.
fn formatted(format: &str, values: &[Value], at: usize) -> Result<String, TemplateError> {
    let wrong = |message: &str| TemplateError::new(at, message.to_owned());
    let mut values = values.iter();
    let mut text = String::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        let verb = characters.next();
        if verb == Some('%') {
            text.push('%');
            continue;
        }
        let value = match verb {
            Some('s' | 'v' | 'd' | 'q') => {
                values.next().ok_or_else(|| wrong("the format has more verbs than there are values"))?
            }
            _ => return Err(wrong("of the verbs of a format there are %s, %d, %v, %q and %%")),
        };
        match (verb, value) {
            (Some('d'), Value::Integer(_)) | (Some('s' | 'v'), _) => text.push_str(&value.written()),
            (Some('d'), _) => return Err(wrong("%d takes a number")),
            _ => text.push_str(&serde_json::Value::from(value.written()).to_string()),
        }
    }
    match values.next() {
        None => Ok(text),
        Some(_) => Err(wrong("there are more values than the format has verbs")),
    }
}
