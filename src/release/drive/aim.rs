//! What is there, and which version shall get the traffic, before anything is moved.

use std::time::Duration;

use tokio::join;

use super::shift::Seen;
use super::{ReleaseError, Releaser, Target, TrafficSpec};
use crate::cloud::{Caller, CloudError, LiveFunction};
use crate::name::Version;
use crate::preflight::Finding;
use crate::release::{Engine, Intent, Journal, Place, Standing};
use crate::report::{AliasReport, FunctionReport, Report};

/// What was seen before anything is moved.
pub(super) struct Scene {
    pub(super) seen: Seen,
    pub(super) latest: LiveFunction,
    pub(super) current: Option<LiveFunction>,
    pub(super) provisioned: Option<u32>,
    pub(super) caller: Option<Caller>,
    pub(super) journal: Journal,
}

impl Releaser<'_> {
    pub(super) async fn look(&self) -> Result<Scene, ReleaseError> {
        let (function, alias) = (&self.spec.function, &self.spec.alias);
        let (found, latest, current, provisioned, caller) = join!(
            self.lambda.alias(function, alias),
            self.lambda.function(function, None),
            self.lambda.function(function, Some(alias.as_str())),
            self.lambda.provisioned_concurrency(function, alias.as_str()),
            self.identity.caller(),
        );
        let missing =
            |message: String, hint: String| ReleaseError::Refused { kind: "not_found", message, hint };
        let latest = latest?.ok_or_else(|| {
            let hint = "check its name, --region and the account of the credentials".to_owned();
            missing(format!("function {function} does not exist"), hint)
        })?;
        let found = found?.ok_or_else(|| {
            let hint = format!("create it: aws lambda create-alias --function-name {function} --name {alias} --function-version N");
            missing(format!("alias {alias} of function {function} does not exist"), hint)
        })?;
        let journal = Journal::read(&latest.settings, alias);
        // What may not be read is left to AWS, which refuses weights on an alias with provisioned concurrency itself.
        let provisioned = provisioned.ok().flatten().map(|provisioned| provisioned.requested);
        Ok(Scene {
            seen: Seen::of(&found),
            latest,
            current: current.ok().flatten(),
            provisioned,
            caller: caller.ok(),
            journal,
        })
    }

    pub(super) fn tell(&self, scene: &Scene, report: &mut Report) {
        report.function = FunctionReport::of(&self.spec.function, &scene.latest);
        let from = scene.seen.place.version.clone();
        let name = self.spec.alias.clone();
        report.alias = Some(AliasReport { name, from: Some(from.clone()), to: Some(from.clone()) });
        report.version = Some(from);
        if let Some(trouble) = scene.journal.trouble() {
            report.findings.push(Finding::warn("journal", trouble, "it begins anew with this move"));
        }
    }

    /// Which version, how, and the release that is taken up. None when the alias is there already.
    pub(super) async fn aim(
        &self,
        scene: &Scene,
        now: u64,
    ) -> Result<Option<(Version, TrafficSpec, Option<Intent>)>, ReleaseError> {
        let version = match self.spec.to {
            Target::Resume => return self.resumed(scene, now),
            Target::Version(version) => version,
            Target::Latest => self.newest().await?,
        };
        let there = scene.seen.place == Place::whole(version.to_string());
        let standing = scene.journal.standing(&scene.seen.place, now);
        let baking = matches!(standing, Standing::Running(intent) if intent.to == version.to_string());
        Ok((!there || baking).then(|| (version, self.spec.traffic.clone(), None)))
    }

    fn resumed(
        &self,
        scene: &Scene,
        now: u64,
    ) -> Result<Option<(Version, TrafficSpec, Option<Intent>)>, ReleaseError> {
        let refuse = |message: String| ReleaseError::Refused {
            kind: "nothing_to_resume",
            message,
            hint: format!(
                "begin one: lambda-lift release --function {} --alias {} --to VERSION --strategy canary:10%:5m",
                self.spec.function, self.spec.alias
            ),
        };
        let place = &scene.seen.place;
        match scene.journal.standing(place, now) {
            Standing::Running(intent) | Standing::Interrupted(intent) => {
                let version =
                    intent.to.parse().map_err(|_| refuse("the journal names no version".to_owned()))?;
                let traffic = TrafficSpec {
                    strategy: intent.strategy.clone(),
                    bake: Duration::from_secs(intent.bake),
                    on_stop: self.spec.traffic.on_stop,
                    watch: self.spec.traffic.watch.clone(),
                    engine: Engine::Direct,
                };
                Ok(Some((version, traffic, Some(intent.clone()))))
            }
            Standing::Foreign => Err(refuse(match scene.journal.trouble() {
                Some(trouble) => format!("the alias sends its traffic to {place}, and {trouble}"),
                None => format!(
                    "the alias sends its traffic to {place}, and that is no release that the journal knows"
                ),
            })),
            Standing::Still => match scene.journal.intent() {
                Some(intent) if *place == Place::whole(intent.to.as_str()) => Ok(None),
                _ => Err(refuse(format!("no release is under way: the alias sends all traffic to {place}"))),
            },
        }
    }

    async fn newest(&self) -> Result<Version, ReleaseError> {
        let versions = self.lambda.versions(&self.spec.function).await?.unwrap_or_default();
        versions.iter().map(|published| published.version).max().ok_or_else(|| ReleaseError::Refused {
            kind: "not_found",
            message: format!("function {} has no published version", self.spec.function),
            hint: "deploy publishes one".to_owned(),
        })
    }

    pub(super) async fn target(&self, version: Version) -> Result<LiveFunction, ReleaseError> {
        let found = self.lambda.function(&self.spec.function, Some(&version.to_string())).await?;
        found.ok_or_else(|| ReleaseError::Refused {
            kind: "not_found",
            message: format!("version {version} of function {} does not exist", self.spec.function),
            hint: format!(
                "list them: aws lambda list-versions-by-function --function-name {}",
                self.spec.function
            ),
        })
    }

    /// Whether the version's image is still in its repository; none for a zip version.
    pub(super) async fn image_stored(&self, target: &LiveFunction) -> Option<Result<bool, CloudError>> {
        let place = target.image()?;
        let digest = place.digest?;
        let stored =
            self.ecr.stored_images(Some(&place.registry.account), &place.repository, &[digest]).await;
        Some(stored.map(|stored| stored.is_some_and(|stored| stored.contains(&digest))))
    }
}
