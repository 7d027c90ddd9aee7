//! How a person names an image on this machine: `docker-archive:FILE[:REF]` and its siblings.
//!
//! Parsing looks at the text alone. A path may contain `:` itself, so where the path ends and the `REF` begins is
//! decided when the source is opened: the longest part (ending before a `:`, or at the end) that exists is the path.
//! Where none exists, the text is split at the first `:`, as skopeo and podman always do.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::{ImageError, Problem};
use super::remote::RemoteReference;
use super::selector::Selector;

/// An image source, as named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRef {
    text: String,
    transport: Transport,
    /// What follows the transport's colon.
    rest: String,
}

/// What kind of source it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `docker-archive:FILE[:REF]`: what `docker save` and `podman save` write.
    DockerArchive,
    /// `oci:DIR[:REF]`: an OCI image layout in a directory.
    OciLayout,
    /// `oci-archive:FILE[:REF]`: the same in a tar archive.
    OciArchive,
    /// `docker-daemon:REF`: an image in Docker's own store.
    DockerDaemon,
    /// `docker://HOST/REPOSITORY[:TAG|@DIGEST]`: an image in a registry.
    Registry,
    /// A path (and possibly `:REF`): what it is shows when it is opened.
    Path,
}

/// Sources of containers/image that are not read here, to tell them from paths.
const FOREIGN_TRANSPORTS: [&str; 5] = ["dir", "containers-storage", "ostree", "sif", "tarball"];

impl SourceRef {
    /// The source as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What kind of source it is.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// What follows the transport.
    pub(super) fn rest(&self) -> &str {
        &self.rest
    }

    /// The image in a registry that `docker://` names.
    pub(super) fn remote(&self) -> Result<RemoteReference, Problem> {
        RemoteReference::parse(&self.rest)
    }

    /// The same, where this is such a source and its name is a good one.
    pub fn in_registry(&self) -> Option<RemoteReference> {
        (self.transport == Transport::Registry).then(|| self.remote().ok()).flatten()
    }

    /// The source as it is written where its path, if it has one that is not absolute, is relative to `folder`.
    pub fn in_folder(&self, folder: &Path) -> String {
        match self.transport {
            Transport::DockerDaemon | Transport::Registry => self.text.clone(),
            Transport::DockerArchive | Transport::OciLayout | Transport::OciArchive | Transport::Path => {
                let prefix = &self.text[..self.text.len() - self.rest.len()];
                let joined = folder.join(&self.rest).display().to_string();
                // A folder such as `oci:` would be taken for a transport.
                let is_plain = !prefix.is_empty() || folder.as_os_str().is_empty() || folder.is_absolute();
                if is_plain { format!("{prefix}{joined}") } else { format!("./{joined}") }
            }
        }
    }

    /// Where the source's path ends and what it says after it. `exists` tells whether a path is there.
    pub(super) fn split(&self, exists: impl Fn(&Path) -> bool) -> Result<(PathBuf, Selector), Problem> {
        let whole = Path::new(&self.rest);
        if exists(whole) {
            return Ok((whole.to_owned(), Selector::Only));
        }
        let colons = || self.rest.match_indices(':').map(|(index, _)| index).filter(|&index| index > 0);
        let longest = colons().rev().find(|&index| exists(Path::new(&self.rest[..index])));
        let Some(colon) = longest.or_else(|| colons().next()) else {
            return Ok((whole.to_owned(), Selector::Only));
        };
        let path = PathBuf::from(&self.rest[..colon]);
        // A path that does not exist is the greater mistake: whoever opens it says so.
        if longest.is_none() {
            return Ok((path, Selector::Only));
        }
        Ok((path, Selector::parse(Some(&self.rest[colon + 1..]))?))
    }
}

impl std::fmt::Display for SourceRef {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for SourceRef {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let refuse =
            |problem| Err(ImageError::new(format!("image source {:?}", without_login(text)), problem));
        let (name, rest) = text.split_once(':').unwrap_or(("", text));
        let (transport, rest) = match name {
            "docker-archive" => (Transport::DockerArchive, rest),
            "oci" => (Transport::OciLayout, rest),
            "oci-archive" => (Transport::OciArchive, rest),
            "docker-daemon" => (Transport::DockerDaemon, rest),
            "docker" if rest.starts_with("//") => (Transport::Registry, &rest[2..]),
            _ if FOREIGN_TRANSPORTS.contains(&name) => {
                return refuse(Problem::ForeignTransport { transport: name.to_owned() });
            }
            _ => (Transport::Path, text),
        };
        if rest.is_empty() || rest.starts_with(':') {
            return refuse(Problem::NoPath);
        }
        if without_login(text) != text {
            let why = "it has a login in it; leave that out, and use docker login".to_owned();
            return refuse(Problem::BadName { given: without_login(text), why });
        }
        let source = Self { text: text.to_owned(), transport, rest: rest.to_owned() };
        if transport == Transport::Registry
            && let Err(problem) = source.remote()
        {
            return refuse(problem);
        }
        Ok(source)
    }
}

