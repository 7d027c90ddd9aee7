//! `rollback`: the fastest way back to what an alias really ran before. Three waves of requests: what is there, whether the old
//! version can still serve, the move.

use std::time::Duration;

use tokio::join;

use super::codedeploy::{CodeDeployAccess, TakenBack, settled};
use super::look::look_command;
use super::shift::{Seen, Shifter};
use super::write_journal::{begun_now, moved_and_noted};
use super::{Clock, JournalWriter, ReleaseError, seconds};
use crate::apply::Interrupt;
use crate::cloud::{
    Caller, CloudError, EcrReader, Identity, LambdaReader, LambdaWriter, LiveFunction, PublishedVersion,
};
use crate::event::{Event, Reporter};
use crate::function::{Settled, judge};
use crate::name::{AliasName, Digest, FunctionName, ImageUri, Version};
use crate::preflight::Finding;
use crate::release::{Intent, Journal, Place, Standing, WayBack, Wish, command_to, kept_digest, way_back};
use crate::report::{AliasReport, Failure, FunctionReport, Outcome, Report, StepReport, StepStatus};

/// How often the whole is begun anew when somebody moves the alias meanwhile: a release that is still under way does.
const ROUNDS: usize = 5;
/// How many other versions are looked up, to name those that still can serve.
const OTHERS: usize = 20;
/// For how long a refused or unanswered move is followed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Moves an alias back.
pub struct Rollback<'a> {
    /// Reads Lambda.
    pub lambda: &'a dyn LambdaReader,
    /// Writes Lambda.
    pub writer: &'a dyn LambdaWriter,
    /// Reads ECR, where the old image must still be.
    pub ecr: &'a dyn EcrReader,
    /// Who we are, for the journal.
    pub identity: &'a dyn Identity,
    /// Where events go.
    pub reporter: &'a dyn Reporter,
    /// Told when the alias moves, so that nobody ends the process in the middle of it unasked.
    pub interrupt: &'a Interrupt,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// The function.
    pub function: &'a FunctionName,
    /// The alias.
    pub alias: &'a AliasName,
    /// Where to.
    pub wish: Wish,
    /// CodeDeploy, where it is what moves the alias.
    pub codedeploy: CodeDeployAccess<'a>,
    /// Its application and deployment group, where the journal need not know of the deployment.
    pub group: Option<(&'a str, &'a str)>,
}

/// What the first wave brought.
pub(super) struct Scene {
    pub(super) seen: Seen,
    pub(super) latest: LiveFunction,
    versions: Vec<PublishedVersion>,
    caller: Option<Caller>,
    pub(super) journal: Journal,
}

impl Scene {
    /// The digest of a version, as the list of versions tells it.
    fn digest(&self, version: Version) -> Option<Digest> {
        self.versions.iter().find(|published| published.version == version)?.image_digest
    }
}

