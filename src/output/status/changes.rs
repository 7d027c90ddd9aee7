//! What changed between two looks: one line for each thing that stands otherwise than before.

use std::collections::BTreeMap;

use super::rows::{percent, progress, shares};
use super::text::state_words;
use crate::output::printable;
use crate::report::moments;
use crate::status::{AliasStatus, Status, Traffic};

/// How what is said of an alias begins.
const ALIAS: &str = "alias ";

/// What the last look saw of everything that is watched.
#[derive(Debug, Default)]
pub struct Watched {
    /// How each thing stands, in words; by what is said first.
    last: BTreeMap<String, String>,
}

impl Watched {
    /// The lines of what stands otherwise than at the last look; at the first one, of everything.
    pub fn changes(&mut self, status: &Status) -> Vec<String> {
        let now = watched(status);
        let when = moments::rfc3339(status.seen);
        let said = |what: &str, how: &str| printable(&format!("{when} {what}: {how}"));
        let changed = now.iter().filter(|(what, how)| self.last.get(*what) != Some(how));
        let mut lines: Vec<String> = changed.map(|(what, how)| said(what, how)).collect();
        // Neither is an alias gone that cannot be read at the moment, nor a version that no alias names any more.
        let goes =
            |what: &&String| what.starts_with(ALIAS) && status.aliases.is_some() && !now.contains_key(*what);
        let gone = self.last.keys().filter(goes);
        lines.extend(gone.map(|what| said(what, "gone")));
        if status.aliases.is_some() {
            self.last = now;
        } else {
            self.last.extend(now);
        }
        lines
    }
}

fn watched(status: &Status) -> BTreeMap<String, String> {
    let function = (format!("function {}", status.name), state_words(&status.latest.state));
    let aliases = status.aliases.iter().flatten();
    let aliases = aliases.map(|alias| (format!("{ALIAS}{}", alias.name), alias_words(alias)));
    let served = status.versions.iter().filter(|version| !version.aliases.is_empty());
    let versions = served.filter_map(|version| {
        let state = version.state.as_ref().map(|state| state.state.as_deref().unwrap_or("not told"))?;
        let image = version.image.as_ref().map(|image| {
            format!(", image in ECR: {}, pull: {}", image.stored.as_str(), image.pull.verdict.as_str())
        });
        Some((format!("version {}", version.version), format!("{state}{}", image.unwrap_or_default())))
    });
    std::iter::once(function).chain(aliases).chain(versions).collect()
}

fn alias_words(alias: &AliasStatus) -> String {
    let shares: Vec<String> = shares(&alias.place)
        .into_iter()
        .map(|(version, share)| format!("{} version {version}", percent(share)))
        .collect();
    let shares = shares.join(", ");
    match &alias.traffic {
        Traffic::Still => shares,
        Traffic::Foreign => format!("{shares}; split, and not by a release that the journal knows"),
        Traffic::Running(release) => {
            format!("{shares}; release running: {}", progress(release, &alias.place))
        }
        Traffic::Interrupted(release) => {
            format!("{shares}; release interrupted: {}", progress(release, &alias.place))
        }
    }
}
