//! What is wrong with a file, in every environment and whatever command is run, before any template is filled in.

use serde_json::Value as Json;

use crate::function::{self, DefinitionError, Flags};
use crate::spelling::nearest;

use super::environments::Environments;
use super::key::{self, ENVIRONMENTS, EXTENDS, FUNCTION, KEYS, Key, SECTIONS, Shape, TARGETS};
use super::node::{Entry, Node, Table, Value, locate, table_to_json};
use super::problem::{Position, Problem};
use super::targets::targets_of;
use super::template::{self, TemplateError, is_template};

/// Everything that is wrong with a file.
pub(super) fn problems(environments: &Environments) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_with_targets(environments.base(), &mut problems);
    for name in environments.names() {
        match environments.select(name) {
            Ok(table) => check_with_targets(&table, &mut problems),
            Err(problem) => problems.push(problem),
        }
    }
    problems
}

/// Checks a table, and what it is for each of its targets.
fn check_with_targets(root: &Table, problems: &mut Vec<Problem>) {
    let (base, targets) = targets_of(root, problems);
    check_table(&base, problems);
    targets.iter().for_each(|target| check_table(&target.table, problems));
}

fn check_table(root: &Table, problems: &mut Vec<Problem>) {
    for (name, entry) in root {
        if name == FUNCTION {
            check_function(entry, problems);
        } else if SECTIONS.iter().any(|(section, _)| section == name) {
            match &entry.node.value {
                Value::Table(table) => check_section(name, table, problems),
                other => problems.push(Problem::new(
                    entry.node.at,
                    format!("{name}: {} stands where a table [{name}] is expected", other.kind()),
                )),
            }
        } else {
            check_key("", name, entry, problems);
        }
    }
}

fn check_section(section: &str, table: &Table, problems: &mut Vec<Problem>) {
    for (name, entry) in table {
        check_key(section, name, entry, problems);
    }
}

fn check_key(section: &str, name: &str, entry: &Entry, problems: &mut Vec<Problem>) {
    match KEYS.iter().find(|key| key.section == section && key.name == name) {
        Some(key) => {
            if let Err(problem) = check_value(key, &entry.node) {
                problems.push(problem);
            }
        }
        None => problems.push(unknown(section, name, entry.key_at)),
    }
}

/// A key that there is none of, with the one that was probably meant.
fn unknown(section: &str, name: &str, at: Position) -> Problem {
    let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
    let problem = Problem::new(at, format!("{path}: there is no such key"));
    let mut here: Vec<&str> = KEYS.iter().filter(|key| key.section == section).map(|key| key.name).collect();
    if section.is_empty() {
        here.extend(SECTIONS.iter().map(|(name, _)| *name));
        here.extend([FUNCTION, TARGETS, ENVIRONMENTS]);
    }
    if name == EXTENDS || name == ENVIRONMENTS {
        return problem.hint("extends stands directly in [env.NAME], and environments have no environments");
    }
    if let Some(meant) = nearest(name, &here) {
        return problem.hint(format!("did you mean {meant}?"));
    }
    if let Some(elsewhere) = KEYS.iter().find(|key| key.name == name) {
        return problem.hint(match elsewhere.section {
            "" => format!("{name} stands before the first table"),
            section => format!("{name} stands in [{section}]"),
        });
    }
    problem.hint(format!("the keys here are {}", here.join(", ")))
}

fn check_value(key: &Key, node: &Node) -> Result<(), Problem> {
    match (&node.value, key.shape) {
        (Value::List(entries), shape) if is_list(shape) => {
            entries.iter().try_for_each(|entry| check_one(key, entry))
        }
        (other, shape) if is_list(shape) => Err(wrong_kind(key, node.at, other, "a list of texts")),
        _ => check_one(key, node),
    }
}

/// Checks one value, or one of a list.
fn check_one(key: &Key, node: &Node) -> Result<(), Problem> {
    let wrong = |expected| Err(wrong_kind(key, node.at, &node.value, expected));
    match (&node.value, key.shape) {
        (Value::Text(text), shape) if takes_text(shape) => {
            let known = template::parse(text).map_err(|error| broken(key, node.at, error))?;
            // What stands in for something is judged when it is known.
            if is_template(text) { Ok(()) } else { check_text(key, node.at, &plain(&known), None) }
        }
        (Value::Flag(_), Shape::Flag) => Ok(()),
        (Value::Integer(number), Shape::Integer { least, most } | Shape::Level { least, most, .. }) => {
            match (least..=most).contains(number) {
                true => Ok(()),
                false => {
                    let message = format!("{}: {number} is not within {least} to {most}", key.path());
                    Err(Problem::new(node.at, message))
                }
            }
        }
        (Value::Integer(number), Shape::Quantity(_)) => check_text(key, node.at, &number.to_string(), None),
        (_, Shape::Flag) => wrong("true or false"),
        (_, Shape::Integer { .. }) => wrong("a whole number"),
        (_, Shape::Level { .. }) => wrong("a whole number or a text in quotes"),
        (_, Shape::Quantity(_)) => wrong("a text in quotes or a whole number"),
        _ => wrong("a text in quotes"),
    }
}