/// The source without what stands before the host of a registry: `docker://user:password@host/…`. It would be found again in
/// messages, and so in logs. (An `@` with a digest behind it belongs to the name.)
fn without_login(text: &str) -> String {
    let Some(rest) = text.strip_prefix("docker://") else { return text.to_owned() };
    let host = rest.split('/').next().unwrap_or(rest);
    match host.rsplit_once('@') {
        Some((_, host)) if !host.starts_with("sha256:") => {
            let start = rest.find(&format!("@{host}")).map_or(0, |at| at + 1);
            format!("docker://{}", &rest[start..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ImageErrorKind;
    use crate::name::Digest;

    #[test]
    fn a_path_is_taken_from_a_folder_and_a_name_is_not() {
        for (text, folder, expected) in [
            ("app.tar", "", "app.tar"),
            ("app.tar:app:v1", "..", "./../app.tar:app:v1"),
            ("oci:dir:v1", "/srv", "oci:/srv/dir:v1"),
            ("docker-archive:/a/app.tar", "/srv", "docker-archive:/a/app.tar"),
            ("app.tar", "oci:", "./oci:/app.tar"),
            ("docker-daemon:app:v1", "/srv", "docker-daemon:app:v1"),
            ("docker://host/app", "/srv", "docker://host/app"),
        ] {
            let source: SourceRef = text.parse().unwrap();
            assert_eq!(source.in_folder(Path::new(folder)), expected, "{text} in {folder}");
        }
    }

    #[test]
    fn the_transport_is_what_precedes_the_first_colon() {
        for (text, transport, rest) in [
            ("docker-archive:app.tar", Transport::DockerArchive, "app.tar"),
            ("docker-archive:/a/b.tar:app:v1", Transport::DockerArchive, "/a/b.tar:app:v1"),
            ("oci:dir:v1", Transport::OciLayout, "dir:v1"),
            ("oci-archive:app.tar", Transport::OciArchive, "app.tar"),
            ("docker-daemon:app:v1", Transport::DockerDaemon, "app:v1"),
            ("docker://host/app:v1", Transport::Registry, "host/app:v1"),
            ("app.tar", Transport::Path, "app.tar"),
            ("./oci:dir", Transport::Path, "./oci:dir"),
            ("app.tar:app:v1", Transport::Path, "app.tar:app:v1"),
            (r"C:\images\app.tar", Transport::Path, r"C:\images\app.tar"),
            ("docker:app", Transport::Path, "docker:app"),
        ] {
            let source: SourceRef = text.parse().unwrap();
            assert_eq!((source.transport(), source.rest.as_str(), source.as_str()), (transport, rest, text));
        }
    }

    #[test]
    fn what_names_no_source_is_refused_with_a_hint() {
        for (text, kind) in [
            ("", ImageErrorKind::Usage),
            ("docker-archive:", ImageErrorKind::Usage),
            ("oci:", ImageErrorKind::Usage),
            ("oci::v1", ImageErrorKind::Usage),
            ("docker://", ImageErrorKind::Usage),
            ("containers-storage:localhost/app", ImageErrorKind::Unsupported),
            ("dir:/x", ImageErrorKind::Unsupported),
        ] {
            let error = text.parse::<SourceRef>().unwrap_err();
            assert_eq!(error.kind(), kind, "{text}");
            assert!(error.hint().is_some(), "{text}");
            assert!(error.to_string().contains(text));
        }
    }

    #[test]
    fn a_login_in_the_name_of_an_image_is_refused_and_not_repeated() {
        for text in
            ["docker://user:hunter2@host:5000/app", "docker://hunter2@host/app:v1", "docker://u:hunter2@host"]
        {
            let error = text.parse::<SourceRef>().unwrap_err();
            assert_eq!(error.kind(), ImageErrorKind::Usage);
            assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("hunter2"), "{error}");
        }
        let digest = Digest::of(b"");
        for text in [format!("docker://alpine@{digest}"), format!("docker://host/app@{digest}")] {
            assert!(text.parse::<SourceRef>().is_ok(), "{text}");
        }
    }

    #[test]
    fn the_longest_existing_path_wins_and_what_follows_is_the_reference() {
        let table: &[(&str, &[&str], &str, &str)] = &[
            ("docker-archive:a.tar", &["a.tar"], "a.tar", ""),
            ("docker-archive:a.tar:app", &["a.tar"], "a.tar", "app"),
            ("docker-archive:a.tar:app:v1", &["a.tar"], "a.tar", "app:v1"),
            ("docker-archive:a.tar:host:5000/app:v1", &["a.tar"], "a.tar", "host:5000/app:v1"),
            ("docker-archive:a.tar:@3", &["a.tar"], "a.tar", "@3"),
            ("oci:we:ird", &["we:ird"], "we:ird", ""),
            ("oci:we:ird:v1", &["we:ird", "we"], "we:ird", "v1"),
            ("oci:we:ird:v1", &["we"], "we", "ird:v1"),
            ("docker-archive:none.tar:app:v1", &[], "none.tar", ""),
            ("none.tar", &[], "none.tar", ""),
            ("a.tar:app", &["a.tar"], "a.tar", "app"),
        ];
        for (text, there, path, reference) in table {
            let source: SourceRef = text.parse().unwrap();
            let (found, selector) =
                source.split(|path| there.iter().any(|there| Path::new(there) == path)).unwrap();
            assert_eq!(found, Path::new(path), "{text}");
            assert_eq!(selector.to_string(), *reference, "{text}");
        }
    }

    #[test]
    fn an_empty_or_wrong_reference_after_an_existing_path_is_refused() {
        for text in ["oci:dir:", "oci:dir:@", "oci:dir:@sha256:12"] {
            let source: SourceRef = text.parse().unwrap();
            assert!(source.split(|path| path == Path::new("dir")).is_err(), "{text}");
        }
    }
}
