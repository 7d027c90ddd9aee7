//! The files in which `docker login`, `podman login` and `skopeo login` keep credentials, or the name of the program
//! that keeps them. Docker's `config.json` and podman's `auth.json` have the same shape.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::Deserialize;

use super::RemoteReference;
use super::credential::{Credential, CredentialError};
use crate::image::strict_json::Object;

/// The largest file that is read. Real ones have some kilobytes.
const LARGEST_FILE: u64 = 4 << 20;

/// How Docker calls its hub where it keeps credentials.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What a file says about a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// The credential itself.
    Credential(Credential),
    /// A helper's name (`ecr-login` for `docker-credential-ecr-login`), and what to ask it for: the first that it knows.
    Helper { name: String, keys: Vec<String> },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AuthFile {
    auths: Option<HashMap<String, Object<Entry>>>,
    creds_store: Option<String>,
    cred_helpers: Option<HashMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl AuthFile {
    /// Reads a file; one that is not there says nothing.
    pub(super) fn read(path: &Path) -> Result<Self, CredentialError> {
        use std::io::Read as _;
        let unreadable = |why: String| {
            let message = format!("the stored credentials in {} cannot be read: {why}", path.display());
            CredentialError::new(message, "correct the file, or sign in again with docker login")
        };
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let mut text = Vec::new();
        file.take(LARGEST_FILE).read_to_end(&mut text).map_err(|error| unreadable(error.to_string()))?;
        Self::parse(&text).map_err(unreadable)
    }

    /// The error says where, and quotes nothing.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        if text.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let parsed = serde_json::from_slice::<Object<Self>>(text);
        parsed.map(|Object(file)| file).map_err(|error| {
            format!("it is not as docker login writes it, at line {} column {}", error.line(), error.column())
        })
    }

    /// What the file says about the registry of an image. A helper for this registry goes first, then what is stored
    /// in the file itself, then the helper for all registries.
    pub(super) fn find(&self, reference: &RemoteReference) -> Result<Option<Found>, String> {
        let wanted = scopes(reference);
        let keys = || match reference.host.as_str() {
            "docker.io" => vec![HUB_KEY.to_owned(), reference.host.clone()],
            host => vec![host.to_owned()],
        };
        let helpers = self.cred_helpers.iter().flatten().filter(|(_, name)| !name.is_empty());
        if let Some((key, name)) = most_specific(&wanted, helpers) {
            let mut keys = keys();
            if !keys.contains(key) {
                keys.insert(0, key.clone());
            }
            return Ok(Some(Found::Helper { name: name.clone(), keys }));
        }
        let entries = self.auths.iter().flatten().filter(|(_, Object(entry))| entry.says_something());
        if let Some((key, Object(entry))) = most_specific(&wanted, entries) {
            return entry.credential(key).map(|credential| Some(Found::Credential(credential)));
        }
        let store = self.creds_store.as_ref().filter(|name| !name.is_empty());
        Ok(store.map(|name| Found::Helper { name: name.clone(), keys: keys() }))
    }
}

impl Entry {
    fn says_something(&self) -> bool {
        let some = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        some(&self.identitytoken) || some(&self.auth) || (some(&self.username) && some(&self.password))
    }

    fn credential(&self, key: &str) -> Result<Credential, String> {
        if let Some(token) = self.identitytoken.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Credential::IdentityToken(token.clone()));
        }
        let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) else {
            let (user, password) = (self.username.clone(), self.password.clone());
            return Ok(Credential::Basic {
                user: user.unwrap_or_default(),
                password: password.unwrap_or_default(),
            });
        };
        let broken = || format!("auths[{key:?}].auth is not base64 of user:password");
        let decoded = lenient_base64().decode(auth.trim()).map_err(|_| broken())?;
        let text = String::from_utf8(decoded).map_err(|_| broken())?;
        let (user, password) = text.split_once(':').ok_or_else(broken)?;
        // Old versions of Docker padded the password.
        Ok(Credential::Basic { user: user.to_owned(), password: password.trim_matches('\0').to_owned() })
    }
}

fn lenient_base64() -> base64::engine::GeneralPurpose {
    let config = base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
    base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, config)
}

