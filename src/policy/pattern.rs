//! Texts with the wildcards `*` (any run of characters) and `?` (any one character).
//!
//! Matching walks the text once and keeps every position of the pattern that is still possible, so its cost
//! is at most text × pattern, whatever the pattern (`*a*a*a*` included).

/// The longest name of a function (Lambda API, CreateFunction).
const LONGEST_FUNCTION_NAME: usize = 64;

/// One piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Literal(char),
    AnyOne,
    AnyRun,
}

/// Whether the whole text fits a pattern, in which `*` stands for any run of characters and `?` for any one.
pub fn is_like(pattern: &str, text: &str) -> bool {
    Pattern::wildcard(pattern).matches(text)
}

/// A sequence of characters and wildcards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Token>);

/// For how many function names something holds, where the name is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Never,
    Sometimes,
    Always,
}

impl Pattern {
    /// `*` and `?` are wildcards.
    pub(super) fn wildcard(text: &str) -> Self {
        let mut pattern = Self::default();
        pattern.push_wildcard(text);
        pattern
    }

    /// Appends a text in which `*` and `?` are wildcards.
    pub(super) fn push_wildcard(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                // A second star in a row adds nothing.
                '*' if self.0.last() == Some(&Token::AnyRun) => {}
                '*' => self.0.push(Token::AnyRun),
                '?' => self.0.push(Token::AnyOne),
                other => self.0.push(Token::Literal(other)),
            }
        }
    }

    /// Appends a text in which every character stands for itself.
    pub(super) fn push_literal(&mut self, text: &str) {
        self.0.extend(text.chars().map(Token::Literal));
    }

    /// The same pattern with its ASCII letters in lower case, for texts in lower case.
    pub(super) fn to_ascii_lowercase(&self) -> Self {
        let lower = |token: &Token| match token {
            Token::Literal(character) => Token::Literal(character.to_ascii_lowercase()),
            wildcard => *wildcard,
        };
        Self(self.0.iter().map(lower).collect())
    }

    /// The parts between colons; the last of `count` parts keeps its colons. None when there are fewer.
    pub(super) fn split_at_colons(&self, count: usize) -> Option<Vec<Self>> {
        let parts: Vec<Self> = self
            .0
            .splitn(count, |token| *token == Token::Literal(':'))
            .map(|part| Self(part.to_vec()))
            .collect();
        (parts.len() == count).then_some(parts)
    }

    /// Whether the whole text fits.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.accepts(&self.after(text))
    }

    /// For how many function names (1 to 64 of `[a-zA-Z0-9-_]`) the text `start` + name fits.
    ///
    /// `Never` is exact. `Always` is claimed only where one possible rest of the pattern takes every name;
    /// what is more tangled is `Sometimes`, the cautious answer.
    pub(super) fn matches_every_name_after(&self, start: &str) -> Holds {
        let mut positions = self.after(start);
        let takes_every_name = |rest: &[Token]| {
            rest.contains(&Token::AnyRun)
                && rest.iter().all(|token| !matches!(token, Token::Literal(_)))
                && rest.iter().filter(|token| **token == Token::AnyOne).count() <= 1
        };
        if (0..=self.0.len()).any(|at| positions[at] && takes_every_name(&self.0[at..])) {
            return Holds::Always;
        }
        for _ in 0..LONGEST_FUNCTION_NAME {
            positions = self
                .step(&positions, |literal| literal.is_ascii_alphanumeric() || matches!(literal, '-' | '_'));
            if self.accepts(&positions) {
                return Holds::Sometimes;
            }
        }
        Holds::Never
    }

    /// The positions that are possible once the text has been read.
    fn after(&self, text: &str) -> Vec<bool> {
        let mut positions = vec![false; self.0.len() + 1];
        positions[0] = true;
        self.skip_runs(&mut positions);
        for character in text.chars() {
            positions = self.step(&positions, |literal| literal == character);
        }
        positions
    }

    /// The positions that are possible one character later.
    fn step(&self, positions: &[bool], fits: impl Fn(char) -> bool) -> Vec<bool> {
        let mut next = vec![false; positions.len()];
        for (at, token) in self.0.iter().enumerate().filter(|(at, _)| positions[*at]) {
            match token {
                Token::AnyRun => next[at] = true,
                Token::AnyOne => next[at + 1] = true,
                Token::Literal(literal) if fits(*literal) => next[at + 1] = true,
                Token::Literal(_) => {}
            }
        }
        self.skip_runs(&mut next);
        next
    }

    /// A run may be empty, so what follows it is possible too.
    fn skip_runs(&self, positions: &mut [bool]) {
        for (at, token) in self.0.iter().enumerate() {
            if positions[at] && *token == Token::AnyRun {
                positions[at + 1] = true;
            }
        }
    }

    fn accepts(&self, positions: &[bool]) -> bool {
        positions.last() == Some(&true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The plainest matcher there is, to compare with.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            (Some(('?', rest)), Some((_, tail))) => naive(rest, tail),
            (Some((one, rest)), Some((other, tail))) => one == other && naive(rest, tail),
            _ => false,
        }
    }

    #[test]
    fn names_that_are_not_known_are_covered_always_sometimes_or_never() {
        use Holds::{Always, Never, Sometimes};
        let table = [
            ("f:*", Always),
            ("*", Always),
            ("f*", Always),
            ("f:?*", Always),
            ("*:*", Always),
            ("f:**?", Always),
            ("f:??*", Sometimes),
            ("f:a*", Sometimes),
            ("f:*a*", Sometimes),
            ("f:?", Sometimes),
            ("f:checkout", Sometimes),
            ("f:", Never),
            ("f:a.b", Never),
            ("f:*:live", Never),
            ("g:*", Never),
            ("", Never),
        ];
        for (pattern, expected) in table {
            assert_eq!(Pattern::wildcard(pattern).matches_every_name_after("f:"), expected, "{pattern}");
        }
        let too_long = format!("f:{}*", "?".repeat(65));
        assert_eq!(Pattern::wildcard(&too_long).matches_every_name_after("f:"), Never);
        let mut literal = Pattern::default();
        literal.push_literal("f:*");
        assert_eq!(literal.matches_every_name_after("f:"), Never);
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_text_times_pattern() {
        let pattern = Pattern::wildcard(&"*a".repeat(2_000));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(2_000))));
        assert!(pattern.matches(&"a".repeat(2_000)));
    }

    #[test]
    fn colons_part_a_pattern_and_the_last_part_keeps_them() {
        let parts = Pattern::wildcard("a:*:c:d").split_at_colons(3).unwrap();
        assert_eq!(parts, ["a", "*", "c:d"].map(Pattern::wildcard));
        assert!(Pattern::wildcard("a*").split_at_colons(2).is_none());
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_naive_matcher(pattern in "[ab*?]{0,10}", text in "[ab]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::wildcard(&pattern).matches(&text), naive(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn what_holds_always_or_never_does_so_for_each_name(pattern in "[ab*?:]{0,8}", name in "[ab]{1,6}") {
            let text = format!("b:{name}");
            let pattern = Pattern::wildcard(&pattern);
            match pattern.matches_every_name_after("b:") {
                Holds::Always => prop_assert!(pattern.matches(&text)),
                Holds::Never => prop_assert!(!pattern.matches(&text)),
                Holds::Sometimes => {}
            }
        }
    }
}
