//! `prune`: looks, plans, and where that is wanted deletes, versions before images.

use std::time::{Duration, Instant};

use super::gather::Gatherer;
use super::run::Run;
use crate::apply::{ApplyError, Interrupt};
use crate::cloud::{EcrWriter, LambdaWriter};
use crate::event::{Event, Reporter};
use crate::name::{AccountId, Region};
use crate::preflight::Severity;
use crate::prune::{Facts, ImageDecision, PrunePlan, VersionDecision, plan};
use crate::report::{
    Failure, Fate, FunctionReport, Outcome, PruneReport, PrunedImage, PrunedVersion, Report, Stage,
    StepReport, StepStatus, sizes,
};

/// Prunes functions and repositories.
pub struct Pruner<'a> {
    /// Reads everything, before the plan and again before each deletion.
    pub gatherer: Gatherer<'a>,
    /// Deletes versions.
    pub lambda: &'a dyn LambdaWriter,
    /// Deletes images.
    pub ecr: &'a dyn EcrWriter,
    /// Where events go.
    pub reporter: &'a dyn Reporter,
    /// Whether the user asked to stop.
    pub interrupt: &'a Interrupt,
    /// Where the functions are.
    pub region: &'a Region,
}

/// What a look came to.
#[derive(Debug)]
pub enum Planned {
    /// It must not be done; the report's findings say why.
    Refused,
    /// Nothing goes.
    Nothing,
    /// Something goes.
    Work(Work),
}

/// What goes.
#[derive(Debug)]
pub struct Work {
    pub(super) plan: PrunePlan,
    /// The account of repositories that were named without one.
    pub(super) of_repository: AccountId,
    /// The account of the functions.
    pub(super) account: AccountId,
}

impl Pruner<'_> {
    /// Looks at everything and plans. Writes the plan, or why there is none, into `report`.
    ///
    /// # Errors
    /// Fails where AWS does not answer, or something that was named does not exist.
    pub async fn look(&self, report: &mut Report) -> Result<Planned, Failure> {
        let gathered = self.interrupt.or(self.gather()).await;
        let (facts, of_repository) = gathered.map_err(|stopped| stopped.failure(false))??;
        self.tell_function(&facts, report);
        let spec = self.gatherer.spec;
        let (plan, findings) = plan(spec, &facts);
        for finding in &findings {
            self.reporter.report(Event::Found(finding.clone()));
        }
        let refused = findings.iter().any(|finding| finding.severity == Severity::Refuse);
        report.findings = findings;
        if refused {
            return Ok(Planned::Refused);
        }
        report.prune = Some(PruneReport {
            keep: spec.keep,
            min_age: spec.min_age,
            versions: plan.versions.iter().map(version_line).collect(),
            images: plan.images.iter().map(image_line).collect(),
            declined: false,
        });
        report.steps = self.steps(&plan);
        if plan.is_empty() {
            return Ok(Planned::Nothing);
        }
        Ok(Planned::Work(Work { plan, of_repository, account: facts.account }))
    }

    /// Carries the plan out, as far as it still holds.
    ///
    /// # Errors
    /// The failure says whether anything was deleted; the report says what.
    pub async fn carry_out(&self, work: &Work, report: &mut Report) -> Result<Outcome, Failure> {
        let mut run = Run { pruner: self, work, report, changed: false, refused: Vec::new() };
        let spec = self.gatherer.spec;
        let mut step = 0;
        for function in &spec.functions {
            if !work.versions_of(function).is_empty() {
                let begun = run.begin(step);
                let ended = run.delete_versions(function).await;
                let left = run.versions_left(function);
                run.end(begun, left, ended)?;
                step += 1;
            }
        }
        for place in &spec.repositories {
            if !work.images_of(&place.name).is_empty() {
                let begun = run.begin(step);
                let ended = run.delete_images(place).await;
                let left = run.images_left(&place.name);
                run.end(begun, left, ended)?;
                step += 1;
            }
        }
        run.outcome()
    }

    async fn gather(&self) -> Result<(Facts, AccountId), Failure> {
        let failed = |error| ApplyError::Cloud(error).failure(false);
        let gatherer = &self.gatherer;
        let (account, of_repository) = gatherer.accounts().await.map_err(failed)?;
        if let Some(named) = gatherer.spec.accounts.iter().find(|named| **named != account) {
            return Err(Failure {
                kind: "account",
                stage: Stage::Refused,
                message: format!(
                    "the function is in account {named}, the credentials are of account {account}"
                ),
                hint: Some("use credentials of the function's account, or its bare name".to_owned()),
            });
        }
        let (mut functions, mut repositories) = (Vec::new(), Vec::new());
        for name in &gatherer.spec.functions {
            let found = gatherer.function(name).await.map_err(failed)?;
            functions.push(found.ok_or_else(|| self.missing(&format!("function {name}")))?);
        }
        for place in &gatherer.spec.repositories {
            let found = gatherer.repository(place, &of_repository).await.map_err(failed)?;
            repositories.push(found.ok_or_else(|| self.missing(&format!("repository {}", place.name)))?);
        }
        // Last: a function that has begun to run an image since the images were listed shows here.
        let uses =
            if repositories.is_empty() { Vec::new() } else { gatherer.uses().await.map_err(failed)? };
        let now = gatherer.now();
        Ok((Facts { account, functions, repositories, uses, now }, of_repository))
    }

    fn missing(&self, what: &str) -> Failure {
        Failure {
            kind: "not_found",
            stage: Stage::Refused,
            message: format!("{what} does not exist in {}", self.region),
            hint: Some("check its name, --region and the account of the credentials".to_owned()),
        }
    }

    fn tell_function(&self, facts: &Facts, report: &mut Report) {
        if let [only] = facts.functions.as_slice() {
            let (partition, account) = (self.region.partition().arn_name(), &facts.account);
            report.function = Some(FunctionReport {
                name: only.name.clone(),
                arn: format!("arn:{partition}:lambda:{}:{account}:function:{}", self.region, only.name),
                region: self.region.clone(),
                account: account.clone(),
                created: false,
            });
        }
    }

    /// A step for each function and each repository of which something goes.
    fn steps(&self, plan: &PrunePlan) -> Vec<StepReport> {
        let planned = |step: &'static str, detail: String| StepReport {
            step,
            status: StepStatus::Planned,
            detail,
            elapsed: Duration::ZERO,
        };
        let mut steps = Vec::new();
        for function in &self.gatherer.spec.functions {
            let gone = plan.versions.iter().filter(|one| one.function == *function && one.reason.deletes());
            let count = gone.count();
            if count > 0 {
                let noun = if count == 1 { "version" } else { "versions" };
                steps.push(planned(
                    "delete_versions",
                    format!("delete {count} {noun} of function {function}"),
                ));
            }
        }
        for place in &self.gatherer.spec.repositories {
            let gone: Vec<&ImageDecision> = plan
                .images
                .iter()
                .filter(|one| one.repository == place.name && one.reason.deletes())
                .collect();
            if !gone.is_empty() {
                let noun = if gone.len() == 1 { "image" } else { "images" };
                let bytes = gone.iter().filter(|one| !one.is_index).map(|one| one.image.size);
                let (count, bytes) = (gone.len(), sizes::bytes(sizes::sum(bytes)));
                let detail = format!("delete {count} {noun} of repository {}, at most {bytes}", place.name);
                steps.push(planned("delete_images", detail));
            }
        }
        steps
    }
}

