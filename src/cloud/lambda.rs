//! AWS Lambda's control plane, as far as a deploy needs it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{CloudError, LambdaInvoker};
use crate::name::{AliasName, Architecture, Digest, FunctionName, ImageUri, Version};

/// How a function's code is packaged. It can never be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageType {
    /// A container image.
    Image,
    /// A .zip archive.
    Zip,
}

/// A function, or a published version of it, as GetFunction tells it. `Debug` hides environment values.
#[derive(Clone, PartialEq)]
pub struct LiveFunction {
    /// The ARN, without a qualifier when `$LATEST` was asked for.
    pub arn: String,
    /// `$LATEST`, or the version's number.
    pub version: String,
    /// Image or zip.
    pub package_type: PackageType,
    /// The instruction set.
    pub architecture: Architecture,
    /// The manifest digest of the image that runs, from `CodeSha256`; none for a zip function.
    pub image_digest: Option<Digest>,
    /// `Code.ImageUri`, as it was given at the last code update.
    pub image_uri: Option<String>,
    /// `Code.ResolvedImageUri`: `repository@sha256:…`.
    pub resolved_image_uri: Option<String>,
    /// Where it is in its life.
    pub state: FunctionState,
    /// Changes with every change of the function. Some emulators have none.
    pub revision_id: Option<String>,
    /// `LastModified`: of a version, when what it holds was last changed.
    pub modified: Option<SystemTime>,
    /// Every setting in the shape and with the names of the CreateFunction request (`MemorySize`,
    /// `Environment.Variables`, `ImageConfig.Command`, …), `Tags` included, without `Code`, `FunctionName`,
    /// `PackageType`, `Publish` and `Architectures`. A setting that the function does not have is absent.
    ///
    /// What AWS could not read says so: `Environment` and `ImageConfig` are then
    /// `{"Error": {"ErrorCode", "Message"}}`, and `Tags` is null.
    pub settings: Map<String, Value>,
}

impl LiveFunction {
    /// Whether the function runs the image with this manifest digest.
    ///
    /// `CodeSha256` tells it, and so does an ImageUri that was given with a digest. Both agree on AWS; emulators that
    /// do not look the image up have the second only.
    pub fn runs(&self, digest: &Digest) -> bool {
        self.running_digest() == Some(*digest)
    }

    /// Where its image lies, with the digest that runs; none for a zip function, and for what is no address in ECR.
    pub fn image(&self) -> Option<ImageUri> {
        // An emulator's resolved address may be none.
        let told = [&self.resolved_image_uri, &self.image_uri].into_iter().flatten();
        let uri: ImageUri = told.filter_map(|uri| uri.parse().ok()).next()?;
        Some(ImageUri { digest: self.running_digest().or(uri.digest), ..uri })
    }

    /// The manifest digest that was given with the image's URI, else what `CodeSha256` says.
    pub fn running_digest(&self) -> Option<Digest> {
        let given = self.image_uri.as_deref().and_then(|uri| uri.split_once('@'));
        given.and_then(|(_, digest)| digest.parse().ok()).or(self.image_digest)
    }
}

/// `State` and `LastUpdateStatus` with their reasons, as AWS spells them; unknown values are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionState {
    /// Pending, Active, Inactive, Failed, …; absent in some answers.
    pub state: Option<String>,
    /// Why, for a person.
    pub state_reason: Option<String>,
    /// Why, for a program: ImageAccessDenied, InvalidImage, Idle, …
    pub state_reason_code: Option<String>,
    /// Successful, Failed or InProgress; absent right after creation.
    pub last_update_status: Option<String>,
    /// Why, for a person.
    pub last_update_reason: Option<String>,
    /// Why, for a program.
    pub last_update_reason_code: Option<String>,
}

/// One entry of ListVersionsByFunction. It carries no state. `Debug` hides environment values.
#[derive(Clone, PartialEq)]
pub struct PublishedVersion {
    /// Its number.
    pub version: Version,
    /// The manifest digest it runs; none for a zip version.
    pub image_digest: Option<Digest>,
    /// Its settings, as in [`LiveFunction::settings`] but without `Tags`.
    pub settings: Map<String, Value>,
    /// Its instruction set.
    pub architecture: Architecture,
}

