//! The journal as tags of the function, within AWS's limits: keys up to 128 characters, values up to 256, of letters, digits,
//! space and `_.:/=+-@`.
//!
//! | key | value |
//! |---|---|
//! | `lambda-lift:ALIAS:now` | `1 CHECK FLAGS FROM TO DIGEST BEGAN UNTIL ID BAKE STRATEGY ACTOR`: the move that was last begun |
//! | `lambda-lift:ALIAS:via` | `1 CHECK ID DEPLOYMENT APPLICATION GROUP`: the deployment of CodeDeploy that makes the move with that id |
//! | `lambda-lift:ALIAS:1` | `1 PARTS CHECK MOVE MOVE …`: finished moves, newest first |
//! | `lambda-lift:ALIAS:2`, `:3`, … | `MOVE MOVE …`: what did not fit |
//!
//! `FLAGS` are `o` (begun) or `x` (given up), `p` (provisioned concurrency of its own) and `c` (made by CodeDeploy). A `MOVE` is `FROM:TO:TIME:DIGEST:ACTOR`. Times are seconds since 1970 in base 36. `CHECK` is a CRC-32 of the alias and the rest,
//! so that what was edited by hand is told from what was written here.

use serde_json::{Map, Value};

use super::Place;
use super::codedeploy::DeploymentRef;
use super::journal::{Intent, Journal, MOVES_KEPT, Move};
use crate::name::{AliasName, Digest};

/// How every key begins. No alias and no user's tag may look so.
const PREFIX: &str = "lambda-lift:";
/// The form that is written here.
const FORMAT: &str = "1";
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;
/// The longest suffix of a key.
const LONGEST_SUFFIX: usize = ":now".len();
const LONGEST_ACTOR: usize = 24;
/// `$` may not stand in a tag.
const LATEST: (&str, &str) = ("$LATEST", "LATEST");