/// A step that has begun.
struct Begun {
    step: usize,
    at: Instant,
    /// How much AWS had refused by then.
    refused: usize,
}

impl Run<'_, '_> {
    fn begin(&mut self, step: usize) -> Begun {
        let report = &self.report.steps[step];
        self.pruner.reporter.report(Event::StepStarted { step: report.step, detail: report.detail.clone() });
        Begun { step, at: Instant::now(), refused: self.refused.len() }
    }

    /// Notes how a step ended that left so many of what was to go. One that ran to its end and was refused something has failed, too.
    fn end(&mut self, begun: Begun, left: usize, ended: Result<(), Failure>) -> Result<(), Failure> {
        let Begun { step, at, refused } = begun;
        let done = ended.is_ok() && self.refused.len() == refused;
        for (index, report) in self.report.steps.iter_mut().enumerate().skip(step) {
            report.status = match (index == step, ended.is_ok()) {
                (true, _) if done => StepStatus::Done,
                (true, _) => StepStatus::Failed,
                (false, true) => StepStatus::Planned,
                (false, false) => StepStatus::Skipped,
            };
        }
        let report = &mut self.report.steps[step];
        report.elapsed = at.elapsed();
        if left > 0 {
            report
                .detail
                .push_str(&format!(": {left} of them {} still there", if left == 1 { "is" } else { "are" }));
        }
        if done {
            let (step, detail, elapsed) = (report.step, report.detail.clone(), report.elapsed);
            self.pruner.reporter.report(Event::StepDone { step, detail, elapsed });
        }
        ended
    }
}

fn version_line(decision: &VersionDecision) -> PrunedVersion {
    let VersionDecision { function, version, digest, reason } = decision;
    PrunedVersion {
        function: function.to_string(),
        version: version.to_string(),
        digest: *digest,
        fate: Fate {
            goes: reason.deletes(),
            reason: reason.word(),
            detail: reason.to_string(),
            deleted: false,
        },
    }
}

fn image_line(decision: &ImageDecision) -> PrunedImage {
    let ImageDecision { repository, image, is_index, reason } = decision;
    PrunedImage {
        repository: repository.to_string(),
        digest: image.digest,
        tags: image.tags.clone(),
        size: (!is_index).then_some(image.size),
        pushed: image.pushed,
        fate: Fate {
            goes: reason.deletes(),
            reason: reason.word(),
            detail: reason.to_string(),
            deleted: false,
        },
    }
}
