//! The tables of aliases and of versions.

use std::time::SystemTime;

use super::table::{Cell, Column, Mark, Row, Table};
use crate::cloud::FunctionState;
use crate::function::{FailureSubject, Settled, judge};
use crate::output::Style;
use crate::policy::Verdict;
use crate::release::{Intent, Move, Place};
use crate::report::{moments, sizes};
use crate::status::{AliasStatus, Status, Stored, Traffic, VersionStatus};

const ALIAS_COLUMNS: [Column; 6] = [
    Column { heading: "ALIAS", widest: 20 },
    Column { heading: "VERSION", widest: 9 },
    Column { heading: "TRAFFIC", widest: 8 },
    Column { heading: "IMAGE", widest: 12 },
    Column { heading: "PUSHED", widest: 10 },
    Column { heading: "TAGS", widest: 29 },
];

const VERSION_COLUMNS: [Column; 8] = [
    Column { heading: "VERSION", widest: 9 },
    Column { heading: "STATE", widest: 10 },
    Column { heading: "IMAGE", widest: 12 },
    Column { heading: "SIZE", widest: 10 },
    Column { heading: "PUSHED", widest: 10 },
    Column { heading: "IN ECR", widest: 8 },
    Column { heading: "PULL", widest: 7 },
    Column { heading: "ROLE", widest: 18 },
];

/// How many of an alias's last moves are shown.
const MOVES_SHOWN: usize = 3;

pub(super) fn alias_lines(aliases: &[AliasStatus], status: &Status, style: Style) -> Vec<String> {
    let rows = aliases.iter().flat_map(|alias| alias_rows(alias, status)).collect();
    Table { columns: &ALIAS_COLUMNS, rows }.lines(style).concat()
}

/// The heading, and the lines of each version.
pub(super) fn version_lines(status: &Status, style: Style) -> Vec<Vec<String>> {
    let rows = status.versions.iter().map(|version| version_row(version, status)).collect();
    Table { columns: &VERSION_COLUMNS, rows }.lines(style)
}

/// A row for each version that gets traffic, and below the last one what goes on and what went on.
fn alias_rows(alias: &AliasStatus, status: &Status) -> Vec<Row> {
    let mut name = alias.name.as_str();
    let mut rows = Vec::new();
    for (version, share) in shares(&alias.place) {
        let image = status.version(&version).and_then(|version| version.image.as_ref());
        let stored = image.and_then(|image| image.stored.image());
        let mark = if share < 1.0 { Mark::Notice } else { Mark::Plain };
        rows.push(Row {
            cells: vec![
                Cell::plain(name),
                Cell::plain(version),
                Cell::new(percent(share), mark),
                Cell::plain(
                    image.and_then(|image| image.digest).map(|digest| digest.short()).unwrap_or_default(),
                ),
                Cell::plain(ago(stored.and_then(|stored| stored.pushed), status.seen)),
                Cell::plain(stored.map(|stored| stored.tags.join(", ")).unwrap_or_default()),
            ],
            notes: Vec::new(),
        });
        name = "";
    }
    if let Some(last) = rows.last_mut() {
        last.notes.extend(release_note(alias, status.seen));
        last.notes.extend(moves_note(&alias.moves, status.seen));
    }
    rows
}

/// Which version gets which share; the one that the alias points to first.
pub(super) fn shares(place: &Place) -> Vec<(String, f64)> {
    let rest = 1.0 - place.weights.values().sum::<f64>();
    let further = place.weights.iter().map(|(version, weight)| (version.clone(), *weight));
    std::iter::once((place.version.clone(), rest)).chain(further).collect()
}

/// `90%`, `0.5%`: no finer than AWS's weights are written.
pub(super) fn percent(share: f64) -> String {
    format!("{}%", (share * 1e6).round() / 1e4)
}

fn release_note(alias: &AliasStatus, now: SystemTime) -> Option<Cell> {
    let (mark, what) = match &alias.traffic {
        Traffic::Still => return None,
        Traffic::Foreign => {
            let text = "split, and not by a release that the journal knows: set by hand, or by another tool";
            return Some(Cell::new(text, Mark::Notice));
        }
        Traffic::Running(_) => (Mark::Good, "release running"),
        Traffic::Interrupted(_) => (Mark::Bad, "release interrupted"),
    };
    let release = alias.traffic.release()?;
    let since = moments::age(moments::at(release.began), now);
    let engine = release.deployment.as_ref().map(|deployment| format!(": {deployment} of CodeDeploy"));
    let text = format!(
        "{what}: {}, begun {since} ago by {}{}",
        progress(release, &alias.place),
        release.actor,
        engine.unwrap_or_default()
    );
    Some(Cell::new(text, mark))
}

