//! How an image is called when a daemon is asked for it.

use super::DaemonProblem;

/// The longest name that is sent: Docker's own limit is 255 for a repository and 128 for a tag, a digest has 71.
const LONGEST: usize = 512;

/// A name, name and tag, name and digest, or an id, whole or short. The daemon decides what it means; here it is held to
/// characters that mean nothing else in the path of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageReference(String);

impl ImageReference {
    pub(super) fn parse(text: &str) -> Result<Self, DaemonProblem> {
        let refuse = |why| Err(DaemonProblem::BadReference { given: text.to_owned(), why });
        if text.is_empty() || text.len() > LONGEST {
            return refuse("a name has 1 to 512 characters");
        }
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
        if !text.bytes().all(usual) {
            return refuse("a name has letters, digits and . _ - / : @ only");
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refuse("a part between two '/' is missing");
        }
        if !text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return refuse("a name begins with a letter or a digit");
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tags_digests_and_ids_are_taken_as_they_are() {
        let id = "3b4cc3bf1a5cbb3c4ba5cd3b0f5ee0a1e3e1c7f4fd19e7d5dca0a6cbfa1ba7a2";
        for text in [
            "app",
            "app:v1",
            "team/app:v1.2_3-x",
            "localhost:5000/app",
            "registry.example/team/app:latest",
            &format!("app@sha256:{id}"),
            &format!("sha256:{id}"),
            id,
            "3b4cc3bf1a5c",
        ] {
            assert_eq!(ImageReference::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_would_lead_elsewhere_in_a_path_is_refused() {
        let long = "a".repeat(513);
        for text in [
            "",
            "../app",
            "a/../../containers",
            "a//b",
            "/app",
            "app/",
            "app?x=1",
            "app#x",
            "a b",
            "a%2e",
            "é",
            "@x",
            ":v1",
            "-x",
            "a\n",
            &long,
        ] {
            assert!(ImageReference::parse(text).is_err(), "{text:?}");
        }
    }
}
