//! The trust policy of a role that a workflow of one GitHub repository may assume.
//!
//! A token of GitHub's says for which repository, and which branch or environment of it, in its subject. The policy compares the whole
//! subject, letter by letter: there is no wildcard by which another repository would come in.
//! <https://docs.github.com/en/actions/reference/security/oidc>

use serde_json::{Value, json};

use crate::name::{AccountId, Partition};

/// The host of GitHub's own tokens.
const GITHUB_ISSUER: &str = "token.actions.githubusercontent.com";

/// Whom a token must be for. configure-aws-credentials asks for this one.
const AUDIENCE: &str = "sts.amazonaws.com";

/// Which jobs of the repository may assume the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitHubSubject {
    /// Those that run for this branch, and name no environment.
    Branch(String),
    /// Those that name this environment.
    Environment(String),
}

/// Who may assume the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubTrust {
    repository: String,
    subjects: Vec<GitHubSubject>,
    issuer: String,
}

/// A name that is none, or would let in more than it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not OWNER/REPOSITORY.
    #[error("{0:?} is not a repository of GitHub: write OWNER/REPOSITORY")]
    Repository(String),
    /// Not a branch.
    #[error("{0:?} is not the name of a branch; patterns are not taken")]
    Branch(String),
    /// Not an environment.
    #[error("{0:?} is not the name of an environment; patterns are not taken")]
    Environment(String),
    /// Not a host.
    #[error("{0:?} is not the host of a GitHub Enterprise Server, such as github.example.com")]
    Host(String),
}

impl GitHubTrust {
    /// Trusts jobs of `repository` (`OWNER/REPOSITORY`) that are one of `subjects`. `host` is that of a GitHub Enterprise Server.
    ///
    /// # Errors
    /// Refuses what is no name, and what has a wildcard in it.
    pub fn new(
        repository: &str,
        subjects: Vec<GitHubSubject>,
        host: Option<&str>,
    ) -> Result<Self, TrustError> {
        if !is_repository(repository) {
            return Err(TrustError::Repository(repository.to_owned()));
        }
        for subject in &subjects {
            match subject {
                GitHubSubject::Branch(name) if !is_branch(name) => {
                    return Err(TrustError::Branch(name.clone()));
                }
                GitHubSubject::Environment(name) if !is_environment(name) => {
                    return Err(TrustError::Environment(name.clone()));
                }
                _ => {}
            }
        }
        let issuer = match host {
            None => GITHUB_ISSUER.to_owned(),
            Some(host) if is_host(host) => format!("{}/_services/token", host.to_ascii_lowercase()),
            Some(host) => return Err(TrustError::Host(host.to_owned())),
        };
        Ok(Self { repository: repository.to_owned(), subjects, issuer })
    }

    /// The subjects that are let in, as tokens have them.
    pub fn subjects(&self) -> Vec<String> {
        let whole = |what: String| format!("repo:{}:{what}", self.repository);
        let of = |subject: &GitHubSubject| match subject {
            GitHubSubject::Branch(name) => whole(format!("ref:refs/heads/{name}")),
            // GitHub writes a colon of the name so that it ends nothing.
            GitHubSubject::Environment(name) => whole(format!("environment:{}", name.replace(':', "%3A"))),
        };
        self.subjects.iter().map(of).collect()
    }

    /// The address that tokens come from.
    pub fn issuer_url(&self) -> String {
        format!("https://{}", self.issuer)
    }

    /// The ARN of the identity provider that the account must have.
    pub fn provider(&self, partition: Partition, account: &AccountId) -> String {
        format!("arn:{}:iam::{account}:oidc-provider/{}", partition.arn_name(), self.issuer)
    }

    /// The trust policy, as IAM reads it.
    pub fn json(&self, partition: Partition, account: &AccountId) -> Value {
        let key = |name: &str| format!("{}:{name}", self.issuer);
        let subjects = self.subjects();
        let subject: Value = match subjects.as_slice() {
            [one] => one.as_str().into(),
            many => many.into(),
        };
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "GitHubActions",
                "Effect": "Allow",
                "Principal": { "Federated": self.provider(partition, account) },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": { "StringEquals": { key("aud"): AUDIENCE, key("sub"): subject } },
            }],
        })
    }
}