/// Whether a tag is the journal's: neither declared by a user nor shown as a difference.
pub fn is_journal_key(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// What is wrong with a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tag {key} {why}")]
pub struct Damage {
    key: String,
    why: &'static str,
}

/// `lambda-lift:ALIAS`; an alias that is too long for a key is cut, and told apart by a hash.
fn stem(alias: &AliasName) -> String {
    let name = alias.as_str();
    let room = LONGEST_KEY - PREFIX.len() - LONGEST_SUFFIX;
    if name.len() <= room {
        return format!("{PREFIX}{name}");
    }
    // An alias has no dot, so that no other alias has this key.
    let hash = &Digest::of(name.as_bytes()).hex()[..16];
    format!("{PREFIX}{}.{hash}", &name[..room - 17])
}

pub(super) fn intent_key(alias: &AliasName) -> String {
    format!("{}:now", stem(alias))
}

pub(super) fn deployment_key(alias: &AliasName) -> String {
    format!("{}:via", stem(alias))
}

fn part_key(alias: &AliasName, part: usize) -> String {
    format!("{}:{part}", stem(alias))
}

/// Who, in characters that a tag takes and that separate nothing.
pub(super) fn actor(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_./=+-@".contains(c) { c } else { '-' };
    let text: String = text.chars().map(plain).take(LONGEST_ACTOR).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

fn check(alias: &AliasName, text: &str) -> String {
    format!("{:08x}", crc32fast::hash(format!("{alias} {text}").as_bytes()))
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

fn from_base36(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 36).ok()
}

fn write_version(version: &str) -> &str {
    if version == LATEST.0 { LATEST.1 } else { version }
}

fn read_version(text: &str) -> Option<String> {
    if text == LATEST.1 {
        return Some(LATEST.0.to_owned());
    }
    text.parse::<crate::name::Version>().ok().map(|version| version.to_string())
}

fn read_digest(text: &str) -> Option<Option<String>> {
    let hex = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text {
        "-" => Some(None),
        text if hex => Some(Some(text.to_owned())),
        _ => None,
    }
}

fn write_move(one: &Move) -> String {
    let digest = one.digest.as_deref().unwrap_or("-");
    let (from, to) = (write_version(&one.from), write_version(&one.to));
    format!("{from}:{to}:{}:{digest}:{}", base36(one.at), actor(&one.actor))
}

fn read_move(text: &str) -> Option<Move> {
    let mut fields = text.splitn(5, ':');
    let (from, to) = (read_version(fields.next()?)?, read_version(fields.next()?)?);
    let (at, digest) = (from_base36(fields.next()?)?, read_digest(fields.next()?)?);
    Some(Move { from, to, digest, at, actor: fields.next()?.to_owned() })
}

/// The tags of finished moves, newest first.
pub(super) fn write_moves(alias: &AliasName, moves: &[Move]) -> Vec<(String, String)> {
    let written: Vec<String> = moves.iter().map(write_move).collect();
    let head = format!("{FORMAT} 9 {:08} ", 0).len();
    let mut parts = vec![String::new()];
    for one in &written {
        let room = if parts.len() == 1 { LONGEST_VALUE - head } else { LONGEST_VALUE };
        match parts.last_mut() {
            Some(last) if last.is_empty() => last.clone_from(one),
            Some(last) if last.len() + 1 + one.len() <= room => *last = format!("{last} {one}"),
            _ => parts.push(one.clone()),
        }
    }
    let all = written.join(" ");
    parts[0] = format!("{FORMAT} {} {} {}", parts.len(), check(alias, &all), parts[0]).trim_end().to_owned();
    parts.into_iter().enumerate().map(|(index, value)| (part_key(alias, index + 1), value)).collect()
}

/// The tag of a move that was begun; none when it does not fit.
pub(super) fn write_intent(alias: &AliasName, intent: &Intent) -> Option<String> {
    let mut from = write_version(&intent.from.version).to_owned();
    for (version, weight) in &intent.from.weights {
        from.push_str(&format!("+{version}={weight}"));
    }
    let mut flags = String::from(if intent.given_up { "x" } else { "o" });
    flags.push_str(if intent.provisioned { "p" } else { "" });
    flags.push_str(if intent.deployment.is_some() { "c" } else { "" });
    // Neither a percent sign nor a comma may stand in a tag.
    let strategy = intent.strategy.to_string().replace('%', "p").replace(',', "+");
    let digest = intent.digest.as_deref().unwrap_or("-");
    let (began, until) = (base36(intent.began), base36(intent.until));
    let (to, id, bake) = (write_version(&intent.to), &intent.id, intent.bake);
    let text = format!(
        "{flags} {from} {to} {digest} {began} {until} {id} {bake} {strategy} {}",
        actor(&intent.actor)
    );
    let value = format!("{FORMAT} {} {text}", check(alias, &text));
    (value.len() <= LONGEST_VALUE).then_some(value)
}

/// The tag of the deployment that makes a move; none when it does not fit.
pub(super) fn write_deployment(alias: &AliasName, id: &str, deployment: &DeploymentRef) -> Option<String> {
    // CodeDeploy's names may have a comma, which a tag may not; they have no colon.
    let name = |name: &str| name.replace(',', ":");
    let DeploymentRef { id: known, application, group } = deployment;
    let known = known.as_deref().unwrap_or("-");
    let text = format!("{id} {known} {} {}", name(application), name(group));
    let value = format!("{FORMAT} {} {text}", check(alias, &text));
    (value.len() <= LONGEST_VALUE).then_some(value)
}

/// The deployment that makes the move with this id.
fn read_deployment(value: &str, alias: &AliasName, id: &str) -> Result<DeploymentRef, &'static str> {
    let text = checked(value, alias)?;
    let fields: Vec<&str> = text.split(' ').collect();
    let name = |name: &str| name.replace(':', ",");
    match fields.as_slice() {
        [of, known, application, group] if *of == id => Ok(DeploymentRef {
            id: (*known != "-").then(|| (*known).to_owned()),
            application: name(application),
            group: name(group),
        }),
        _ => Err(EDITED),
    }
}

fn read_intent(text: &str) -> Option<Intent> {
    let mut fields = text.split(' ');
    let flags = fields.next()?;
    let (from, to) = (read_place(fields.next()?)?, read_version(fields.next()?)?);
    let digest = read_digest(fields.next()?)?;
    let (began, until) = (from_base36(fields.next()?)?, from_base36(fields.next()?)?);
    let (id, bake) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?);
    let strategy = fields.next()?;
    let (kind, rest) = strategy.split_once(':').unwrap_or((strategy, ""));
    let steps = rest.replace("p:", "%:").replace('+', ",");
    let strategy = if rest.is_empty() { kind.to_owned() } else { format!("{kind}:{steps}") };
    let (strategy, actor) = (strategy.parse().ok()?, fields.next()?.to_owned());
    let (given_up, provisioned) = (flags.starts_with('x'), flags.contains('p'));
    // Which one it is stands in a tag of its own.
    let empty = || DeploymentRef { id: None, application: String::new(), group: String::new() };
    let deployment = flags.contains('c').then(empty);
    Some(Intent {
        from,
        to,
        digest,
        began,
        until,
        id,
        strategy,
        bake,
        given_up,
        provisioned,
        deployment,
        actor,
    })
}

