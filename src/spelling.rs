//! What a misspelt word was meant to be.

/// How much alike two words must be for one to be taken as the other, misspelt.
const ALIKE: f64 = 0.8;

/// The known word that `word` was probably meant to be. Case, `-` and `_` make no difference.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    let likeness = |candidate: &&str| strsim::jaro_winkler(&plain(word), &plain(candidate));
    let nearest = known.iter().copied().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    nearest.filter(|candidate| likeness(candidate) >= ALIKE)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelt_word_finds_the_one_that_was_meant() {
        let known = ["image", "repository", "create-repository", "MemorySize"];
        for (word, meant) in [
            ("imgae", Some("image")),
            ("Repository", Some("repository")),
            ("create_repository", Some("create-repository")),
            ("memory-size", Some("MemorySize")),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word:?}");
        }
        assert_eq!(nearest("image", &[]), None);
    }
}
