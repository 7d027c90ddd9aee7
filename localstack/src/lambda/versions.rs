//! PublishVersion, ListVersionsByFunction, and the reading and deleting of functions.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Answer;

use super::answer;
use super::reference::version_number;
use super::refusal::Refusal;
use super::revision::{Revision, Settling, State, Update};
use super::session::{Session, check_revision, milliseconds};
use super::settings::Mishap;
use super::view::{self, Detail};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PublishRequest {
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

impl Session<'_> {
    pub(super) fn publish_version(&mut self, named: &str) -> Result<Answer, Refusal> {
        let request: PublishRequest = self.body()?;
        let name = self.reference(named)?.name;
        let function = self.function(&name)?;
        self.check_settled(function)?;
        if let State::Failed | State::Inactive = function.latest.state {
            return Err(Refusal::conflict(format!(
                "The operation cannot be performed at this time. The function is currently in the following \
                 state: {}",
                function.latest.state.name()
            )));
        }
        check_revision(request.revision_id.as_deref(), &function.latest.revision_id)?;
        let current = function.latest.content.code.sha256();
        if let Some(given) = request.code_sha256.as_deref().filter(|given| *given != current) {
            return Err(Refusal::invalid(format!(
                "CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({current}). \
                 Please try again with the CodeSHA256 in $LATEST."
            )));
        }
        let version = self.publish(&name, request.description, None)?;
        self.version_answer(201, &name, version)
    }

    /// Freezes `$LATEST` as a new version, unless nothing has changed since the last one.
    ///
    /// `update` is the update of `$LATEST` that has just begun: the version cannot settle before it.
    pub(super) fn publish(
        &mut self,
        name: &str,
        description: Option<String>,
        update: Option<&Settling>,
    ) -> Result<u64, Refusal> {
        let function = self.function(name)?;
        let last = function.versions.get(&function.last_version);
        let unchanged =
            last.is_some_and(|last| last.published_from.as_deref() == Some(&function.latest.content));
        if unchanged {
            return Ok(function.last_version);
        }
        let number = function.last_version + 1;
        let published_from = function.latest.content.clone();
        let mut content = published_from.clone();
        if let Some(description) = description {
            content.configuration.description = Some(description);
        }
        let mut settling = self
            .settling(name, self.settings.publish_settle, |mishap| matches!(mishap, Mishap::PublishFails(_)));
        if let Some(update) = update {
            settling.at = update.at + milliseconds(self.settings.publish_settle);
            settling.failure = update.failure.clone().or(settling.failure);
        }
        let at_once = settling.at <= self.now && settling.failure.is_none() && update.is_none();
        let mut version = Revision::pending(&number.to_string(), content, self.now, settling);
        version.published_from = Some(Box::new(published_from));
        if at_once {
            version.state = State::Active;
            version.state_reason = None;
            version.update = Some(Update::Successful);
            version.settling = None;
        }
        let function = self.function_mut(name)?;
        version.last_modified = function.latest.last_modified;
        function.last_version = number;
        function.versions.insert(number, version);
        function.latest.touch();
        Ok(number)
    }

    /// A published version, as an answer.
    pub(super) fn version_answer(&self, status: u16, name: &str, version: u64) -> Result<Answer, Refusal> {
        let qualifier = version.to_string();
        let absent = || Refusal::no_function(&self.arn(name, Some(&qualifier)));
        let revision = self.function(name)?.versions.get(&version).ok_or_else(absent)?;
        let view = view::configuration(name, revision, self.home, Some(&qualifier), Detail::Whole);
        Ok(answer::json(status, &view))
    }

    pub(super) fn list_versions(&self, named: &str) -> Result<Answer, Refusal> {
        let name = self.reference(named)?.name;
        let function = self.function(&name)?;
        let revisions: Vec<&Revision> =
            std::iter::once(&function.latest).chain(function.versions.values()).collect();
        let (revisions, next) = view::page(revisions, self.call.parameter("Marker"), self.page_size());
        let listed = |revision: &&Revision| {
            view::configuration(&name, revision, self.home, Some(&revision.version), Detail::Listed)
        };
        let versions: Vec<Value> = revisions.iter().map(listed).collect();
        Ok(list("Versions", versions, next))
    }

    pub(super) fn list_functions(&self) -> Result<Answer, Refusal> {
        let all = match self.call.parameter("FunctionVersion") {
            None => false,
            Some("ALL") => true,
            Some(other) => {
                let constraint = "Member must satisfy enum value set: [ALL]";
                return Err(Refusal::constraint("functionVersion", other, constraint));
            }
        };
        let mut views = Vec::new();
        for function in self.shelf.functions.values() {
            let qualifier = all.then_some("$LATEST");
            let name = &function.name;
            views.push(view::configuration(name, &function.latest, self.home, qualifier, Detail::Listed));
            for version in function.versions.values().filter(|_| all) {
                let qualifier = Some(version.version.as_str());
                views.push(view::configuration(name, version, self.home, qualifier, Detail::Listed));
            }
        }
        let (views, next) = view::page(views, self.call.parameter("Marker"), self.page_size());
        Ok(list("Functions", views, next))
    }

    pub(super) fn get_function(&self, named: &str) -> Result<Answer, Refusal> {
        let reference = self.reference(named)?;
        let (function, revision) = self.revision(&reference)?;
        let view = view::function(function, revision, self.home, reference.qualifier.as_deref());
        Ok(answer::json(200, &view))
    }

    pub(super) fn get_configuration(&self, named: &str) -> Result<Answer, Refusal> {
        let reference = self.reference(named)?;
        let (function, revision) = self.revision(&reference)?;
        let qualifier = reference.qualifier.as_deref();
        let view = view::configuration(&function.name, revision, self.home, qualifier, Detail::Whole);
        Ok(answer::json(200, &view))
    }

    pub(super) fn delete_function(&mut self, named: &str) -> Result<Answer, Refusal> {
        let reference = self.reference(named)?;
        let name = &reference.name;
        match reference.qualifier.as_deref() {
            None => {
                self.function(name)?;
                self.shelf.functions.remove(name);
            }
            Some("$LATEST") => {
                return Err(Refusal::invalid(
                    "$LATEST version cannot be deleted without deleting the function.",
                ));
            }
            Some(qualifier) => {
                let version = version_number(qualifier)
                    .ok_or_else(|| Refusal::invalid("Deletion of aliases is not currently supported."))?;
                let function = self.function_mut(name)?;
                let aliases = function.aliases_of(qualifier);
                if !aliases.is_empty() {
                    return Err(Refusal::conflict(format!(
                        "Unable to delete version because the following aliases reference it: [{}]",
                        aliases.join(", ")
                    )));
                }
                function.versions.remove(&version);
                function.provisioned.remove(qualifier);
            }
        }
        Ok(answer::empty(204))
    }
}

/// A page of a list, with the marker of the next one.
pub(super) fn list(member: &str, items: Vec<Value>, next: Option<String>) -> Answer {
    let mut body = json!({ member: items });
    if let Some(next) = next {
        body["NextMarker"] = json!(next);
    }
    answer::json(200, &body)
}