fn read_place(text: &str) -> Option<Place> {
    let mut parts = text.split('+');
    let mut place = Place::whole(read_version(parts.next()?)?);
    for part in parts {
        let (version, weight) = part.split_once('=')?;
        place.weights.insert(read_version(version)?, weight.parse().ok()?);
    }
    Some(place)
}

/// Reads what is there. What cannot be relied on is left out and told as damage.
pub(super) fn parse(tags: &Map<String, Value>, alias: &AliasName) -> Journal {
    let text = |key: &str| tags.get(key).and_then(Value::as_str);
    let mut damage = Vec::new();
    let mut note = |key: String, why| damage.push(Damage { key, why });
    let key = intent_key(alias);
    let intent = text(&key).and_then(|value| {
        let mut intent = parse_intent(value, alias).map_err(|why| note(key, why)).ok()?;
        if intent.deployment.is_some() {
            let key = deployment_key(alias);
            let read = read_deployment(text(&key).unwrap_or_default(), alias, &intent.id);
            intent.deployment = Some(read.map_err(|why| note(key, why)).ok()?);
        }
        Some(intent)
    });
    let key = part_key(alias, 1);
    let moves = text(&key).map(|first| parse_moves(first, alias, |part| text(&part_key(alias, part))));
    let moves = match moves {
        None => Vec::new(),
        Some(Ok(moves)) => moves,
        Some(Err(why)) => {
            note(key, why);
            Vec::new()
        }
    };
    Journal::new(moves, intent, damage)
}

const NEWER: &str = "is in a form that this version does not know";
const EDITED: &str = "is not as it was written";
const CUT: &str = "is cut short";

fn parse_intent(value: &str, alias: &AliasName) -> Result<Intent, &'static str> {
    read_intent(checked(value, alias)?).ok_or(EDITED)
}

/// What stands behind format and sum, where both are right.
fn checked<'a>(value: &'a str, alias: &AliasName) -> Result<&'a str, &'static str> {
    let (format, rest) = value.split_once(' ').ok_or(CUT)?;
    let (sum, text) = rest.split_once(' ').ok_or(CUT)?;
    if format != FORMAT {
        return Err(NEWER);
    }
    if check(alias, text) != sum {
        return Err(EDITED);
    }
    Ok(text)
}