fn is_list(shape: Shape) -> bool {
    matches!(shape, Shape::Texts(_) | Shape::Paths | Shape::States)
}

fn takes_text(shape: Shape) -> bool {
    !matches!(shape, Shape::Flag | Shape::Integer { .. })
}

fn plain(pieces: &[template::Piece<'_>]) -> String {
    let literal = |piece: &template::Piece<'_>| match piece {
        template::Piece::Literal(text) => (*text).to_owned(),
        _ => String::new(),
    };
    pieces.iter().map(literal).collect()
}

/// Checks a text whose templates are filled in. Where there were some, `written` is the text with them, and the error has that.
pub(super) fn check_text(key: &Key, at: Position, text: &str, written: Option<&str>) -> Result<(), Problem> {
    let judged = match key.shape {
        Shape::Text(rule) | Shape::Texts(rule) | Shape::Quantity(rule) => rule(text),
        Shape::Path | Shape::Paths => key::is_path(text),
        Shape::State => key::is_state(text),
        Shape::States => key::is_prefixed_state(text),
        Shape::Image => key::is_image(text),
        Shape::Choice(choices) if choices.contains(&text) => Ok(()),
        Shape::Choice(choices) => Err(format!("{text:?} is none of {}", choices.join(", "))),
        Shape::Level { or, .. } if text == or => Ok(()),
        Shape::Level { or, .. } => Err(format!("{text:?} is neither a whole number nor {or:?}")),
        Shape::Flag | Shape::Integer { .. } => Err("a text is not expected".to_owned()),
    };
    judged.map_err(|why| match written {
        None => Problem::new(at, format!("{}: {why}", key.path())),
        Some(written) => {
            let message = format!("{}: what {written:?} stands for cannot be used here", key.path());
            Problem::new(at, message).hint("its value is not shown, since it may be secret")
        }
    })
}

fn wrong_kind(key: &Key, at: Position, value: &Value, expected: &str) -> Problem {
    let problem =
        Problem::new(at, format!("{}: {} stands where {expected} is expected", key.path(), value.kind()));
    match (key.shape, value) {
        (shape, Value::Text(_)) if is_list(shape) => problem.hint(format!("write {} = [\"…\"]", key.name)),
        (Shape::Flag | Shape::Integer { .. }, Value::Text(_)) => problem.hint("leave the quotes out"),
        _ => problem,
    }
}

/// A template of a key that is broken, or cannot be filled in.
pub(super) fn broken(key: &Key, at: Position, error: TemplateError) -> Problem {
    Problem { at, message: format!("{}: {}", key.path(), error.message), hint: error.hint }
}

/// The declaration of the function, as it is written: what a template stands for is judged when it is known.
fn check_function(entry: &Entry, problems: &mut Vec<Problem>) {
    let Value::Table(table) = &entry.node.value else {
        let kind = entry.node.value.kind();
        problems.push(Problem::new(
            entry.node.at,
            format!("function: {kind} stands where a table [function] is expected"),
        ));
        return;
    };
    let read = table_to_json(table, &mut |at, text| match template::parse(text) {
        Ok(pieces) if !is_template(text) => Ok(plain(&pieces)),
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(Problem { at, message: format!("function: {}", error.message), hint: error.hint }),
    });
    match read {
        Err(problem) => problems.push(problem),
        Ok(settings) => problems.extend(function_problems(table, &Json::Object(settings), true)),
    }
}

/// What is wrong with the settings of a function, at their places in the file. Where a template has a part in it, either nothing is
/// said (`unfilled`), or nothing of the value.
pub(super) fn function_problems(table: &Table, settings: &Json, unfilled: bool) -> Vec<Problem> {
    let found = function::Definition::new(Some(&settings.to_string()), &Flags::default(), None);
    let Err(DefinitionError::Invalid(found)) = found else { return Vec::new() };
    let placed = |problem: function::Problem| {
        let place = locate(table, &problem.key);
        let at = place.map_or(Position::default(), |(at, _)| at);
        let has_template = place.is_some_and(|(_, node)| node.any_text(&is_template));
        match has_template {
            true if unfilled => None,
            true => {
                let message =
                    format!("function.{}: what its template stands for cannot be used here", problem.key);
                Some(Problem::new(at, message).hint("its value is not shown, since it may be secret"))
            }
            false => Some(Problem {
                at,
                message: format!("function.{}: {}", problem.key, problem.message),
                hint: problem.hint,
            }),
        }
    };
    found.into_iter().filter_map(placed).collect()
}
