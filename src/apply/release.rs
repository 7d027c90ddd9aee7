//! Publishing a version and moving all of an alias's traffic to it.

use crate::cloud::{AliasTarget, CloudErrorKind, LiveAlias, LiveFunction, PublishGuard};
use crate::event::Event;
use crate::name::Version;
use crate::plan::AliasStep;

use super::ApplyError;
use super::function::{FunctionWriter, unchanged};
use super::settle::Deadline;

impl FunctionWriter<'_> {
    /// PublishVersion of exactly what `base` is, waited for until the version is Active.
    pub(super) async fn publish(&self, base: &LiveFunction) -> Result<Version, ApplyError> {
        let what = format!("publishing function {}", self.name);
        let mut deadline = Deadline::after(self.timeout);
        let mut lost_answers = 0;
        let version = loop {
            let now = self.settling().quiet(self.name, None).await?;
            if !unchanged(&now, base) {
                return Err(ApplyError::ChangedUnderneath { what: format!("function {}", self.name) });
            }
            let guard = PublishGuard { image_digest: base.image_digest, revision_id: now.revision_id };
            match self.note(self.writer.publish_version(self.name, &guard).await) {
                Ok(version) => break version,
                Err(error) => {
                    // Publishing the same content twice answers the same version, so a lost answer is asked for again.
                    let lost = error.is_answer_lost();
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
            let target = AliasTarget {
                name: step.name.clone(),
                version: version.to_string(),
                weights: std::collections::BTreeMap::new(),
                revision_id: revision_id.clone(),
            };
            let answer = match step.current {
                None => self.writer.create_alias(self.name, &target).await,
                Some(_) => self.writer.move_alias(self.name, &target).await,
            };
            let error = match answer {
                Ok(alias) if points_to(&alias, version) => return Ok(()),
                Ok(alias) => return self.alias_at_rest(alias, step, version, deadline).await,
                Err(error) => error,
            };
            let lost = error.is_answer_lost();
            let live = match self.reader.alias(self.name, &step.name).await {
                Ok(live) => live,
                Err(read) if lost => {
                    let (sent, read) = (error.to_string(), read.to_string());
                    return Err(ApplyError::AliasUnknown { what, sent, read });
                }
                // What refused the move matters more than what refused the look at it.
                Err(_) => return Err(error.into()),
            };
            if live.as_ref().is_some_and(|alias| points_to(alias, version)) {
                return Ok(());
            }
            let as_planned = is_as_planned(live.as_ref(), step);
            match error.kind {
                _ if !as_planned => return Err(ApplyError::ChangedUnderneath { what }),
                // The same version and weights under a new revision: nobody moved it.
                CloudErrorKind::PreconditionFailed | CloudErrorKind::Conflict => {
                    revision_id = live.and_then(|alias| alias.revision_id);
                    self.reporter.report(Event::Waiting { what: what.clone(), state: error.message.clone() });
                    deadline.pause(self.interrupt, &what, &error.message).await?;
                }
                _ => return Err(error.into()),
            }
        }
    }

    /// Waits until an alias whose move AWS accepted sends all traffic to `version`: with provisioned concurrency AWS itself
    /// shifts it by weights for a while.
    async fn alias_at_rest(
        &self,
        answer: LiveAlias,
        step: &AliasStep,
        version: Version,
        mut deadline: Deadline,
    ) -> Result<(), ApplyError> {
        let what = format!("alias {} of function {}", step.name, self.name);
        let mut found = place(&answer);
        loop {
            self.reporter.report(Event::Waiting { what: what.clone(), state: found.clone() });
            if deadline.pause(self.interrupt, &what, &found).await.is_err() {
                return Err(ApplyError::AliasUnsettled { what, version, found });
            }
            match self.reader.alias(self.name, &step.name).await {
                Ok(Some(alias)) if points_to(&alias, version) => return Ok(()),
                Ok(Some(alias)) => found = place(&alias),
                Ok(None) => {
                    return Err(ApplyError::AliasUnsettled { what, version, found: "it is gone".to_owned() });
                }
                Err(error) => {
                    return Err(ApplyError::AliasUnsettled { what, version, found: error.to_string() });
                }
            }
        }
    }
}

/// Where an alias points, for a person.
fn place(alias: &LiveAlias) -> String {
    let weights =
        alias.weights.iter().map(|(version, weight)| format!(", version {version} with weight {weight}"));
    format!("it points to version {}{}", alias.version, weights.collect::<String>())
}

/// Whether the alias is where the plan saw it. New weights are somebody's release, and not ours to clear.
fn is_as_planned(live: Option<&LiveAlias>, step: &AliasStep) -> bool {
    match (live, &step.current) {
        (Some(alias), Some(planned)) => alias.version == *planned && alias.weights == step.weights,
        (None, None) => true,
        _ => false,
    }
}

fn points_to(alias: &LiveAlias, version: Version) -> bool {
    alias.version == version.to_string() && alias.weights.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_with_other_weights_than_the_plan_saw_is_somebody_elses_release() {
        let weights = |weights: &[(&str, f64)]| {
            weights.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect()
        };
        let alias = |version: &str, weighted: &[(&str, f64)]| LiveAlias {
            name: "live".parse().unwrap(),
            version: version.to_owned(),
            weights: weights(weighted),
            revision_id: None,
        };
        let step = |current: Option<&str>, weighted: &[(&str, f64)]| AliasStep {
            name: "live".parse().unwrap(),
            current: current.map(str::to_owned),
            weights: weights(weighted),
            to: None,
            revision_id: None,
        };
        let table = [
            (None, step(None, &[]), true),
            (Some(alias("6", &[])), step(None, &[]), false),
            (None, step(Some("6"), &[]), false),
            (Some(alias("6", &[])), step(Some("6"), &[]), true),
            (Some(alias("7", &[])), step(Some("6"), &[]), false),
            (Some(alias("6", &[("7", 0.1)])), step(Some("6"), &[]), false),
            (Some(alias("6", &[("7", 0.1)])), step(Some("6"), &[("7", 0.1)]), true),
            (Some(alias("6", &[("7", 0.5)])), step(Some("6"), &[("7", 0.1)]), false),
        ];
        for (live, step, expect) in table {
            assert_eq!(is_as_planned(live.as_ref(), &step), expect, "{live:?} {step:?}");
        }
        assert!(points_to(&alias("7", &[]), "7".parse().unwrap()));
        assert!(!points_to(&alias("7", &[("6", 0.5)]), "7".parse().unwrap()));
        assert_eq!(place(&alias("7", &[("6", 0.5)])), "it points to version 7, version 6 with weight 0.5");
    }
}
