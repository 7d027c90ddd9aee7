//! What changed between two looks: one line for each thing that stands otherwise than before.

use std::collections::BTreeMap;

use super::rows::{percent, progress, shares};
use super::text::state_words;
use crate::output::printable::one_line;
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
        let said = |what: &str, how: &str| one_line(&format!("{when} {what}: {how}"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::samples::{canary, denied, readings, status};

    #[test]
    fn at_first_everything_is_told_and_then_only_what_changed() {
        let mut watched = Watched::default();
        let told = |watched: &mut Watched, readings| -> Vec<String> {
            let lines = watched.changes(&status(readings));
            lines.iter().map(|line| line.strip_prefix("2023-11-14T22:13:20Z ").unwrap().to_owned()).collect()
        };
        let first = told(&mut watched, readings());
        let seven = "version 7: Active, image in ECR: yes, pull: granted";
        let expected = ["alias live: 100% version 7", "function shop: Active, last update Successful", seven];
        assert_eq!(first, expected);
        assert_eq!(told(&mut watched, readings()), Vec::<String>::new());

        let mut running = readings();
        canary(&mut running, 60);
        let release = "steps:10%:10m,50%:10m to version 7, step 1 of 2";
        let split = format!("alias live: 90% version 6, 10% version 7; release running: {release}");
        let six = seven.replace('7', "6");
        assert_eq!(told(&mut watched, running), [split, six.clone()]);

        let mut interrupted = readings();
        canary(&mut interrupted, -1);
        interrupted.latest.state.last_update_status = Some("InProgress".to_owned());
        interrupted.repositories[0].images = Ok(Some(Vec::new()));
        let expected = [
            format!("alias live: 90% version 6, 10% version 7; release interrupted: {release}"),
            "function shop: Active, last update InProgress".to_owned(),
            six.replace("yes", "deleted"),
            seven.replace("yes", "deleted"),
        ];
        assert_eq!(told(&mut watched, interrupted.clone()), expected);

        // A look that does not see the aliases says nothing of them, and forgets nothing.
        let mut blind = interrupted.clone();
        blind.aliases = Err(denied("AWS Lambda", "ListAliases"));
        assert_eq!(told(&mut watched, blind), Vec::<String>::new());
        assert_eq!(told(&mut watched, interrupted.clone()), Vec::<String>::new());
        interrupted.aliases = Ok(Vec::new());
        assert_eq!(told(&mut watched, interrupted), ["alias live: gone"]);
    }
}
