//! How an image in a registry is named: `HOST/REPOSITORY[:TAG][@DIGEST]`, with Docker's rules for what may be left out.
//! (Distribution's `reference` package is the specification.)

use std::str::FromStr;

use crate::image::error::Problem;
use crate::name::{Digest, Tag};

/// The host that names without one belong to.
const DOCKER_HUB: &str = "docker.io";

/// Where Docker Hub answers; its name alone leads to a web site.
const DOCKER_HUB_ADDRESS: &str = "registry-1.docker.io";

/// What a name without tag and digest means.
const DEFAULT_TAG: &str = "latest";

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteReference {
    /// The registry, with its port when it has one: `docker.io`, `localhost:5000`.
    pub host: String,
    /// The repository in it: `library/alpine`.
    pub repository: String,
    /// Which of its images.
    pub pin: Pin,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// The one that a tag names when it is asked.
    Tag(Tag),
    /// The one with this digest. A tag beside it says nothing more, and is ignored as Docker does.
    Digest(Digest),
}

impl RemoteReference {
    /// Host and port to connect to.
    pub(super) fn address(&self) -> &str {
        if self.host == DOCKER_HUB { DOCKER_HUB_ADDRESS } else { &self.host }
    }

    /// The registry and the repository, without a pin.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

impl RemoteReference {
    /// Parses what follows `docker://`.
    pub(in crate::image) fn parse(text: &str) -> Result<Self, Problem> {
        let refuse = |why: String| Problem::BadName { given: text.to_owned(), why };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                (name, Some(digest.parse::<Digest>().map_err(|error| refuse(error.to_string()))?))
            }
            None => (text, None),
        };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[last..].split_once(':') {
            Some((short, tag)) => (&name[..last + short.len()], Some(tag)),
            None => (name, None),
        };
        let tag = tag.map(Tag::from_str).transpose().map_err(|error| refuse(error.to_string()))?;
        let (host, repository) = split_host(name);
        check_host(&host).map_err(refuse)?;
        check_repository(&repository).map_err(refuse)?;
        let pin = match (digest, tag) {
            (Some(digest), _) => Pin::Digest(digest),
            (None, Some(tag)) => Pin::Tag(tag),
            (None, None) => Pin::Tag(DEFAULT_TAG.parse().map_err(|_| refuse("no tag is given".to_owned()))?),
        };
        Ok(Self { host, repository, pin })
    }
}

/// A name's first part is a host when it looks like one; otherwise the name is one of Docker Hub.
fn split_host(name: &str) -> (String, String) {
    let is_host = |part: &str| {
        part == "localhost" || part.contains(['.', ':']) || part.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    let (host, rest) = match name.split_once('/') {
        Some((first, rest)) if is_host(first) => (first, rest),
        _ => (DOCKER_HUB, name),
    };
    let host = if host == "index.docker.io" { DOCKER_HUB } else { host };
    let official = host == DOCKER_HUB && !rest.contains('/') && !rest.is_empty();
    (host.to_owned(), if official { format!("library/{rest}") } else { rest.to_owned() })
}

/// A host name, an IPv4 address or an IPv6 address in brackets, each with a port or without.
fn check_host(host: &str) -> Result<(), String> {
    let refuse = || Err(format!("{host:?} is not a host"));
    let (name, port) = match host.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, port))) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
            (None, port.strip_prefix(':').or_else(|| port.is_empty().then_some("0")))
        }
        Some(_) => return refuse(),
        None => match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), Some("0")),
        },
    };
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let label = |label: &str| {
        let edges = !label.starts_with('-') && !label.ends_with('-');
        edges && !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let good = name.is_none_or(|name| name.split('.').all(label)) && port.is_some_and(digits);
    if good { Ok(()) } else { refuse() }
}

