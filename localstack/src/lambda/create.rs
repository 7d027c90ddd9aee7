//! CreateFunction.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::call::Answer;

use super::answer;
use super::configuration::Configuration;
use super::function::Function;
use super::limits;
use super::refusal::Refusal;
use super::revision::{Code, Content, Revision, ZipCode};
use super::session::Session;
use super::settings::Mishap;
use super::tags::check_count;
use super::view::{self, Detail};

/// AWS's own bounds of a request and of a zip archive sent in it, in bytes.
const LARGEST_REQUEST: usize = 70_167_211;
const LARGEST_ZIP: usize = 52_428_800;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CreateRequest {
    function_name: Option<String>,
    package_type: Option<String>,
    code: CodeRequest,
    architectures: Option<Vec<String>>,
    publish: bool,
    tags: BTreeMap<String, String>,
    #[serde(flatten)]
    configuration: Configuration,
}

/// Where code comes from, in CreateFunction and UpdateFunctionCode.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CodeRequest {
    pub(super) image_uri: Option<String>,
    pub(super) zip_file: Option<String>,
    pub(super) s3_bucket: Option<String>,
    pub(super) s3_key: Option<String>,
}

impl CodeRequest {
    pub(super) fn names_zip(&self) -> bool {
        self.zip_file.is_some() || self.s3_bucket.is_some() || self.s3_key.is_some()
    }
}

impl Session<'_> {
    pub(super) fn create_function(&mut self) -> Result<Answer, Refusal> {
        if self.call.body.len() > LARGEST_REQUEST {
            return Err(Refusal::too_large(LARGEST_REQUEST, "CreateFunction"));
        }
        let request: CreateRequest = self.body()?;
        let named = request.function_name.as_deref().ok_or_else(|| Refusal::missing("functionName"))?;
        let name = self.reference(named)?.name;
        let role = request.configuration.role.clone().ok_or_else(|| Refusal::missing("role"))?;
        limits::check(&request.configuration)?;
        check_count(request.tags.len())?;
        let architecture = architecture(request.architectures.as_deref())?.unwrap_or("x86_64").to_owned();
        let package_type = request.package_type.as_deref().unwrap_or("Zip");
        check_package(package_type, &request)?;
        if self.shelf.functions.contains_key(&name) {
            return Err(Refusal::conflict(format!("Function already exist: {name}")));
        }
        self.check_role(&role)?;
        let code = self.code(&name, &request.code)?;
        let mut configuration = Configuration::default();
        configuration.overlay(request.configuration);
        let content = Content { configuration, architecture, code };
        let settling = self
            .settling(&name, self.settings.create_settle, |mishap| matches!(mishap, Mishap::CreateFails(_)));
        let latest = Revision::pending("$LATEST", content.clone(), self.now, settling.clone());
        let mut function = Function {
            name: name.clone(),
            latest,
            versions: BTreeMap::new(),
            last_version: 0,
            aliases: BTreeMap::new(),
            tags: request.tags,
            reserved_concurrency: None,
            provisioned: BTreeMap::new(),
        };
        // Also when a version is published, the ARN of the answer has no qualifier.
        let mut view = view::configuration(&name, &function.latest, self.home, None, Detail::Whole);
        if request.publish {
            let mut version = Revision::pending("1", content.clone(), self.now, settling);
            version.published_from = Some(Box::new(content));
            function.last_version = 1;
            function.versions.insert(1, version);
            view["Version"] = "1".into();
        }
        self.shelf.functions.insert(name, function);
        Ok(answer::json(201, &view))
    }

    /// The code that a request gives, fit for what it gives: an image, or an archive.
    pub(super) fn code(&self, function_name: &str, request: &CodeRequest) -> Result<Code, Refusal> {
        if let Some(uri) = &request.image_uri {
            let arn = self.arn(function_name, None);
            return self.source(&arn).resolve(uri).map(Code::Image);
        }
        let Some(zip) = &request.zip_file else {
            return Err(Refusal::invalid(
                "Error occurred while GetObject. S3 Error Code: NoSuchBucket. \
                 S3 Error Message: The specified bucket does not exist",
            ));
        };
        let archive = STANDARD.decode(zip).ok().filter(|archive| archive.starts_with(b"PK"));
        let archive = archive.ok_or_else(|| {
            Refusal::invalid(
                "Could not unzip uploaded file. Please check your file, then try to upload again.",
            )
        })?;
        if archive.len() > LARGEST_ZIP {
            return Err(Refusal::too_large(LARGEST_ZIP, self.operation));
        }
        Ok(Code::Zip(ZipCode {
            sha256: STANDARD.encode(Sha256::digest(&archive)),
            size: archive.len() as u64,
        }))
    }
}

/// The one architecture that a request names, if it names any.
pub(super) fn architecture(named: Option<&[String]>) -> Result<Option<&str>, Refusal> {
    let shown = || format!("[{}]", named.unwrap_or_default().join(", "));
    match named {
        None | Some([]) => Ok(None),
        Some([one]) if one == "x86_64" || one == "arm64" => Ok(Some(one)),
        Some([_]) => Err(Refusal::constraint(
            "architectures",
            shown(),
            "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], \
             Member must not be null]",
        )),
        Some(_) => Err(Refusal::constraint(
            "architectures",
            shown(),
            "Member must have length less than or equal to 1",
        )),
    }
}

/// Refuses what does not go with the package type.
fn check_package(package_type: &str, request: &CreateRequest) -> Result<(), Refusal> {
    let (code, settings) = (&request.code, &request.configuration);
    match package_type {
        "Image" if code.names_zip() || code.image_uri.is_none() => {
            Err(Refusal::invalid("Please provide ImageUri when creating a function with packageType Image."))
        }
        "Zip" if code.image_uri.is_some() => Err(Refusal::invalid(
            "Please don't provide ImageUri when creating a function with packageType Zip.",
        )),
        "Zip" if settings.runtime.is_none() || settings.handler.is_none() => Err(Refusal::invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        )),
        "Image" | "Zip" => check_settings_fit(package_type, settings),
        other => {
            Err(Refusal::constraint("packageType", other, "Member must satisfy enum value set: [Zip, Image]"))
        }
    }
}

/// Refuses settings that only the other package type has.
pub(super) fn check_settings_fit(package_type: &str, settings: &Configuration) -> Result<(), Refusal> {
    let snap_start = settings
        .snap_start
        .as_ref()
        .and_then(|config| config.get("ApplyOn"))
        .is_some_and(|apply| apply != "None");
    if package_type == "Image" {
        if settings.runtime.is_some()
            || settings.handler.is_some()
            || settings.layers.as_ref().is_some_and(|layers| !layers.is_empty())
        {
            return Err(Refusal::invalid(
                "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.",
            ));
        }
        if snap_start {
            return Err(Refusal::invalid("SnapStart is not supported for functions with PackageType Image."));
        }
    } else if settings.image_config.is_some() {
        return Err(Refusal::invalid(
            "Please don't provide ImageConfig when the intended function PackageType is Zip.",
        ));
    }
    Ok(())
}
