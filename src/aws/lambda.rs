//! AWS Lambda's control plane.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{self, AliasConfiguration, AliasRoutingConfiguration, FunctionCode};
use serde_json::{Map, Value};

use super::error::{Operation, says_not_found, scrub};
use super::lambda_answer::{as_configuration, function, live_function, published_version};
use super::lambda_fleet;
use super::lambda_request::{configure, to_tenancy};
use super::lambda_settings::{SettingError, Settings};
use super::pace::Pace;
use super::pages::Pages;
use crate::cloud::{
    AliasTarget, CloudError, CodeUpdate, CodeUse, ConfigurationUpdate, LambdaReader, LambdaWriter, LiveAlias,
    LiveFunction, NewFunction, ProvisionedConcurrency, PublishGuard, PublishedVersion,
};
use crate::http::without_signed_queries;
use crate::name::{AliasName, Architecture, FunctionName, Version};

const GET_FUNCTION: Operation = operation("GetFunction");
const LIST_VERSIONS: Operation = operation("ListVersionsByFunction");
const GET_ALIAS: Operation = operation("GetAlias");
const LIST_ALIASES: Operation = operation("ListAliases");
const CREATE_FUNCTION: Operation = operation("CreateFunction");
const UPDATE_CODE: Operation = operation("UpdateFunctionCode");
const UPDATE_CONFIGURATION: Operation = operation("UpdateFunctionConfiguration");
const TAG_RESOURCE: Operation = operation("TagResource");
const PUBLISH_VERSION: Operation = operation("PublishVersion");
const CREATE_ALIAS: Operation = operation("CreateAlias");
const UPDATE_ALIAS: Operation = operation("UpdateAlias");
const GET_PROVISIONED: Operation = operation("GetProvisionedConcurrencyConfig");
const PUT_PROVISIONED: Operation = operation("PutProvisionedConcurrencyConfig");
const DELETE_PROVISIONED: Operation = operation("DeleteProvisionedConcurrencyConfig");

pub(super) const fn operation(name: &'static str) -> Operation {
    Operation { service: "AWS Lambda", name }
}

/// AWS Lambda of one Region, with one identity.
#[derive(Debug, Clone)]
pub struct Lambda {
    pub(super) client: Client,
    /// Where calls wait for their turn; none where there are too few of them to matter.
    pace: Option<Arc<Pace>>,
}

impl Lambda {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, pace: None }
    }

    /// The same, waiting for its turns.
    pub(super) fn at(self, pace: Arc<Pace>) -> Self {
        Self { pace: Some(pace), ..self }
    }

    /// The client, when it is the turn of a GetFunction.
    async fn for_get_function(&self, call: Operation) -> Result<&Client, CloudError> {
        if let Some(pace) = &self.pace {
            pace.get_function().await.map_err(|_| call.stopped())?;
        }
        Ok(&self.client)
    }

    /// The client, when it is the turn of any other call.
    async fn in_turn(&self, call: Operation) -> Result<&Client, CloudError> {
        if let Some(pace) = &self.pace {
            pace.other().await.map_err(|_| call.stopped())?;
        }
        Ok(&self.client)
    }

    async fn create(&self, new: &NewFunction) -> Result<LiveFunction, Failure> {
        let call = CREATE_FUNCTION;
        let mut settings = Settings::parse(&new.settings)?;
        let tags = settings.tags.take().filter(|tags| !tags.is_empty());
        let tenancy = settings.tenancy_config.take().map(to_tenancy).transpose()?;
        let request = self
            .in_turn(call)
            .await?
            .create_function()
            .function_name(new.name.as_str())
            .package_type(types::PackageType::Image)
            .code(FunctionCode::builder().image_uri(&new.image_uri).build())
            .architectures(sdk_architecture(new.architecture))
            .set_tenancy_config(tenancy)
            .set_tags(tags.map(|tags| tags.into_iter().collect()));
        let answer = configure!(request, settings).send().await.map_err(|error| call.failed(error))?;
        Ok(function(call, &as_configuration!(answer))?)
    }

    async fn configure(
        &self,
        name: &FunctionName,
        update: &ConfigurationUpdate,
    ) -> Result<LiveFunction, Failure> {
        let call = UPDATE_CONFIGURATION;
        // Lambda would not read them, and the plan would never come true.
        if let Some(key) =
            ["Tags", "TenancyConfig"].into_iter().find(|key| update.settings.contains_key(*key))
        {
            return Err(SettingError::NotTaken(key.to_owned()).into());
        }
        let settings = Settings::parse(&update.settings)?;
        let request = self
            .in_turn(call)
            .await?
            .update_function_configuration()
            .function_name(name.as_str())
            .set_revision_id(update.revision_id.clone());
        let answer = configure!(request, settings).send().await.map_err(|error| call.failed(error))?;
        Ok(function(call, &as_configuration!(answer))?)
    }
}

/// Why a call that carries settings did not succeed.
enum Failure {
    Setting(SettingError),
    Call(CloudError),
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        Self::Setting(error)
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        Self::Call(error)
    }
}

