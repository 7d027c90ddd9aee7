//! A TOML text as a tree of values that know where they stand.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Position, Problem};

/// A table, by key.
pub(super) type Table = BTreeMap<String, Entry>;

/// A key with its value.
#[derive(Clone)]
pub(super) struct Entry {
    /// Where the key is.
    pub(super) key_at: Position,
    pub(super) node: Node,
}

/// A value, and where it is.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) value: Value,
}

/// What a configuration may hold. TOML's dates are none of it.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Number(f64),
    Flag(bool),
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// What it is, for a person. It says nothing of the value itself.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// The value as JSON, with each text put through `text`.
    pub(super) fn to_json<E>(
        &self,
        text: &mut dyn FnMut(Position, &str) -> Result<String, E>,
    ) -> Result<Json, E> {
        Ok(match &self.value {
            Value::Text(value) => Json::String(text(self.at, value)?),
            Value::Integer(number) => Json::from(*number),
            Value::Number(number) => Json::from(*number),
            Value::Flag(flag) => Json::Bool(*flag),
            Value::List(entries) => {
                Json::Array(entries.iter().map(|entry| entry.to_json(text)).collect::<Result<_, _>>()?)
            }
            Value::Table(table) => Json::Object(table_to_json(table, text)?),
        })
    }

    /// Whether it, or anything in it, makes `holds` true.
    pub(super) fn any_text(&self, holds: &dyn Fn(&str) -> bool) -> bool {
        let mut any = false;
        self.each_text(&mut |text| any = any || holds(text));
        any
    }

    /// Each text in it, in order.
    pub(super) fn each_text(&self, of: &mut dyn FnMut(&str)) {
        match &self.value {
            Value::Text(text) => of(text),
            Value::List(entries) => entries.iter().for_each(|entry| entry.each_text(of)),
            Value::Table(table) => table.values().for_each(|entry| entry.node.each_text(of)),
            Value::Integer(_) | Value::Number(_) | Value::Flag(_) => {}
        }
    }

    /// The paths of the texts in it that make `holds` true, where it stands at `path` itself.
    fn paths(&self, path: String, holds: &dyn Fn(&str) -> bool, into: &mut Vec<String>) {
        match &self.value {
            Value::Text(text) if holds(text) => into.push(path),
            Value::List(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    entry.paths(format!("{path}[{index}]"), holds, into);
                }
            }
            Value::Table(table) => paths_of_table(&path, table, holds, into),
            _ => {}
        }
    }
}

/// The paths (`VpcConfig.SubnetIds[0]`) of the texts in a table that make `holds` true.
pub(super) fn paths_of_table(
    path: &str,
    table: &Table,
    holds: &dyn Fn(&str) -> bool,
    into: &mut Vec<String>,
) {
    for (key, entry) in table {
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        entry.node.paths(inner, holds, into);
    }
}

/// A table as JSON, with each text put through `text`.
pub(super) fn table_to_json<E>(
    table: &Table,
    text: &mut dyn FnMut(Position, &str) -> Result<String, E>,
) -> Result<Map<String, Json>, E> {
    table.iter().map(|(key, entry)| Ok((key.clone(), entry.node.to_json(text)?))).collect()
}

/// The entry that a path of keys and places (`VpcConfig.SubnetIds[2]`) leads to, or the last one on the way that is there: where
/// it is, and what it is. Keys may themselves have dots in them.
pub(super) fn locate<'a>(table: &'a Table, path: &str) -> Option<(Position, &'a Node)> {
    let fits = |key: &str| {
        path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let (key, entry) = table.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len())?;
    let rest = &path[key.len()..];
    let here = (entry.key_at, &entry.node);
    match (&entry.node.value, rest.strip_prefix('.')) {
        (_, None) if rest.is_empty() => Some(here),
        (Value::Table(inner), Some(rest)) => locate(inner, rest).or(Some(here)),
        (Value::List(entries), None) => Some(in_list(entries, rest).unwrap_or(here)),
        _ => Some(here),
    }
}