/// Runs of lower-case letters and digits, joined by `.`, `_`, `__` or dashes, in parts between slashes; at most 255
/// characters.
fn check_repository(repository: &str) -> Result<(), String> {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = |part: &str| {
        let joints = |joint: &str| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|b| b == b'-');
        part.starts_with(alphanumeric) && part.ends_with(alphanumeric) && part.split(alphanumeric).all(joints)
    };
    if repository.len() > 255 {
        return Err("a repository's name has at most 255 characters".to_owned());
    }
    match repository.split('/').find(|part| !good(part)) {
        None => Ok(()),
        Some("") => Err("a part of the repository's name is empty".to_owned()),
        Some(part) => Err(format!(
            "in the repository's name, {part:?} must be lower-case letters and digits, joined by '.', '_', '__' or '-'"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn parsed(text: &str) -> Option<(String, String, String)> {
        let reference = RemoteReference::parse(text).ok()?;
        Some((reference.host, reference.repository, reference.pin.to_string()))
    }

    #[test]
    fn names_are_completed_as_docker_and_skopeo_complete_them() {
        for (text, host, repository, pin) in [
            ("alpine", "docker.io", "library/alpine", "latest"),
            ("alpine:3.20", "docker.io", "library/alpine", "3.20"),
            ("team/app", "docker.io", "team/app", "latest"),
            ("docker.io/alpine", "docker.io", "library/alpine", "latest"),
            ("index.docker.io/alpine", "docker.io", "library/alpine", "latest"),
            ("docker.io/team/app:v1", "docker.io", "team/app", "v1"),
            ("localhost/app", "localhost", "app", "latest"),
            ("localhost:5000/app", "localhost:5000", "app", "latest"),
            ("localhost:5000/a/b/c:v1", "localhost:5000", "a/b/c", "v1"),
            ("127.0.0.1:5000/app:v1", "127.0.0.1:5000", "app", "v1"),
            ("[::1]:5000/app", "[::1]:5000", "app", "latest"),
            ("[fe80::1]/app", "[fe80::1]", "app", "latest"),
            ("ghcr.io/org/app:Tag_1.0-x", "ghcr.io", "org/app", "Tag_1.0-x"),
            ("MyHost/app", "MyHost", "app", "latest"),
            ("my-host.example/a__b/c-d.e_f/g---h", "my-host.example", "a__b/c-d.e_f/g---h", "latest"),
            ("test.com:5000", "docker.io", "library/test.com", "5000"),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1",
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                "team/app",
                "1",
            ),
        ] {
            let expected = (host.to_owned(), repository.to_owned(), pin.to_owned());
            assert_eq!(parsed(text), Some(expected), "{text}");
        }
        for text in [format!("alpine@{DIGEST}"), format!("docker.io/library/alpine:3@{DIGEST}")] {
            let (host, repository, pin) = parsed(&text).unwrap();
            assert_eq!(
                (host.as_str(), repository.as_str(), pin.as_str()),
                ("docker.io", "library/alpine", DIGEST)
            );
        }
    }

    #[test]
    fn what_no_registry_could_have_is_refused() {
        for text in [
            "",
            "/app",
            "host.example/",
            "host.example//app",
            "app:",
            "app@",
            "app@sha256:abc",
            "app@sha512:0",
            "localhost/App",
            "team/App",
            "app:v+1",
            "ho st.example/app",
            "host.example:x/app",
            "host.example:99999/app",
            "host.example:/app",
            "-host.example/app",
            "host..example/app",
            "user@host.example/app",
            "host.example/../etc",
            "host.example/a/./b",
            "host.example/app?x=1",
            "host.example/app#x",
            "[::1/app",
            "[zz]/app",
            "https://host.example/app",
            "app ",
            "é.example/app",
            &format!("host.example/{}", "a".repeat(256)),
        ] {
            assert!(RemoteReference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_that_another_implementation_reads_are_read_alike() {
        for text in [
            "busybox",
            "test.com/repo:tag",
            "test:5000/repo",
            "sub-dom1.foo.com/bar/baz/quux:some-long-tag",
            "xn--n3h.com/myimage:xn--n3h.com",
            "foo/foo_bar.com:8080",
            "opensuse/leap:15.3",
            "a/b/c/d",
        ] {
            let theirs: oci_client::Reference = text.parse().unwrap();
            let (host, repository, pin) = parsed(text).unwrap();
            assert_eq!(
                (host.as_str(), repository.as_str(), Some(pin.as_str())),
                (theirs.registry(), theirs.repository(), theirs.tag()),
                "{text}"
            );
        }
    }

    #[test]
    fn docker_hub_is_asked_where_it_answers() {
        assert_eq!(RemoteReference::parse("alpine").unwrap().address(), "registry-1.docker.io");
        assert_eq!(RemoteReference::parse("ghcr.io/a/b").unwrap().address(), "ghcr.io");
        assert_eq!(RemoteReference::parse("alpine").unwrap().place(), "docker.io/library/alpine");
    }
}
