//! A difference as a person reads it, and as a program does.

use serde_json::{Value, json};

use crate::diff::{Diff, Line, Mark, Part};
use crate::function::{Change, ChangeKind, Shown};

use super::Style;
use super::printable::one_line;

/// The lines for a person: what goes behind `-`, what comes behind `+`.
pub(super) fn lines(diff: &Diff, style: Style) -> Vec<String> {
    let count: usize = diff.parts.iter().map(|part| part.changes.len()).sum();
    if count == 0 {
        let (from, to) = (one_line(&diff.from), one_line(&diff.to));
        return vec![format!("{}: {from}, and {to}", style.good("same"))];
    }
    let mut lines = vec![
        style.strong(&format!("--- {}", one_line(&diff.from))),
        style.strong(&format!("+++ {}", one_line(&diff.to))),
    ];
    for part in diff.parts.iter().filter(|part| part.is_different()) {
        lines.push(style.strong(&format!("@@ {}", part.name)));
        lines.extend(part.lines.iter().map(|line| one(line, style)));
    }
    let noun = if count == 1 { "difference" } else { "differences" };
    lines.push(format!("{}: {count} {noun}", style.notice("different")));
    lines
}

fn one(line: &Line, style: Style) -> String {
    let sign = sign(line.mark);
    let text = format!("{sign} {}{}", "  ".repeat(line.depth), one_line(&line.text));
    match line.mark {
        Mark::Kept => text,
        Mark::Gone => style.bad(&text),
        Mark::New => style.good(&text),
        Mark::LeftOut => style.faint(&text),
    }
}

fn sign(mark: Mark) -> char {
    match mark {
        Mark::Kept | Mark::LeftOut => ' ',
        Mark::Gone => '-',
        Mark::New => '+',
    }
}

/// `diff` of the document.
pub(super) fn value(diff: &Diff) -> Value {
    json!({
        "different": diff.is_different(),
        "from": diff.from,
        "to": diff.to,
        "parts": diff.parts.iter().map(part).collect::<Vec<_>>(),
    })
}

fn part(part: &Part) -> Value {
    let line = |line: &Line| format!("{} {}{}", sign(line.mark), "  ".repeat(line.depth), line.text);
    json!({
        "part": part.name,
        "different": part.is_different(),
        "changes": part.changes.iter().map(change).collect::<Vec<_>>(),
        "lines": part.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn change(change: &Change) -> Value {
    let shown = |shown: &Option<Shown>| match shown {
        Some(Shown::Value(text)) => Value::String(text.clone()),
        Some(Shown::Hidden) | None => Value::Null,
    };
    let kind = match change.kind {
        ChangeKind::Add => "add",
        ChangeKind::Change => "change",
        ChangeKind::Remove => "remove",
    };
    let is_hidden = [&change.from, &change.to].into_iter().any(|shown| *shown == Some(Shown::Hidden));
    json!({ "key": change.key, "kind": kind, "from": shown(&change.from), "to": shown(&change.to), "hidden": is_hidden })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_moves_no_cursor_and_stays_on_its_line() {
        let text = "Description: \u{1b}[2J\n+ MemorySize: 1".to_owned();
        let diff = Diff {
            from: "function shop as it is".to_owned(),
            to: "as it is declared".to_owned(),
            parts: vec![Part {
                name: "settings",
                changes: vec![Change {
                    key: "Description".to_owned(),
                    kind: ChangeKind::Add,
                    from: None,
                    to: Some(Shown::Hidden),
                }],
                lines: vec![Line { mark: Mark::New, depth: 1, text }],
            }],
        };
        let told = lines(&diff, Style::new(false));
        let expected = [
            "--- function shop as it is",
            "+++ as it is declared",
            "@@ settings",
            "+   Description: \\u{1b}[2J\\n+ MemorySize: 1",
            "different: 1 difference",
        ];
        assert_eq!(told, expected);
        assert!(lines(&diff, Style::new(true))[3].starts_with("\u{1b}[32m+ "));
        let change = &value(&diff)["parts"][0]["changes"][0];
        assert_eq!((&change["to"], &change["hidden"]), (&Value::Null, &json!(true)));
        let same = Diff { parts: Vec::new(), ..diff };
        assert_eq!(lines(&same, Style::new(false)), ["same: function shop as it is, and as it is declared"]);
    }
}
