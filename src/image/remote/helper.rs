//! Credential helpers: programs that keep credentials for Docker (`docker-credential-NAME get`). They may open windows,
//! wait for somebody, or print anything at all.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::RemoteReference;
use super::auth_file::{AuthFiles, Found};
use super::credential::{Credential, CredentialError, Credentials, login_hint};

/// How long a helper may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much a helper may say.
const LONGEST_ANSWER: u64 = 256 << 10;

/// How a helper says that it has nothing (docker-credential-helpers, `credentials/error.go`).
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Under this user's name a helper gives out an identity token.
const TOKEN_USER: &str = "<token>";

/// What `docker login` and `podman login` have left behind.
#[derive(Debug, Clone)]
pub struct StoredCredentials {
    files: AuthFiles,
    patience: Duration,
}

impl StoredCredentials {
    /// Looks registries up in these files, and asks the helpers that they name.
    pub fn new(files: AuthFiles) -> Self {
        Self { files, patience: PATIENCE }
    }
}

#[async_trait]
impl Credentials for StoredCredentials {
    async fn credential(&self, reference: &RemoteReference) -> Result<Option<Credential>, CredentialError> {
        let (name, keys) = match self.files.find(reference)? {
            None => return Ok(None),
            Some(Found::Credential(credential)) => return Ok(Some(credential)),
            Some(Found::Helper { name, keys }) => (name, keys),
        };
        let program = program_of(&name)?;
        for key in keys {
            if let Some(credential) = ask(&program, &key, self.patience).await? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    fn hint(&self, reference: &RemoteReference, had_some: bool) -> String {
        login_hint(reference, had_some)
    }
}

fn program_of(name: &str) -> Result<PathBuf, CredentialError> {
    // A name is looked for on the path; it must not lead elsewhere.
    if name.contains(['/', '\\', '\0']) {
        let message = format!("{name:?} is not the name of a credential helper");
        return Err(CredentialError::new(
            message,
            "correct credHelpers or credsStore in Docker's config.json",
        ));
    }
    Ok(format!("docker-credential-{name}").into())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks a helper for what it has under `key`; none when it has nothing.
async fn ask(program: &Path, key: &str, patience: Duration) -> Result<Option<Credential>, CredentialError> {
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let failed = |what: String| {
        let message = format!("the credential helper {name} {what}");
        let hint = format!("try it: echo {key} | {name} get; or take it out of Docker's config.json");
        CredentialError::new(message, hint)
    };
    let child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    // Ending the wait early drops the child, which ends it.
    let said = match tokio::time::timeout(patience, converse(child, key)).await {
        Ok(said) => said.map_err(|error| failed(format!("cannot be spoken to: {error}")))?,
        Err(_) => return Err(failed(format!("did not answer within {} s", patience.as_secs_f32()))),
    };
    let (ended_well, output) = said;
    if output.len() as u64 > LONGEST_ANSWER {
        return Err(failed("does not stop talking".to_owned()));
    }
    let text = String::from_utf8_lossy(&output);
    if !ended_well {
        if text.contains(NOT_FOUND) {
            return Ok(None);
        }
        // What it said may be a secret, also where it is called an error.
        return Err(failed("failed".to_owned()));
    }
    match serde_json::from_slice::<Answer>(&output) {
        Ok(Answer { secret, .. }) if secret.is_empty() => Ok(None),
        Ok(Answer { username, secret }) if username == TOKEN_USER => {
            Ok(Some(Credential::IdentityToken(secret)))
        }
        Ok(Answer { username, secret }) => Ok(Some(Credential::Basic { user: username, password: secret })),
        // What it said may be a secret.
        Err(_) => Err(failed("answered with something that is not a credential".to_owned())),
    }
}

/// Whether it ended well, and what it said.
async fn converse(mut child: Child, key: &str) -> std::io::Result<(bool, Vec<u8>)> {
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read its input has ended, or will say what it says without.
        let _ = input.write_all(key.as_bytes()).await;
    }
    let output = read_bounded(child.stdout.take()).await?;
    Ok((child.wait().await?.success(), output))
}

async fn read_bounded(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut output = Vec::new();
    if let Some(stream) = stream {
        stream.take(LONGEST_ANSWER + 1).read_to_end(&mut output).await?;
    }
    Ok(output)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A helper that runs this shell script.
    fn helper(folder: &tempfile::TempDir, script: &str) -> PathBuf {
        let path = folder.path().join("docker-credential-test");
        // Written under another name first: a file that is still open for writing cannot be run.
        let draft = folder.path().join("draft");
        std::fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(&draft, &path).unwrap();
        path
    }

    async fn answer(script: &str, patience: Duration) -> Result<Option<Credential>, CredentialError> {
        let folder = tempfile::tempdir().unwrap();
        let program = helper(&folder, script);
        loop {
            match ask(&program, "host.example", patience).await {
                // Another test that forks at this moment may hold the script open for writing.
                Err(error) if error.message.contains("busy") => tokio::task::yield_now().await,
                outcome => return outcome,
            }
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_helper_is_asked_by_the_registrys_name() {
        let script =
            r#"[ "$1" = get ] || exit 9; printf '{"ServerURL":"x","Username":"me","Secret":"%s"}' "$(cat)""#;
        let expected = Credential::Basic { user: "me".to_owned(), password: "host.example".to_owned() };
        assert_eq!(answer(script, LONG).await, Ok(Some(expected)));
        let script = r#"echo '{"Username":"<token>","Secret":"refresh"}'"#;
        assert_eq!(answer(script, LONG).await, Ok(Some(Credential::IdentityToken("refresh".to_owned()))));
    }

    #[tokio::test]
    async fn a_helper_that_has_nothing_leaves_us_anonymous() {
        for script in [
            "echo credentials not found in native keychain; exit 1",
            r#"echo '{"ServerURL":"","Username":"","Secret":""}'"#,
        ] {
            assert_eq!(answer(script, LONG).await, Ok(None), "{script}");
        }
    }

    #[tokio::test]
    async fn a_helper_that_hangs_fails_or_talks_rubbish_is_named_and_not_quoted() {
        let short = Duration::from_millis(300);
        for (script, patience, says) in [
            ("exec sleep 600", short, "did not answer"),
            ("echo hunter2", LONG, "not a credential"),
            (r#"echo '{"Username":"me","Secret":"hunter2"'"#, LONG, "not a credential"),
            (r#"echo '{"Secret":"hunter2"}'; exit 1"#, LONG, "failed"),
            ("echo hunter2 is no such session; exit 1", LONG, "failed"),
            ("exit 1", LONG, "failed"),
            ("exec cat /dev/zero", LONG, "does not stop talking"),
        ] {
            let error = answer(script, patience).await.unwrap_err();
            assert!(error.message.contains("docker-credential-test"), "{error}");
            assert!(error.message.contains(says), "{script}: {error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        let missing = ask(Path::new("/nonexistent/docker-credential-x"), "k", LONG).await.unwrap_err();
        assert!(missing.message.contains("cannot be started") && missing.hint.is_some());
    }

    #[tokio::test]
    async fn a_helpers_name_must_not_be_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"credsStore":"../../evil"}"#).unwrap();
        let stored = StoredCredentials::new(AuthFiles { paths: vec![path] });
        let error = stored.credential(&RemoteReference::parse("a.example/x").unwrap()).await.unwrap_err();
        assert!(error.message.contains("evil"));
    }
}
