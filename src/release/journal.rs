//! What is remembered of an alias: what it ran before, and the move that was last begun.
//!
//! The last move is written down before, or while, the alias moves, and is taken for done only where the alias proves it. So
//! no write has to follow a move, and a journal that was not finished never claims what did not happen.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Place;
use super::codedeploy::DeploymentRef;
use super::journal_text::{self, Damage};
use super::strategy::Strategy;
use crate::name::{AliasName, Digest};

/// How many moves are remembered, beside the last one.
pub const MOVES_KEPT: usize = 10;

/// An alias went from one version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The version that it pointed to.
    pub from: String,
    /// The version that it points to since.
    pub to: String,
    /// The first 12 hex digits of the image that `to` runs; none for a zip version.
    pub digest: Option<String>,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Who, as far as it could be told.
    pub actor: String,
}

/// A move that was begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// What the alias was before.
    pub from: Place,
    /// The version that shall get all traffic.
    pub to: String,
    /// The first 12 hex digits of the image that `to` runs.
    pub digest: Option<String>,
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// Until when its writer will write again, in seconds since 1970. A release that is silent for longer was interrupted.
    pub until: u64,
    /// Tells one run from another.
    pub id: String,
    /// How traffic moves.
    pub strategy: Strategy,
    /// For how long, in seconds, the new version is watched after all traffic has moved.
    pub bake: u64,
    /// Whether it was given up, and the alias moved back.
    pub given_up: bool,
    /// Whether the new version was given provisioned concurrency of its own for the move.
    pub provisioned: bool,
    /// The deployment of CodeDeploy that carries it out; none where a run of ours does.
    pub deployment: Option<DeploymentRef>,
    /// Who.
    pub actor: String,
}

/// When a move was begun, by which run, and who that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Tells one run from another.
    pub id: String,
    /// Who.
    pub actor: String,
}

impl Intent {
    /// A move of all traffic at once, by ourselves and without anything that comes after it. `digest` is of the image that
    /// `to` runs, as [`kept_digest`] gives it.
    pub fn all_at_once(from: Place, to: String, digest: Option<String>, begun: Begun) -> Self {
        Self {
            from,
            to,
            digest,
            began: begun.at,
            until: begun.at,
            id: begun.id,
            strategy: Strategy::all_at_once(),
            bake: 0,
            given_up: false,
            provisioned: false,
            deployment: None,
            actor: begun.actor,
        }
    }

    /// Whether the alias, as it is, proves that the move was made.
    fn came_true(&self, now: &Place) -> bool {
        !self.given_up && *now == Place::whole(self.to.as_str()) && self.from.version != self.to
    }

    fn as_move(&self) -> Move {
        Move {
            from: self.from.version.clone(),
            to: self.to.clone(),
            digest: self.digest.clone(),
            at: self.began,
            actor: self.actor.clone(),
        }
    }

    /// The step of the strategy at which the alias is; none when this move did not make the alias what it is.
    pub fn step_at(&self, now: &Place) -> Option<usize> {
        let mut weights = now.weights.iter();
        match (weights.next(), weights.next()) {
            (Some((version, weight)), None) if *version == self.to && now.version == self.from.version => {
                // The shares that CodeDeploy gives are its own affair.
                self.strategy.step_of(*weight).or(self.deployment.as_ref().map(|_| 0))
            }
            _ => None,
        }
    }
}

/// The first 12 hex digits of a digest, as the journal keeps it.
pub fn kept_digest(digest: Option<Digest>) -> Option<String> {
    digest.map(|digest| digest.short())
}

/// What a function's tags say of one alias.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Journal {
    /// Finished moves, newest first.
    moves: Vec<Move>,
    intent: Option<Intent>,
    damage: Vec<Damage>,
    unreadable: bool,
}

