//! `[[target]]`: what is different in each of the functions that are deployed together, laid over the rest of the file.

use std::ops::RangeInclusive;

use super::configuration::Configuration;
use super::environments::merge;
use super::key::{ENVIRONMENTS, EXTENDS, FUNCTION, TARGETS};
use super::node::{Entry, Node, Table, Value};
use super::problem::{Position, Problem};

/// The key of a target's name.
pub(super) const NAME: &str = "name";
/// The key of a target's wave.
pub(super) const WAVE: &str = "wave";
/// The waves that there may be.
pub(super) const WAVES: RangeInclusive<i64> = 1..=1000;
/// The wave of a target that names none.
const FIRST_WAVE: u16 = 1;
/// The longest name.
const LONGEST_NAME: usize = 64;

/// A target of a configuration file, and what the file is for it.
#[derive(Debug)]
pub struct TargetConfiguration {
    /// What it is called.
    pub name: String,
    /// Targets of a higher wave are begun when those of the lower ones are done.
    pub wave: u16,
    /// Where it is: `lambda-lift.toml:12:3`.
    pub place: String,
    /// The file with what the target says laid over it.
    pub configuration: Configuration,
}

/// A target as the file has it.
#[derive(Clone)]
pub(super) struct TargetTable {
    pub(super) name: String,
    pub(super) wave: u16,
    /// Where its name is.
    pub(super) at: Position,
    /// The rest of the file with what it says laid over that.
    pub(super) table: Table,
}

/// Takes the targets out of a table, and notes what is wrong with them as such. What else is in them is checked as the rest of
/// the file is.
pub(super) fn targets_of(root: &Table, problems: &mut Vec<Problem>) -> (Table, Vec<TargetTable>) {
    let mut base = root.clone();
    let Some(Entry { node, .. }) = base.remove(TARGETS) else { return (base, Vec::new()) };
    let Value::List(entries) = node.value else {
        let message = format!("target: {} stands where tables [[target]] are expected", node.value.kind());
        problems.push(Problem::new(node.at, message).hint("write [[target]], with two brackets"));
        return (base, Vec::new());
    };
    let mut targets: Vec<TargetTable> = Vec::new();
    for entry in entries {
        match target(&base, entry) {
            Err(problem) => problems.push(problem),
            Ok(target) => match targets.iter().find(|other| other.name == target.name) {
                Some(other) => {
                    let message = format!("target.name: {:?} is the name of two targets", target.name);
                    let hint = format!("the other one is at {}: give one of them another name", other.at);
                    problems.push(Problem::new(target.at, message).hint(hint));
                }
                None => targets.push(target),
            },
        }
    }
    (base, targets)
}

fn target(base: &Table, entry: Node) -> Result<TargetTable, Problem> {
    let Value::Table(mut own) = entry.value else {
        let message = format!("target: {} stands where a table is expected", entry.value.kind());
        return Err(Problem::new(entry.at, message));
    };
    let Some(name) = own.remove(NAME) else {
        return Err(Problem::new(entry.at, "target: it has no name").hint("add name = \"…\""));
    };
    let (at, name) = (name.node.at, name_of(&name)?);
    let wave = own.remove(WAVE).as_ref().map_or(Ok(FIRST_WAVE), wave_of)?;
    if let Some(entry) = [ENVIRONMENTS, EXTENDS, TARGETS].iter().find_map(|key| own.get(*key)) {
        let message = "target: a target has no environments and no targets of its own";
        return Err(Problem::new(entry.key_at, message).hint("write [[env.NAME.target]] instead"));
    }
    if let Some(entry) = own.get_mut(FUNCTION) {
        named_alone(entry);
    }
    let mut table = base.clone();
    merge(&mut table, own.into_iter());
    Ok(TargetTable { name, wave, at, table })
}

fn name_of(entry: &Entry) -> Result<String, Problem> {
    let refuse = |message: String| {
        let hint = format!("a name has 1 to {LONGEST_NAME} letters, digits, dots, hyphens and underscores");
        Err(Problem::new(entry.node.at, message).hint(hint))
    };
    let Value::Text(name) = &entry.node.value else {
        return refuse(format!(
            "target.name: {} stands where a text in quotes is expected",
            entry.node.value.kind()
        ));
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed) {
        true => Ok(name.clone()),
        // It may have a template in it, and is not told before it is known to be harmless.
        false => refuse("target.name: this cannot be a target's name".to_owned()),
    }
}

fn wave_of(entry: &Entry) -> Result<u16, Problem> {
    match &entry.node.value {
        Value::Integer(number) if WAVES.contains(number) => Ok(u16::try_from(*number).unwrap_or(FIRST_WAVE)),
        Value::Integer(number) => {
            let message = format!("target.wave: {number} is not within {} to {}", WAVES.start(), WAVES.end());
            Err(Problem::new(entry.node.at, message))
        }
        other => {
            let message = format!("target.wave: {} stands where a whole number is expected", other.kind());
            Err(Problem::new(entry.node.at, message))
        }
    }
}