fn in_list<'a>(entries: &'a [Node], rest: &str) -> Option<(Position, &'a Node)> {
    let (index, rest) = rest.strip_prefix('[')?.split_once(']')?;
    let entry = entries.get(index.parse::<usize>().ok()?)?;
    match (&entry.value, rest.strip_prefix('.')) {
        (Value::Table(inner), Some(rest)) => locate(inner, rest),
        _ => None,
    }
    .or(Some((entry.at, entry)))
}

/// Parses a text.
pub(super) fn parse(text: &str) -> Result<Table, Vec<Problem>> {
    let lines = Lines::of(text);
    let document = DeTable::parse(text).map_err(|error| {
        let at = lines.position(error.span().map_or(0, |span| span.start));
        // The message names what the grammar wants there, and never quotes the text.
        let message = error.message().trim().replace('\n', ", ");
        vec![Problem::new(at, format!("this is not valid TOML: {message}"))]
    })?;
    let mut reader = Reader { lines: &lines, problems: Vec::new() };
    let table = reader.table(document.into_inner());
    if reader.problems.is_empty() { Ok(table) } else { Err(reader.problems) }
}

struct Reader<'a> {
    lines: &'a Lines<'a>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, table: DeTable<'_>) -> Table {
        let mut read = Table::new();
        for (key, value) in table {
            let key_at = self.lines.position(key.span().start);
            if let Some(node) = self.node(value) {
                read.insert(key.into_inner().into_owned(), Entry { key_at, node });
            }
        }
        read
    }

    fn node(&mut self, value: Spanned<DeValue<'_>>) -> Option<Node> {
        let at = self.lines.position(value.span().start);
        let mut refuse = |what: &str| {
            self.problems.push(Problem::new(at, what));
            None
        };
        let value = match value.into_inner() {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Boolean(flag) => Value::Flag(flag),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => return refuse("this number is too large"),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>().ok().filter(|n| n.is_finite()) {
                Some(number) => Value::Number(number),
                None => return refuse("this number is none that a setting takes"),
            },
            DeValue::Datetime(_) => return refuse("a date or time stands here, and no key takes one"),
            DeValue::Array(entries) => {
                Value::List(entries.into_iter().filter_map(|entry| self.node(entry)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Some(Node { at, value })
    }
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.wrapping_sub(1)).copied().unwrap_or_default();
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        Position { line, column: column + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_settings_lead_to_their_place() {
        let text = "Tags = { \"a.b\" = \"x\", a = \"y\" }\n[VpcConfig]\nSubnetIds = [\"one\",\n  \"two\"]\n\
                    [[Files]]\nArn = 1\n";
        let table = parse(text).unwrap_or_default();
        for (path, line, column) in [
            ("Tags", 1, 1),
            ("Tags.a.b", 1, 10),
            ("Tags.a", 1, 23),
            ("VpcConfig.SubnetIds", 3, 1),
            ("VpcConfig.SubnetIds[1]", 4, 3),
            ("VpcConfig.Missing", 2, 2),
            ("Files[0].Arn", 6, 1),
            ("Files[7]", 5, 3),
        ] {
            let found = locate(&table, path).map(|(at, _)| at);
            assert_eq!(found, Some(Position { line, column }), "{path}");
        }
        assert!(locate(&table, "Other").is_none());
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place_and_without_its_text() {
        for (text, line, column, part) in [
            ("a = 1\na = 2\n", 2, 1, "duplicate key"),
            ("a = \"hunter2\n", 1, 13, "not valid TOML"),
            ("ü = 1\n\nb = hunter2\n", 1, 1, "not valid TOML"),
            ("[a\n", 1, 3, "not valid TOML"),
            ("a = 2024-01-01\n", 1, 5, "a date"),
            ("a = 99999999999999999999\n", 1, 5, "too large"),
            ("a = nan\n", 1, 5, "none that a setting takes"),
        ] {
            let problems = parse(text).err().unwrap_or_default();
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert_eq!(problems[0].at, Position { line, column }, "{text}: {problems:?}");
            assert!(problems[0].message.contains(part), "{text}: {problems:?}");
            assert!(!problems[0].message.contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn a_text_that_is_nested_without_end_is_refused() {
        let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&deep).is_err());
    }
}
