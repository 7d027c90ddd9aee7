//! `doctor`, as JSON and as a tree.

use serde_json::{Value, json};

use crate::doctor::{Examination, Health};

use super::Style;
use super::printable::one_line;

/// The value of the document's key `doctor`.
pub(super) fn value(examinations: &[Examination]) -> Value {
    examinations
        .iter()
        .map(|found| {
            json!({
                "name": found.name,
                "status": match found.health {
                    Health::Ok => "ok",
                    Health::Ng => "ng",
                    Health::Skip => "skip",
                },
                "detail": found.detail,
                "hint": found.hint,
                "children": value(&found.parts),
            })
        })
        .collect()
}

/// For a person: a line each, parts set in, hints below.
pub(super) fn lines(examinations: &[Examination], style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    tree(examinations, 0, style, &mut lines);
    let ill = count(examinations);
    lines.push(match ill {
        0 => style.good("everything is in order"),
        1 => style.bad("1 thing is not in order"),
        ill => style.bad(&format!("{ill} things are not in order")),
    });
    lines
}

fn tree(examinations: &[Examination], depth: usize, style: Style, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    for found in examinations {
        let word = match found.health {
            Health::Ok => style.good("OK  "),
            Health::Ng => style.bad("NG  "),
            Health::Skip => style.faint("SKIP"),
        };
        let detail = match found.detail.as_str() {
            "" => String::new(),
            detail => format!(": {}", one_line(detail)),
        };
        lines.push(format!("{indent}{word} {}{detail}", one_line(&found.name)));
        if let Some(hint) = &found.hint {
            lines.push(format!("{indent}     {} {}", style.strong("hint:"), one_line(hint)));
        }
        tree(&found.parts, depth + 1, style, lines);
    }
}

/// How many things are not in order, headings apart.
fn count(examinations: &[Examination]) -> usize {
    let ill = |found: &Examination| usize::from(found.health == Health::Ng && found.hint.is_some());
    examinations.iter().map(|found| ill(found) + count(&found.parts)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_sets_parts_in_and_counts_what_is_ill() {
        let parts = vec![Examination::ok("DNS", "1.2.3.4"), Examination::ng("TCP", "refused", "look")];
        let tree = [Examination::of_parts("AWS STS", parts), Examination::skip("Docker", "no socket")];
        let text = lines(&tree, Style::new(false)).join("\n");
        assert_eq!(
            text,
            "NG   AWS STS\n  OK   DNS: 1.2.3.4\n  NG   TCP: refused\n       hint: look\nSKIP Docker: no socket\n\
             1 thing is not in order"
        );
        assert_eq!(value(&tree)[0]["children"][1]["status"], "ng");
    }
}
