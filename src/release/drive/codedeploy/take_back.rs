//! A rollback of an alias that CodeDeploy is moving: the deployment is stopped, and takes back what it did.

use super::{Ended, Follower, deployment_of_group, found_deployment, is_active};
use crate::event::Event;
use crate::preflight::Finding;
use crate::release::drive::rollback::{Rollback, Scene};
use crate::release::drive::{JournalWriter, ReleaseError};
use crate::release::{DeploymentRef, Intent, Place, Wish};
use crate::report::{DeploymentReport, Outcome, Report, StepReport, StepStatus};

/// What became of the deployment that had the alias in hand.
pub(in crate::release::drive) enum TakenBack {
    /// There is none: the alias is moved in the ordinary way.
    None,
    /// The alias is back at what it ran before, which is what was asked for.
    Done(Outcome),
    /// It is stopped, and the alias is moved on in the ordinary way from where it is now.
    GoOn(Wish),
}

impl Rollback<'_> {
    /// Stops the deployment that moves the alias, if there is one.
    pub(in crate::release::drive) async fn take_back(
        &self,
        scene: &Scene,
        report: &mut Report,
    ) -> Result<TakenBack, ReleaseError> {
        let Some(intent) = self.running_deployment(scene, report).await? else { return Ok(TakenBack::None) };
        let Some(DeploymentRef { id: Some(id), application, group }) = &intent.deployment else {
            return Ok(TakenBack::None);
        };
        report.deployment = Some(DeploymentReport {
            id: id.clone(),
            application: application.clone(),
            group: group.clone(),
            config: String::new(),
            is_running: false,
        });
        let follower = Follower {
            access: self.codedeploy,
            lambda: self.lambda,
            reporter: self.reporter,
            clock: self.clock,
            interrupt: None,
            function: self.function,
            alias: self.alias,
            intent: &intent,
            id,
            limit: None,
        };
        let detail = format!("stop deployment {id}, which takes the alias back to {}", intent.from);
        let (step, begun) = ("stop_deployment", self.clock.now());
        self.reporter.report(Event::StepStarted { step, detail: detail.clone() });
        self.interrupt.note_traffic();
        let stopped = follower.stop().await;
        let elapsed = self.clock.now().duration_since(begun).unwrap_or_default();
        let status = if stopped.is_ok() { StepStatus::Done } else { StepStatus::Failed };
        if stopped.is_ok() {
            self.reporter.report(Event::StepDone { step, detail: detail.clone(), elapsed });
        }
        report.steps.push(StepReport { step, status, detail, elapsed });
        stopped?;
        let mut place = None;
        let ended = follower.after_stop().follow(&mut Vec::new(), &mut place).await;
        self.after_stop(scene, &intent, ended, report).await
    }

    async fn after_stop(
        &self,
        scene: &Scene,
        intent: &Intent,
        ended: Ended,
        report: &mut Report,
    ) -> Result<TakenBack, ReleaseError> {
        let from = &intent.from.version;
        match ended {
            Ended::Released => {
                // It was done before it could be stopped.
                self.write_end(scene, Intent { until: 0, ..intent.clone() }, report).await;
                Ok(TakenBack::GoOn(match self.wish {
                    Wish::Steps(1) => self.to(from)?,
                    other => other,
                }))
            }
            Ended::NeverMoved(_) | Ended::MovedBack(_) => {
                self.write_end(scene, Intent { given_up: true, until: 0, ..intent.clone() }, report).await;
                match self.wish {
                    Wish::Steps(1) => {
                        if let Some(alias) = &mut report.alias {
                            alias.to = Some(from.clone());
                        }
                        report.version = Some(from.clone());
                        Ok(TakenBack::Done(Outcome::RolledBack))
                    }
                    Wish::Steps(steps) => Ok(TakenBack::GoOn(Wish::Steps(steps - 1))),
                    to => Ok(TakenBack::GoOn(to)),
                }
            }
            Ended::Stuck(evidence) | Ended::Blind(evidence) => {
                let message = format!("CodeDeploy did not take the alias back: {evidence}");
                report.findings.push(Finding::warn(
                    "codedeploy",
                    message,
                    "the alias is moved in the ordinary way",
                ));
                match self.wish {
                    Wish::Steps(1) => Ok(TakenBack::GoOn(self.to(from)?)),
                    Wish::To(version) => Ok(TakenBack::GoOn(Wish::To(version))),
                    Wish::Steps(_) => Err(ReleaseError::Unknown {
                        what: format!("alias {} of function {}", self.alias, self.function),
                        wanted: Place::whole(from.as_str()).to_string(),
                        sent: "the deployment was stopped".to_owned(),
                        read: evidence,
                    }),
                }
            }
            Ended::Asked => Err(ReleaseError::Interrupted),
        }
    }

    fn to(&self, version: &str) -> Result<Wish, ReleaseError> {
        version.parse().map(Wish::To).map_err(|_| ReleaseError::Refused {
            kind: "journal",
            message: format!("the alias pointed to {version}, which is no published version"),
            hint: "name a version with --to".to_owned(),
        })
    }

    async fn write_end(&self, scene: &Scene, intent: Intent, report: &mut Report) {
        if intent.began == 0 {
            return;
        }
        let Some(tags) = scene.journal.begin(self.alias, &scene.seen.place, &intent) else { return };
        let writer = JournalWriter { lambda: self.writer, clock: self.clock, arn: &scene.latest.arn };
        report.findings.extend(writer.write(&tags).await);
    }

    /// The deployment that moves the alias now, by the journal or by the group that was named.
    async fn running_deployment(
        &self,
        scene: &Scene,
        report: &mut Report,
    ) -> Result<Option<Intent>, ReleaseError> {
        let reader = self.codedeploy.reader;
        if let Some(open) = scene.journal.open_deployment() {
            let found = match found_deployment(reader, open).await {
                Ok(found) => found,
                // An incident does not wait for a permission: the alias itself can be moved.
                Err(error) => {
                    let message = format!("how CodeDeploy's deployment stands cannot be read: {error}");
                    report.findings.push(Finding::unknown(
                        "codedeploy",
                        message,
                        "allow codedeploy:GetDeployment and codedeploy:StopDeployment; if it is under way it moves the alias again",
                    ));
                    None
                }
            };
            let Some(found) = found else { return Ok(None) };
            let id =
                found.deployment.as_ref().and_then(|deployment| deployment.id.as_deref()).unwrap_or_default();
            return Ok(reader.deployment(id).await?.filter(is_active).map(|_| found));
        }
        match self.group {
            Some(group) => {
                Ok(deployment_of_group(reader, group, (self.function, self.alias), self.clock).await?)
            }
            None => Ok(None),
        }
    }
}
