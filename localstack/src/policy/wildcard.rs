//! Matching with `*` (any number of characters) and `?` (exactly one).

/// Whether `text` fits `pattern`. Case counts.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where the last star stands, and how much of the text it has swallowed so far.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some('*') => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match star {
                Some((position, swallowed)) => {
                    star = Some((position, swallowed + 1));
                    at_pattern = position + 1;
                    at_text = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|rest| *rest == '*')
}

/// Whether an ARN fits a pattern, component by component: a star does not span the first five colons.
pub(super) fn fits_arn(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<&str>, Vec<&str>) =
        (pattern.splitn(6, ':').collect(), text.splitn(6, ':').collect());
    pattern.len() == text.len() && pattern.iter().zip(text).all(|(pattern, text)| fits(pattern, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_span_and_question_marks_take_one() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("?", "", false),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("a?c", "abc", true),
            ("a?c", "abbc", false),
            ("*b*b*", "abab", true),
            ("Abc", "abc", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn an_arn_pattern_is_compared_component_by_component() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:app";
        assert!(fits_arn("arn:aws:lambda:*:123456789012:function:*", arn));
        assert!(fits_arn("arn:*:lambda:eu-west-?:*:*", arn));
        assert!(!fits_arn("arn:aws:*:function:*", arn), "the star must not swallow colons");
        assert!(!fits_arn("*", arn));
    }
}