/// An owner has letters, digits and single hyphens, a repository also `.` and `_`.
fn is_repository(text: &str) -> bool {
    let Some((owner, name)) = text.split_once('/') else { return false };
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    // Accounts of managed users carry their enterprise's short code behind an underscore.
    let owner_fits = (1..=39).contains(&owner.len())
        && owner.bytes().all(|byte| is_word(byte) || byte == b'_')
        && owner.starts_with(|first: char| first.is_ascii_alphanumeric());
    let name_fits = (1..=100).contains(&name.len())
        && name.bytes().all(|byte| is_word(byte) || b"._".contains(&byte))
        && !matches!(name, "." | "..");
    owner_fits && name_fits
}

/// What git takes for a branch (git-check-ref-format), as far as it matters here.
fn is_branch(name: &str) -> bool {
    let forbidden = |character: char| {
        character.is_control() || character.is_whitespace() || "*?[\\~^:\"$".contains(character)
    };
    !name.is_empty()
        && name.len() <= 244
        && !name.starts_with(['/', '-'])
        && !name.starts_with("refs/")
        && !name.ends_with(['/', '.'])
        && !name.contains("..")
        && !name.contains("//")
        && !name.contains(forbidden)
}

/// GitHub takes almost anything of up to 255 characters; IAM would read `*`, `?` and `$` as more than themselves elsewhere.
fn is_environment(name: &str) -> bool {
    !name.trim().is_empty()
        && name.len() <= 255
        && !name.contains(|character: char| character.is_control() || "*?$\"\\".contains(character))
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.contains('.') && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        "123456789012".parse().unwrap()
    }

    fn branch(name: &str) -> Vec<GitHubSubject> {
        vec![GitHubSubject::Branch(name.to_owned())]
    }

    #[test]
    fn a_role_trusts_one_branch_of_one_repository() {
        let trust = GitHubTrust::new("octo-org/shop", branch("main"), None).unwrap();
        let document = trust.json(Partition::Commercial, &account());
        let statement = &document["Statement"][0];
        assert_eq!(
            statement["Principal"]["Federated"],
            "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
        );
        let condition = json!({ "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:octo-org/shop:ref:refs/heads/main",
        }});
        assert_eq!(statement["Condition"], condition);
    }

    #[test]
    fn environments_and_a_server_of_ones_own_have_their_spelling() {
        let subjects = vec![
            GitHubSubject::Environment("prod: eu".to_owned()),
            GitHubSubject::Branch("release/1.x".to_owned()),
        ];
        let trust = GitHubTrust::new("o/r", subjects, Some("GitHub.example.com")).unwrap();
        assert_eq!(
            trust.subjects(),
            ["repo:o/r:environment:prod%3A eu", "repo:o/r:ref:refs/heads/release/1.x"]
        );
        assert_eq!(
            trust.provider(Partition::China, &account()),
            "arn:aws-cn:iam::123456789012:oidc-provider/github.example.com/_services/token"
        );
        assert_eq!(trust.issuer_url(), "https://github.example.com/_services/token");
    }

    #[test]
    fn no_name_lets_in_more_than_it_says() {
        for repository in
            ["", "*", "*/*", "octo-org/*", "octo-org", "o/r/x", "/r", "o/", "o/..", "o o/r", "o/r:x", "-o/r"]
        {
            assert!(GitHubTrust::new(repository, branch("main"), None).is_err(), "{repository}");
        }
        for name in ["", "*", "release/*", "a b", "refs/heads/main", "a:b", "a..b", "-x", "a/", "${x}"] {
            assert!(GitHubTrust::new("o/r", branch(name), None).is_err(), "{name}");
        }
        for name in ["", " ", "*", "prod?", "${aws:x}"] {
            let subjects = vec![GitHubSubject::Environment(name.to_owned())];
            assert!(GitHubTrust::new("o/r", subjects, None).is_err(), "{name}");
        }
        for host in ["", "github", "https://x.example", "a.b/c", "-a.b", "a..b"] {
            assert!(GitHubTrust::new("o/r", branch("main"), Some(host)).is_err(), "{host}");
        }
    }
}