impl Rollback<'_> {
    /// Moves the alias, and writes what was done into `report`.
    ///
    /// # Errors
    /// The failure says whether the alias is as it was, or must be looked at.
    pub async fn run(&self, report: &mut Report) -> Result<Outcome, Failure> {
        let look = look_command(self.function);
        for round in 1.. {
            report.findings.clear();
            report.steps.clear();
            match self.round(report).await {
                Ok(outcome) => return Ok(outcome),
                Err(ReleaseError::Changed { found, .. }) if round < ROUNDS => {
                    let what = format!("alias {}", self.alias);
                    self.reporter.report(Event::Waiting {
                        what,
                        state: format!("it was moved meanwhile, to {found}"),
                    });
                }
                Err(error) => return Err(error.failure(&look)),
            }
        }
        Ok(Outcome::Failed)
    }

    async fn round(&self, report: &mut Report) -> Result<Outcome, ReleaseError> {
        let mut scene = self.until_stopped(self.look()).await?;
        self.tell(&scene, report);
        let wish = match self.take_back(&scene, report).await? {
            TakenBack::Done(outcome) => return Ok(outcome),
            TakenBack::None => {
                let journal = settled(self.codedeploy.reader, scene.journal, self.clock);
                scene.journal = self.until_stopped(async { Ok(journal.await) }).await?;
                self.wish
            }
            TakenBack::GoOn(wish) => {
                scene = self.until_stopped(self.look()).await?;
                wish
            }
        };
        let target = match way_back(wish, &scene.seen.place, &scene.journal) {
            WayBack::Stay => return Ok(Outcome::Unchanged),
            WayBack::Unknown { why, known } => return Err(self.unknown(why, &known)),
            WayBack::To { version, digest } => {
                self.until_stopped(self.check(&scene, version, digest, report)).await?
            }
        };
        let to = Place::whole(target.to_string());
        let begun = self.clock.now();
        let shifter = Shifter {
            reader: self.lambda,
            writer: self.writer,
            reporter: self.reporter,
            clock: self.clock,
            function: self.function,
            alias: self.alias,
            patience: PATIENCE,
            known: None,
        };
        self.interrupt.note_traffic();
        let intent = self.intent(&scene, target);
        let (moved, unwritten) = moved_and_noted(
            scene.journal.remembers(&scene.seen.place.version),
            shifter.shift(&scene.seen, &to),
            self.write_down(&scene, intent.as_ref()),
        )
        .await;
        if let (Err(ReleaseError::Cloud(_)), Some(intent), None) = (&moved, &intent, &unwritten) {
            // It was refused for good: nobody shall wonder whether it was made.
            let given_up = Intent { given_up: true, ..intent.clone() };
            report.findings.extend(self.write_down(&scene, Some(&given_up)).await);
        }
        report.findings.extend(unwritten);
        let (from, to) = (&scene.seen.place, target.to_string());
        report.steps.push(StepReport {
            step: "move_alias",
            status: if moved.is_ok() { StepStatus::Done } else { StepStatus::Failed },
            detail: format!("move alias {} back from {from} to version {to}", self.alias),
            elapsed: self.clock.now().duration_since(begun).unwrap_or_default(),
        });
        moved?;
        if let Some(alias) = &mut report.alias {
            alias.to = Some(to.clone());
        }
        report.version = Some(to);
        Ok(Outcome::RolledBack)
    }

    /// Looks until the user asks to stop: nothing was moved yet.
    async fn until_stopped<T>(
        &self,
        looking: impl Future<Output = Result<T, ReleaseError>>,
    ) -> Result<T, ReleaseError> {
        self.interrupt.or(looking).await.map_err(|_| ReleaseError::Interrupted)?
    }

    /// The first wave: everything that can be asked without knowing where to go.
    async fn look(&self) -> Result<Scene, ReleaseError> {
        let (alias, latest, versions, caller) = join!(
            self.lambda.alias(self.function, self.alias),
            self.lambda.function(self.function, None),
            self.lambda.versions(self.function),
            self.identity.caller(),
        );
        let missing = |what: String| ReleaseError::Refused {
            kind: "not_found",
            message: format!("{what} does not exist"),
            hint: "check its name, --region and the account of the credentials".to_owned(),
        };
        let latest = latest?.ok_or_else(|| missing(format!("function {}", self.function)))?;
        let alias =
            alias?.ok_or_else(|| missing(format!("alias {} of function {}", self.alias, self.function)))?;
        let journal = Journal::read(&latest.settings, self.alias);
        // Only a name for the journal hangs on it.
        let caller = caller.ok();
        Ok(Scene { seen: Seen::of(&alias), latest, versions: versions?.unwrap_or_default(), caller, journal })
    }

    fn tell(&self, scene: &Scene, report: &mut Report) {
        report.function = FunctionReport::of(self.function, &scene.latest);
        let from = scene.seen.place.version.clone();
        report.alias =
            Some(AliasReport { name: self.alias.clone(), from: Some(from.clone()), to: Some(from.clone()) });
        report.version = Some(from);
        if let Some(trouble) = scene.journal.trouble() {
            let hint = "it begins anew with this move";
            report.findings.push(Finding::warn("journal", trouble, hint));
        }
        if let Standing::Running(intent) =
            scene.journal.standing(&scene.seen.place, seconds(self.clock.now()))
        {
            let message = format!(
                "a release to version {} by {} is under way, and is ended by this",
                intent.to, intent.actor
            );
            report.findings.push(Finding::info("release", message));
        }
    }

    fn unknown(&self, why: String, known: &[Version]) -> ReleaseError {
        let command = command_to(self.function, self.alias, known.first().copied());
        let known: Vec<String> = known.iter().map(Version::to_string).collect();
        let ran = match known.is_empty() {
            true => String::new(),
            false => format!(" (it ran version {} before)", known.join(", ")),
        };
        let message = format!("what alias {} ran before is not known: {why}", self.alias);
        ReleaseError::Refused { kind: "journal", message, hint: format!("name the version{ran}: {command}") }
    }

    /// The second wave: the version is there and Active, and its image was not deleted.
    async fn check(
        &self,
        scene: &Scene,
        version: Version,
        kept: Option<String>,
        report: &mut Report,
    ) -> Result<Version, ReleaseError> {
        let qualifier = version.to_string();
        let place = scene.latest.image();
        let candidates = self.candidates(scene, version);
        let (target, stored) = join!(
            self.lambda.function(self.function, Some(&qualifier)),
            self.stored(place.as_ref(), &candidates),
        );
        let Some(target) = target? else {
            return Err(self.cannot_serve(scene, version, "does not exist any more", &stored));
        };
        match judge(&target.state) {
            Settled::Ready => {}
            Settled::Busy { state } | Settled::Inactive { state } => {
                return Err(self.cannot_serve(scene, version, &format!("is not Active: {state}"), &stored));
            }
            Settled::Failed(failure) => {
                return Err(self.cannot_serve(scene, version, &format!("is not Active: {failure}"), &stored));
            }
        }
        if kept.is_some_and(|kept| kept_digest(target.running_digest()).is_some_and(|runs| runs != kept)) {
            let why = "runs another image than it did when the alias pointed to it";
            return Err(self.cannot_serve(scene, version, why, &stored));
        }
        // A version may have its image elsewhere than $LATEST has.
        let own = target.image();
        let digest = own.as_ref().and_then(|own| own.digest);
        let elsewhere = own.as_ref().map(|own| (&own.registry, &own.repository))
            != place.as_ref().map(|place| (&place.registry, &place.repository));
        let stored = match (elsewhere || digest != scene.digest(version), digest) {
            (true, Some(digest)) => self.stored(own.as_ref(), &[digest]).await,
            _ => stored,
        };
        match (&stored, digest) {
            (Ok(Some(found)), Some(digest)) if !found.contains(&digest) => {
                let why = format!("runs {digest}, which was deleted from its repository");
                Err(self.cannot_serve(scene, version, &why, &stored))
            }
            (Err(error), Some(_)) => {
                let message =
                    format!("whether the image of version {version} still exists could not be seen: {error}");
                let hint =
                    "allow ecr:BatchGetImage; the version is Active, so the alias is moved all the same";
                report.findings.push(Finding::unknown("image", message, hint));
                Ok(version)
            }
            _ => Ok(version),
        }
    }

    /// The digests to look up: the target's first, then the newest others.
    fn candidates(&self, scene: &Scene, version: Version) -> Vec<Digest> {
        let mut digests: Vec<Digest> = scene.digest(version).into_iter().collect();
        for published in scene.versions.iter().rev() {
            match published.image_digest {
                Some(digest) if !digests.contains(&digest) && digests.len() <= OTHERS => digests.push(digest),
                _ => {}
            }
        }
        digests
    }

    async fn stored(
        &self,
        place: Option<&ImageUri>,
        digests: &[Digest],
    ) -> Result<Option<Vec<Digest>>, CloudError> {
        let (Some(place), false) = (place, digests.is_empty()) else { return Ok(None) };
        let found = self.ecr.stored_images(Some(&place.registry.account), &place.repository, digests).await?;
        // A repository that is gone has none of them.
        Ok(Some(found.unwrap_or_default()))
    }

    fn cannot_serve(
        &self,
        scene: &Scene,
        version: Version,
        why: &str,
        stored: &Result<Option<Vec<Digest>>, CloudError>,
    ) -> ReleaseError {
        let current = &scene.seen.place.version;
        let has_image = |published: &&PublishedVersion| match (stored, published.image_digest) {
            (Ok(Some(found)), Some(digest)) => found.contains(&digest),
            _ => false,
        };
        let others: Vec<Version> = scene
            .versions
            .iter()
            .rev()
            .filter(|published| published.version != version && published.version.to_string() != *current)
            .filter(has_image)
            .map(|published| published.version)
            .collect();
        let message = format!("version {version} cannot serve: it {why}");
        let hint = match others.as_slice() {
            [] => "no other version's image was found: deploy an image that works".to_owned(),
            [first, ..] => {
                let names: Vec<String> = others.iter().map(Version::to_string).collect();
                let command = command_to(self.function, self.alias, Some(*first));
                format!("the images of version {} are still there: {command}", names.join(", "))
            }
        };
        ReleaseError::Refused { kind: "version_unusable", message, hint }
    }

    /// Notes the move. Sent beside the move itself: the alias proves whether it was made.
    async fn write_down(&self, scene: &Scene, intent: Option<&Intent>) -> Option<Finding> {
        let tags = scene.journal.begin(self.alias, &scene.seen.place, intent?)?;
        JournalWriter { lambda: self.writer, clock: self.clock, arn: &scene.latest.arn }.write(&tags).await
    }

    fn intent(&self, scene: &Scene, target: Version) -> Option<Intent> {
        let place = &scene.seen.place;
        if place.is_split() && place.version == target.to_string() {
            // The alias goes back to what it never left: what ends is the release.
            let release = scene.journal.intent().filter(|intent| intent.step_at(place).is_some())?;
            return Some(Intent { given_up: true, until: 0, ..release.clone() });
        }
        let digest = kept_digest(scene.digest(target));
        let begun = begun_now(self.clock, scene.caller.as_ref());
        Some(Intent::all_at_once(place.clone(), target.to_string(), digest, begun))
    }
}
