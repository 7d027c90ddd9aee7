//! How a release of our own engine ends: with all traffic on the new version, left as it is, or moved back.

use super::Releaser;
use super::TrafficSpec;
use super::aim::Scene;
use super::release::{PATIENCE_BACK, Run, Why};
use crate::release::{Intent, State};
use crate::report::{Failure, Outcome, Stage};

impl Releaser<'_> {
    pub(super) async fn end(
        &self,
        scene: &Scene,
        traffic: &TrafficSpec,
        run: &mut Run,
        why: Option<Why>,
    ) -> Result<Outcome, Failure> {
        let stopped = |stage, message: String, hint: String| {
            Err(Failure { kind: "interrupted", stage, message, hint: Some(hint) })
        };
        if let Some(Why::Failed(error)) = why {
            return Err(error.failure(&self.look_command()));
        }
        match run.state {
            State::Held => {
                run.intent.until = 0;
                self.close(scene, run).await;
                let commands = format!("--function {} --alias {}", self.spec.function, self.spec.alias);
                stopped(
                    Stage::TrafficUnknown,
                    format!("stopped on request, and left as it is: {}", run.seen.place),
                    format!(
                        "go on: lambda-lift release {commands} --resume; or go back: lambda-lift rollback {commands}"
                    ),
                )
            }
            State::MovedBack => {
                run.intent = Intent { given_up: true, until: 0, ..run.intent.clone() };
                self.close(scene, run).await;
                stopped(
                    Stage::BeforeChange,
                    "stopped on request, before traffic moved".to_owned(),
                    "run the same command again".to_owned(),
                )
            }
            _ => {
                if !traffic.bake.is_zero() {
                    run.intent.until = 0;
                    self.close(scene, run).await;
                }
                Ok(Outcome::Deployed)
            }
        }
    }

    /// Writes the last word of this run.
    pub(super) async fn close(&self, scene: &Scene, run: &mut Run) {
        let unwritten = self.note(scene, &run.intent).await;
        run.findings.extend(unwritten);
    }

    /// Makes the alias exactly what it was.
    pub(super) async fn back(
        &self,
        scene: &Scene,
        run: &mut Run,
        why: Option<Why>,
    ) -> Result<Outcome, Failure> {
        let to = run.intent.from.clone();
        let detail = format!("alias {} back from {} to {to}", self.spec.alias, run.seen.place);
        let begun = self.started("move_back", &detail);
        let moved = self.shifter(scene, &run.intent.id, PATIENCE_BACK).shift(&run.seen, &to).await;
        self.ended(run, "move_back", detail, begun, moved.is_ok());
        let (kind, reason) = match &why {
            Some(Why::Failed(error)) => ("release_failed", error.to_string()),
            Some(Why::Breach(reason)) => {
                ("breach", format!("version {} does not do: {reason}", run.intent.to))
            }
            None => ("interrupted", "stopped on request".to_owned()),
        };
        match moved {
            Ok(seen) => {
                run.seen = seen;
                run.intent = Intent { given_up: true, until: 0, ..run.intent.clone() };
                self.close(scene, run).await;
                let message = format!("{reason}; the alias was moved back to {to}");
                Err(Failure { kind, stage: Stage::MovedBack, message, hint: None })
            }
            Err(error) => {
                let message = format!("{reason}; and moving the alias back to {to} failed: {error}");
                let hint = format!(
                    "look at it with: {}; then: lambda-lift rollback --function {} --alias {} --to {}",
                    self.look_command(),
                    self.spec.function,
                    self.spec.alias,
                    to.version
                );
                Err(Failure {
                    kind: "alias_unknown",
                    stage: Stage::TrafficUnknown,
                    message,
                    hint: Some(hint),
                })
            }
        }
    }
}