/// `host/team/app`, `host/team`, `host`: podman keeps credentials for parts of a registry too.
fn scopes(reference: &RemoteReference) -> Vec<String> {
    let place = reference.place();
    let shorter = place.match_indices('/').map(|(at, _)| place[..at].to_owned());
    let mut scopes: Vec<String> = shorter.chain([place.clone()]).collect();
    scopes.reverse();
    scopes
}

/// The entry whose key stands for the most specific of the wanted scopes.
fn most_specific<'a, T>(
    wanted: &[String],
    entries: impl Iterator<Item = (&'a String, &'a T)>,
) -> Option<(&'a String, &'a T)> {
    let ranked = entries.filter_map(|(key, entry)| {
        let scope = normal_key(key);
        let rank = wanted.iter().position(|wanted| *wanted == scope)?;
        Some((rank, key, entry))
    });
    // The key decides between two that mean the same, so that a map's order does not.
    ranked.min_by_key(|(rank, key, _)| (*rank, *key)).map(|(_, key, entry)| (key, entry))
}

/// The registry, or part of one, that a key stands for. Docker writes some with a scheme and a path.
fn normal_key(key: &str) -> String {
    let without = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let scope = match without {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => key.trim_end_matches('/'),
    };
    match scope {
        "index.docker.io" | "registry-1.docker.io" | "index.docker.io/v1" => "docker.io".to_owned(),
        other => other.to_owned(),
    }
}

/// The files in which a registry is looked up, in this order.
#[derive(Debug, Clone, Default)]
pub struct AuthFiles {
    /// Their paths; those that are not there are passed over.
    pub paths: Vec<PathBuf>,
}

