//! Amazon ECR's control plane.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Builder as Config;
use aws_sdk_ecr::types;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::ecr_contents::{self, Place};
use super::ecr_images;
use super::error::{Operation, says_not_found};
use crate::cloud::{
    CloudError, DescribedImage, EcrReader, EcrWriter, Encryption, ImageDeletion, RegistryAuthorizer,
    RegistryCredential, RegistryRules, Repository, RepositorySettings, StoredImage, TagMutability,
};
use crate::name::{AccountId, Digest, RepositoryName};

const GET_AUTHORIZATION_TOKEN: Operation = operation("GetAuthorizationToken");
const DESCRIBE_REPOSITORIES: Operation = operation("DescribeRepositories");
const GET_REPOSITORY_POLICY: Operation = operation("GetRepositoryPolicy");
const BATCH_GET_IMAGE: Operation = operation("BatchGetImage");
const CREATE_REPOSITORY: Operation = operation("CreateRepository");
const SET_REPOSITORY_POLICY: Operation = operation("SetRepositoryPolicy");
const BATCH_CHECK_LAYER_AVAILABILITY: Operation = operation("BatchCheckLayerAvailability");
const GET_ACCOUNT_SETTING: Operation = operation("GetAccountSetting");

/// How long a question may take that can be asked in another way.
const OPTIONAL_PATIENCE: Duration = Duration::from_secs(10);

const fn operation(name: &'static str) -> Operation {
    Operation { service: "Amazon ECR", name }
}

/// Amazon ECR of one Region, with one identity.
#[derive(Debug, Clone)]
pub struct Ecr {
    client: Client,
}

impl Ecr {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

#[async_trait]
impl RegistryAuthorizer for Ecr {
    async fn authorize(&self) -> Result<RegistryCredential, CloudError> {
        let call = GET_AUTHORIZATION_TOKEN;
        let answer =
            self.client.get_authorization_token().send().await.map_err(|error| call.failed(error))?;
        let data = answer.authorization_data().first();
        let data = data.ok_or_else(|| call.unexpected("the answer has no authorization data"))?;
        let token = data.authorization_token().unwrap_or_default().trim();
        if !is_user_and_password(token) {
            return Err(call.unexpected("the token is not the base64 of USER:PASSWORD"));
        }
        Ok(RegistryCredential {
            basic: token.to_owned(),
            // A time that cannot be told is no reason to refuse a token that was handed out just now.
            expires_at: data.expires_at().and_then(|time| SystemTime::try_from(*time).ok()),
            proxy_endpoint: data.proxy_endpoint().map(str::to_owned),
        })
    }
}

/// Whether a token is what `Authorization: Basic` wants: ECR's is `AWS:<password>`, of any length.
fn is_user_and_password(token: &str) -> bool {
    let decoded = BASE64.decode(token).unwrap_or_default();
    let colon = decoded.iter().position(|byte| *byte == b':');
    colon.is_some_and(|at| at > 0 && at + 1 < decoded.len())
}

#[async_trait]
impl EcrReader for Ecr {
    async fn repository(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
    ) -> Result<Option<Repository>, CloudError> {
        let call = DESCRIBE_REPOSITORIES;
        let request = self.client.describe_repositories().set_registry_id(registry.map(AccountId::to_string));
        let answer = match request.repository_names(name.as_str()).send().await {
            Ok(answer) => answer,
            Err(error) => return none_if_not_found(call.failed(error)),
        };
        answer.repositories().first().map(|found| repository(call, found)).transpose()
    }

    async fn repository_policy(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
    ) -> Result<Option<String>, CloudError> {
        let call = GET_REPOSITORY_POLICY;
        let request = self.client.get_repository_policy().set_registry_id(registry.map(AccountId::to_string));
        match request.repository_name(name.as_str()).send().await {
            Ok(answer) => Ok(answer.policy_text().map(str::to_owned)),
            Err(error) => none_if_not_found(call.failed(error)),
        }
    }

