//! Where a rollback goes: to what the alias really ran before, or nowhere.

use super::{Journal, Place};
use crate::name::{AliasName, FunctionName, Version};

/// What the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To this version.
    To(Version),
    /// So many moves back.
    Steps(usize),
}

/// Where to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayBack {
    /// To this version, with all traffic.
    To {
        /// The version.
        version: Version,
        /// The first 12 hex digits of the image that it ran, where the journal says so.
        digest: Option<String>,
    },
    /// It is there already.
    Stay,
    /// It is not known, and is not guessed.
    Unknown {
        /// Why.
        why: String,
        /// What the journal has, for a person to choose from; newest first.
        known: Vec<Version>,
    },
}

/// Decides where `alias` goes back to.
pub fn way_back(wish: Wish, place: &Place, journal: &Journal) -> WayBack {
    let steps = match wish {
        Wish::To(version) => return to(version, place, None),
        Wish::Steps(steps) => steps,
    };
    // What a split alias ran before is its main version: it never stopped.
    if let (true, 1, Ok(version)) = (place.is_split(), steps, place.version.parse()) {
        return to(version, place, None);
    }
    let steps = if place.is_split() { steps - 1 } else { steps };
    let whole = Place::whole(place.version.as_str());
    let moves = journal.moves(&whole);
    let mut ran: Vec<(String, Option<String>)> = Vec::new();
    for (index, one) in moves.iter().enumerate() {
        // Where two moves do not meet, the alias was moved without an entry; what the older one led to did run.
        let before = if index == 0 { &place.version } else { &moves[index - 1].from };
        if one.to != *before {
            ran.push((one.to.clone(), one.digest.clone()));
        }
        let digest =
            moves.get(index + 1).filter(|older| older.to == one.from).and_then(|older| older.digest.clone());
        ran.push((one.from.clone(), digest));
    }
    let known: Vec<Version> = ran.iter().filter_map(|(version, _)| version.parse().ok()).collect();
    let unknown = |why: String| WayBack::Unknown { why, known: distinct(&known) };
    if let Some(trouble) = journal.trouble() {
        return unknown(trouble);
    }
    if let Some(begun) = journal.unproven(place) {
        let known = std::iter::once(begun.to.parse().ok()).flatten().chain(known.iter().copied());
        return WayBack::Unknown {
            why: format!(
                "a move to version {} was begun, and whether it was made and taken back in another way is not known",
                begun.to
            ),
            known: distinct(&known.collect::<Vec<_>>()),
        };
    }
    match moves.first() {
        None => return unknown("the function's tags tell of no move of this alias".to_owned()),
        Some(last) if last.to != place.version => {
            return unknown(format!(
                "the alias points to version {}, and the last move that was written down led to version {}: somebody \
                 moved it in another way",
                place.version, last.to
            ));
        }
        Some(_) => {}
    }
    match ran.get(steps.saturating_sub(1)) {
        None => unknown(format!("only {} moves of this alias were written down", ran.len())),
        Some((version, digest)) => match version.parse() {
            Ok(version) => to(version, place, digest.clone()),
            Err(_) => unknown("it ran $LATEST, which is no longer what it was".to_owned()),
        },
    }
}

fn to(version: Version, place: &Place, digest: Option<String>) -> WayBack {
    if *place == Place::whole(version.to_string()) { WayBack::Stay } else { WayBack::To { version, digest } }
}

fn distinct(versions: &[Version]) -> Vec<Version> {
    let mut distinct = Vec::new();
    for version in versions {
        if !distinct.contains(version) {
            distinct.push(*version);
        }
    }
    distinct
}

/// The command that goes back to a version of the user's choice.
pub fn command_to(function: &FunctionName, alias: &AliasName, version: Option<Version>) -> String {
    let version = version.map_or("VERSION".to_owned(), |version| version.to_string());
    format!("lambda-lift rollback --function {function} --alias {alias} --to {version}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Move, Weight};

    fn journal(moves: &[(&str, &str)]) -> Journal {
        let one = |(from, to): &(&str, &str)| Move {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            digest: None,
            at: 1,
            actor: "ci".to_owned(),
        };
        Journal::new(moves.iter().map(one).collect(), None, Vec::new())
    }

    #[test]
    fn the_way_back_is_what_the_alias_ran_before_and_never_a_guess() {
        let whole = |version: &str| Place::whole(version);
        let split = Place::split("6", "7", Weight::new(1000).unwrap());
        let steps = Wish::Steps;
        // Newest first.
        let straight: &[(&str, &str)] = &[("6", "7"), ("3", "6"), ("2", "3")];
        let after_a_rollback: &[(&str, &str)] = &[("7", "6"), ("6", "7"), ("3", "6")];
        let with_a_gap: &[(&str, &str)] = &[("8", "9"), ("5", "6")];
        let from_latest: &[(&str, &str)] = &[("$LATEST", "1")];
        let table = [
            (steps(1), whole("7"), straight, "6"),
            (steps(2), whole("7"), straight, "3"),
            (steps(3), whole("7"), straight, "2"),
            (steps(4), whole("7"), straight, "? only 3"),
            (steps(1), whole("6"), after_a_rollback, "7"),
            (steps(2), whole("6"), after_a_rollback, "stay"),
            (steps(3), whole("6"), after_a_rollback, "3"),
            (steps(1), whole("9"), with_a_gap, "8"),
            (steps(2), whole("9"), with_a_gap, "6"),
            (steps(3), whole("9"), with_a_gap, "5"),
            (steps(1), whole("8"), straight, "? somebody moved it"),
            (steps(1), whole("8"), &[], "? no move"),
            (steps(1), whole("1"), from_latest, "? $LATEST"),
            (steps(1), split.clone(), &[], "6"),
            (steps(2), split.clone(), &straight[1..], "3"),
            (Wish::To("5".parse().unwrap()), whole("8"), &[], "5"),
            (Wish::To("8".parse().unwrap()), whole("8"), &[], "stay"),
            (Wish::To("6".parse().unwrap()), split, &[], "6"),
        ];
        for (wish, place, moves, expected) in table {
            let found = match way_back(wish, &place, &journal(moves)) {
                WayBack::To { version, .. } => version.to_string(),
                WayBack::Stay => "stay".to_owned(),
                WayBack::Unknown { why, .. } => format!("? {why}"),
            };
            let fits = match expected.strip_prefix("? ") {
                Some(part) => found.starts_with('?') && found.contains(part),
                None => found == expected,
            };
            assert!(fits, "{wish:?} from {place} with {moves:?}: {found}, not {expected}");
        }
    }

    #[test]
    fn what_is_unknown_names_what_could_be_meant() {
        let WayBack::Unknown { known, .. } =
            way_back(Wish::Steps(1), &Place::whole("9"), &journal(&[("6", "7"), ("7", "6")]))
        else {
            panic!("it is not known")
        };
        assert_eq!(known.iter().map(Version::to_string).collect::<Vec<_>>(), ["7", "6"]);
    }
}