impl AuthFiles {
    /// The first thing that a file says about the registry of an image.
    pub(super) fn find(&self, reference: &RemoteReference) -> Result<Option<Found>, CredentialError> {
        for path in &self.paths {
            let found = AuthFile::read(path)?.find(reference).map_err(|why| {
                let message = format!("the stored credentials in {} are broken: {why}", path.display());
                CredentialError::new(message, "sign in again with docker login")
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, image: &str) -> Option<Found> {
        AuthFile::parse(file.as_bytes()).unwrap().find(&RemoteReference::parse(image).unwrap()).unwrap()
    }

    fn basic(user: &str, password: &str) -> Option<Found> {
        Some(Found::Credential(Credential::Basic { user: user.to_owned(), password: password.to_owned() }))
    }

    fn helper(name: &str, keys: &[&str]) -> Option<Found> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Some(Found::Helper { name: name.to_owned(), keys })
    }

    /// `auth` of `name:password`.
    fn entry(name: &str) -> String {
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{name}:of:{name}"));
        format!(r#"{{"auth":"{auth}"}}"#)
    }

    #[test]
    fn a_registry_is_found_under_every_name_that_tools_give_it() {
        for key in [
            "https://index.docker.io/v1/",
            "https://index.docker.io/v2/",
            "index.docker.io",
            "docker.io",
            "registry-1.docker.io",
            "docker.io/library",
            "docker.io/library/alpine",
        ] {
            let file = format!(r#"{{"auths":{{"{key}":{}}}}}"#, entry("me"));
            assert_eq!(found(&file, "alpine"), basic("me", "of:me"), "{key}");
            assert_eq!(found(&file, "ghcr.io/org/app"), None, "{key}");
        }
        for key in
            ["localhost:5000", "http://localhost:5000", "https://localhost:5000/v2/", "localhost:5000/"]
        {
            let file = format!(r#"{{"auths":{{"{key}":{}}}}}"#, entry("me"));
            assert_eq!(found(&file, "localhost:5000/a/b"), basic("me", "of:me"), "{key}");
            assert_eq!(found(&file, "localhost:5001/a/b"), None, "{key}");
            assert_eq!(found(&file, "localhost/a/b"), None, "{key}");
        }
    }

    #[test]
    fn the_most_specific_entry_wins() {
        let file = format!(
            r#"{{"auths":{{"quay.io":{},"quay.io/team":{},"quay.io/team/app":{}}}}}"#,
            entry("all"),
            entry("team"),
            entry("app")
        );
        for (image, user) in [
            ("quay.io/team/app", "app"),
            ("quay.io/team/application", "team"),
            ("quay.io/teams/app", "all"),
            ("quay.io/x", "all"),
        ] {
            assert_eq!(found(&file, image), basic(user, &format!("of:{user}")), "{image}");
        }
    }

    #[test]
    fn helpers_entries_and_the_store_go_in_this_order() {
        let file = format!(
            r#"{{"auths":{{"a.example":{},"b.example":{},"c.example":{{}}}},
                "credHelpers":{{"a.example":"one","https://index.docker.io/v1/":"hub","d.example":""}},"credsStore":"all"}}"#,
            entry("a"),
            entry("b")
        );
        assert_eq!(found(&file, "a.example/x"), helper("one", &["a.example"]));
        assert_eq!(found(&file, "b.example/x"), basic("b", "of:b"));
        assert_eq!(found(&file, "c.example/x"), helper("all", &["c.example"]));
        assert_eq!(found(&file, "d.example/x"), helper("all", &["d.example"]));
        assert_eq!(found(&file, "alpine"), helper("hub", &[HUB_KEY, "docker.io"]));
        assert_eq!(found(r#"{"credsStore":"all"}"#, "alpine"), helper("all", &[HUB_KEY, "docker.io"]));
    }

    #[test]
    fn entries_of_every_form_are_read() {
        let token = r#"{"auths":{"a.example":{"auth":"MDAwOg==","identitytoken":"refresh"}}}"#;
        let identity = Found::Credential(Credential::IdentityToken("refresh".to_owned()));
        assert_eq!(found(token, "a.example/x"), Some(identity));
        let plain = r#"{"auths":{"a.example":{"username":"me","password":"p:w"}},"experimental":"enabled"}"#;
        assert_eq!(found(plain, "a.example/x"), basic("me", "p:w"));
        // Without padding, and with zeros after the password.
        let odd = r#"{"auths":{"a.example":{"auth":"bWU6cHcAAA"}}}"#;
        assert_eq!(found(odd, "a.example/x"), basic("me", "pw"));
        for nothing in ["", "  \n", "{}", r#"{"auths":null}"#, r#"{"auths":{"a.example":{"auth":""}}}"#] {
            assert_eq!(found(nothing, "a.example/x"), None, "{nothing:?}");
        }
    }

    #[test]
    fn broken_files_are_told_without_being_quoted() {
        for text in ["{", "[]", r#"{"auths":{"a.example":"hunter2"}}"#, "hunter2"] {
            let error = AuthFile::parse(text.as_bytes()).err().unwrap();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let hunter = base64::engine::general_purpose::STANDARD.encode("hunter2");
        for auth in ["hunter2!", hunter.as_str()] {
            let file = format!(r#"{{"auths":{{"a.example":{{"auth":"{auth}"}}}}}}"#);
            let file = AuthFile::parse(file.as_bytes()).unwrap();
            let error = file.find(&RemoteReference::parse("a.example/x").unwrap()).unwrap_err();
            assert!(error.contains("a.example") && !error.contains("hunter2") && !error.contains(&hunter));
        }
    }

    #[test]
    fn files_are_asked_in_order_and_those_that_are_not_there_say_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let first = write("first", format!(r#"{{"auths":{{"a.example":{}}}}}"#, entry("first")));
        let second = write(
            "second",
            format!(r#"{{"auths":{{"a.example":{},"b.example":{}}}}}"#, entry("second"), entry("second")),
        );
        let files = AuthFiles { paths: vec![folder.path().join("none"), first, second] };
        let find = |image: &str| files.find(&RemoteReference::parse(image).unwrap()).unwrap();
        assert_eq!(find("a.example/x"), basic("first", "of:first"));
        assert_eq!(find("b.example/x"), basic("second", "of:second"));
        assert_eq!(find("c.example/x"), None);
        let broken = AuthFiles { paths: vec![write("broken", "{".to_owned())] };
        let error = broken.find(&RemoteReference::parse("a.example/x").unwrap()).unwrap_err();
        assert!(error.message.contains("broken") && error.hint.is_some());
    }
}
