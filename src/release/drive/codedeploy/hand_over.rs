//! A release that is handed over to CodeDeploy, or taken up again where it is.

use std::time::Duration;

use super::create::{Creator, description};
use super::prepare::{Maker, Readiness};
use super::settle::deployment_of;
use super::{Ended, Follower};
use crate::cloud::{CodeDeployReader, NewDeployment};
use crate::event::Event;
use crate::preflight::Finding;
use crate::release::drive::aim::Scene;
use crate::release::drive::{ReleaseError, Releaser, TrafficSpec, seconds};
use crate::release::{AppSpec, CodeDeploySpec, DeploymentRef, Intent, Journal, OnStop, Place};
use crate::report::{DeploymentReport, Failure, Outcome, Report, Stage, StepReport, StepStatus};

/// How long each of the two hooks may take (CodeDeploy's quotas), and some more.
const HOOKS: Duration = Duration::from_secs(2 * 3600 + 600);

/// A release on its way, as CodeDeploy has it.
struct Handed {
    intent: Intent,
    /// Where the alias was last seen.
    place: Option<Place>,
    steps: Vec<StepReport>,
    findings: Vec<Finding>,
}

/// The deployment of a release that is taken up, with its id.
///
/// # Errors
/// CodeDeploy does not say, or has none.
pub(in crate::release::drive) async fn found_deployment(
    reader: &dyn CodeDeployReader,
    intent: &Intent,
) -> Result<Option<Intent>, ReleaseError> {
    let found = deployment_of(reader, intent).await?;
    let with_id = |deployment: &DeploymentRef, id| DeploymentRef { id: Some(id), ..deployment.clone() };
    Ok(found.and_then(|found| {
        let deployment = intent.deployment.as_ref().map(|known| with_id(known, found.id));
        Some(Intent { deployment: Some(deployment?), ..intent.clone() })
    }))
}

