//! A function with its versions, aliases and attachments, and where functions are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reference::version_number;
use super::revision::{Code, Revision};
use super::settings::Reason;

/// Everything that Lambda remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct World {
    /// By `account/region`.
    pub(super) shelves: BTreeMap<String, Shelf>,
}

/// What one account has in one Region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Shelf {
    pub(super) functions: BTreeMap<String, Function>,
    /// When each role was first named, in milliseconds since 1970.
    pub(super) roles: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) latest: Revision,
    pub(super) versions: BTreeMap<u64, Revision>,
    /// The highest number given so far: numbers are never used twice.
    pub(super) last_version: u64,
    pub(super) aliases: BTreeMap<String, Alias>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) reserved_concurrency: Option<u64>,
    /// By version or alias.
    pub(super) provisioned: BTreeMap<String, Provisioned>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Alias {
    pub(super) name: String,
    /// `$LATEST`, or a number.
    pub(super) version: String,
    pub(super) description: String,
    /// At most one further version, with its share of the traffic.
    pub(super) weights: BTreeMap<String, f64>,
    pub(super) revision_id: String,
    /// How many invocations went through it: shares are kept exactly, not by chance.
    pub(super) invocations: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Provisioned {
    pub(super) requested: u64,
    /// When it is ready, and when it was last changed, in milliseconds since 1970.
    pub(super) ready_at: u64,
    pub(super) last_modified: u64,
}

impl Function {
    /// The revision that a qualifier without an alias's detour means.
    pub(super) fn revision(&self, version: &str) -> Option<&Revision> {
        match version {
            "$LATEST" => Some(&self.latest),
            version => self.versions.get(&version_number(version)?),
        }
    }

    /// The same, to be changed.
    pub(super) fn revision_mut(&mut self, version: &str) -> Option<&mut Revision> {
        match version {
            "$LATEST" => Some(&mut self.latest),
            version => self.versions.get_mut(&version_number(version)?),
        }
    }

    /// The revision that a request's qualifier means: an alias stands for its main version.
    pub(super) fn resolve(&self, qualifier: Option<&str>) -> Option<&Revision> {
        let qualifier = qualifier.unwrap_or("$LATEST");
        match self.aliases.get(qualifier) {
            Some(alias) => self.revision(&alias.version),
            None => self.revision(qualifier),
        }
    }

    /// Ends everything that was to end by now.
    pub(super) fn settle(&mut self, now: u64, trouble: impl Fn(&Code) -> Option<Reason>) {
        self.latest.settle(now, &trouble);
        for version in self.versions.values_mut() {
            version.settle(now, &trouble);
        }
    }

    /// The aliases that send traffic to a version.
    pub(super) fn aliases_of(&self, version: &str) -> Vec<&str> {
        self.aliases
            .values()
            .filter(|alias| alias.version == version || alias.weights.contains_key(version))
            .map(|alias| alias.name.as_str())
            .collect()
    }
}

impl Alias {
    /// The version that the next invocation goes to. Of `n` invocations, exactly the share of `n` that the
    /// weights say goes to the further version.
    pub(super) fn next_version(&mut self) -> String {
        let count = self.invocations;
        self.invocations += 1;
        for (version, weight) in &self.weights {
            #[expect(
                clippy::cast_precision_loss,
                reason = "no alias is invoked so often that its count loses digits"
            )]
            let share = |count: u64| (count as f64 * weight + 1e-9).floor();
            if share(count + 1) > share(count) {
                return version.clone();
            }
        }
        self.version.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_kept_exactly() {
        for (weight, expected) in [(0.0, 0), (0.1, 10), (0.25, 25), (0.5, 50), (1.0, 100)] {
            let mut alias = Alias {
                name: "live".to_owned(),
                version: "1".to_owned(),
                description: String::new(),
                weights: BTreeMap::from([("2".to_owned(), weight)]),
                revision_id: String::new(),
                invocations: 0,
            };
            let second = (0..100).filter(|_| alias.next_version() == "2").count();
            assert_eq!(second, expected, "{weight}");
        }
    }
}
