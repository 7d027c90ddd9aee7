//! From what AWS said to how the function stands: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::gather::{Readings, RepositoryReadings};
use super::model::{AliasStatus, ImageStatus, Pull, Status, Stored, Traffic, VersionStatus};
use crate::cloud::{CloudError, Deployment, LiveAlias, LiveFunction, PackageType, PublishedVersion};
use crate::name::{
    AccountId, AliasName, Digest, FunctionName, FunctionRef, ImageUri, RegistryHost, RepositoryName, Version,
};
use crate::policy::{self, Document, PolicyScope, Request, Verdict};
use crate::preflight::Finding;
use crate::release::{Journal, Place, Standing, Status as DeploymentStatus};

/// What a repository is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) registry: RegistryHost,
    pub(super) repository: RepositoryName,
    /// Whether it still has these.
    pub(super) digests: Vec<Digest>,
}

impl Question {
    fn is_about(&self, uri: &ImageUri) -> bool {
        // Two hosts may stand for one registry.
        (&self.registry.account, &self.registry.region, &self.repository)
            == (&uri.registry.account, &uri.registry.region, &uri.repository)
    }
}

/// The versions to look at: the newest, and those that an alias sends traffic to or ran before.
pub(super) fn wanted_versions(readings: &Readings, newest: usize) -> BTreeSet<Version> {
    let known: BTreeSet<Version> =
        readings.versions.iter().flatten().map(|published| published.version).collect();
    let mut wanted: BTreeSet<Version> = known.iter().rev().take(newest).copied().collect();
    for alias in readings.aliases.iter().flatten() {
        let place = Place::of(alias);
        let journal = Journal::read(&readings.latest.settings, &alias.name);
        let moves = journal.moves(&place);
        let begun = journal.intent().map(|intent| intent.to.clone());
        let ran = moves.into_iter().flat_map(|one| [one.from, one.to]).chain(begun);
        // What it ran before may have been deleted since; what it runs is there for certain.
        wanted
            .extend(ran.filter_map(|version| version.parse().ok()).filter(|version| known.contains(version)));
        let runs = std::iter::once(&place.version).chain(place.weights.keys());
        wanted.extend(runs.filter_map(|version| version.parse::<Version>().ok()));
    }
    wanted
}

/// Which repositories are to be asked, and for which images. In the order of the versions, newest first.
pub(super) fn questions(readings: &Readings) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    let versions = readings.details.values().rev().filter_map(|found| found.as_ref().ok()?.as_ref());
    for uri in std::iter::once(&readings.latest).chain(versions).filter_map(LiveFunction::image) {
        let index = questions.iter().position(|question| question.is_about(&uri)).unwrap_or_else(|| {
            let (registry, repository) = (uri.registry.clone(), uri.repository.clone());
            questions.push(Question { registry, repository, digests: Vec::new() });
            questions.len() - 1
        });
        let digests = &mut questions[index].digests;
        digests.extend(uri.digest.filter(|digest| !digests.contains(digest)));
    }
    questions
}

/// How the function stands at `now`.
pub fn status_of(name: &FunctionName, readings: Readings, now: SystemTime) -> Status {
    let mut view = View { name, readings: &readings, questions: questions(&readings), findings: Vec::new() };
    let aliases = view.aliases(now);
    let (versions, left_out) = view.versions();
    let findings = view.findings;
    Status { name: name.clone(), latest: readings.latest, aliases, versions, left_out, findings, seen: now }
}

struct View<'a> {
    name: &'a FunctionName,
    readings: &'a Readings,
    questions: Vec<Question>,
    findings: Vec<Finding>,
}

