//! What a repository holds, page by page and manifest by manifest, and the deletion of images.

use std::collections::{HashMap, HashSet};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::operation::describe_registry::DescribeRegistryOutput;
use aws_sdk_ecr::types::{self, ImageFailureCode};

use super::ecr::by_digest;
use super::error::{Operation, says_not_found};
use super::pages::Pages;
use crate::cloud::{CloudError, ImageDeletion, RegistryRules, ReplicaPlace, StoredImage};
use crate::http::without_signed_queries;
use crate::name::{AccountId, Digest, RepositoryName};

const DESCRIBE_IMAGES: Operation = operation("DescribeImages");
const BATCH_GET_IMAGE: Operation = operation("BatchGetImage");
const BATCH_DELETE_IMAGE: Operation = operation("BatchDeleteImage");
pub(super) const DESCRIBE_REGISTRY: Operation = operation("DescribeRegistry");
const GET_REGISTRY_POLICY: Operation = operation("GetRegistryPolicy");

/// The largest page that DescribeImages gives (ECR API reference). Half of the bound of an answer at most.
const PAGE: i32 = 1000;

/// How many manifests are asked for at once: each may have 4 MiB, and an answer has a bound.
const MANIFESTS_A_CALL: usize = 5;

const fn operation(name: &'static str) -> Operation {
    Operation { service: "Amazon ECR", name }
}

/// A repository of a registry; the caller's own where none is named.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) registry: Option<&'a AccountId>,
    pub(super) name: &'a RepositoryName,
}