/// An alias as GetAlias tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveAlias {
    /// Its name.
    pub name: AliasName,
    /// The version that it points to; `$LATEST` is possible.
    pub version: String,
    /// `AdditionalVersionWeights`: version to weight (0.0–1.0).
    pub weights: BTreeMap<String, f64>,
    /// The alias's own revision.
    pub revision_id: Option<String>,
}

/// What CreateFunction is given. `Debug` hides environment values.
#[derive(Clone, PartialEq)]
pub struct NewFunction {
    /// The name.
    pub name: FunctionName,
    /// `repository@sha256:…`
    pub image_uri: String,
    /// The instruction set.
    pub architecture: Architecture,
    /// Settings in the shape of the CreateFunction request, `Role` included; see [`LiveFunction::settings`].
    pub settings: Map<String, Value>,
}

/// What UpdateFunctionCode is given.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeUpdate {
    /// `repository@sha256:…`
    pub image_uri: String,
    /// The instruction set; this call is the only place to change it.
    pub architecture: Architecture,
    /// Guard: the update is refused when the function's revision is another.
    pub revision_id: Option<String>,
}

/// What UpdateFunctionConfiguration is given. `Debug` hides environment values.
#[derive(Clone, PartialEq)]
pub struct ConfigurationUpdate {
    /// The settings to send, whole values in the shape of CreateFunction. An empty object clears.
    pub settings: Map<String, Value>,
    /// Guard, as in [`CodeUpdate`].
    pub revision_id: Option<String>,
}

/// Guards of PublishVersion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishGuard {
    /// The digest that must be what `$LATEST` runs.
    pub image_digest: Option<Digest>,
    /// The revision that `$LATEST` must have.
    pub revision_id: Option<String>,
}

/// Where an alias shall point.
#[derive(Debug, Clone, PartialEq)]
pub struct AliasTarget {
    /// The alias.
    pub name: AliasName,
    /// The version that it points to; `$LATEST` is possible.
    pub version: String,
    /// `AdditionalVersionWeights`: empty for all traffic to `version`.
    pub weights: BTreeMap<String, f64>,
    /// Guard for an update: the alias's revision.
    pub revision_id: Option<String>,
}

/// Provisioned concurrency of an alias or a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedConcurrency {
    /// How much was asked for.
    pub requested: u32,
    /// READY, IN_PROGRESS or FAILED.
    pub status: String,
    /// Why it failed.
    pub reason: Option<String>,
}

/// An entry of ListFunctions: a function's `$LATEST` or one of its versions, and the code that it runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeUse {
    /// The function's name.
    pub function: String,
    /// `$LATEST`, or the version's number.
    pub version: String,
    /// The manifest digest that it resolves to; none for a zip archive.
    pub digest: Option<Digest>,
}

/// What we read from Lambda.
#[async_trait]
pub trait LambdaReader: Send + Sync {
    /// GetFunction, of `$LATEST` or of a qualifier (version or alias); none when it does not exist.
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Option<&str>,
    ) -> Result<Option<LiveFunction>, CloudError>;

    /// ListVersionsByFunction, all pages, `$LATEST` left out; none when the function does not exist.
    async fn versions(&self, name: &FunctionName) -> Result<Option<Vec<PublishedVersion>>, CloudError>;

    /// GetAlias; none when the alias or the function does not exist.
    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<LiveAlias>, CloudError>;

    /// ListAliases, all pages; none when the function does not exist.
    async fn aliases(&self, name: &FunctionName) -> Result<Option<Vec<LiveAlias>>, CloudError>;

    /// GetProvisionedConcurrencyConfig of an alias or a version; none when it has none.
    async fn provisioned_concurrency(
        &self,
        name: &FunctionName,
        qualifier: &str,
    ) -> Result<Option<ProvisionedConcurrency>, CloudError>;

    /// ListProvisionedConcurrencyConfigs, all pages: the versions and aliases that carry it. None when the function does not exist.
    async fn provisioned(&self, name: &FunctionName) -> Result<Option<Vec<String>>, CloudError>;

    /// ListFunctions with `FunctionVersion=ALL`, all pages: what every version of every function of the account and Region runs. An
    /// image function whose digest cannot be told is an error, since nobody could say what it needs.
    async fn code_in_use(&self) -> Result<Vec<CodeUse>, CloudError>;
}

