//! Settings beside each other, nested as they are.

use serde_json::Value;

use super::lines::{compared as lines_compared, with_context};
use super::{Line, Mark, Part};
use crate::function::{Change, Compared, Held};

/// The settings, with those that differ among some of those that do not.
pub(super) fn settings_part(compared: &[Compared]) -> Part {
    let changes = compared.iter().filter(|compared| !compared.is_same).map(Change::from).collect();
    Part { name: "settings", changes, lines: with_context(nested(compared)) }
}

fn nested(compared: &[Compared]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Vec<String> = Vec::new();
    for one in compared {
        let (name, outer) = one.path.split_last().expect("a path begins with the setting's name");
        let common = open.iter().zip(outer).take_while(|(open, outer)| open == outer).count();
        close(&mut lines, &mut open, common);
        for key in &outer[common..] {
            lines.push(Line::new(Mark::Kept, open.len(), format!("{key}: {{")));
            open.push(key.clone());
        }
        leaf(&mut lines, open.len(), name, one);
    }
    close(&mut lines, &mut open, 0);
    lines
}

fn close(lines: &mut Vec<Line>, open: &mut Vec<String>, depth: usize) {
    while open.len() > depth {
        open.pop();
        lines.push(Line::new(Mark::Kept, open.len(), "}"));
    }
}

fn leaf(lines: &mut Vec<Line>, depth: usize, name: &str, one: &Compared) {
    if let (Some(before), Some(after)) = (entries(one.from.as_ref()), entries(one.to.as_ref())) {
        lines.push(Line::new(Mark::Kept, depth, format!("{name}: [")));
        let within = lines_compared(&before, &after).into_iter();
        lines.extend(within.map(|(mark, text)| Line::new(mark, depth + 1, text)));
        lines.push(Line::new(Mark::Kept, depth, "]"));
        return;
    }
    let line = |mark, held: &Held| {
        let value = match held {
            Held::Value(value) => value.to_string(),
            // Both sides would read alike.
            Held::Hidden if mark == Mark::New && one.from.is_some() => "(hidden, changed)".to_owned(),
            Held::Hidden => "(hidden)".to_owned(),
        };
        Line::new(mark, depth, format!("{name}: {value}"))
    };
    if one.is_same {
        lines.extend(one.from.iter().map(|held| line(Mark::Kept, held)));
        return;
    }
    lines.extend(one.from.iter().map(|held| line(Mark::Gone, held)));
    lines.extend(one.to.iter().map(|held| line(Mark::New, held)));
}

/// The entries of a list that is worth more than a line; none for what is no such list.
fn entries(held: Option<&Held>) -> Option<Vec<String>> {
    match held {
        Some(Held::Value(Value::Array(entries))) => Some(entries.iter().map(Value::to_string).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::samples::{declared, live};
    use crate::function::{compare, compared};

    fn told(part: &Part) -> Vec<String> {
        let sign = |mark| match mark {
            Mark::Kept | Mark::LeftOut => ' ',
            Mark::Gone => '-',
            Mark::New => '+',
        };
        let line = |line: &Line| format!("{}{}{}", sign(line.mark), "  ".repeat(line.depth), line.text);
        part.lines.iter().map(line).collect()
    }

    #[test]
    fn differences_stand_among_what_is_alike_and_no_variable_is_told() {
        let definition = declared(json!({
            "Description": "a", "MemorySize": 512, "Timeout": 3,
            "Environment": {"Variables": {"AB": "1", "TOKEN": "hunter2", "NEW": "x", "OLD": null}},
            "ImageConfig": {"Command": ["app", "--new"], "WorkingDirectory": "/srv"},
            "Tags": {"team": "b\u{1b}[2J"},
        }));
        let function = live(json!({
            "Description": "a", "MemorySize": 128, "Timeout": 3,
            "Environment": {"Variables": {"AB": "1", "TOKEN": "hunter1", "OLD": "x"}},
            "ImageConfig": {"Command": ["app", "--old", "--more"], "WorkingDirectory": "/srv"},
            "Tags": {"team": "a"},
        }));
        let part = settings_part(&compared(&definition, Some(&function)));
        let expected = [
            " Description: \"a\"",
            "-MemorySize: 128",
            "+MemorySize: 512",
            " Timeout: 3",
            " Environment: {",
            "   Variables: {",
            "     AB: (hidden)",
            "-    TOKEN: (hidden)",
            "+    TOKEN: (hidden, changed)",
            "+    NEW: (hidden)",
            "-    OLD: (hidden)",
            "   }",
            " }",
            " ImageConfig: {",
            "   Command: [",
            "     \"app\"",
            "-    \"--old\"",
            "-    \"--more\"",
            "+    \"--new\"",
            "   ]",
            "   WorkingDirectory: \"/srv\"",
            " }",
            " Tags: {",
            "-  team: \"a\"",
            "+  team: \"b\\u001b[2J\"",
            " }",
        ];
        assert_eq!(told(&part), expected);
        assert_eq!(part.changes, compare(&definition, &function));
    }

    #[test]
    fn a_function_that_is_not_there_has_everything_to_come_and_one_that_is_as_declared_nothing() {
        let definition = declared(json!({"MemorySize": 512, "ImageConfig": {"Command": ["a"]}}));
        let part = settings_part(&compared(&definition, None));
        assert_eq!(
            told(&part),
            ["-MemorySize: 128", "+MemorySize: 512", " ImageConfig: {", "+  Command: [\"a\"]", " }"]
        );
        let part = settings_part(&compared(
            &definition,
            Some(&live(json!({
                "MemorySize": 512, "ImageConfig": {"Command": ["a"]}
            }))),
        ));
        assert_eq!((part.is_different(), part.lines.len()), (false, 0));
    }
}