impl Failure {
    /// As our error, with no value of an environment variable in it.
    fn without_values(self, call: Operation, settings: &Map<String, Value>) -> CloudError {
        let error = match self {
            Self::Setting(error) => call.invalid(error.to_string()),
            Self::Call(error) => error,
        };
        let variables = settings.get("Environment").and_then(|environment| environment.get("Variables"));
        let variables = variables.and_then(Value::as_object).into_iter().flatten();
        scrub(error, variables.filter_map(|(_, value)| value.as_str()))
    }
}

fn sdk_architecture(architecture: Architecture) -> types::Architecture {
    match architecture {
        Architecture::X86_64 => types::Architecture::X8664,
        Architecture::Arm64 => types::Architecture::Arm64,
    }
}

/// The answers to GetAlias, CreateAlias and UpdateAlias are types of their own with the same fields.
macro_rules! as_alias {
    ($answer:expr) => {
        AliasConfiguration::builder()
            .set_name($answer.name)
            .set_function_version($answer.function_version)
            .set_routing_config($answer.routing_config)
            .set_revision_id($answer.revision_id)
            .build()
    };
}

fn none_if_not_found<T>(error: CloudError) -> Result<Option<T>, CloudError> {
    if says_not_found(&error) { Ok(None) } else { Err(error) }
}

#[async_trait]
impl LambdaReader for Lambda {
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Option<&str>,
    ) -> Result<Option<LiveFunction>, CloudError> {
        let call = GET_FUNCTION;
        let request = self.for_get_function(call).await?.get_function().function_name(name.as_str());
        match request.set_qualifier(qualifier.map(str::to_owned)).send().await {
            Ok(answer) => live_function(call, &answer).map(Some),
            Err(error) => none_if_not_found(call.failed(error)),
        }
    }

    async fn versions(&self, name: &FunctionName) -> Result<Option<Vec<PublishedVersion>>, CloudError> {
        let call = LIST_VERSIONS;
        let request = self.in_turn(call).await?.list_versions_by_function().function_name(name.as_str());
        let (mut answers, mut pages) = (request.into_paginator().send(), Pages::of(call));
        let mut versions = Vec::new();
        while let Some(answer) = answers.next().await {
            let page = match answer {
                Ok(answer) => answer.versions,
                Err(error) => return none_if_not_found(call.failed(error)),
            };
            for entry in pages.entries(page, "Versions")? {
                versions.extend(published_version(call, &entry)?);
            }
        }
        Ok(Some(versions))
    }

    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<LiveAlias>, CloudError> {
        let call = GET_ALIAS;
        let request = self.in_turn(call).await?.get_alias().function_name(name.as_str()).name(alias.as_str());
        match request.send().await {
            Ok(answer) => live_alias(call, &as_alias!(answer)).map(Some),
            Err(error) => none_if_not_found(call.failed(error)),
        }
    }

    async fn aliases(&self, name: &FunctionName) -> Result<Option<Vec<LiveAlias>>, CloudError> {
        let call = LIST_ALIASES;
        let request = self.in_turn(call).await?.list_aliases().function_name(name.as_str());
        let (mut answers, mut pages) = (request.into_paginator().send(), Pages::of(call));
        let mut aliases = Vec::new();
        while let Some(answer) = answers.next().await {
            let page = match answer {
                Ok(answer) => answer.aliases,
                Err(error) => return none_if_not_found(call.failed(error)),
            };
            for entry in pages.entries(page, "Aliases")? {
                aliases.push(live_alias(call, &entry)?);
            }
        }
        Ok(Some(aliases))
    }

    async fn provisioned_concurrency(
        &self,
        name: &FunctionName,
        qualifier: &str,
    ) -> Result<Option<ProvisionedConcurrency>, CloudError> {
        let request = self
            .in_turn(GET_PROVISIONED)
            .await?
            .get_provisioned_concurrency_config()
            .function_name(name.as_str());
        let answer = match request.qualifier(qualifier).send().await {
            Ok(answer) => answer,
            Err(error) => return none_if_not_found(GET_PROVISIONED.failed(error)),
        };
        let requested = answer.requested_provisioned_concurrent_executions().unwrap_or_default();
        Ok(Some(ProvisionedConcurrency {
            requested: u32::try_from(requested).unwrap_or_default(),
            status: answer.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            reason: answer.status_reason().map(without_signed_queries),
        }))
    }

    async fn provisioned(&self, name: &FunctionName) -> Result<Option<Vec<String>>, CloudError> {
        lambda_fleet::provisioned(self.in_turn(operation("ListProvisionedConcurrencyConfigs")).await?, name)
            .await
    }

    async fn code_in_use(&self) -> Result<Vec<CodeUse>, CloudError> {
        lambda_fleet::code_in_use(self.in_turn(operation("ListFunctions")).await?).await
    }
}

#[async_trait]
impl LambdaWriter for Lambda {
    async fn create_function(&self, new: &NewFunction) -> Result<LiveFunction, CloudError> {
        let created = self.create(new).await;
        created.map_err(|failure| failure.without_values(CREATE_FUNCTION, &new.settings))
    }

