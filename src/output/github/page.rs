//! A summary within the room that GitHub has for it.

/// How many bytes a step may write; more, and GitHub shows none of it.
const ROOM: usize = 1 << 20;

/// What stands at the end of a summary that was cut.
const CUT: &str = "\n**The rest is left out**: GitHub takes no more than 1 MiB from a step. All of it is in the document of \
                   <code>--output json</code>.\n";

/// As many of the pieces, in their order, as there is room for behind what is `taken`; none where not even the first fits. A piece is
/// whole or left out, so that no table and no block breaks off.
pub(super) fn fitted(pieces: &[String], taken: u64) -> Option<String> {
    let room = ROOM.saturating_sub(usize::try_from(taken).unwrap_or(usize::MAX));
    let whole: usize = pieces.iter().map(String::len).sum();
    if whole <= room {
        return Some(pieces.concat());
    }
    let mut text = String::new();
    for piece in pieces {
        if text.len() + piece.len() + CUT.len() > room {
            break;
        }
        text.push_str(piece);
    }
    if text.is_empty() {
        return None;
    }
    text.push_str(CUT);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{number:0999}\n")).collect()
    }

    #[test]
    fn a_summary_is_never_larger_than_github_takes_it() {
        assert_eq!(fitted(&pieces(1000), 0).unwrap().len(), 1_000_000);
        for (count, taken) in [(2000, 0), (1000, 500_000), (2, (1 << 20) - 1500)] {
            let text = fitted(&pieces(count), taken).unwrap();
            assert!(text.len() as u64 + taken <= 1 << 20 && text.ends_with(CUT), "{count} {taken}");
            assert!(text.starts_with(&pieces(1)[0]));
        }
    }

    #[test]
    fn without_room_nothing_is_written() {
        for taken in [(1 << 20) - 100, 1 << 20, u64::MAX] {
            assert_eq!(fitted(&pieces(1), taken), None, "{taken}");
        }
        assert_eq!(fitted(&[], 1 << 20).as_deref(), Some(""));
    }
}
