//! The names that ECR takes: repositories, tags, registries.

use super::refusal::Refusal;
use crate::blobs::is_digest;
use crate::partition::is_account;

/// Checks a repository's name as the control plane does.
pub(crate) fn check_repository(name: &str) -> Result<(), Refusal> {
    if !(2..=256).contains(&name.len()) {
        let bound = if name.len() < 2 { "greater than or equal to 2" } else { "less than or equal to 256" };
        return Err(Refusal::invalid("repositoryName", &format!("must have length {bound}")));
    }
    if is_repository(name) {
        return Ok(());
    }
    Err(Refusal::invalid(
        "repositoryName",
        "must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'",
    ))
}

/// Whether the text is a repository's name: path components of lower-case words joined by `.`, `_`, `__` or dashes.
pub(crate) fn is_repository(name: &str) -> bool {
    (2..=256).contains(&name.len()) && name.split('/').all(is_component)
}

fn is_component(component: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    // Between two words stands one separator; what separators there are is what is left without the words.
    word(first)
        && word(last)
        && component
            .split(|letter: char| u8::try_from(letter).is_ok_and(word))
            .filter(|separator| !separator.is_empty())
            .all(|separator| {
                matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
            })
}

/// Whether the text is a tag: `[\w][\w.-]{0,127}`.
pub(crate) fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

/// Checks a registry id.
pub(crate) fn check_registry(id: &str) -> Result<(), Refusal> {
    if is_account(id) {
        return Ok(());
    }
    Err(Refusal::invalid("registryId", "must satisfy regular expression '[0-9]{12}'"))
}

/// Checks a tag or a digest of the registry's path.
pub(crate) fn check_reference(reference: &str) -> Result<(), Refusal> {
    match reference.contains(':') {
        true if is_digest(reference) => Ok(()),
        true => Err(Refusal::invalid_digest(reference)),
        false if is_tag(reference) => Ok(()),
        false => Err(Refusal::invalid_tag(reference)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_documented_pattern() {
        for name in ["app", "a1", "team/app", "a.b_c__d--e", "a---b", "1/2"] {
            assert!(is_repository(name), "{name}");
        }
        let long = "a".repeat(257);
        for name in [
            "", "a", "App", "/app", "app/", "a//b", "-app", "app-", "a..b", "a___b", "a._b", "a b", "é",
            "..", &long,
        ] {
            assert!(!is_repository(name), "{name}");
        }
    }

    #[test]
    fn tags_and_digests_are_told_apart() {
        for reference in ["v1", "_x", "sha256-ab12", "1.0.0", &format!("sha256:{}", "0".repeat(64))] {
            assert_eq!(check_reference(reference), Ok(()), "{reference}");
        }
        let long = "a".repeat(129);
        for (reference, code) in [
            ("1.0+2", "TAG_INVALID"),
            (".x", "TAG_INVALID"),
            (&long, "TAG_INVALID"),
            ("sha256:0", "DIGEST_INVALID"),
        ] {
            assert_eq!(check_reference(reference).unwrap_err().code, code, "{reference}");
        }
    }
}