impl View<'_> {
    /// Notes what could not be read, once.
    fn unread(&mut self, check: &'static str, what: &str, error: &CloudError) {
        let hint = error.hint().unwrap_or_else(|| "run it again".to_owned());
        let finding = Finding::unknown(check, format!("{what} could not be read: {error}"), hint);
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn aliases(&mut self, now: SystemTime) -> Option<Vec<AliasStatus>> {
        let settings = &self.readings.latest.settings;
        if settings.get("Tags") == Some(&Value::Null) {
            self.findings.push(Finding::unknown(
                "journal",
                "what aliases ran before, and whether a release is under way, could not be read: it is in the function's tags",
                "allow lambda:ListTags",
            ));
        }
        let aliases = match &self.readings.aliases {
            Ok(aliases) => aliases,
            Err(error) => {
                self.unread("aliases", "the function's aliases", error);
                return None;
            }
        };
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut aliases: Vec<AliasStatus> = aliases
            .iter()
            .map(|alias| {
                let deployment = self.readings.deployments.get(alias.name.as_str());
                alias_status(alias, settings, deployment, seconds)
            })
            .collect();
        aliases.sort_by(|one, other| one.name.cmp(&other.name));
        for alias in &aliases {
            self.findings.extend(unfinished(self.name, alias));
            if let (Some(trouble), Some(Value::Object(_))) = (&alias.trouble, settings.get("Tags")) {
                let hint = "it begins anew with the next move of the alias";
                self.findings.push(Finding::warn(
                    "journal",
                    format!("alias {}: {trouble}", alias.name),
                    hint,
                ));
            }
        }
        Some(aliases)
    }

    /// `$LATEST` and the versions that were looked at, newest first; and how many were not.
    fn versions(&mut self) -> (Vec<VersionStatus>, usize) {
        let readings = self.readings;
        if let Err(error) = &readings.versions {
            self.unread("versions", "the list of versions", error);
        }
        let known: BTreeMap<Version, &PublishedVersion> =
            readings.versions.iter().flatten().map(|published| (published.version, published)).collect();
        let mut versions = vec![self.live(&readings.latest)];
        for (version, found) in readings.details.iter().rev() {
            match found {
                Ok(Some(live)) => versions.push(self.live(live)),
                // It was deleted between two questions.
                Ok(None) => {}
                Err(error) => {
                    self.unread("versions", &format!("version {version}"), error);
                    versions.extend(known.get(version).map(|published| self.listed(published, error)));
                }
            }
        }
        self.findings.extend(versions.iter().filter_map(without_image));
        let left_out = known.keys().filter(|version| !readings.details.contains_key(version)).count();
        (versions, left_out)
    }

    fn live(&mut self, live: &LiveFunction) -> VersionStatus {
        let image = (live.package_type == PackageType::Image).then(|| self.image(live));
        VersionStatus {
            state: Some(live.state.clone()),
            modified: live.modified,
            image,
            ..self.version(&live.version, live.architecture, &live.settings)
        }
    }

    /// A version of which only the list tells.
    fn listed(&self, published: &PublishedVersion, error: &CloudError) -> VersionStatus {
        let why = format!("where it lies could not be read: {}", because(error));
        let image = published.image_digest.map(|digest| ImageStatus {
            digest: Some(digest),
            uri: None,
            stored: Stored::Unknown { why: why.clone() },
            pull: Pull { verdict: Verdict::Unknown, why: Some(why) },
        });
        let version = published.version.to_string();
        VersionStatus { image, ..self.version(&version, published.architecture, &published.settings) }
    }

    fn version(
        &self,
        version: &str,
        architecture: crate::name::Architecture,
        settings: &Map<String, Value>,
    ) -> VersionStatus {
        let number = |key: &str| settings.get(key).and_then(Value::as_u64);
        VersionStatus {
            version: version.to_owned(),
            aliases: self.aliases_of(version),
            state: None,
            role: settings.get("Role").and_then(Value::as_str).map(str::to_owned),
            memory: number("MemorySize"),
            timeout: number("Timeout"),
            architecture,
            modified: None,
            image: None,
        }
    }

    fn aliases_of(&self, version: &str) -> Vec<AliasName> {
        let aliases = self.readings.aliases.iter().flatten();
        let mut names: Vec<AliasName> =
            aliases.filter(|alias| Place::of(alias).names(version)).map(|alias| alias.name.clone()).collect();
        names.sort();
        names
    }

    fn image(&mut self, live: &LiveFunction) -> ImageStatus {
        let uri = live.image();
        let asked = uri.as_ref().and_then(|uri| {
            let index = self.questions.iter().position(|question| question.is_about(uri))?;
            Some((uri, self.readings.repositories.get(index)?))
        });
        let digest = live.running_digest();
        let Some((uri, said)) = asked else {
            let why = "Lambda does not say which repository of ECR it is in".to_owned();
            let pull = Pull { verdict: Verdict::Unknown, why: Some(why.clone()) };
            return ImageStatus { digest, uri, stored: Stored::Unknown { why }, pull };
        };
        let (stored, pull) = (self.stored(uri, said), self.pull(uri, said));
        ImageStatus { digest, stored, pull, uri: Some(uri.clone()) }
    }

    fn stored(&mut self, uri: &ImageUri, said: &RepositoryReadings) -> Stored {
        let repository = &uri.repository;
        match (&said.images, uri.digest) {
            (Err(error), _) => {
                self.unread("image", &format!("which images repository {repository} has"), error);
                Stored::Unknown { why: because(error) }
            }
            (_, None) => Stored::Unknown { why: "its digest is not known".to_owned() },
            (Ok(None), _) => Stored::No { why: format!("repository {repository} does not exist any more") },
            (Ok(Some(images)), Some(digest)) => match images.iter().find(|image| image.digest == digest) {
                Some(image) => Stored::Yes(image.clone()),
                None => Stored::No { why: format!("it was deleted from repository {repository}") },
            },
        }
    }

    fn pull(&mut self, uri: &ImageUri, said: &RepositoryReadings) -> Pull {
        let repository = &uri.repository;
        if let Ok(None) = said.images {
            let why = format!("repository {repository} does not exist any more");
            return Pull { verdict: Verdict::Missing, why: Some(why) };
        }
        let unknown = |why: String| Pull { verdict: Verdict::Unknown, why: Some(why) };
        let text = match &said.policy {
            Ok(text) => text,
            Err(error) => {
                self.unread("policy", &format!("the policy of repository {repository}"), error);
                return unknown(because(error));
            }
        };
        let document = match text.as_deref().map(str::parse::<Document>).transpose() {
            Ok(document) => document,
            Err(error) => return unknown(error.to_string()),
        };
        let account = self.account().unwrap_or_else(|| uri.registry.account.clone());
        let request = Request::new(uri.registry.account.clone(), account, uri.registry.region.clone())
            .for_function(self.name.clone());
        let assessment = policy::evaluate(document.as_ref(), &request);
        let verdict = assessment.verdict();
        if verdict == Verdict::Granted {
            return Pull { verdict, why: None };
        }
        let told = policy::explain(&assessment, &request, repository, PolicyScope::default());
        let why = told.message.clone();
        let hint = told.hint.unwrap_or_else(|| "see lambda-lift policy show".to_owned());
        let finding = match verdict {
            Verdict::Unknown => Finding::unknown("policy", told.message, hint),
            _ => Finding::warn("policy", told.message, hint),
        };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
        Pull { verdict, why: Some(why) }
    }

    /// The function's own account.
    fn account(&self) -> Option<AccountId> {
        self.readings.latest.arn.parse::<FunctionRef>().ok()?.account
    }
}