/// What we change in Lambda. None of these waits for the function to settle.
#[async_trait]
pub trait LambdaWriter: LambdaInvoker {
    /// CreateFunction with `PackageType=Image`, without `Publish`.
    async fn create_function(&self, new: &NewFunction) -> Result<LiveFunction, CloudError>;

    /// UpdateFunctionCode, without `Publish`.
    async fn update_code(&self, name: &FunctionName, update: &CodeUpdate)
    -> Result<LiveFunction, CloudError>;

    /// UpdateFunctionConfiguration.
    async fn update_configuration(
        &self,
        name: &FunctionName,
        update: &ConfigurationUpdate,
    ) -> Result<LiveFunction, CloudError>;

    /// TagResource: adds or replaces these tags, leaves others alone.
    async fn tag_function(&self, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), CloudError>;

    /// PublishVersion. Answers the version, which may be Pending, and may be an old one when nothing changed.
    async fn publish_version(&self, name: &FunctionName, guard: &PublishGuard)
    -> Result<Version, CloudError>;

    /// CreateAlias.
    async fn create_alias(
        &self,
        function: &FunctionName,
        target: &AliasTarget,
    ) -> Result<LiveAlias, CloudError>;

    /// UpdateAlias, always with its weights, also where there are none: omitting them would keep the old ones.
    async fn move_alias(
        &self,
        function: &FunctionName,
        target: &AliasTarget,
    ) -> Result<LiveAlias, CloudError>;

    /// PutProvisionedConcurrencyConfig. It takes minutes until it is READY.
    async fn put_provisioned_concurrency(
        &self,
        function: &FunctionName,
        qualifier: &str,
        amount: u32,
    ) -> Result<(), CloudError>;

    /// DeleteFunction of one published version. There is no way here to delete a function as a whole. Deleting a version that is
    /// not there is no error.
    async fn delete_version(&self, function: &FunctionName, version: Version) -> Result<(), CloudError>;

    /// DeleteProvisionedConcurrencyConfig. Deleting what is not there is no error.
    async fn delete_provisioned_concurrency(
        &self,
        function: &FunctionName,
        qualifier: &str,
    ) -> Result<(), CloudError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_lies_where_lambda_resolved_it_to() {
        let (digest, other) = (Digest::of(b"manifest"), Digest::of(b"other"));
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let (resolved, given) = (format!("{host}/shop@{digest}"), format!("{host}/shop:v1"));
        let pinned = format!("{host}/shop@{other}");
        // What an emulator takes for resolved.
        let twice = format!("{host}/shop@sha256@{digest}");
        let table = [
            (Some(&given), Some(&resolved), Some(digest)),
            (Some(&given), None, Some(digest)),
            (Some(&pinned), Some(&twice), Some(other)),
            (None, Some(&twice), None),
            (None, None, None),
        ];
        for (image_uri, resolved_image_uri, expected) in table {
            let function = LiveFunction {
                image_digest: Some(digest),
                image_uri: image_uri.cloned(),
                resolved_image_uri: resolved_image_uri.cloned(),
                ..crate::function::samples::live(serde_json::json!({}))
            };
            assert_eq!(function.image().and_then(|image| image.digest), expected, "{function:?}");
        }
    }

    #[test]
    fn a_function_runs_the_image_that_either_answer_names() {
        let (digest, other) = (Digest::of(b"manifest"), Digest::of(b"other"));
        let pinned = |digest: Digest| Some(format!("host/shop@{digest}"));
        let table = [
            (Some(digest), None, true),
            (Some(digest), Some("host/shop:v1".to_owned()), true),
            (Some(other), pinned(digest), true),
            (None, pinned(digest), true),
            (Some(other), pinned(other), false),
            (None, Some("host/shop:v1".to_owned()), false),
            (None, Some("@".to_owned()), false),
            (None, None, false),
        ];
        for (image_digest, image_uri, runs) in table {
            let function = LiveFunction {
                arn: String::new(),
                version: "$LATEST".to_owned(),
                package_type: PackageType::Image,
                architecture: Architecture::Arm64,
                image_digest,
                image_uri,
                resolved_image_uri: None,
                state: FunctionState::default(),
                revision_id: None,
                modified: None,
                settings: Map::new(),
            };
            assert_eq!(function.runs(&digest), runs, "{function:?}");
        }
    }
}
