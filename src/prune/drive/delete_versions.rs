//! Deletes versions, one by one.

use super::patience::Patience;
use super::run::Run;
use crate::apply::ApplyError;
use crate::cloud::{CloudError, CloudErrorKind};
use crate::event::Event;
use crate::name::{FunctionName, Version};
use crate::prune::{VersionDecision, decide_versions};
use crate::report::Failure;

/// So many versions are deleted after one look at what refers to them. AWS itself refuses to delete one that an alias has begun to
/// reference since.
const DELETIONS_A_LOOK: usize = 10;

/// What became of a version.
enum Became {
    Gone,
    /// It stays: a stable word and a sentence.
    Spared(&'static str, String),
    /// AWS will not delete it.
    Refused(CloudError),
}

impl Run<'_, '_> {
    /// Deletes the versions of a function that were to go and still may.
    pub(super) async fn delete_versions(&mut self, function: &FunctionName) -> Result<(), Failure> {
        for versions in self.work.versions_of(function).chunks(DELETIONS_A_LOOK) {
            let now = self.look_again(function).await?;
            for version in versions {
                let became = match judge(&now, *version) {
                    Some(became) => became,
                    None => self.delete_version(function, *version).await?,
                };
                self.note_version(function, *version, became);
            }
        }
        Ok(())
    }

    /// What is decided about the function's versions as things are now. None of them is there when the function is gone.
    async fn look_again(&self, function: &FunctionName) -> Result<Vec<VersionDecision>, Failure> {
        self.check_interrupt()?;
        let gatherer = &self.pruner.gatherer;
        match self.ask(gatherer.function(function)).await? {
            None => Ok(Vec::new()),
            Some(facts) => {
                decide_versions(&facts, gatherer.spec.keep).map_err(|refusal| self.refusal(refusal))
            }
        }
    }

    fn note_version(&mut self, function: &FunctionName, version: Version, became: Became) {
        let told = match &became {
            Became::Gone => None,
            Became::Spared(_, why) => Some(format!("version {version} of function {function} stays: {why}")),
            Became::Refused(error) => Some(format!("version {version} of function {function}: {error}")),
        };
        if let Some(fate) = self.version_fate(function, version) {
            match &became {
                Became::Gone => fate.deleted = true,
                Became::Spared(word, why) => fate.spare(word, why.clone()),
                Became::Refused(error) => fate.spare("refused", error.message.clone()),
            }
        }
        let Some(text) = told else { return };
        if matches!(became, Became::Refused(_)) {
            self.refused.push(text.clone());
        }
        self.pruner.reporter.report(Event::Note { text });
    }

    /// Deletes one version, whatever becomes of the answer.
    async fn delete_version(&mut self, function: &FunctionName, version: Version) -> Result<Became, Failure> {
        let mut patience = Patience::new();
        loop {
            self.check_interrupt()?;
            let call = self.pruner.lambda.delete_version(function, version);
            let Some(answer) = self.pruner.interrupt.or_soon(call).await else {
                self.changed = true;
                return Err(ApplyError::Interrupted.failure(true));
            };
            let error = match answer {
                Ok(()) => {
                    self.changed = true;
                    return Ok(Became::Gone);
                }
                Err(error) => error,
            };
            if error.kind == CloudErrorKind::Conflict && error.message.contains("aliases reference") {
                return Ok(Became::Spared("alias", error.message));
            }
            if error.kind == CloudErrorKind::Invalid {
                return Ok(Became::Refused(error));
            }
            self.changed |= error.is_answer_lost();
            self.wait(format!("version {version} of function {function}"), error, &mut patience).await?;
            if let Some(became) = judge(&self.look_again(function).await?, version) {
                return Ok(became);
            }
        }
    }
}

/// What has become of a version already; none where it still is to go.
fn judge(now: &[VersionDecision], version: Version) -> Option<Became> {
    match now.iter().find(|one| one.version == version) {
        None => Some(Became::Gone),
        Some(one) if one.reason.deletes() => None,
        Some(one) => Some(Became::Spared(one.reason.word(), one.reason.to_string())),
    }
}
