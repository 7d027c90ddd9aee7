//! UpdateFunctionCode and UpdateFunctionConfiguration.

use serde::Deserialize;

use crate::call::Answer;

use super::answer;
use super::configuration::Configuration;
use super::create::{CodeRequest, architecture, check_settings_fit};
use super::limits;
use super::refusal::Refusal;
use super::session::{Session, check_revision};
use super::settings::Mishap;
use super::view::{self, Detail};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CodeUpdate {
    #[serde(flatten)]
    code: CodeRequest,
    architectures: Option<Vec<String>>,
    publish: bool,
    dry_run: bool,
    revision_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ConfigurationUpdate {
    revision_id: Option<String>,
    #[serde(flatten)]
    configuration: Configuration,
}

fn is_update_failure(mishap: &Mishap) -> bool {
    matches!(mishap, Mishap::UpdateFails(_))
}

impl Session<'_> {
    pub(super) fn update_code(&mut self, named: &str) -> Result<Answer, Refusal> {
        let request: CodeUpdate = self.body()?;
        let name = self.reference(named)?.name;
        let architecture = architecture(request.architectures.as_deref())?;
        let function = self.function(&name)?;
        let mut content = function.latest.content.clone();
        match content.code.package_type() {
            "Image" if request.code.image_uri.is_none() => {
                return Err(Refusal::invalid(
                    "Please provide ImageUri when updating a function with packageType Image.",
                ));
            }
            "Zip" if request.code.image_uri.is_some() => {
                return Err(Refusal::invalid(
                    "Please don't provide ImageUri when updating a function with packageType Zip.",
                ));
            }
            _ => {}
        }
        self.check_settled(function)?;
        check_revision(request.revision_id.as_deref(), &function.latest.revision_id)?;
        content.code = self.code(&name, &request.code)?;
        if let Some(architecture) = architecture {
            architecture.clone_into(&mut content.architecture);
        }
        if request.dry_run {
            let mut would_be = self.function(&name)?.latest.clone();
            would_be.content = content;
            let view = view::configuration(&name, &would_be, self.home, None, Detail::Whole);
            return Ok(answer::json(200, &view));
        }
        let settling = self.settling(&name, self.settings.update_settle, is_update_failure);
        let (now, home) = (self.now, self.home);
        let function = self.function_mut(&name)?;
        function.latest.start_update(content, now, settling.clone());
        if request.publish {
            let version = self.publish(&name, None, Some(&settling))?;
            return self.version_answer(200, &name, version);
        }
        let view = view::configuration(&name, &function.latest, home, None, Detail::Whole);
        Ok(answer::json(200, &view))
    }

    pub(super) fn update_configuration(&mut self, named: &str) -> Result<Answer, Refusal> {
        let request: ConfigurationUpdate = self.body()?;
        let name = self.reference(named)?.name;
        limits::check(&request.configuration)?;
        let function = self.function(&name)?;
        let mut content = function.latest.content.clone();
        check_settings_fit(content.code.package_type(), &request.configuration)?;
        self.check_settled(function)?;
        check_revision(request.revision_id.as_deref(), &function.latest.revision_id)?;
        if let Some(role) = &request.configuration.role {
            self.check_role(role)?;
        }
        content.configuration.overlay(request.configuration);
        let settling = self.settling(&name, self.settings.update_settle, is_update_failure);
        let (now, home) = (self.now, self.home);
        let function = self.function_mut(&name)?;
        function.latest.start_update(content, now, settling);
        let view = view::configuration(&name, &function.latest, home, None, Detail::Whole);
        Ok(answer::json(200, &view))
    }
}