    async fn stored_images(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<Option<Vec<Digest>>, CloudError> {
        let call = BATCH_GET_IMAGE;
        let request = self
            .client
            .batch_get_image()
            .set_registry_id(registry.map(AccountId::to_string))
            .repository_name(name.as_str())
            .set_image_ids(Some(digests.iter().map(by_digest).collect()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return none_if_not_found(call.failed(error)),
        };
        let found = answer.images().iter().filter_map(|image| image.image_id()?.image_digest()?.parse().ok());
        Ok(Some(found.collect()))
    }

    async fn described_images(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<Option<Vec<DescribedImage>>, CloudError> {
        ecr_images::Question { client: &self.client, registry, name, digests }.ask().await
    }

    async fn blobs_stored(
        &self,
        registry: &AccountId,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<HashMap<Digest, bool>, CloudError> {
        let request = self
            .client
            .batch_check_layer_availability()
            .registry_id(registry.as_str())
            .repository_name(name.as_str())
            .set_layer_digests(Some(digests.iter().map(Digest::to_string).collect()));
        let answer = request.customize().config_override(once()).send().await;
        let answer = answer.map_err(|error| BATCH_CHECK_LAYER_AVAILABILITY.failed(error))?;
        // What stands among the failures is left out of the answer, as is a word that we do not know.
        Ok(answer.layers().iter().filter_map(availability).collect())
    }

    async fn images(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
    ) -> Result<Option<Vec<StoredImage>>, CloudError> {
        ecr_contents::all(&self.client, Place { registry, name }).await
    }

    async fn manifests(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<Vec<(Digest, String)>, CloudError> {
        ecr_contents::manifests(&self.client, Place { registry, name }, digests).await
    }

    async fn registry_rules(&self, name: &RepositoryName) -> Result<RegistryRules, CloudError> {
        ecr_contents::registry_rules(&self.client, name).await
    }

    async fn mounts_blobs(&self) -> Result<bool, CloudError> {
        let call = GET_ACCOUNT_SETTING;
        let request = self.client.get_account_setting().name("BLOB_MOUNTING");
        let answer = request.customize().config_override(once()).send().await;
        match answer.map_err(|error| call.failed(error))?.value() {
            Some("ENABLED") => Ok(true),
            Some("DISABLED") => Ok(false),
            _ => Err(call.unexpected("BLOB_MOUNTING is neither ENABLED nor DISABLED")),
        }
    }
}

/// For questions that can be asked in another way: what does not answer at once is not waited for.
fn once() -> Config {
    let timeouts = TimeoutConfig::builder().operation_timeout(OPTIONAL_PATIENCE).build();
    Config::new().retry_config(RetryConfig::disabled()).timeout_config(timeouts)
}

fn availability(layer: &types::Layer) -> Option<(Digest, bool)> {
    let stored = match layer.layer_availability()? {
        types::LayerAvailability::Available => true,
        types::LayerAvailability::Unavailable => false,
        // ARCHIVED, for one: it must be sent again before it can be pulled, and HEAD says what the registry thinks.
        _ => return None,
    };
    Some((layer.layer_digest()?.parse().ok()?, stored))
}

#[async_trait]
impl EcrWriter for Ecr {
    async fn create_repository(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        settings: &RepositorySettings,
        tags: &BTreeMap<String, String>,
    ) -> Result<Repository, CloudError> {
        let call = CREATE_REPOSITORY;
        let mutability = match settings.immutable_tags {
            true => types::ImageTagMutability::Immutable,
            false => types::ImageTagMutability::Mutable,
        };
        let scanning =
            types::ImageScanningConfiguration::builder().scan_on_push(settings.scan_on_push).build();
        let request = self
            .client
            .create_repository()
            .set_registry_id(registry.map(AccountId::to_string))
            .repository_name(name.as_str())
            .image_tag_mutability(mutability)
            .image_scanning_configuration(scanning)
            .encryption_configuration(encryption(call, &settings.encryption)?)
            .set_tags(resource_tags(call, tags)?);
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let created = answer.repository().ok_or_else(|| call.unexpected("the answer has no repository"))?;
        repository(call, created)
    }

    async fn set_repository_policy(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        text: &str,
    ) -> Result<(), CloudError> {
        let call = SET_REPOSITORY_POLICY;
        let request = self.client.set_repository_policy().set_registry_id(registry.map(AccountId::to_string));
        let request = request.repository_name(name.as_str()).policy_text(text);
        request.send().await.map_err(|error| call.failed(error))?;
        Ok(())
    }

    async fn delete_images(
        &self,
        registry: Option<&AccountId>,
        name: &RepositoryName,
        digests: &[Digest],
    ) -> Result<Vec<ImageDeletion>, CloudError> {
        ecr_contents::delete(&self.client, Place { registry, name }, digests).await
    }
}

/// An image as ECR's calls name it.
pub(super) fn by_digest(digest: &Digest) -> types::ImageIdentifier {
    types::ImageIdentifier::builder().image_digest(digest.to_string()).build()
}

fn none_if_not_found<T>(error: CloudError) -> Result<Option<T>, CloudError> {
    if says_not_found(&error) { Ok(None) } else { Err(error) }
}

fn repository(call: Operation, found: &types::Repository) -> Result<Repository, CloudError> {
    let text = |value: Option<&str>, what: &str| {
        value.map(str::to_owned).ok_or_else(|| call.unexpected(format!("the repository has no {what}")))
    };
    let filters = found.image_tag_mutability_exclusion_filters();
    let wildcards = || filters.iter().map(|filter| filter.filter().to_owned()).collect();
    let mutability = match found.image_tag_mutability() {
        None | Some(types::ImageTagMutability::Mutable) => TagMutability::Mutable,
        Some(types::ImageTagMutability::Immutable) => TagMutability::Immutable,
        Some(types::ImageTagMutability::ImmutableWithExclusion) => {
            TagMutability::ImmutableExcept(wildcards())
        }
        Some(types::ImageTagMutability::MutableWithExclusion) => TagMutability::MutableExcept(wildcards()),
        Some(other) => return Err(call.unexpected(format!("unknown imageTagMutability {other}"))),
    };
    Ok(Repository {
        arn: text(found.repository_arn(), "ARN")?,
        uri: text(found.repository_uri(), "URI")?,
        mutability,
    })
}

fn encryption(call: Operation, wanted: &Encryption) -> Result<types::EncryptionConfiguration, CloudError> {
    let builder = match wanted {
        Encryption::Aes256 => {
            types::EncryptionConfiguration::builder().encryption_type(types::EncryptionType::Aes256)
        }
        Encryption::Kms(key) => types::EncryptionConfiguration::builder()
            .encryption_type(types::EncryptionType::Kms)
            .kms_key(key.as_str()),
    };
    builder.build().map_err(|error| call.invalid(error.to_string()))
}

fn resource_tags(
    call: Operation,
    tags: &BTreeMap<String, String>,
) -> Result<Option<Vec<types::Tag>>, CloudError> {
    if tags.is_empty() {
        return Ok(None);
    }
    let tag = |(key, value): (&String, &String)| {
        let tag = types::Tag::builder().key(key.as_str()).value(value.as_str()).build();
        tag.map_err(|error| call.invalid(error.to_string()))
    };
    tags.iter().map(tag).collect::<Result<Vec<_>, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::replay::{Answer, Replay, json as answer};
    use crate::cloud::CloudErrorKind;

    fn ecr(answers: impl IntoIterator<Item = Answer>) -> (Replay, Ecr) {
        let replay = Replay::new(answers);
        let ecr = Ecr::new(Client::new(&replay.config()));
        (replay, ecr)
    }

    fn names() -> (AccountId, RepositoryName) {
        ("123456789012".parse().unwrap(), "team/shop".parse().unwrap())
    }

    fn exception(code: &str) -> Answer {
        answer(400, json!({"__type": code, "message": "AWS's words"}))
    }

    #[tokio::test]
    async fn a_token_is_kept_as_it_is_even_when_its_time_lies_in_the_past() {
        let token = BASE64.encode("AWS:password");
        let (_, ecr) = ecr([answer(
            200,
            json!({"authorizationData": [{"authorizationToken": token, "expiresAt": 1_420_070_400.0,
                   "proxyEndpoint": "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"}]}),
        )]);
        let credential = ecr.authorize().await.unwrap();
        assert_eq!(credential.basic, token);
        assert!(credential.expires_at.unwrap() < SystemTime::now());
        assert!(credential.proxy_endpoint.unwrap().ends_with("eu-west-1.amazonaws.com"));
    }

    #[tokio::test]
    async fn a_token_that_is_none_is_refused_without_being_told() {
        let wrong =
            ["hunter2".to_owned(), BASE64.encode("hunter2"), BASE64.encode("AWS:"), BASE64.encode(":x")];
        let data =
            wrong.iter().map(|token| json!([{"authorizationToken": token}])).chain([json!([]), json!([{}])]);
        for data in data {
            let (_, ecr) = ecr([answer(200, json!({"authorizationData": data}))]);
            let error = ecr.authorize().await.unwrap_err();
            assert_eq!(error.kind, CloudErrorKind::Unexpected);
            assert!(
                !format!("{error} {error:?}").contains("hunter2")
                    && !format!("{error:?}").contains("aHVudGVy")
            );
        }
    }

    #[tokio::test]
    async fn a_repository_is_read_with_its_mutability() {
        let table = [
            (json!({"imageTagMutability": "MUTABLE"}), TagMutability::Mutable),
            (json!({}), TagMutability::Mutable),
            (json!({"imageTagMutability": "IMMUTABLE"}), TagMutability::Immutable),
            (
                json!({"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                       "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev*"}]}),
                TagMutability::ImmutableExcept(vec!["dev*".to_owned()]),
            ),
            (
                json!({"imageTagMutability": "MUTABLE_WITH_EXCLUSION",
                       "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "v*"}]}),
                TagMutability::MutableExcept(vec!["v*".to_owned()]),
            ),
        ];
        let (registry, name) = names();
        for (mut repository, mutability) in table {
            repository["repositoryArn"] = "arn:aws:ecr:eu-west-1:123456789012:repository/team/shop".into();
            repository["repositoryUri"] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/shop".into();
            let (replay, ecr) = ecr([answer(200, json!({"repositories": [repository]}))]);
            let found = ecr.repository(Some(&registry), &name).await.unwrap().unwrap();
            assert_eq!(found.mutability, mutability);
            let sent = json!({"registryId": "123456789012", "repositoryNames": ["team/shop"]});
            assert_eq!(replay.bodies(), [sent]);
        }
    }

    #[tokio::test]
    async fn what_does_not_exist_is_none_and_what_is_forbidden_is_an_error() {
        let (registry, name) = names();
        let (_, absent) = ecr([exception("RepositoryNotFoundException")]);
        assert_eq!(absent.repository(Some(&registry), &name).await.unwrap(), None);
        for code in ["RepositoryPolicyNotFoundException", "RepositoryNotFoundException"] {
            let (_, absent) = ecr([exception(code)]);
            assert_eq!(absent.repository_policy(Some(&registry), &name).await.unwrap(), None);
        }
        let (_, forbidden) = ecr([exception("AccessDeniedException")]);
        let error = forbidden.repository_policy(Some(&registry), &name).await.unwrap_err();
        assert_eq!((error.kind, error.status), (CloudErrorKind::AccessDenied, Some(400)));
        assert_eq!(error.to_string(), "Amazon ECR GetRepositoryPolicy failed: AWS's words");
    }

    #[tokio::test]
    async fn a_bare_404_is_not_taken_for_a_missing_repository() {
        let (registry, name) = names();
        let (_, elsewhere) = ecr([xml(404, "<html>nginx</html>")]);
        let error = elsewhere.repository(Some(&registry), &name).await.unwrap_err();
        assert_eq!(error.status, Some(404));
        assert!(error.message.contains("endpoint"), "{}", error.message);
    }

    use crate::aws::replay::xml;

    #[tokio::test]
    async fn a_repository_is_created_as_asked() {
        let created = json!({"repository": {"repositoryArn": "arn:x", "repositoryUri": "host/team/shop",
                             "imageTagMutability": "IMMUTABLE"}});
        let (replay, ecr) = ecr([answer(200, created)]);
        let settings = RepositorySettings {
            scan_on_push: true,
            immutable_tags: true,
            encryption: Encryption::Kms("alias/images".to_owned()),
        };
        let (registry, name) = names();
        let tags = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
        let repository = ecr.create_repository(Some(&registry), &name, &settings, &tags).await.unwrap();
        assert_eq!(repository.mutability, TagMutability::Immutable);
        let sent = json!({
            "registryId": "123456789012", "repositoryName": "team/shop", "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": {"scanOnPush": true},
            "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/images"},
            "tags": [{"Key": "team", "Value": "shop"}],
        });
        assert_eq!(replay.bodies(), [sent]);
    }

    #[tokio::test]
    async fn a_policy_is_set_without_force() {
        let (registry, name) = names();
        let (replay, ecr) = ecr([answer(200, json!({}))]);
        ecr.set_repository_policy(Some(&registry), &name, "{}").await.unwrap();
        let sent = json!({"registryId": "123456789012", "repositoryName": "team/shop", "policyText": "{}"});
        assert_eq!(replay.bodies(), [sent]);
    }

    #[tokio::test]
    async fn many_layers_are_asked_for_at_once_and_what_is_unclear_is_left_out() {
        let digest = |number: u8| Digest::of(&[number]);
        let layer = |number, availability: &str| json!({"layerDigest": digest(number).to_string(), "layerAvailability": availability});
        let (replay, ecr) = ecr([answer(
            200,
            json!({
                "layers": [layer(1, "AVAILABLE"), layer(2, "UNAVAILABLE"), layer(3, "ARCHIVED"), layer(4, "NEW"),
                           {"layerDigest": "x", "layerAvailability": "AVAILABLE"}, {}],
                "failures": [{"layerDigest": digest(5).to_string(), "failureCode": "InvalidLayerDigest"}],
            }),
        )]);
        let (registry, name) = names();
        let asked: Vec<Digest> = (1..6).map(digest).collect();
        let found = ecr.blobs_stored(&registry, &name, &asked).await.unwrap();
        assert_eq!(found, HashMap::from([(digest(1), true), (digest(2), false)]));
        let sent = json!({"registryId": "123456789012", "repositoryName": "team/shop",
                          "layerDigests": asked.iter().map(Digest::to_string).collect::<Vec<_>>()});
        assert_eq!(replay.bodies(), [sent]);
    }

    #[tokio::test]
    async fn what_can_be_asked_otherwise_is_asked_once() {
        let (registry, name) = names();
        for broken in [answer(500, json!({})), xml(500, "<html>"), exception("ThrottlingException")] {
            let (replay, ecr) = ecr([broken, answer(200, json!({"layers": []}))]);
            assert!(ecr.blobs_stored(&registry, &name, &[Digest::of(b"")]).await.is_err());
            assert_eq!(replay.requests().len(), 1);
        }
    }

    #[tokio::test]
    async fn the_setting_for_mounting_is_enabled_or_disabled_or_unknown() {
        for (value, expected) in [("ENABLED", Some(true)), ("DISABLED", Some(false)), ("LATER", None)] {
            let (replay, ecr) = ecr([answer(200, json!({"name": "BLOB_MOUNTING", "value": value}))]);
            assert_eq!(ecr.mounts_blobs().await.ok(), expected);
            assert_eq!(replay.bodies(), [json!({"name": "BLOB_MOUNTING"})]);
        }
        let (_, denied) = ecr([exception("AccessDeniedException")]);
        assert!(denied.mounts_blobs().await.is_err());
    }
}
