//! Two lists of lines beside each other, and what of them is worth showing.

use super::{Line, Mark};

/// How many lines that are alike are shown beside one that is not.
const CONTEXT: usize = 2;

/// The most lines whose longest common part is looked for; beyond, everything between the first and last difference counts as other.
const MOST_CELLS: usize = 4_000_000;

/// What of `after` takes the place of what of `before`: the fewest lines, those that go before those that come.
pub(super) fn compared(before: &[String], after: &[String]) -> Vec<(Mark, String)> {
    let same = |(left, right): &(&String, &String)| left == right;
    let start = before.iter().zip(after).take_while(same).count();
    let (old, new) = (&before[start..], &after[start..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new, tail) = (&old[..old.len() - end], &new[..new.len() - end], &old[old.len() - end..]);
    let marked = |mark: Mark| move |text: &String| (mark, text.clone());
    let mut lines: Vec<(Mark, String)> = before[..start].iter().map(marked(Mark::Kept)).collect();
    match old.len().checked_mul(new.len()) {
        Some(cells) if cells <= MOST_CELLS => lines.extend(middle(old, new)),
        _ => {
            lines.extend(old.iter().map(marked(Mark::Gone)));
            lines.extend(new.iter().map(marked(Mark::New)));
        }
    }
    lines.extend(tail.iter().map(marked(Mark::Kept)));
    lines
}

/// By the longest common subsequence.
fn middle(old: &[String], new: &[String]) -> Vec<(Mark, String)> {
    // common[i][j]: how many lines old[i..] and new[j..] have in common.
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((Mark::Kept, old[i].clone()));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len()
            || (i < old.len() && common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            lines.push((Mark::Gone, old[i].clone()));
            i += 1;
        } else {
            lines.push((Mark::New, new[j].clone()));
            j += 1;
        }
    }
    lines
}

/// Leaves out what is alike and far from every difference, but not what a difference lies in. Without a difference nothing is shown.
pub(super) fn with_context(lines: Vec<Line>) -> Vec<Line> {
    let mut shown = vec![false; lines.len()];
    for at in (0..lines.len()).filter(|at| lines[*at].mark != Mark::Kept) {
        let from = at.saturating_sub(CONTEXT);
        shown[from..(at + CONTEXT + 1).min(lines.len())].fill(true);
        show_around((0..at).rev(), &lines, &mut shown, lines[at].depth);
        show_around(at + 1..lines.len(), &lines, &mut shown, lines[at].depth);
    }
    leave_out_opened(&lines, &mut shown);
    let mut kept: Vec<Line> = Vec::new();
    for (line, shown) in lines.into_iter().zip(shown) {
        if shown {
            kept.push(line);
        } else if kept.last().is_none_or(|last| last.mark != Mark::LeftOut) {
            kept.push(Line::new(Mark::LeftOut, line.depth, "…"));
        }
    }
    if kept.iter().all(|line| line.mark == Mark::LeftOut) {
        kept.clear();
    }
    kept
}

/// Leaves out all of a block without a difference that is not shown to its end: a lonely opening brace says nothing.
fn leave_out_opened(lines: &[Line], shown: &mut [bool]) {
    for at in 0..lines.len().saturating_sub(1) {
        let depth = lines[at].depth;
        if lines[at + 1].depth <= depth {
            continue;
        }
        let end = (at + 1..lines.len()).find(|line| lines[*line].depth <= depth).unwrap_or(lines.len() - 1);
        let is_alike = lines[at..=end].iter().all(|line| line.mark == Mark::Kept);
        if is_alike && shown[at..=end].contains(&false) {
            shown[at..=end].fill(false);
        }
    }
}

/// Shows the lines in which a difference at this depth lies: each further out than all between.
fn show_around(order: impl Iterator<Item = usize>, lines: &[Line], shown: &mut [bool], depth: usize) {
    let mut least = depth;
    for at in order {
        if lines[at].depth < least {
            least = lines[at].depth;
            shown[at] = true;
        }
        if least == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    fn told(lines: &[(Mark, String)]) -> String {
        let sign = |mark: Mark| match mark {
            Mark::Kept => "",
            Mark::Gone => "-",
            Mark::New => "+",
            Mark::LeftOut => "…",
        };
        lines.iter().map(|(mark, text)| format!("{}{text}", sign(*mark))).collect()
    }

    #[test]
    fn the_fewest_lines_are_different() {
        for (before, after, expected) in [
            ("", "", ""),
            ("abc", "abc", "abc"),
            ("", "ab", "+a+b"),
            ("ab", "", "-a-b"),
            ("abcd", "axcd", "a-b+xcd"),
            ("abcabba", "cbabac", "-a+cb-ca-bba+c"),
        ] {
            let lines = compared(&texts(before), &texts(after));
            let side = |other: Mark| -> String {
                lines.iter().filter(|(mark, _)| *mark != other).map(|(_, text)| text.as_str()).collect()
            };
            assert_eq!((side(Mark::New).as_str(), side(Mark::Gone).as_str()), (before, after));
            let count = |text: &str| text.matches(['-', '+']).count();
            assert_eq!(count(&told(&lines)), count(expected), "{before} {after}: {}", told(&lines));
        }
    }

    #[test]
    fn what_is_too_long_to_be_searched_is_told_whole() {
        let many = |from: usize| (from..from + 2100).map(|number| number.to_string()).collect::<Vec<_>>();
        let lines = compared(&many(0), &many(10_000));
        assert_eq!(lines.iter().filter(|(mark, _)| *mark == Mark::Gone).count(), 2100);
    }

    #[test]
    fn what_a_difference_lies_in_is_shown_however_far_it_is() {
        let mut lines = vec![Line::new(Mark::Kept, 0, "outer: {")];
        lines.extend((0..9).map(|number| Line::new(Mark::Kept, 1, number.to_string())));
        lines.push(Line::new(Mark::New, 1, "x"));
        lines.push(Line::new(Mark::Kept, 0, "}"));
        lines.extend((0..9).map(|number| Line::new(Mark::Kept, 0, number.to_string())));
        let texts: Vec<String> = with_context(lines.clone()).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["outer: {", "…", "7", "8", "x", "}", "0", "…"]);
        lines.retain(|line| line.mark == Mark::Kept);
        assert_eq!(with_context(lines), []);
    }

    #[test]
    fn a_block_without_a_difference_is_shown_whole_or_not_at_all() {
        let block = |count: usize| {
            let mut lines = vec![Line::new(Mark::New, 0, "x"), Line::new(Mark::Kept, 0, "block: {")];
            lines.extend((0..count).map(|number| Line::new(Mark::Kept, 1, number.to_string())));
            lines.push(Line::new(Mark::Kept, 0, "}"));
            lines
        };
        let texts =
            |count| -> Vec<String> { with_context(block(count)).into_iter().map(|line| line.text).collect() };
        assert_eq!(texts(3), ["x", "…"]);
        let mut small = block(1);
        small.push(Line::new(Mark::New, 0, "y"));
        let shown: Vec<String> = with_context(small).into_iter().map(|line| line.text).collect();
        assert_eq!(shown, ["x", "block: {", "0", "}", "y"]);
    }
}