impl Releaser<'_> {
    /// Creates the deployment of the release that `intent` describes, and follows it unless it is to be left alone.
    pub(in crate::release::drive) async fn hand_over(
        &self,
        scene: &Scene,
        intent: Intent,
        traffic: &TrafficSpec,
        (spec, readiness): (&CodeDeploySpec, &Readiness),
        report: &mut Report,
    ) -> Result<Outcome, Failure> {
        let told = |error: ReleaseError| error.failure(&self.look_command());
        self.interrupt.check().map_err(|_| told(ReleaseError::Interrupted))?;
        let access = self.codedeploy;
        let (reporter, clock) = (self.reporter, self.clock);
        let mut maker = Maker { access, reporter, clock, steps: &mut report.steps };
        maker.make(spec, readiness, &traffic.watch.alarms).await.map_err(told)?;
        let (application, group) = (spec.application.clone(), spec.group.clone());
        let now = self.clock.now();
        let mut handed = Handed {
            intent: Intent {
                began: seconds(now),
                until: seconds(now + traffic.strategy.duration() + HOOKS),
                deployment: Some(DeploymentRef { id: None, application, group }),
                ..intent
            },
            place: Some(scene.seen.place.clone()),
            steps: Vec::new(),
            findings: Vec::new(),
        };
        let created = self.create(scene, (spec, readiness), traffic, &mut handed).await;
        report.steps.append(&mut handed.steps);
        report.findings.append(&mut handed.findings);
        let id = created.map_err(told)?;
        report.deployment = Some(DeploymentReport {
            id: id.clone(),
            application: spec.application.clone(),
            group: spec.group.clone(),
            config: readiness.config.name.clone(),
            is_running: true,
        });
        if spec.detach {
            return Ok(self.left_running(&handed.intent, report));
        }
        self.follow_to_end(scene, handed, traffic.on_stop, report).await
    }

    /// Takes up a deployment that another run has created.
    pub(in crate::release::drive) async fn take_up(
        &self,
        scene: &Scene,
        intent: Intent,
        report: &mut Report,
    ) -> Result<Outcome, Failure> {
        let told = |error: ReleaseError| error.failure(&self.look_command());
        let traffic = &self.spec.traffic;
        if traffic.on_stop == OnStop::Finish || traffic.watch != Default::default() || !traffic.bake.is_zero()
        {
            let message = format!(
                "the release is carried out by CodeDeploy ({}): what is watched was decided when it was created",
                intent.deployment.as_ref().map(ToString::to_string).unwrap_or_default()
            );
            let hint = "give --resume alone, with --on-interrupt rollback or hold".to_owned();
            return Err(told(ReleaseError::Usage { message, hint }));
        }
        let Some(intent) = found_deployment(self.codedeploy.reader, &intent).await.map_err(told)? else {
            return self.never_created(scene, intent, report).await;
        };
        if let Some(DeploymentRef { id: Some(id), application, group }) = &intent.deployment {
            report.deployment = Some(DeploymentReport {
                id: id.clone(),
                application: application.clone(),
                group: group.clone(),
                config: String::new(),
                is_running: true,
            });
        }
        if let Some(alias) = &mut report.alias {
            alias.from = Some(intent.from.version.clone());
        }
        let handed =
            Handed { intent, place: Some(scene.seen.place.clone()), steps: Vec::new(), findings: Vec::new() };
        self.follow_to_end(scene, handed, traffic.on_stop, report).await
    }

    /// Whoever began the release died before its deployment was created.
    async fn never_created(
        &self,
        scene: &Scene,
        intent: Intent,
        report: &mut Report,
    ) -> Result<Outcome, Failure> {
        let given_up = Intent { given_up: true, until: 0, ..intent };
        report.findings.extend(self.note(scene, &given_up).await);
        let error = ReleaseError::Refused {
            kind: "nothing_to_resume",
            message: format!(
                "the release to version {} was written down, and its deployment was never created",
                given_up.to
            ),
            hint: "begin it again with the same command as before".to_owned(),
        };
        Err(error.failure(&self.look_command()))
    }

    async fn create(
        &self,
        scene: &Scene,
        (spec, readiness): (&CodeDeploySpec, &Readiness),
        traffic: &TrafficSpec,
        handed: &mut Handed,
    ) -> Result<String, ReleaseError> {
        let Intent { from, to, id: run, .. } = handed.intent.clone();
        let (function, alias) = (&self.spec.function, &self.spec.alias);
        let what = format!("alias {alias} of function {function} from version {} to {to}", from.version);
        let (app_spec, sha256) = AppSpec::new(function, alias, (&from.version, &to), spec).content();
        let new = NewDeployment {
            application: spec.application.clone(),
            group: spec.group.clone(),
            config: readiness.config.name.clone(),
            app_spec,
            sha256,
            description: description(&run, &what),
            alarms: traffic.watch.alarms.clone(),
        };
        if scene.journal.begin(alias, &scene.seen.place, &handed.intent).is_none() {
            return Err(ReleaseError::Refused {
                kind: "journal",
                message: format!(
                    "the names of {} and {} are too long for the journal",
                    spec.application, spec.group
                ),
                hint: "use shorter ones".to_owned(),
            });
        }
        // Before the deployment, so that a run that dies leaves none that nobody knows of.
        let unwritten = self.note(scene, &handed.intent).await;
        handed.findings.extend(unwritten);
        self.interrupt.check().map_err(|_| ReleaseError::Interrupted)?;
        let detail = format!("deployment of {what} by {}", new.config);
        let begun = self.started("create_deployment", &detail);
        self.interrupt.note_traffic();
        let creator =
            Creator { access: self.codedeploy, reporter: self.reporter, clock: self.clock, id: &run };
        let created = creator.create(&new).await;
        let elapsed = self.clock.now().duration_since(begun).unwrap_or_default();
        let step = "create_deployment";
        match &created {
            Ok(id) => {
                let detail = format!("{id}: {detail}");
                self.reporter.report(Event::StepDone { step, detail: detail.clone(), elapsed });
                handed.steps.push(StepReport { step, status: StepStatus::Done, detail, elapsed });
                if let Some(deployment) = &mut handed.intent.deployment {
                    deployment.id = Some(id.clone());
                }
                let unwritten = self.note(scene, &handed.intent).await;
                handed.findings.extend(unwritten);
            }
            Err(error) => {
                handed.steps.push(StepReport { step, status: StepStatus::Failed, detail, elapsed });
                if !matches!(error, ReleaseError::Unknown { .. }) {
                    self.take_back_note(scene, handed).await;
                }
            }
        }
        created
    }

    /// Says in the journal that the release came to nothing, unless another has written itself down meanwhile.
    async fn take_back_note(&self, scene: &Scene, handed: &mut Handed) {
        let latest = self.lambda.function(&self.spec.function, None).await.ok().flatten();
        let journal = latest.map(|latest| Journal::read(&latest.settings, &self.spec.alias));
        let is_ours =
            journal.as_ref().and_then(Journal::intent).is_some_and(|last| last.id == handed.intent.id);
        if is_ours {
            handed.intent = Intent { given_up: true, until: 0, ..handed.intent.clone() };
            let unwritten = self.note(scene, &handed.intent).await;
            handed.findings.extend(unwritten);
        }
    }

    /// The deployment goes on without us.
    fn left_running(&self, intent: &Intent, report: &mut Report) -> Outcome {
        if let Some(alias) = &mut report.alias {
            alias.to = Some(intent.to.clone());
        }
        report.version = Some(intent.to.clone());
        Outcome::Started
    }

    async fn follow_to_end(
        &self,
        scene: &Scene,
        mut handed: Handed,
        on_stop: OnStop,
        report: &mut Report,
    ) -> Result<Outcome, Failure> {
        // A second signal then says that somebody must look at the alias.
        self.interrupt.note_traffic();
        let intent = handed.intent.clone();
        let id = intent.deployment.as_ref().and_then(|deployment| deployment.id.clone()).unwrap_or_default();
        let follower = Follower {
            access: self.codedeploy,
            lambda: self.lambda,
            reporter: self.reporter,
            clock: self.clock,
            interrupt: Some(self.interrupt),
            function: &self.spec.function,
            alias: &self.spec.alias,
            intent: &intent,
            id: &id,
            limit: None,
        };
        let mut ended = follower.follow(&mut handed.steps, &mut handed.place).await;
        let mut asked = false;
        if ended == Ended::Asked && on_stop == OnStop::Rollback {
            asked = true;
            ended = match follower.stop().await {
                Ok(()) => follower.after_stop().follow(&mut handed.steps, &mut handed.place).await,
                Err(error) => Ended::Stuck(format!("it could not be stopped: {error}")),
            };
        }
        if let Some(place) = &handed.place {
            report.version = Some(place.version.clone());
            if let Some(alias) = &mut report.alias {
                alias.to = Some(place.version.clone());
            }
        }
        let concluded = self.conclude(scene, ended, asked, &mut handed, report).await;
        report.steps.append(&mut handed.steps);
        report.findings.append(&mut handed.findings);
        concluded
    }

    /// Writes down how it ended, and says it.
    async fn conclude(
        &self,
        scene: &Scene,
        ended: Ended,
        asked: bool,
        handed: &mut Handed,
        report: &mut Report,
    ) -> Result<Outcome, Failure> {
        let given_up = match &ended {
            Ended::Released => Some(false),
            Ended::NeverMoved(_) | Ended::MovedBack(_) => Some(true),
            // What is not over stays in the journal, for whoever comes next.
            Ended::Stuck(_) | Ended::Blind(_) | Ended::Asked => None,
        };
        if let Some(given_up) = given_up {
            if let Some(deployment) = &mut report.deployment {
                deployment.is_running = false;
            }
            handed.intent = Intent { given_up, until: 0, ..handed.intent.clone() };
            if handed.intent.began > 0 {
                let unwritten = self.note(scene, &handed.intent).await;
                handed.findings.extend(unwritten);
            }
        }
        let from = &handed.intent.from;
        let told = |evidence: &str| {
            let breach = evidence.contains("ALARM_ACTIVE");
            let kind = if asked {
                "interrupted"
            } else if breach {
                "breach"
            } else {
                "deployment_failed"
            };
            let asked = if asked { "stopped on request; " } else { "" };
            (kind, format!("{asked}{evidence}"))
        };
        match ended {
            Ended::Released => Ok(Outcome::Deployed),
            Ended::Asked => Ok(self.left_running(&handed.intent, report)),
            Ended::NeverMoved(evidence) => {
                let (kind, message) = told(&evidence);
                Err(Failure {
                    kind,
                    stage: Stage::BeforeTraffic,
                    message: format!("{message}; no traffic was moved: the alias sends all of it to {from}"),
                    hint: Some("mend what it says, then run the same command again".to_owned()),
                })
            }
            Ended::MovedBack(evidence) => {
                let (kind, message) = told(&evidence);
                let message = format!("{message}; the alias is back: it sends all its traffic to {from}");
                Err(Failure { kind, stage: Stage::MovedBack, message, hint: None })
            }
            Ended::Stuck(evidence) | Ended::Blind(evidence) => Err(self.needs_person(&evidence, handed)),
        }
    }

    fn needs_person(&self, evidence: &str, handed: &Handed) -> Failure {
        let place = match &handed.place {
            Some(place) => format!("the alias was last seen to send its traffic to {place}"),
            None => "the alias could not be read".to_owned(),
        };
        let commands = format!("--function {} --alias {}", self.spec.function, self.spec.alias);
        Failure {
            kind: "alias_unknown",
            stage: Stage::TrafficUnknown,
            message: format!("{evidence}; {place}"),
            hint: Some(format!(
                "look at it with: {}; go on following: lambda-lift release {commands} --resume; or go back: lambda-lift rollback \
                 {commands}",
                self.look_command()
            )),
        }
    }
}
