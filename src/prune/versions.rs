//! Which versions of a function can go.

use super::FunctionFacts;
use crate::name::{AliasName, Digest, FunctionName, Version};
use crate::preflight::Finding;

/// What is done with a version, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionDecision {
    /// The function.
    pub function: FunctionName,
    /// The version.
    pub version: Version,
    /// What it runs; none for a zip version.
    pub digest: Option<Digest>,
    /// Why it stays, or that it goes.
    pub reason: VersionReason,
}

/// Why a version stays, or that it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionReason {
    /// An alias points to it, or gives it a share of its traffic.
    Alias(AliasName),
    /// It carries provisioned concurrency.
    Provisioned,
    /// The move of an alias that was last begun leads from it or to it.
    Begun(AliasName),
    /// An alias ran it: so many moves ago.
    Ran(AliasName, usize),
    /// It is one of so many newest.
    Newest(usize),
    /// Nothing refers to it: it goes.
    Unreferenced,
}

impl VersionReason {
    /// Whether the version goes.
    pub fn deletes(&self) -> bool {
        *self == Self::Unreferenced
    }

    /// A stable word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Alias(_) => "alias",
            Self::Provisioned => "provisioned_concurrency",
            Self::Begun(_) => "release",
            Self::Ran(..) => "journal",
            Self::Newest(_) => "newest",
            Self::Unreferenced => "unreferenced",
        }
    }
}

impl std::fmt::Display for VersionReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Alias(alias) => write!(formatter, "alias {alias} sends traffic to it"),
            Self::Provisioned => write!(formatter, "it carries provisioned concurrency"),
            Self::Begun(alias) => {
                write!(formatter, "a release of alias {alias} that was begun leads from it or to it")
            }
            Self::Ran(alias, 1) => write!(formatter, "alias {alias} ran it before its last move"),
            Self::Ran(alias, moves) => write!(formatter, "alias {alias} ran it {moves} moves ago"),
            Self::Newest(1) => write!(formatter, "it is the newest"),
            Self::Newest(count) => write!(formatter, "it is one of the {count} newest"),
            Self::Unreferenced => write!(formatter, "nothing refers to it"),
        }
    }
}

impl FunctionFacts {
    /// Why the journals of this function cannot be relied on, as a refusal.
    fn trouble(&self) -> Option<Finding> {
        let name = &self.name;
        let (alias, why) =
            self.aliases.iter().find_map(|alias| Some((&alias.name, alias.journal.trouble()?)))?;
        let message = format!("what alias {alias} of function {name} ran before is not known: {why}");
        let hint = format!(
            "allow lambda:ListTags where the tags cannot be read; where one is damaged, a version could be lost that a rollback \
             needs: after a look at it, take the alias's tags away (aws lambda untag-resource, keys lambda-lift:{alias}:now, \
             lambda-lift:{alias}:1 to :3) and raise --keep"
        );
        Some(Finding::refuse("journal", message, hint))
    }

    /// Why a version stays, or that it goes.
    fn reason(&self, version: Version, keep: usize) -> VersionReason {
        let text = version.to_string();
        if let Some(alias) = self.aliases.iter().find(|alias| alias.place.names(&text)) {
            return VersionReason::Alias(alias.name.clone());
        }
        if self.provisioned.contains(&text) {
            return VersionReason::Provisioned;
        }
        for alias in &self.aliases {
            let whole = crate::release::Place::whole(alias.place.version.as_str());
            let moves = alias.journal.moves(&whole);
            if let Some(at) = moves.iter().take(keep).position(|one| one.from == text || one.to == text) {
                return VersionReason::Ran(alias.name.clone(), at + 1);
            }
            // Also one that was given up: it may be taken up again, and costs one version at most.
            let begun = alias.journal.intent();
            if begun.is_some_and(|intent| intent.from.names(&text) || intent.to == text) {
                return VersionReason::Begun(alias.name.clone());
            }
        }
        if self.versions.range(version..).take(keep + 1).count() <= keep {
            return VersionReason::Newest(keep);
        }
        VersionReason::Unreferenced
    }
}