fn alias_status(
    alias: &LiveAlias,
    settings: &Map<String, Value>,
    deployment: Option<&Deployment>,
    now: u64,
) -> AliasStatus {
    let (place, journal) = (Place::of(alias), Journal::read(settings, &alias.name));
    let journal = match deployment {
        Some(deployment) => journal.with_deployment(DeploymentStatus::of(&deployment.status).ended_well()),
        None => journal,
    };
    let traffic = match journal.standing(&place, now) {
        Standing::Still => Traffic::Still,
        Standing::Running(intent) => Traffic::Running(Box::new(intent.clone())),
        Standing::Interrupted(intent) => Traffic::Interrupted(Box::new(intent.clone())),
        Standing::Foreign => Traffic::Foreign,
    };
    let (moves, trouble) = (journal.moves(&place), journal.trouble());
    AliasStatus { name: alias.name.clone(), place, traffic, moves, trouble }
}

/// A version that has traffic, and whose image is not there.
fn without_image(version: &VersionStatus) -> Option<Finding> {
    let stored = &version.image.as_ref()?.stored;
    let why = match stored {
        Stored::Yes(image) if image.archived => "it lies in the repository's archive",
        Stored::No { why } => why,
        Stored::Yes(_) | Stored::Unknown { .. } => return None,
    };
    let alias = version.aliases.first()?;
    let message = format!("version {}, which alias {alias} runs, has no image: {why}", version.version);
    let hint = "it serves until Lambda needs the image again: deploy again, or move the alias to a version whose image is there";
    Some(Finding::warn("image", message, hint))
}

/// What is to be done about traffic that nobody moves on.
fn unfinished(function: &FunctionName, alias: &AliasStatus) -> Option<Finding> {
    let flags = format!("--function {function} --alias {}", alias.name);
    let back = format!("go back: lambda-lift rollback {flags}");
    match &alias.traffic {
        Traffic::Still | Traffic::Running(_) => None,
        Traffic::Interrupted(release) => Some(Finding::warn(
            "release",
            format!("alias {}: its release to version {} was interrupted", alias.name, release.to),
            format!("go on: lambda-lift release {flags} --resume; or {back}"),
        )),
        Traffic::Foreign => Some(Finding::warn(
            "release",
            format!("alias {} is split, and not by a release that the journal knows", alias.name),
            format!("if nobody else is at it, {back}"),
        )),
    }
}

/// Why something is not known, with the permission that would tell it.
fn because(error: &CloudError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
