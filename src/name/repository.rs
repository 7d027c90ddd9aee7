//! Repository names and image tags.

use std::str::FromStr;

use super::{NameError, text_newtype};

/// The name of an ECR repository:
/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`, 2 to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

text_newtype!(RepositoryName);

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why: &str| Err(NameError::new("repository name", text, why));
        if !(2..=256).contains(&text.len()) {
            return refuse("a repository name has 2 to 256 characters");
        }
        match text.split('/').find(|component| !is_component(component)) {
            None => Ok(Self(text.to_owned())),
            Some(component) => refuse(&format!(
                "the part {component:?} must be lower-case letters and digits, joined by single '.', '_', '__' or '-'"
            )),
        }
    }
}

/// Whether a path component is runs of `[a-z0-9]` joined by the separators `.`, `_`, `__` and `-+`.
fn is_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let edges = component.starts_with(alphanumeric) && component.ends_with(alphanumeric);
    edges
        && component.split(alphanumeric).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
        })
}

/// An image tag: `[\w][\w.-]{0,127}` (OCI distribution specification; ECR refuses more, such as `+`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

text_newtype!(Tag);

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why: &str| Err(NameError::new("tag", text, why));
        if text.is_empty() || text.len() > 128 {
            return refuse("a tag has 1 to 128 characters");
        }
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-') {
            return refuse("only letters, digits, '_', '.' and '-' are allowed");
        }
        if !word(text.as_bytes()[0]) {
            return refuse("a tag starts with a letter, a digit or '_'");
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_ecrs_pattern() {
        for good in ["ab", "team/checkout", "a.b_c__d-e--f/9", "1/2"] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in [
            "a", "", "Team", "a//b", "/ab", "ab/", "a..b", "a___b", "-ab", "ab-", "a b", "a:b", "a/../b",
            "é1",
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
        assert!("a".repeat(257).parse::<RepositoryName>().is_err());
    }

    #[test]
    fn tags_follow_the_oci_pattern() {
        for good in ["v1", "1.2.3-rc_1", "_x", &"x".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", "1.0+build", ".x", "-x", "a/b", "a:b", "ü", &"x".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }
}
