//! Publishing a version and moving all of an alias's traffic to it.

use crate::cloud::{AliasTarget, CloudErrorKind, LiveAlias, LiveFunction, PublishGuard};
use crate::event::Event;
use crate::name::Version;
use crate::plan::AliasStep;

use super::settle::Deadline;
use super::{ApplyError, function::FunctionWriter};

impl FunctionWriter<'_> {
    /// PublishVersion of exactly what `base` is, waited for until the version is Active.
    pub(super) async fn publish(&self, base: &LiveFunction) -> Result<Version, ApplyError> {
        let what = format!("publishing function {}", self.name);
        let mut deadline = Deadline::after(self.timeout);
        let mut lost_answers = 0;
        let version = loop {
            let now = self.settling().quiet(self.name, None).await?;
            if now.image_digest != base.image_digest {
                return Err(ApplyError::ChangedUnderneath { what: format!("function {}", self.name) });
            }
            let guard = PublishGuard { image_digest: base.image_digest, revision_id: now.revision_id };
            match self.note(self.writer.publish_version(self.name, &guard).await) {
                Ok(version) => break version,
                Err(error) => {
                    // Publishing the same content twice answers the same version, so a lost answer is asked for again.
                    let lost = matches!(error.kind, CloudErrorKind::Unreachable | CloudErrorKind::Unexpected);
                    lost_answers += usize::from(lost);
                    let passes =
                        matches!(error.kind, CloudErrorKind::Conflict | CloudErrorKind::PreconditionFailed);
                    if !(passes || lost && lost_answers <= 2) {
                        return Err(error.into());
                    }
                    self.reporter.report(Event::Waiting { what: what.clone(), state: error.message.clone() });
                    deadline.pause(self.interrupt, &what, &error.message).await?;
                }
            }
        };
        self.settling().success(self.name, Some(&version.to_string())).await?;
        Ok(version)
    }

    /// CreateAlias or UpdateAlias; at the end the alias points to `version` alone, proven by AWS's own answer.
    pub(super) async fn move_alias(&self, step: &AliasStep, version: Version) -> Result<(), ApplyError> {
        let mut revision_id = step.revision_id.clone();
        let mut deadline = Deadline::after(self.timeout);
        let what = format!("alias {} of function {}", step.name, self.name);
        loop {
            let target = AliasTarget { name: step.name.clone(), version, revision_id: revision_id.clone() };
            let answer = match step.current {
                None => self.writer.create_alias(self.name, &target).await,
                Some(_) => self.writer.move_alias(self.name, &target).await,
            };
            let error = match answer {
                Ok(alias) if points_to(&alias, version) => return Ok(()),
                Ok(alias) => {
                    return Err(ApplyError::Unexpected {
                        what,
                        expected: format!("version {version} alone"),
                        found: format!("version {} with weights {:?}", alias.version, alias.weights),
                    });
                }
                Err(error) => error,
            };
            let lost = matches!(error.kind, CloudErrorKind::Unreachable | CloudErrorKind::Unexpected);
            let live = match self.reader.alias(self.name, &step.name).await {
                Ok(live) => live,
                Err(read) if lost => {
                    let (sent, read) = (error.to_string(), read.to_string());
                    return Err(ApplyError::AliasUnknown { what, sent, read });
                }
                Err(read) => return Err(read.into()),
            };
            if live.as_ref().is_some_and(|alias| points_to(alias, version)) {
                return Ok(());
            }
            let as_planned = live.as_ref().map(|alias| alias.version.as_str()) == step.current.as_deref();
            match error.kind {
                _ if !as_planned => return Err(ApplyError::ChangedUnderneath { what }),
                // The same version under a new revision: AWS or a tag changed it, nobody moved it.
                CloudErrorKind::PreconditionFailed | CloudErrorKind::Conflict => {
                    revision_id = live.and_then(|alias| alias.revision_id);
                    self.reporter.report(Event::Waiting { what: what.clone(), state: error.message.clone() });
                    deadline.pause(self.interrupt, &what, &error.message).await?;
                }
                _ => return Err(error.into()),
            }
        }
    }
}

fn points_to(alias: &LiveAlias, version: Version) -> bool {
    alias.version == version.to_string() && alias.weights.is_empty()
}