/// Decides on every published version of a function.
///
/// `keep` counts moves, so that every alias can be rolled back that often, and versions: as many of the newest stay, whether
/// or not an alias ever ran them.
///
/// # Errors
/// Refuses where what an alias ran before cannot be relied on.
pub fn decide_versions(facts: &FunctionFacts, keep: usize) -> Result<Vec<VersionDecision>, Finding> {
    if let Some(refusal) = facts.trouble() {
        return Err(refusal);
    }
    let decide = |(version, digest): (&Version, &Option<Digest>)| VersionDecision {
        function: facts.name.clone(),
        version: *version,
        digest: *digest,
        reason: facts.reason(*version, keep),
    };
    Ok(facts.versions.iter().map(decide).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::{Map, json};

    use super::*;
    use crate::prune::AliasFacts;
    use crate::release::{Begun, Intent, Journal, Place, Weight};

    fn intent(from: &str, to: &str) -> Intent {
        let begun = Begun { at: 1, id: format!("{from}-{to}"), actor: "ci".to_owned() };
        Intent::all_at_once(Place::whole(from), to.to_owned(), None, begun)
    }

    /// The journal of an alias that made these moves, as the tags of a function have it.
    fn tags_of(alias: &AliasName, moves: &[(&str, &str)]) -> Map<String, serde_json::Value> {
        let mut tags = Map::new();
        for (from, to) in moves {
            let settings = Map::from_iter([("Tags".to_owned(), tags.clone().into())]);
            let journal = Journal::read(&settings, alias);
            let new = journal.begin(alias, &Place::whole(*from), &intent(from, to)).unwrap();
            tags.extend(new.into_iter().map(|(key, value)| (key, value.into())));
        }
        tags
    }

    fn alias(name: &str, place: Place, moves: &[(&str, &str)]) -> AliasFacts {
        let name: AliasName = name.parse().unwrap();
        let settings = Map::from_iter([("Tags".to_owned(), tags_of(&name, moves).into())]);
        AliasFacts { journal: Journal::read(&settings, &name), name, place }
    }

    fn function(versions: u64, aliases: Vec<AliasFacts>, provisioned: &[&str]) -> FunctionFacts {
        let version = |number: u64| number.to_string().parse().unwrap();
        FunctionFacts {
            name: "shop".parse().unwrap(),
            versions: (1..=versions).map(|number| (version(number), None)).collect::<BTreeMap<_, _>>(),
            latest: Vec::new(),
            aliases,
            provisioned: provisioned.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>(),
        }
    }

    #[test]
    fn every_reason_to_keep_a_version_is_seen_and_the_rest_goes() {
        let words = |facts: &FunctionFacts, keep: usize| -> String {
            let decided = decide_versions(facts, keep).unwrap();
            let word = |one: VersionDecision| format!("{}:{}", one.version, one.reason.word());
            decided.into_iter().map(word).collect::<Vec<_>>().join(" ")
        };
        let split = Place::split("1", "2", Weight::new(1000).unwrap());
        let table = [
            (function(3, vec![], &[]), 1, "1:unreferenced 2:unreferenced 3:newest"),
            (function(3, vec![], &[]), 3, "1:newest 2:newest 3:newest"),
            (function(3, vec![], &[]), 9, "1:newest 2:newest 3:newest"),
            (function(4, vec![alias("live", split, &[])], &[]), 1, "1:alias 2:alias 3:unreferenced 4:newest"),
            (function(3, vec![], &["1", "live"]), 1, "1:provisioned_concurrency 2:unreferenced 3:newest"),
            (
                function(
                    7,
                    vec![alias("live", Place::whole("5"), &[("1", "2"), ("2", "4"), ("4", "5")])],
                    &[],
                ),
                1,
                "1:unreferenced 2:unreferenced 3:unreferenced 4:journal 5:alias 6:unreferenced 7:newest",
            ),
            (
                function(
                    7,
                    vec![alias("live", Place::whole("5"), &[("1", "2"), ("2", "4"), ("4", "5")])],
                    &[],
                ),
                2,
                "1:unreferenced 2:journal 3:unreferenced 4:journal 5:alias 6:newest 7:newest",
            ),
            (
                function(
                    7,
                    vec![alias("live", Place::whole("5"), &[("1", "2"), ("2", "4"), ("4", "5")])],
                    &[],
                ),
                3,
                "1:journal 2:journal 3:unreferenced 4:journal 5:alias 6:newest 7:newest",
            ),
            // A move that was begun and never made: both ends stay, and it uses up none of those that were made.
            (
                function(6, vec![alias("live", Place::whole("2"), &[("1", "2"), ("2", "4")])], &[]),
                1,
                "1:journal 2:alias 3:unreferenced 4:release 5:unreferenced 6:newest",
            ),
        ];
        for (facts, keep, expected) in table {
            assert_eq!(words(&facts, keep), expected, "keep {keep}: {facts:?}");
        }
    }

    #[test]
    fn a_journal_that_cannot_be_relied_on_refuses_the_function() {
        let name: AliasName = "live".parse().unwrap();
        let mut damaged = tags_of(&name, &[("1", "2")]);
        damaged.insert("lambda-lift:live:now".to_owned(), "1 edited".into());
        for tags in [serde_json::Value::Null, damaged.into()] {
            let settings = Map::from_iter([("Tags".to_owned(), tags)]);
            let journal = Journal::read(&settings, &name);
            let alias = AliasFacts { name: name.clone(), place: Place::whole("2"), journal };
            let refusal = decide_versions(&function(9, vec![alias], &[]), 1).unwrap_err();
            assert!(refusal.message.contains("alias live of function shop"), "{refusal:?}");
            assert!(refusal.hint.unwrap().contains("lambda-lift:live:now"));
        }
        let whole = json!({ "Tags": {} });
        let journal = Journal::read(whole.as_object().unwrap(), &name);
        let alias = AliasFacts { name, place: Place::whole("2"), journal };
        assert!(decide_versions(&function(9, vec![alias], &[]), 1).is_ok());
    }
}