fn parse_moves<'a>(
    first: &'a str,
    alias: &AliasName,
    part: impl Fn(usize) -> Option<&'a str>,
) -> Result<Vec<Move>, &'static str> {
    let mut fields = first.splitn(4, ' ');
    let (format, parts, sum) = (fields.next(), fields.next(), fields.next().ok_or(CUT)?);
    if format != Some(FORMAT) {
        return Err(NEWER);
    }
    let parts: usize =
        parts.and_then(|parts| parts.parse().ok()).filter(|parts| *parts <= MOVES_KEPT).ok_or(EDITED)?;
    let mut all = fields.next().unwrap_or_default().to_owned();
    for number in 2..=parts {
        all = format!("{all} {}", part(number).ok_or("lacks the tags that continue it")?);
    }
    if check(alias, &all) != sum {
        return Err(EDITED);
    }
    all.split(' ').filter(|text| !text.is_empty()).map(|text| read_move(text).ok_or(EDITED)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn read(tags: &Map<String, Value>, alias: &AliasName) -> Journal {
        parse(tags, alias)
    }

    fn intent() -> Intent {
        Intent {
            from: Place { version: "6".to_owned(), weights: [("5".to_owned(), 0.25)].into() },
            to: "7".to_owned(),
            digest: None,
            began: 1_700_000_000,
            until: 1_700_000_300,
            id: "0a1b2c3d".to_owned(),
            strategy: "steps:1%:1m,10.5%:90s".parse().unwrap(),
            bake: 60,
            given_up: false,
            provisioned: true,
            deployment: None,
            actor: "assumed-role/ci/run-1".to_owned(),
        }
    }

    fn table(alias: &AliasName) -> Map<String, Value> {
        let moves: Vec<Move> = (0..10)
            .map(|number| Move {
                from: if number == 0 { "$LATEST".to_owned() } else { number.to_string() },
                to: (number + 1).to_string(),
                digest: Some("0123456789ab".to_owned()),
                at: 1_700_000_000 + number,
                actor: "an-actor-with-a-long-name".to_owned(),
            })
            .collect();
        let mut tags: Map<String, Value> =
            write_moves(alias, &moves).into_iter().map(|(key, value)| (key, value.into())).collect();
        tags.insert(intent_key(alias), write_intent(alias, &intent()).unwrap().into());
        tags
    }

    #[test]
    fn ten_moves_and_a_release_fit_into_few_tags_and_read_back() {
        for name in ["live", &"x".repeat(128)] {
            let alias: AliasName = name.parse().unwrap();
            let tags = table(&alias);
            assert_eq!(tags.len(), 4, "{tags:?}");
            for (key, value) in &tags {
                let value = value.as_str().unwrap();
                let allowed = |c: char| c.is_ascii_alphanumeric() || " _.:/=+-@".contains(c);
                assert!(
                    key.len() <= 128 && value.len() <= 256 && key.chars().chain(value.chars()).all(allowed)
                );
                assert!(is_journal_key(key));
            }
            let journal = read(&tags, &alias);
            assert_eq!(journal.trouble(), None);
            let moves = journal.moves(&Place::whole("99"));
            assert_eq!((moves.len(), moves[0].from.as_str(), moves[9].to.as_str()), (10, "$LATEST", "10"));
            assert_eq!(journal.intent(), Some(&intent()));
            // Another alias has another journal.
            assert_eq!(read(&tags, &"blue".parse().unwrap()), Journal::default());
        }
    }

    #[test]
    fn each_tag_that_is_lost_cut_or_edited_is_told_and_not_relied_on() {
        let alias: AliasName = "live".parse().unwrap();
        for spoilt in
            ["lambda-lift:live:1", "lambda-lift:live:2", "lambda-lift:live:3", "lambda-lift:live:now"]
        {
            for edit in ["gone", "1", "", "2 3 00000000 6:7:x:-:a", "edited"] {
                let mut tags = table(&alias);
                let value = tags[spoilt].as_str().unwrap().to_owned();
                match edit {
                    "gone" => drop(tags.remove(spoilt)),
                    "edited" => drop(tags.insert(spoilt.to_owned(), value.replacen("7", "8", 1).into())),
                    other => drop(tags.insert(spoilt.to_owned(), other.into())),
                }
                let journal = read(&tags, &alias);
                // A journal whose first tag is gone is none at all: it says nothing, and so nothing wrong.
                let silent = edit == "gone" && (spoilt.ends_with(":1") || spoilt.ends_with(":now"));
                assert_eq!(journal.trouble().is_some(), !silent, "{spoilt} {edit}: {journal:?}");
                if spoilt.ends_with(":now") {
                    assert_eq!(journal.intent(), None, "{edit}");
                } else {
                    assert_eq!(journal.moves(&Place::whole("99")), [], "{spoilt} {edit}");
                }
            }
        }
    }

    #[test]
    fn a_deployment_has_a_tag_of_its_own_and_counts_for_its_own_release_only() {
        let long = "a,+=.@_-".repeat(12);
        for (alias, deployment) in [
            (
                "live",
                DeploymentRef { id: Some("d-ABCDEF123".to_owned()), application: long.clone(), group: long },
            ),
            (
                &"x".repeat(128),
                DeploymentRef { id: None, application: "shop".to_owned(), group: "live".to_owned() },
            ),
        ] {
            let alias: AliasName = alias.parse().unwrap();
            let release = Intent { deployment: Some(deployment.clone()), ..intent() };
            let mut tags = table(&alias);
            tags.insert(intent_key(&alias), write_intent(&alias, &release).unwrap().into());
            // Without it, or with that of another release, nothing is said of the release.
            assert!(read(&tags, &alias).trouble().is_some() && read(&tags, &alias).intent().is_none());
            let other = write_deployment(&alias, "another", &deployment).unwrap();
            tags.insert(deployment_key(&alias), other.into());
            assert!(read(&tags, &alias).trouble().is_some());
            let value = write_deployment(&alias, &release.id, &deployment).unwrap();
            let allowed = |c: char| c.is_ascii_alphanumeric() || " _.:/=+-@".contains(c);
            assert!(value.chars().chain(deployment_key(&alias).chars()).all(allowed), "{value}");
            assert!(deployment_key(&alias).len() <= 128 && is_journal_key(&deployment_key(&alias)));
            tags.insert(deployment_key(&alias), value.into());
            assert_eq!(read(&tags, &alias).trouble(), None);
            assert_eq!(read(&tags, &alias).intent(), Some(&release));
            // One of our own engine that came later has nothing to do with it.
            tags.insert(intent_key(&alias), write_intent(&alias, &intent()).unwrap().into());
            assert_eq!(read(&tags, &alias).intent(), Some(&intent()));
        }
    }

    #[test]
    fn a_journal_from_before_there_were_deployments_reads_as_it_did() {
        let alias: AliasName = "live".parse().unwrap();
        let text = "op 6+5=0.25 7 - s44we8 s44wmk 0a1b2c3d 60 steps:1p:1m+10.5p:90s assumed-role/ci/run-1";
        let value = format!("1 {} {text}", check(&alias, text));
        let tags = Map::from_iter([(intent_key(&alias), value.into())]);
        assert_eq!(read(&tags, &alias).intent(), Some(&intent()));
    }

    #[test]
    fn a_strategy_that_does_not_fit_is_not_written() {
        let steps: Vec<String> = (1..60).map(|share| format!("{share}%:1{share}s")).collect();
        let long = Intent { strategy: format!("steps:{}", steps.join(",")).parse().unwrap(), ..intent() };
        assert_eq!(write_intent(&"live".parse().unwrap(), &long), None);
    }

    #[test]
    fn an_actor_is_made_fit_for_a_tag() {
        for (text, kept) in
            [("", "-"), ("a b:c,d", "a-b-c-d"), ("é", "-"), (&"x".repeat(99), &"x".repeat(24))]
        {
            assert_eq!(actor(text), *kept);
        }
    }

    proptest! {
        #[test]
        fn no_tags_make_the_reader_fail_in_another_way(values in vec("[ -~]{0,60}", 4)) {
            let alias: AliasName = "live".parse().unwrap();
            let keys = ["1", "2", "3", "now"].map(|suffix| format!("lambda-lift:live:{suffix}"));
            let tags = keys.into_iter().zip(values.into_iter().map(Value::from)).collect();
            prop_assert_eq!(read(&tags, &alias).moves(&Place::whole("1")), []);
        }

        #[test]
        fn times_read_back(number: u64) {
            prop_assert_eq!(from_base36(&base36(number)), Some(number));
        }
    }
}
