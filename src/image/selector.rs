//! Which image of several is meant: the `REF` after a source's path.

use oci_client::Reference;

use crate::name::Digest;

use super::error::Problem;

/// Which image of several is meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selector {
    /// The only one there.
    Only,
    /// By a name it was given, in the same words or completed as Docker completes names (`app` is
    /// `docker.io/library/app:latest`). It need not be a name in Docker's sense: OCI layouts allow others.
    Name(String),
    /// `@N`: by its place in the table of contents, from 0.
    Position(usize),
    /// `@sha256:…`: by the digest of its manifest, or of its configuration where the source has no manifest.
    Digest(Digest),
}

impl Selector {
    /// Parses the `REF` of a source.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Problem> {
        let Some(text) = text else { return Ok(Self::Only) };
        if text.is_empty() {
            return Err(Problem::bad_reference(text, "nothing follows the ':'"));
        }
        if let Some(position) = text.strip_prefix('@') {
            return match position.parse() {
                Ok(digest) => Ok(Self::Digest(digest)),
                Err(error) if position.contains(':') => Err(Problem::bad_reference(text, error.to_string())),
                // Neither "+1" nor "01": Rust's parser is more generous than a position should be.
                Err(_) if position.starts_with('+') || (position.len() > 1 && position.starts_with('0')) => {
                    Err(Problem::bad_reference(text, "a position is a plain number"))
                }
                Err(_) => match position.parse() {
                    Ok(position) => Ok(Self::Position(position)),
                    Err(_) => Err(Problem::bad_reference(text, "a number or a digest follows the '@'")),
                },
            };
        }
        let bare_id = text.strip_prefix("sha256:").unwrap_or(text);
        if bare_id.len() == 64 && bare_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Problem::bad_reference(text, "a digest is written @sha256:…"));
        }
        if text.contains("@sha256:") {
            return Err(Problem::bad_reference(text, "a name and a digest are given; one of them is enough"));
        }
        Ok(Self::Name(text.to_owned()))
    }

    /// Whether `name`, which the source gives to an image, is the one that is meant.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let Self::Name(given) = self else { return false };
        if given == name {
            return true;
        }
        // Only names that end alike can be the same. Parsing costs some 50 ms the first time, for a large pattern.
        last_part(given) == last_part(name) && is_reference(given) && {
            let full = |name: &str| name.parse::<Reference>().ok();
            full(given) == full(name)
        }
    }
}

/// Whether a name is one in Docker's sense.
pub(super) fn is_reference(name: &str) -> bool {
    name.parse::<Reference>().is_ok()
}

/// The last component of a name, and its tag.
fn last_part(name: &str) -> (&str, &str) {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split_once(':').unwrap_or((last, "latest"))
}

impl std::fmt::Display for Selector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Only => Ok(()),
            Self::Name(given) => formatter.write_str(given),
            Self::Position(position) => write!(formatter, "@{position}"),
            Self::Digest(digest) => write!(formatter, "@{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_docker_completes_them() {
        for (given, name, same) in [
            ("app", "docker.io/library/app:latest", true),
            ("app", "app:latest", true),
            ("app:v1", "docker.io/library/app:v1", true),
            ("app:v1", "index.docker.io/library/app:v1", true),
            ("team/app", "docker.io/team/app:latest", true),
            ("localhost/app", "localhost/app:latest", true),
            ("localhost:5000/app:v1", "localhost:5000/app:v1", true),
            ("Any Name", "Any Name", true),
            ("app", "localhost/app:latest", false),
            ("app", "app:v1", false),
            ("app:v1", "v1", false),
            ("app", "library/app", true),
            ("app", "other/app", false),
            ("app:latest", "app", true),
            ("App Name", "library/App Name", false),
            ("Any Name", "any name", false),
        ] {
            let selector = Selector::parse(Some(given)).unwrap();
            assert_eq!(selector.is_named(name), same, "{given} {name}");
        }
    }

    #[test]
    fn positions_and_digests_follow_an_at_sign() {
        let digest = Digest::of(b"");
        assert_eq!(Selector::parse(None).unwrap(), Selector::Only);
        assert_eq!(Selector::parse(Some("@0")).unwrap(), Selector::Position(0));
        assert_eq!(Selector::parse(Some("@12")).unwrap(), Selector::Position(12));
        assert_eq!(Selector::parse(Some(&format!("@{digest}"))).unwrap(), Selector::Digest(digest));
        let hex = digest.hex();
        for bad in [
            "",
            "@",
            "@x",
            "@-1",
            "@+1",
            "@01",
            "@99999999999999999999999",
            "@sha256:abc",
            "@sha512:abc",
            &hex,
        ] {
            assert!(Selector::parse(Some(bad)).is_err(), "{bad}");
        }
        for bad in [digest.to_string(), format!("app@{digest}"), format!("app:v1@{digest}")] {
            assert!(Selector::parse(Some(&bad)).is_err(), "{bad}");
        }
    }
}
