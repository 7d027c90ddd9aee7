//! `[env.NAME]`: tables that are laid over the rest of the file, and over the environments that they extend.

use crate::spelling::nearest;

use super::key::{ENVIRONMENTS, EXTENDS};
use super::node::{Entry, Node, Table, Value};
use super::problem::{Position, Problem};

/// The environments of a file, and what holds in all of them.
pub(super) struct Environments {
    base: Table,
    named: Table,
}

impl Environments {
    /// Takes the environments out of a file's table.
    pub(super) fn of(mut root: Table) -> Result<Self, Problem> {
        let named = match root.remove(ENVIRONMENTS) {
            None => Table::new(),
            Some(Entry { node: Node { value: Value::Table(named), .. }, .. }) => named,
            Some(Entry { key_at, node }) => {
                let message =
                    format!("env: {} stands where tables [env.NAME] are expected", node.value.kind());
                return Err(Problem::new(key_at, message));
            }
        };
        Ok(Self { base: root, named })
    }

    /// Their names, in alphabetical order.
    pub(super) fn names(&self) -> Vec<&str> {
        self.named.keys().map(String::as_str).collect()
    }

    /// The file without any environment.
    pub(super) fn base(&self) -> &Table {
        &self.base
    }

    /// What holds in an environment: the file's own values, over them those of what it extends, over them its own.
    pub(super) fn select(&self, name: &str) -> Result<Table, Problem> {
        let mut merged = self.base.clone();
        for table in self.chain(name)?.into_iter().rev() {
            let own = table.iter().filter(|(key, _)| *key != EXTENDS);
            merge(&mut merged, own.map(|(key, entry)| (key.clone(), entry.clone())));
        }
        Ok(merged)
    }

    /// The tables of an environment and of what it extends, the environment itself first.
    fn chain(&self, name: &str) -> Result<Vec<&Table>, Problem> {
        let mut chain = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        let mut wanted = (Position { line: 1, column: 1 }, name);
        loop {
            let (at, name) = wanted;
            if seen.contains(&name) {
                let round = seen.iter().chain([&name]).copied().collect::<Vec<_>>().join(" → ");
                let problem = Problem::new(at, format!("extends: environments extend each other: {round}"));
                return Err(problem.hint("take one of the extends out"));
            }
            seen.push(name);
            let table = self.table(name, at)?;
            chain.push(table);
            match table.get(EXTENDS) {
                None => return Ok(chain),
                Some(Entry { node: Node { value: Value::Text(next), at }, .. }) => wanted = (*at, next),
                Some(Entry { node, .. }) => {
                    let message =
                        format!("extends: {} stands where a text in quotes is expected", node.value.kind());
                    return Err(Problem::new(node.at, message));
                }
            }
        }
    }

    fn table(&self, name: &str, at: Position) -> Result<&Table, Problem> {
        match self.named.get(name) {
            Some(Entry { node: Node { value: Value::Table(table), .. }, .. }) => Ok(table),
            Some(Entry { key_at, node }) => Err(Problem::new(
                *key_at,
                format!("env.{name}: {} stands where a table is expected", node.value.kind()),
            )),
            None => {
                let known = self.names();
                let hint = match (nearest(name, &known), &known[..]) {
                    (Some(meant), _) => {
                        format!("did you mean {meant}? the environments are {}", known.join(", "))
                    }
                    (None, []) => format!("there are no environments; add [env.{name}]"),
                    (None, _) => format!("the environments are {}", known.join(", ")),
                };
                Err(Problem::new(at, format!("there is no environment {name:?}")).hint(hint))
            }
        }
    }
}

/// Lays `over` over `base`: tables key by key, everything else as a whole.
pub(super) fn merge(base: &mut Table, over: impl Iterator<Item = (String, Entry)>) {
    for (key, entry) in over {
        match (base.get_mut(&key).map(|entry| &mut entry.node.value), entry.node.value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above.into_iter()),
            (_, value) => {
                let node = Node { at: entry.node.at, value };
                base.insert(key, Entry { key_at: entry.key_at, node });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::node::{locate, parse};

    const FILE: &str = "image = \"a\"\n[release]\nalias = \"live\"\nstrategy = \"all-at-once\"\n\
        [env.staging.release]\nalias = \"next\"\n[env.eu]\nimage = \"b\"\nextends = \"staging\"\n\
        [env.loop]\nextends = \"pool\"\n[env.pool]\nextends = \"loop\"\n[env.lost]\nextends = \"stagin\"\n";

    fn environments(text: &str) -> Environments {
        Environments::of(parse(text).unwrap_or_default()).unwrap_or_else(|problem| panic!("{problem:?}"))
    }

    fn text(table: &Table, path: &str) -> String {
        match locate(table, path) {
            Some((_, Node { value: Value::Text(text), .. })) => text.clone(),
            _ => String::new(),
        }
    }

    #[test]
    fn an_environment_is_laid_over_the_file_key_by_key() {
        let environments = environments(FILE);
        for (name, image, alias) in [("staging", "a", "next"), ("eu", "b", "next")] {
            let table = environments.select(name).unwrap_or_default();
            let found = ["image", "release.alias", "release.strategy"].map(|path| text(&table, path));
            assert_eq!(found, [image, alias, "all-at-once"], "{name}");
            assert!(!table.contains_key(EXTENDS));
        }
        assert_eq!(text(environments.base(), "release.alias"), "live");
    }

    #[test]
    fn environments_that_are_not_there_or_go_round_are_refused_where_they_are_named() {
        let environments = environments(FILE);
        for (name, line, part) in [
            ("prod", 1, "no environment \"prod\""),
            ("loop", 13, "loop → pool → loop"),
            ("lost", 15, "no environment \"stagin\""),
        ] {
            let problem = environments.select(name).err().unwrap_or_else(|| panic!("{name} is there"));
            assert_eq!(problem.at.line, line, "{problem:?}");
            assert!(problem.message.contains(part), "{problem:?}");
            assert!(problem.hint.is_some());
        }
        let missing = environments.select("prod").err().and_then(|problem| problem.hint);
        assert_eq!(missing.as_deref(), Some("the environments are eu, loop, lost, pool, staging"));
    }
}