/// `canary:10%:5m to version 7, step 1 of 1`
pub(super) fn progress(release: &Intent, place: &Place) -> String {
    let steps = release.strategy.steps().len();
    let step = match release.step_at(place) {
        Some(step) => format!("step {} of {steps}", step + 1),
        None if place.version == release.to => "all traffic moved, watched".to_owned(),
        None => "about to begin".to_owned(),
    };
    format!("{} to version {}, {step}", release.strategy, release.to)
}

/// `ran before: 5 until 3 d ago (ci), 4 until 9 d ago (ci)`
fn moves_note(moves: &[Move], now: SystemTime) -> Option<Cell> {
    let told = |one: &Move| {
        format!("{} until {} ago ({})", one.from, moments::age(moments::at(one.at), now), one.actor)
    };
    let shown: Vec<String> = moves.iter().take(MOVES_SHOWN).map(told).collect();
    (!shown.is_empty()).then(|| Cell::new(format!("ran before: {}", shown.join(", ")), Mark::Faint))
}

fn version_row(version: &VersionStatus, status: &Status) -> Row {
    let image = version.image.as_ref();
    let stored = image.and_then(|image| image.stored.image());
    let size = stored.and_then(|stored| stored.size).map(sizes::bytes).unwrap_or_default();
    let role = version.role.as_deref().map(role_name).unwrap_or_default();
    let cells = vec![
        Cell::plain(version.version.as_str()),
        state_cell(version.state.as_ref()),
        Cell::plain(match image {
            Some(image) => image.digest.map(|digest| digest.short()).unwrap_or_default(),
            None => "zip".to_owned(),
        }),
        Cell::plain(size),
        Cell::plain(ago(stored.and_then(|stored| stored.pushed), status.seen)),
        image.map_or_else(|| Cell::plain("-"), |image| stored_cell(&image.stored)),
        image.map_or_else(|| Cell::plain("-"), |image| verdict_cell(image.pull.verdict)),
        Cell::plain(role),
    ];
    Row { cells, notes: version_notes(version, status) }
}

/// What is unusual about a version.
fn version_notes(version: &VersionStatus, status: &Status) -> Vec<Cell> {
    let mut notes = Vec::new();
    if let (true, Some(state)) = (version.version != status.latest.version, &version.state) {
        notes.extend(trouble(state));
    }
    let place = |version: &VersionStatus| {
        let uri = version.image.as_ref()?.uri.as_ref()?;
        Some(format!("{}/{}", uri.registry, uri.repository))
    };
    let of_latest = status.versions.first().and_then(place);
    if let Some(own) = place(version).filter(|own| of_latest.as_ref() != Some(own)) {
        notes.push(Cell::new(format!("from {own}"), Mark::Faint));
    }
    if let Some(Stored::No { why }) = version.image.as_ref().map(|image| &image.stored) {
        notes.push(Cell::new(why.as_str(), Mark::Bad));
    }
    notes
}

/// Why a function or version is not simply ready.
pub(super) fn trouble(state: &FunctionState) -> Option<Cell> {
    match judge(state) {
        Settled::Ready => None,
        Settled::Busy { state } => Some(Cell::new(state, Mark::Notice)),
        Settled::Inactive { state } => Some(Cell::new(state, Mark::Notice)),
        Settled::Failed(failure) => Some(Cell::new(failure.to_string(), Mark::Bad)),
    }
}

fn state_cell(state: Option<&FunctionState>) -> Cell {
    let Some(state) = state else { return Cell::new("unknown", Mark::Notice) };
    let word = state.state.clone().unwrap_or_else(|| "-".to_owned());
    let mark = match judge(state) {
        Settled::Ready => Mark::Plain,
        Settled::Busy { .. } | Settled::Inactive { .. } => Mark::Notice,
        // The code before still serves.
        Settled::Failed(failure) if failure.subject == FailureSubject::Update => Mark::Notice,
        Settled::Failed(_) => Mark::Bad,
    };
    Cell::new(word, mark)
}

fn stored_cell(stored: &Stored) -> Cell {
    let mark = match stored {
        Stored::Yes(image) if !image.archived => Mark::Good,
        Stored::Yes(_) | Stored::No { .. } => Mark::Bad,
        Stored::Unknown { .. } => Mark::Notice,
    };
    Cell::new(stored.as_str(), mark)
}

fn verdict_cell(verdict: Verdict) -> Cell {
    let mark = match verdict {
        Verdict::Granted => Mark::Good,
        Verdict::Unknown => Mark::Notice,
        Verdict::Missing | Verdict::Denied => Mark::Bad,
    };
    Cell::new(verdict.as_str(), mark)
}

fn ago(moment: Option<SystemTime>, now: SystemTime) -> String {
    moment.map(|moment| format!("{} ago", moments::age(moment, now))).unwrap_or_default()
}

/// The last part of a role's ARN.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
