//! Asks AWS how a function stands. It holds readers only, so that looking changes nothing, by type.
//!
//! Three waves: what the function is, what its versions are, what their repositories say.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::future::{join_all, try_join_all};
use tokio::join;

use super::assemble::{self, Question};
use crate::apply::cloud_kind;
use crate::cloud::{
    CloudError, CloudErrorKind, CodeDeployReader, Deployment, DescribedImage, EcrReader, LambdaReader,
    LiveAlias, LiveFunction, PublishedVersion,
};
use crate::name::{AliasName, FunctionName, Version};
use crate::release::{self, Journal};
use crate::report::{Failure, Stage};

/// How many versions are asked for at once. Lambda answers 100 such questions a second.
const AT_ONCE: usize = 16;

/// Asks how a function stands.
pub struct Gatherer<'a> {
    /// Reads Lambda.
    pub lambda: &'a dyn LambdaReader,
    /// Reads ECR.
    pub ecr: &'a dyn EcrReader,
    /// Reads CodeDeploy, where the journal of an alias says that it moves the traffic.
    pub codedeploy: &'a dyn CodeDeployReader,
    /// Reads ECR with another identity, where the first is denied: repositories of several accounts may be among those to ask.
    pub other_ecr: Option<&'a dyn EcrReader>,
    /// The function.
    pub function: &'a FunctionName,
    /// The aliases to look at; all where none is named.
    pub aliases: &'a [AliasName],
    /// How many of the newest versions are looked at, beside those that an alias or its journal names.
    pub newest: usize,
}

/// What AWS said.
#[derive(Debug, Clone)]
pub struct Readings {
    /// The function.
    pub latest: LiveFunction,
    /// Its aliases.
    pub aliases: Result<Vec<LiveAlias>, CloudError>,
    /// Its published versions.
    pub versions: Result<Vec<PublishedVersion>, CloudError>,
    /// Each version that is looked at; none for one that is gone.
    pub details: BTreeMap<Version, Result<Option<LiveFunction>, CloudError>>,
    /// What each repository said, in the order of `assemble::questions`.
    pub repositories: Vec<RepositoryReadings>,
    /// The deployment of CodeDeploy that the journal of an alias calls open, by the alias's name, where it may be read.
    pub deployments: BTreeMap<String, Deployment>,
}

/// What a repository said.
#[derive(Debug, Clone)]
pub struct RepositoryReadings {
    /// Those of the images that it still has; none when the repository is gone.
    pub images: Result<Option<Vec<DescribedImage>>, CloudError>,
    /// Its policy; none when it has none.
    pub policy: Result<Option<String>, CloudError>,
}

/// Nothing can be said of the function.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// AWS does not say what the function is.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The function, or an alias that was named, is not there.
    #[error("{what} does not exist")]
    Missing {
        /// `function shop`, `alias live of function shop`.
        what: String,
    },
}

impl StatusError {
    /// The failure to report.
    pub fn failure(&self) -> Failure {
        let (kind, stage, hint) = match self {
            Self::Cloud(error) => {
                let usage = error.kind == CloudErrorKind::Credentials;
                let stage = if usage { Stage::Usage } else { Stage::BeforeChange };
                (cloud_kind(error.kind), stage, error.hint())
            }
            Self::Missing { .. } => {
                let hint = "check its name, --region and the account of the credentials";
                ("not_found", Stage::Refused, Some(hint.to_owned()))
            }
        };
        Failure { kind, stage, message: self.to_string(), hint }
    }
}

impl Gatherer<'_> {
    /// Asks everything.
    ///
    /// # Errors
    /// Fails where the function itself cannot be read, and where it or a named alias does not exist.
    pub async fn gather(&self) -> Result<Readings, StatusError> {
        let (latest, aliases, versions) = join!(
            self.lambda.function(self.function, None),
            self.aliases(),
            self.lambda.versions(self.function)
        );
        let missing = || StatusError::Missing { what: format!("function {}", self.function) };
        let mut readings = Readings {
            latest: latest?.ok_or_else(missing)?,
            aliases: aliases?,
            versions: versions.map(Option::unwrap_or_default),
            details: BTreeMap::new(),
            repositories: Vec::new(),
            deployments: BTreeMap::new(),
        };
        let wanted = assemble::wanted_versions(&readings, self.newest);
        let details = futures_util::stream::iter(wanted).map(|version| async move {
            (version, self.lambda.function(self.function, Some(&version.to_string())).await)
        });
        readings.details = details.buffer_unordered(AT_ONCE).collect().await;
        let questions = assemble::questions(&readings);
        let repositories = join_all(questions.iter().map(|question| self.repository(question)));
        (readings.repositories, readings.deployments) = join!(repositories, self.deployments(&readings));
        Ok(readings)
    }

    /// The aliases, or why they cannot be read.
    async fn aliases(&self) -> Result<Result<Vec<LiveAlias>, CloudError>, StatusError> {
        if self.aliases.is_empty() {
            return Ok(self.lambda.aliases(self.function).await.map(Option::unwrap_or_default));
        }
        let named = self.aliases.iter().map(|name| self.lambda.alias(self.function, name));
        let found = match try_join_all(named).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let named = self.aliases.iter().zip(found).map(|(name, found)| {
            let what = || format!("alias {name} of function {}", self.function);
            found.ok_or_else(|| StatusError::Missing { what: what() })
        });
        named.collect::<Result<_, _>>().map(Ok)
    }

    async fn deployments(&self, readings: &Readings) -> BTreeMap<String, Deployment> {
        let asked = readings.aliases.iter().flatten().map(|alias| async {
            let journal = Journal::read(&readings.latest.settings, &alias.name);
            let found = release::deployment_of(self.codedeploy, journal.open_deployment()?).await;
            Some((alias.name.to_string(), found.ok()??))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn repository(&self, question: &Question) -> RepositoryReadings {
        let (account, name) = (Some(&question.registry.account), &question.repository);
        let images = self.permitted(|ecr| ecr.described_images(account, name, &question.digests));
        let policy = self.permitted(|ecr| ecr.repository_policy(account, name));
        let (images, policy) = join!(images, policy);
        RepositoryReadings { images, policy }
    }

    /// The answer of the first identity that may ask; where none may, the first one's refusal.
    async fn permitted<'a, T, F>(&'a self, ask: impl Fn(&'a dyn EcrReader) -> F) -> Result<T, CloudError>
    where
        F: Future<Output = Result<T, CloudError>>,
    {
        let denied = |answer: &Result<T, CloudError>| matches!(answer, Err(error) if error.kind == CloudErrorKind::AccessDenied);
        let answer = ask(self.ecr).await;
        match self.other_ecr {
            Some(other) if denied(&answer) => {
                let another = ask(other).await;
                if denied(&another) { answer } else { another }
            }
            _ => answer,
        }
    }
}