/// `function = "checkout"` is `function.FunctionName = "checkout"`.
fn named_alone(entry: &mut Entry) {
    if !matches!(entry.node.value, Value::Text(_)) {
        return;
    }
    let name = Entry { key_at: entry.key_at, node: entry.node.clone() };
    entry.node.value = Value::Table(Table::from([("FunctionName".to_owned(), name)]));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::samples::Scripted;
    use crate::policy::is_like;

    const FILE: &str = "image = \"a.tar\"\n[function]\nFunctionName = \"shop\"\nMemorySize = 256\n\
        [[target]]\nname = \"eu\"\nregion = \"eu-west-1\"\nfunction.MemorySize = 512\n\
        [[target]]\nname = \"us\"\nregion = \"us-east-1\"\nfunction = \"shop-us\"\nwave = 2\n\
        [[env.prod.target]]\nname = \"only\"\n";

    fn open(text: &str, environment: Option<&str>) -> Result<Configuration, String> {
        let opened = Configuration::new(Path::new("x.toml"), text.as_bytes(), environment);
        opened.map_err(|error| error.to_string())
    }

    #[test]
    fn a_target_is_the_file_with_what_it_says_laid_over_it() {
        let file = open(FILE, None).unwrap();
        let targets: Vec<_> = file.targets().collect();
        let function =
            |target: &TargetConfiguration| target.configuration.function(&Scripted).unwrap().unwrap().text;
        let told: Vec<_> =
            targets.iter().map(|t| (t.name.as_str(), t.wave, t.place.as_str(), function(t))).collect();
        let expected = [
            ("eu", 1, "x.toml:6:8", r#"{"FunctionName":"shop","MemorySize":512}"#.to_owned()),
            ("us", 2, "x.toml:10:8", r#"{"FunctionName":"shop-us","MemorySize":256}"#.to_owned()),
        ];
        assert_eq!(told, expected);
        let regions = targets[1].configuration.arguments(&|_, id| id == "region", &Scripted).unwrap();
        assert_eq!(format!("{regions:?}"), "[region at x.toml:11:1]");
        assert_eq!(
            file.function(&Scripted).unwrap().unwrap().text,
            r#"{"FunctionName":"shop","MemorySize":256}"#
        );
        let of_environment: Vec<_> = open(FILE, Some("prod")).unwrap().targets().map(|t| t.name).collect();
        assert_eq!(of_environment, ["only"]);
    }

    #[test]
    fn what_is_wrong_with_a_target_is_told_with_its_place() {
        for (text, place, part) in [
            ("target = 1", "1:10", "a number stands where tables [[target]] are expected"),
            ("[target]\nname = \"a\"", "1:1", "a table stands where tables [[target]] are expected"),
            ("target = [1]", "1:11", "a number stands where a table is expected"),
            ("[[target]]\nwave = 1", "1:1", "it has no name"),
            ("[[target]]\nname = \"a b\"", "2:8", "this cannot be a target's name"),
            ("[[target]]\nname = 1", "2:8", "a number stands where a text"),
            ("[[target]]\nname = \"a\"\n[[target]]\nname = \"a\"", "4:8", "the name of two targets"),
            ("[[target]]\nname = \"a\"\nwave = 0", "3:8", "0 is not within 1 to 1000"),
            ("[[target]]\nname = \"a\"\nwave = \"x\"", "3:8", "a text stands where a whole number"),
            ("[[target]]\nname = \"a\"\nregoin = \"x\"", "3:1", "regoin: there is no such key"),
            ("[[target]]\nname = \"a\"\n[target.function]\nMemorySize = 1", "4:1", "function.MemorySize"),
            ("[[target]]\nname = \"a\"\nextends = \"b\"", "3:1", "no environments and no targets"),
            ("[[env.x.target]]\nname = \"a\"\nimgae = \"b\"", "3:1", "imgae: there is no such key"),
        ] {
            let error = open(text, None).err().unwrap_or_else(|| panic!("{text} is fine"));
            assert!(error.contains(&format!("x.toml:{place}: ")) && error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn globs_have_stars_and_question_marks() {
        for (glob, text, fits) in [
            ("eu-*", "eu-west-1", true),
            ("eu-*", "us-east-1", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*-1", "eu-west-1", true),
            ("*-1", "eu-west-12", false),
            ("*a*b*", "xaxxbx", true),
            ("*a*b*", "xbxxax", false),
            ("e?", "eu", true),
            ("e?", "e", false),
            ("a*a*a*a*a*a*a*b", &"a".repeat(200), false),
            ("eu", "EU", false),
        ] {
            assert_eq!(is_like(glob, text), fits, "{glob} {text}");
        }
    }
}