/// How an alias stands, in the light of its journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing<'a> {
    /// Nothing is under way.
    Still,
    /// A release is under way: it has moved traffic, or will within seconds.
    Running(&'a Intent),
    /// A release was interrupted: nobody continues it.
    Interrupted(&'a Intent),
    /// Traffic is split, and not by a release that this journal knows.
    Foreign,
}

impl Journal {
    /// Reads the tags of a function, `Tags` of its settings: null where they could not be read.
    pub fn read(settings: &Map<String, Value>, alias: &AliasName) -> Self {
        match settings.get("Tags") {
            None => Self::default(),
            Some(Value::Object(tags)) => journal_text::parse(tags, alias),
            Some(_) => Self { unreadable: true, ..Self::default() },
        }
    }

    pub(super) fn new(moves: Vec<Move>, intent: Option<Intent>, damage: Vec<Damage>) -> Self {
        Self { moves, intent, damage, unreadable: false }
    }

    /// The move that was last begun.
    pub fn intent(&self) -> Option<&Intent> {
        self.intent.as_ref()
    }

    /// Whether it names a version as what the alias runs, or was last begun from or to. Such a version is not pruned.
    pub fn remembers(&self, version: &str) -> bool {
        let begun = self.intent.iter().any(|intent| intent.from.names(version) || intent.to == version);
        begun || self.moves.first().is_some_and(|one| one.from == version || one.to == version)
    }

    /// The release whose deployment may still go on: nobody has written down how it ended.
    pub fn open_deployment(&self) -> Option<&Intent> {
        self.intent
            .as_ref()
            .filter(|intent| intent.deployment.is_some() && !intent.given_up && intent.until > 0)
    }

    /// The same journal, now that CodeDeploy has said how the open deployment stands; none is that it goes on.
    #[must_use]
    pub fn with_deployment(mut self, ended_well: Option<bool>) -> Self {
        if self.open_deployment().is_some()
            && let Some(intent) = &mut self.intent
        {
            intent.until = if ended_well.is_none() { u64::MAX } else { 0 };
            intent.given_up = ended_well == Some(false);
        }
        self
    }

    /// Why it cannot be relied on; none when it can.
    pub fn trouble(&self) -> Option<String> {
        if self.unreadable {
            return Some(
                "the function's tags, which hold the journal, cannot be read (lambda:ListTags)".to_owned(),
            );
        }
        let damage: Vec<String> = self.damage.iter().map(ToString::to_string).collect();
        (!damage.is_empty())
            .then(|| format!("the journal in the function's tags is damaged: {}", damage.join("; ")))
    }

    /// The moves that are known to have happened, newest first.
    pub fn moves(&self, now: &Place) -> Vec<Move> {
        let last = self.intent.iter().filter(|intent| intent.came_true(now)).map(Intent::as_move);
        last.chain(self.moves.iter().cloned()).collect()
    }

    /// The last move, where it was begun and the alias is where it was before. Whether it was never made, or made and taken back by
    /// hand, cannot be told.
    pub fn unproven(&self, now: &Place) -> Option<&Intent> {
        self.intent
            .as_ref()
            .filter(|intent| !intent.given_up && *now == intent.from && intent.from.version != intent.to)
    }

    /// How the alias stands at `now` (seconds since 1970).
    pub fn standing(&self, place: &Place, now: u64) -> Standing<'_> {
        let Some(intent) = self.intent.as_ref() else {
            return if place.is_split() { Standing::Foreign } else { Standing::Still };
        };
        let alive = now <= intent.until;
        if place.is_split() {
            return match (intent.step_at(place), alive) {
                (Some(_), true) => Standing::Running(intent),
                (Some(_), false) => Standing::Interrupted(intent),
                (None, _) => Standing::Foreign,
            };
        }
        let about_to_move = *place == intent.from;
        // CodeDeploy may still be waiting for what is invoked after all traffic has moved.
        let lasts = intent.bake > 0 || intent.deployment.is_some();
        let baking = lasts && *place == Place::whole(intent.to.as_str());
        if alive && !intent.given_up && (about_to_move || baking) {
            return Standing::Running(intent);
        }
        Standing::Still
    }

    /// The tags to write so that `next` is the move that was last begun. What the journal has of finished moves is written anew
    /// only where it changes. None when it does not fit into tags.
    pub fn begin(&self, alias: &AliasName, now: &Place, next: &Intent) -> Option<BTreeMap<String, String>> {
        let mut tags = BTreeMap::new();
        let same_run = self.intent.as_ref().is_some_and(|intent| intent.id == next.id);
        let moves = if self.damage.is_empty() { self.moves(now) } else { Vec::new() };
        if !same_run && (moves.len() != self.moves.len() || !self.damage.is_empty()) {
            tags.extend(journal_text::write_moves(alias, &moves[..moves.len().min(MOVES_KEPT)]));
        }
        tags.insert(journal_text::intent_key(alias), journal_text::write_intent(alias, next)?);
        if let Some(deployment) = &next.deployment {
            let text = journal_text::write_deployment(alias, &next.id, deployment)?;
            tags.insert(journal_text::deployment_key(alias), text);
        }
        Some(tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Weight;

    fn alias() -> AliasName {
        "live".parse().unwrap()
    }

    fn intent(from: &str, to: &str, id: &str) -> Intent {
        Intent {
            from: Place::whole(from),
            to: to.to_owned(),
            digest: Some("0123456789ab".to_owned()),
            began: 1_700_000_000,
            until: 1_700_000_100,
            id: id.to_owned(),
            strategy: "canary:10%:1m".parse().unwrap(),
            bake: 0,
            given_up: false,
            provisioned: false,
            deployment: None,
            actor: "ci".to_owned(),
        }
    }

    fn written(journal: &Journal, place: &Place, intent: &Intent, tags: &mut Map<String, Value>) -> Journal {
        let new = journal.begin(&alias(), place, intent).unwrap();
        tags.extend(new.into_iter().map(|(key, value)| (key, value.into())));
        Journal::read(&Map::from_iter([("Tags".to_owned(), tags.clone().into())]), &alias())
    }

    #[test]
    fn a_move_counts_once_the_alias_proves_it_and_then_stays() {
        let mut tags = Map::new();
        let (six, seven) = (Place::whole("6"), Place::whole("7"));
        let journal = written(&Journal::default(), &six, &intent("6", "7", "a"), &mut tags);
        assert_eq!(journal.moves(&six), []);
        assert_eq!(journal.moves(&seven).len(), 1);
        // It never happened, and another is begun.
        let journal = written(&journal, &six, &intent("6", "8", "b"), &mut tags);
        assert_eq!(journal.moves(&seven), []);
        // It did, and another is begun.
        let eight = Place::whole("8");
        let journal = written(&journal, &eight, &intent("8", "6", "c"), &mut tags);
        let pairs = |place: &Place| -> Vec<(String, String)> {
            journal.moves(place).into_iter().map(|one| (one.from, one.to)).collect()
        };
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(pairs(&eight), [pair("6", "8")]);
        assert_eq!(pairs(&six), [pair("8", "6"), pair("6", "8")]);
        assert_eq!(journal.trouble(), None);
    }

    #[test]
    fn only_ten_moves_are_kept_beside_the_last() {
        let (mut tags, mut journal) = (Map::new(), Journal::default());
        for number in 1..30 {
            let (from, to) = (number.to_string(), (number + 1).to_string());
            journal = written(&journal, &Place::whole(from.as_str()), &intent(&from, &to, &from), &mut tags);
        }
        let moves = journal.moves(&Place::whole("30"));
        assert_eq!((moves.len(), moves[0].from.as_str(), moves[10].from.as_str()), (11, "29", "19"));
        assert!(tags.len() <= 4, "{tags:?}");
    }

    #[test]
    fn how_an_alias_stands_depends_on_its_traffic_and_on_the_time() {
        let canary = intent("6", "7", "a");
        let baking = Intent { bake: 60, ..canary.clone() };
        let given_up = Intent { given_up: true, ..canary.clone() };
        let split = |version: &str, second: &str, percent: u16| {
            Place::split(version, second, Weight::new(percent * 100).unwrap())
        };
        let (alive, late) = (1_700_000_050, 1_700_000_101);
        let table = [
            (Some(&canary), Place::whole("6"), alive, "running"),
            (Some(&canary), Place::whole("6"), late, "still"),
            (Some(&given_up), Place::whole("6"), alive, "still"),
            (Some(&canary), split("6", "7", 10), alive, "running"),
            (Some(&canary), split("6", "7", 10), late, "interrupted"),
            (Some(&canary), split("6", "7", 20), alive, "foreign"),
            (Some(&canary), split("6", "8", 10), alive, "foreign"),
            (Some(&canary), split("5", "7", 10), alive, "foreign"),
            (Some(&canary), Place::whole("7"), alive, "still"),
            (Some(&baking), Place::whole("7"), alive, "running"),
            (Some(&baking), Place::whole("7"), late, "still"),
            (Some(&canary), Place::whole("9"), alive, "still"),
            (None, split("6", "7", 10), alive, "foreign"),
            (None, Place::whole("6"), alive, "still"),
        ];
        for (intent, place, now, expected) in table {
            let journal = Journal::new(Vec::new(), intent.cloned(), Vec::new());
            let standing = match journal.standing(&place, now) {
                Standing::Still => "still",
                Standing::Running(_) => "running",
                Standing::Interrupted(_) => "interrupted",
                Standing::Foreign => "foreign",
            };
            assert_eq!(standing, expected, "{place} at {now}: {intent:?}");
        }
    }

    #[test]
    fn a_deployment_goes_on_until_it_is_known_how_it_ended() {
        let deployment =
            DeploymentRef { id: Some("d-1".to_owned()), application: "a".to_owned(), group: "g".to_owned() };
        let release = Intent { deployment: Some(deployment), ..intent("6", "7", "a") };
        let journal = Journal::new(Vec::new(), Some(release.clone()), Vec::new());
        assert_eq!(journal.open_deployment(), Some(&release));
        let (old, new, late) = (Place::whole("6"), Place::whole("7"), release.until + 1);
        // A share that is none of the strategy's.
        let split = Place::split("6", "7", Weight::new(3300).unwrap());
        let standing = |ended_well, place: &Place| {
            let journal = journal.clone().with_deployment(ended_well);
            match journal.standing(place, late) {
                Standing::Still => "still",
                Standing::Running(_) => "running",
                Standing::Interrupted(_) => "interrupted",
                Standing::Foreign => "foreign",
            }
        };
        for (ended_well, expected) in [
            (None, ["running"; 3]),
            (Some(true), ["still", "interrupted", "still"]),
            (Some(false), ["still", "interrupted", "still"]),
        ] {
            assert_eq!(
                [&old, &split, &new].map(|place| standing(ended_well, place)),
                expected,
                "{ended_well:?}"
            );
        }
        // One that failed is known to have been given up: what ran before is what runs.
        assert_eq!(journal.clone().with_deployment(Some(false)).unproven(&old), None);
        assert_eq!(journal.with_deployment(Some(true)).moves(&new).len(), 1);
        for closed in [Intent { until: 0, ..release.clone() }, Intent { given_up: true, ..release }] {
            assert_eq!(Journal::new(Vec::new(), Some(closed), Vec::new()).open_deployment(), None);
        }
    }

    #[test]
    fn tags_that_cannot_be_read_are_told_from_tags_that_are_not_there() {
        let unreadable = Journal::read(&Map::from_iter([("Tags".to_owned(), Value::Null)]), &alias());
        assert!(unreadable.trouble().unwrap().contains("lambda:ListTags"));
        assert_eq!(Journal::read(&Map::new(), &alias()).trouble(), None);
    }
}
