//! One run that deletes: what it has done, and what AWS refused.

use super::patience::{Patience, passes};
use super::pruner::{Pruner, Work};
use crate::apply::ApplyError;
use crate::cloud::CloudError;
use crate::event::Event;
use crate::name::{Digest, FunctionName, RepositoryName, Version};
use crate::preflight::Finding;
use crate::report::{Failure, Fate, Outcome, Report, Stage};

/// A run that deletes.
pub(super) struct Run<'a, 'b> {
    pub(super) pruner: &'a Pruner<'b>,
    pub(super) work: &'a Work,
    pub(super) report: &'a mut Report,
    /// Whether anything was, or may have been, deleted.
    pub(super) changed: bool,
    /// What AWS would not delete, for a person.
    pub(super) refused: Vec<String>,
}

impl Work {
    /// The versions of a function that go.
    pub(super) fn versions_of(&self, function: &FunctionName) -> Vec<Version> {
        let gone = self.plan.versions.iter().filter(|one| one.function == *function && one.reason.deletes());
        gone.map(|one| one.version).collect()
    }

    /// The images of a repository that go.
    pub(super) fn images_of(&self, repository: &RepositoryName) -> Vec<Digest> {
        let gone =
            self.plan.images.iter().filter(|one| one.repository == *repository && one.reason.deletes());
        gone.map(|one| one.image.digest).collect()
    }
}

impl Run<'_, '_> {
    /// Stops where the user asked to.
    pub(super) fn check_interrupt(&self) -> Result<(), Failure> {
        self.pruner.interrupt.check().map_err(|stopped| stopped.failure(self.changed))
    }

    /// Asks AWS, unless the user asks to stop.
    pub(super) async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, Failure> {
        let answer =
            self.pruner.interrupt.or(question).await.map_err(|stopped| stopped.failure(self.changed))?;
        answer.map_err(|error| self.failed(error))
    }

    /// Waits after a call that failed, before it is made again.
    ///
    /// # Errors
    /// Fails where it is of no use, where it was tried for long enough, and where the user asks to stop.
    pub(super) async fn wait(
        &self,
        what: String,
        error: CloudError,
        patience: &mut Patience,
    ) -> Result<(), Failure> {
        if !passes(&error) {
            return Err(self.failed(error));
        }
        self.pruner.reporter.report(Event::Waiting { what, state: error.message.clone() });
        let again = patience.pause(self.pruner.gatherer.clock, self.pruner.interrupt).await;
        match again.map_err(|stopped| stopped.failure(self.changed))? {
            true => Ok(()),
            false => Err(self.failed(error)),
        }
    }

    /// The failure of a call.
    pub(super) fn failed(&self, error: CloudError) -> Failure {
        ApplyError::Cloud(error).failure(self.changed)
    }

    /// A refusal that came up since the plan was made.
    pub(super) fn refusal(&self, finding: Finding) -> Failure {
        let stage = if self.changed { Stage::BeforeTraffic } else { Stage::Refused };
        Failure { kind: "refused", stage, message: finding.message, hint: finding.hint }
    }

    pub(super) fn version_fate(&mut self, function: &FunctionName, version: Version) -> Option<&mut Fate> {
        self.report.prune.as_mut()?.version(function.as_str(), &version.to_string())
    }

    pub(super) fn image_fate(&mut self, repository: &RepositoryName, digest: &Digest) -> Option<&mut Fate> {
        self.report.prune.as_mut()?.image(repository.as_str(), digest)
    }

    /// How many versions of a function were to go and have not.
    pub(super) fn versions_left(&mut self, function: &FunctionName) -> usize {
        let planned = self.work.versions_of(function);
        planned.into_iter().filter(|version| !is_deleted(self.version_fate(function, *version))).count()
    }

    /// How many images of a repository were to go and have not.
    pub(super) fn images_left(&mut self, repository: &RepositoryName) -> usize {
        let planned = self.work.images_of(repository);
        planned.iter().filter(|digest| !is_deleted(self.image_fate(repository, digest))).count()
    }

    /// What it came to.
    pub(super) fn outcome(&mut self) -> Result<Outcome, Failure> {
        if let Some(first) = self.refused.first() {
            let stage = if self.changed { Stage::BeforeTraffic } else { Stage::BeforeChange };
            let message = match self.refused.len() {
                1 => format!("AWS would not delete {first}"),
                count => format!("AWS would not delete {count} of them; the first was {first}"),
            };
            return Err(Failure { kind: "not_deleted", stage, message, hint: None });
        }
        Ok(if self.changed { Outcome::Pruned } else { Outcome::Unchanged })
    }
}

fn is_deleted(fate: Option<&mut Fate>) -> bool {
    fate.is_some_and(|fate| fate.deleted)
}
