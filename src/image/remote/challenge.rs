//! How a registry wants to be convinced: the `WWW-Authenticate` headers of a 401. Pure.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use url::Url;

/// What to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password with every request.
    Basic,
    /// A token that somebody else hands out.
    Bearer {
        /// Who does.
        realm: Url,
        /// For whom the token shall be good, in the token service's words.
        service: Option<String>,
    },
}

impl Challenge {
    /// The challenge in the headers of an answer that can be answered. A token goes before a password, as in Docker.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let found: Vec<Self> = texts.flat_map(challenges).collect();
        let bearer = found.iter().find(|challenge| matches!(challenge, Self::Bearer { .. }));
        bearer.or(found.first()).cloned()
    }
}

fn challenges(text: &str) -> Vec<Challenge> {
    let parsed = http_auth::parse_challenges(text).unwrap_or_default();
    parsed.iter().filter_map(understood).collect()
}

fn understood(challenge: &http_auth::ChallengeRef<'_>) -> Option<Challenge> {
    let parameter = |wanted: &str| {
        let named = challenge.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.to_unescaped())
    };
    if challenge.scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !challenge.scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    Some(Challenge::Bearer { realm: parameter("realm")?.parse().ok()?, service: parameter("service") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(values: &[&str]) -> Option<Challenge> {
        let pair = |value: &&str| (WWW_AUTHENTICATE, value.parse().unwrap());
        Challenge::of(&values.iter().map(pair).collect())
    }

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.parse().unwrap(), service: service.map(str::to_owned) })
    }

    #[test]
    fn challenges_of_real_registries_are_understood() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull""#;
        let ecr = r#"Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#;
        for (values, expected) in [
            (&[hub][..], bearer("https://auth.docker.io/token", Some("registry.docker.io"))),
            (&[ecr], Some(Challenge::Basic)),
            (&["Basic realm=\"x\"", hub], bearer("https://auth.docker.io/token", Some("registry.docker.io"))),
            (
                &[
                    r#"bearer realm="https://ghcr.io/token",service="ghcr.io",scope="a,b",error="invalid_token""#,
                ],
                bearer("https://ghcr.io/token", Some("ghcr.io")),
            ),
            (&[r#"Bearer realm="https://a.example/t?x=1""#], bearer("https://a.example/t?x=1", None)),
            (&["Negotiate", "BASIC realm=\"x\""], Some(Challenge::Basic)),
            (&["Basic"], Some(Challenge::Basic)),
        ] {
            assert_eq!(challenge(values), expected, "{values:?}");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_none() {
        for values in [
            &[][..],
            &[""],
            &["Negotiate"],
            &["Bearer"],
            &[r#"Bearer service="x""#],
            &[r#"Bearer realm="not an address""#],
            &["=,,="],
        ] {
            assert_eq!(challenge(values), None, "{values:?}");
        }
    }
}