    async fn update_code(
        &self,
        name: &FunctionName,
        update: &CodeUpdate,
    ) -> Result<LiveFunction, CloudError> {
        let call = UPDATE_CODE;
        let request = self
            .in_turn(call)
            .await?
            .update_function_code()
            .function_name(name.as_str())
            .image_uri(&update.image_uri)
            .architectures(sdk_architecture(update.architecture))
            .set_revision_id(update.revision_id.clone());
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        function(call, &as_configuration!(answer))
    }

    async fn update_configuration(
        &self,
        name: &FunctionName,
        update: &ConfigurationUpdate,
    ) -> Result<LiveFunction, CloudError> {
        let updated = self.configure(name, update).await;
        updated.map_err(|failure| failure.without_values(UPDATE_CONFIGURATION, &update.settings))
    }

    async fn tag_function(&self, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), CloudError> {
        let tags: HashMap<String, String> =
            tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let request = self.in_turn(TAG_RESOURCE).await?.tag_resource().resource(arn).set_tags(Some(tags));
        request.send().await.map_err(|error| TAG_RESOURCE.failed(error))?;
        Ok(())
    }

    async fn publish_version(
        &self,
        name: &FunctionName,
        guard: &PublishGuard,
    ) -> Result<Version, CloudError> {
        let call = PUBLISH_VERSION;
        let request = self
            .in_turn(call)
            .await?
            .publish_version()
            .function_name(name.as_str())
            .set_code_sha256(guard.image_digest.map(|digest| digest.hex()))
            .set_revision_id(guard.revision_id.clone());
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let version = answer.version().unwrap_or_default().parse();
        version.map_err(|error| call.unexpected(format!("the answer's version: {error}")))
    }

    async fn create_alias(
        &self,
        function: &FunctionName,
        target: &AliasTarget,
    ) -> Result<LiveAlias, CloudError> {
        let call = CREATE_ALIAS;
        let request = self
            .in_turn(call)
            .await?
            .create_alias()
            .function_name(function.as_str())
            .name(target.name.as_str());
        let request = request.function_version(&target.version);
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        live_alias(call, &as_alias!(answer))
    }

    async fn move_alias(
        &self,
        function: &FunctionName,
        target: &AliasTarget,
    ) -> Result<LiveAlias, CloudError> {
        let call = UPDATE_ALIAS;
        // Leaving the weights out would keep the old ones; an empty map takes them away.
        let weights: HashMap<String, f64> =
            target.weights.iter().map(|(version, weight)| (version.clone(), *weight)).collect();
        let routing = AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights));
        let request = self
            .in_turn(call)
            .await?
            .update_alias()
            .function_name(function.as_str())
            .name(target.name.as_str())
            .function_version(&target.version)
            .routing_config(routing.build())
            .set_revision_id(target.revision_id.clone());
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        live_alias(call, &as_alias!(answer))
    }

    async fn put_provisioned_concurrency(
        &self,
        function: &FunctionName,
        qualifier: &str,
        amount: u32,
    ) -> Result<(), CloudError> {
        let call = PUT_PROVISIONED;
        let amount = i32::try_from(amount).map_err(|error| call.invalid(error.to_string()))?;
        let request =
            self.in_turn(call).await?.put_provisioned_concurrency_config().function_name(function.as_str());
        let request = request.qualifier(qualifier).provisioned_concurrent_executions(amount);
        request.send().await.map_err(|error| call.failed(error))?;
        Ok(())
    }

    async fn delete_version(&self, function: &FunctionName, version: Version) -> Result<(), CloudError> {
        lambda_fleet::delete_version(self.in_turn(operation("DeleteFunction")).await?, function, version)
            .await
    }

    async fn delete_provisioned_concurrency(
        &self,
        function: &FunctionName,
        qualifier: &str,
    ) -> Result<(), CloudError> {
        let request = self
            .in_turn(DELETE_PROVISIONED)
            .await?
            .delete_provisioned_concurrency_config()
            .function_name(function.as_str());
        match request.qualifier(qualifier).send().await {
            Ok(_) => Ok(()),
            Err(error) => none_if_not_found::<()>(DELETE_PROVISIONED.failed(error)).map(|_| ()),
        }
    }
}

fn live_alias(call: Operation, alias: &AliasConfiguration) -> Result<LiveAlias, CloudError> {
    let name = alias.name().unwrap_or_default().parse();
    let version = alias.function_version().ok_or_else(|| call.unexpected("the alias has no version"))?;
    let weights = alias.routing_config().and_then(|routing| routing.additional_version_weights());
    Ok(LiveAlias {
        name: name.map_err(|error| call.unexpected(format!("the answer's alias: {error}")))?,
        version: version.to_owned(),
        weights: weights.into_iter().flatten().map(|(version, weight)| (version.clone(), *weight)).collect(),
        revision_id: alias.revision_id().map(str::to_owned),
    })
}

#[cfg(test)]
mod release_tests;
#[cfg(test)]
mod tests;