/// DescribeImages, all pages.
pub(super) async fn all(client: &Client, place: Place<'_>) -> Result<Option<Vec<StoredImage>>, CloudError> {
    let call = DESCRIBE_IMAGES;
    let request = client.describe_images().set_registry_id(place.registry.map(AccountId::to_string));
    let request = request.repository_name(place.name.as_str());
    let (mut answers, mut pages) = (request.into_paginator().page_size(PAGE).send(), Pages::of(call));
    let mut images = Vec::new();
    while let Some(answer) = answers.next().await {
        let page = match answer.map_err(|error| call.failed(error)) {
            Ok(answer) => answer.image_details,
            Err(error) if says_not_found(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        for detail in pages.entries(page, "imageDetails")? {
            images.push(stored(call, &detail)?);
        }
    }
    Ok(Some(images))
}

fn stored(call: Operation, detail: &types::ImageDetail) -> Result<StoredImage, CloudError> {
    // What cannot be understood is no reason to leave an image out: it may be the index that needs another one.
    let digest = detail.image_digest().unwrap_or_default();
    let digest =
        digest.parse().map_err(|error| call.unexpected(format!("an image of the answer: {error}")))?;
    let subject = detail.subject_manifest_digest().map(str::parse).transpose();
    Ok(StoredImage {
        digest,
        tags: detail.image_tags().to_vec(),
        size: detail.image_size_in_bytes().and_then(|size| size.try_into().ok()).unwrap_or_default(),
        pushed: detail.image_pushed_at().and_then(|time| time.secs().try_into().ok()),
        media_type: detail.image_manifest_media_type().map(str::to_owned),
        subject: subject.map_err(|error| call.unexpected(format!("the subject of an image: {error}")))?,
    })
}

/// BatchGetImage.
pub(super) async fn manifests(
    client: &Client,
    place: Place<'_>,
    digests: &[Digest],
) -> Result<Vec<(Digest, String)>, CloudError> {
    let call = BATCH_GET_IMAGE;
    let mut manifests = Vec::new();
    for some in digests.chunks(MANIFESTS_A_CALL) {
        let request = client
            .batch_get_image()
            .set_registry_id(place.registry.map(AccountId::to_string))
            .repository_name(place.name.as_str())
            .set_image_ids(Some(some.iter().map(by_digest).collect()));
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let unread = answer
            .failures()
            .iter()
            .find(|failure| failure.failure_code() != Some(&ImageFailureCode::ImageNotFound));
        if let Some(failure) = unread {
            return Err(call.unexpected(format!("a manifest cannot be read: {}", reason(failure))));
        }
        let mut told: HashSet<Digest> =
            answer.failures().iter().filter_map(|failure| digest_of(failure.image_id())).collect();
        for image in answer.images() {
            let digest = digest_of(image.image_id());
            told.extend(digest);
            match (digest, image.image_manifest()) {
                (Some(digest), Some(manifest)) => manifests.push((digest, manifest.to_owned())),
                _ => return Err(call.unexpected("an image of the answer has no digest or no manifest")),
            }
        }
        // One that is not told of may be an index, and list what must stay.
        if let Some(untold) = some.iter().find(|digest| !told.contains(digest)) {
            return Err(call.unexpected(format!("the answer does not tell of the manifest {untold}")));
        }
    }
    Ok(manifests)
}

/// BatchDeleteImage.
pub(super) async fn delete(
    client: &Client,
    place: Place<'_>,
    digests: &[Digest],
) -> Result<Vec<ImageDeletion>, CloudError> {
    let call = BATCH_DELETE_IMAGE;
    let request = client
        .batch_delete_image()
        .set_registry_id(place.registry.map(AccountId::to_string))
        .repository_name(place.name.as_str())
        .set_image_ids(Some(digests.iter().map(by_digest).collect()));
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let mut told: HashMap<Digest, ImageDeletion> = HashMap::new();
    for id in answer.image_ids() {
        // An image with several tags is told once for each.
        digest_of(Some(id)).map(|digest| told.insert(digest, ImageDeletion::Gone));
    }
    for failure in answer.failures() {
        let became = match failure.failure_code() {
            Some(ImageFailureCode::ImageNotFound) => ImageDeletion::Gone,
            Some(ImageFailureCode::ImageReferencedByManifestList) => {
                ImageDeletion::StillListed(reason(failure))
            }
            _ => ImageDeletion::Refused(reason(failure)),
        };
        digest_of(failure.image_id()).map(|digest| told.insert(digest, became));
    }
    Ok(digests.iter().map(|digest| told.remove(digest).unwrap_or(ImageDeletion::Unsaid)).collect())
}

/// DescribeRegistry and GetRegistryPolicy.
pub(super) async fn registry_rules(
    client: &Client,
    name: &RepositoryName,
) -> Result<RegistryRules, CloudError> {
    let call = DESCRIBE_REGISTRY;
    let answer = client.describe_registry().send();
    let (answer, policy) = tokio::join!(answer, client.get_registry_policy().send());
    let answer = answer.map_err(|error| call.failed(error))?;
    let policy = match policy.map_err(|error| GET_REGISTRY_POLICY.failed(error)) {
        Ok(answer) => answer.policy_text().map(str::to_owned),
        Err(error) if says_not_found(&error) => None,
        Err(error) => return Err(error),
    };
    let account = answer.registry_id().unwrap_or_default().parse();
    let account = account.map_err(|error| call.unexpected(format!("the answer's registry: {error}")))?;
    let replicas = places(&answer, name);
    Ok(RegistryRules { account, replicas, policy })
}

/// Where the images of a repository are replicated to.
pub(super) fn places(answer: &DescribeRegistryOutput, name: &RepositoryName) -> Vec<ReplicaPlace> {
    let rules = answer.replication_configuration().map(|configuration| configuration.rules());
    let mut places: Vec<ReplicaPlace> = rules
        .unwrap_or_default()
        .iter()
        .filter(|rule| is_about(rule, name))
        .flat_map(|rule| rule.destinations())
        .map(|to| ReplicaPlace { account: to.registry_id().to_owned(), region: to.region().to_owned() })
        .collect();
    places.sort();
    places.dedup();
    places
}

/// Whether a rule may be about a repository: one whose filters are not of the known type may be about any.
fn is_about(rule: &types::ReplicationRule, name: &RepositoryName) -> bool {
    let filters = rule.repository_filters();
    let fits = |filter: &types::RepositoryFilter| match filter.filter_type() {
        types::RepositoryFilterType::PrefixMatch => name.as_str().starts_with(filter.filter()),
        _ => true,
    };
    filters.is_empty() || filters.iter().any(fits)
}

fn digest_of(id: Option<&types::ImageIdentifier>) -> Option<Digest> {
    id?.image_digest()?.parse().ok()
}

fn reason(failure: &types::ImageFailure) -> String {
    let code = failure.failure_code().map_or("no code", |code| code.as_str());
    format!("{} ({code})", without_signed_queries(failure.failure_reason().unwrap_or("no reason")))
}

#[cfg(test)]
mod tests;
