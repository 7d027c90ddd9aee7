//! Repositories: create, describe, delete, and the mutability of tags.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::request::Request;
use crate::ecr::names::check_repository;
use crate::ecr::repository::{Mutability, Repository};
use crate::ecr::{Place, Refusal};
use crate::partition::{registry_host, repository_arn};
use crate::text::epoch_seconds;

pub(super) fn create(request: &Request<'_>) -> Result<Value, Refusal> {
    let name = request.required("repositoryName")?;
    check_repository(name)?;
    let place = request.place()?;
    if place.account != request.caller {
        let arn = crate::identity::user_arn(request.caller, request.region);
        return Err(Refusal::denied(&arn, "ecr:CreateRepository", &place, name));
    }
    let (mutability, exclusions) = mutability(request)?.unwrap_or((Mutability::Mutable, Vec::new()));
    let (encryption, kms_key) = encryption(request)?;
    let scan = request.members.get("imageScanningConfiguration").and_then(|value| value.get("scanOnPush"));
    let repository = Repository {
        name: name.to_owned(),
        created_at: epoch_seconds(request.now),
        mutability,
        exclusions,
        scan_on_push: scan.and_then(Value::as_bool).unwrap_or(false),
        encryption,
        kms_key,
        resource_tags: resource_tags(request)?,
        policy: None,
        lifecycle_policy: None,
        layers: BTreeMap::new(),
        images: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    let described = description(&place, &repository);
    request.ecr.registries.create(&place, repository)?;
    Ok(json!({ "repository": described }))
}

pub(super) fn describe(request: &Request<'_>) -> Result<Value, Refusal> {
    let place = request.place()?;
    if let Some(names) = request.texts("repositoryNames", 100)? {
        let mut found = Vec::new();
        for name in names {
            check_repository(name)?;
            request.ecr.authorize(request.caller, &place, name, "ecr:DescribeRepositories")?;
            found.push(
                request.ecr.registries.read(&place, name, |repository| description(&place, repository))?,
            );
        }
        return Ok(json!({ "repositories": found }));
    }
    let all = request.ecr.registries.look(&place, |registry| {
        let visible = registry.repositories.values().filter(|repository| {
            request.ecr_permits(repository.policy.as_deref(), &place, "ecr:DescribeRepositories")
        });
        visible.map(|repository| description(&place, repository)).collect()
    });
    let page = request.page(all)?;
    Ok(with_next(json!({ "repositories": page.items }), page.next))
}

pub(super) fn delete(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("DeleteRepository")?;
    let (deleted, orphans) = request.ecr.registries.delete(&place, &name, request.flag("force"))?;
    orphans.iter().for_each(|digest| request.ecr.blobs.remove(digest));
    Ok(json!({ "repository": description(&place, &deleted) }))
}

pub(super) fn put_image_tag_mutability(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("PutImageTagMutability")?;
    let missing = || Refusal::invalid("imageTagMutability", "must not be null");
    let (mutability, exclusions) = mutability(request)?.ok_or_else(missing)?;
    request.ecr.registries.write(&place, &name, |repository| {
        repository.mutability = mutability;
        repository.exclusions = exclusions;
        let mut value = json!({ "registryId": place.account, "repositoryName": name });
        if let Some(object) = value.as_object_mut() {
            object.extend(mutability_members(repository));
        }
        Ok(value)
    })
}

impl Request<'_> {
    /// Whether the caller may do `action` in a repository with that policy.
    fn ecr_permits(&self, policy: Option<&str>, place: &Place, action: &str) -> bool {
        crate::ecr::access::permits(policy, self.caller, &place.account, action)
    }
}

/// Adds the token of the next page, if there is one.
pub(super) fn with_next(mut value: Value, next: Option<String>) -> Value {
    if let (Some(object), Some(next)) = (value.as_object_mut(), next) {
        object.insert("nextToken".to_owned(), Value::String(next));
    }
    value
}

fn mutability(request: &Request<'_>) -> Result<Option<(Mutability, Vec<String>)>, Refusal> {
    let Some(name) = request.text("imageTagMutability")? else { return Ok(None) };
    let enumeration = "must satisfy enum value set: [MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, \
                       MUTABLE_WITH_EXCLUSION]";
    let mutability =
        Mutability::named(name).ok_or_else(|| Refusal::invalid("imageTagMutability", enumeration))?;
    let member = "imageTagMutabilityExclusionFilters";
    let filters = request.list(member, 5)?.map(Vec::as_slice).unwrap_or_default();
    if filters.is_empty() == mutability.has_exclusions() {
        return Err(Refusal::invalid(
            member,
            "must be given with, and only with, a mutability with exclusion",
        ));
    }
    let pattern = |filter: &Value| {
        let text = filter.get("filter")?.as_str()?;
        let sound = (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._*-".contains(&byte));
        (sound && filter.get("filterType")? == "WILDCARD").then(|| text.to_owned())
    };
    let exclusions: Option<Vec<String>> = filters.iter().map(pattern).collect();
    let fault = || Refusal::invalid(member, "must satisfy regular expression '^[0-9a-zA-Z._*-]{1,128}$'");
    exclusions.map(|exclusions| Some((mutability, exclusions))).ok_or_else(fault)
}

fn encryption(request: &Request<'_>) -> Result<(String, Option<String>), Refusal> {
    let Some(wanted) = request.members.get("encryptionConfiguration").filter(|value| !value.is_null()) else {
        return Ok(("AES256".to_owned(), None));
    };
    let kind = wanted.get("encryptionType").and_then(Value::as_str).unwrap_or_default();
    let key = wanted.get("kmsKey").and_then(Value::as_str);
    match (kind, key) {
        ("AES256", Some(_)) => Err(Refusal::invalid("encryptionConfiguration", "AES256 takes no kmsKey")),
        ("AES256", None) => Ok((kind.to_owned(), None)),
        ("KMS" | "KMS_DSSE", key) => {
            let own = || format!("arn:aws:kms:{}:{}:key/aws-ecr-default", request.region, request.caller);
            Ok((kind.to_owned(), Some(key.map_or_else(own, str::to_owned))))
        }
        _ => Err(Refusal::invalid(
            "encryptionConfiguration.encryptionType",
            "must satisfy enum value set: [AES256, KMS, KMS_DSSE]",
        )),
    }
}

fn resource_tags(request: &Request<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let tags = request.members.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if tags.len() > 50 {
        return Err(Refusal::exception("TooManyTagsException", "A repository has at most 50 tags"));
    }
    let pair = |tag: &Value| {
        Some((
            tag.get("Key")?.as_str()?.to_owned(),
            tag.get("Value")?.as_str().unwrap_or_default().to_owned(),
        ))
    };
    let fault = || Refusal::exception("InvalidTagParameterException", "A tag needs a Key and a Value");
    tags.iter().map(pair).collect::<Option<_>>().ok_or_else(fault)
}

fn mutability_members(repository: &Repository) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("imageTagMutability".to_owned(), json!(repository.mutability.name()));
    if repository.mutability.has_exclusions() {
        let filters =
            repository.exclusions.iter().map(|filter| json!({ "filterType": "WILDCARD", "filter": filter }));
        members.insert("imageTagMutabilityExclusionFilters".to_owned(), filters.collect());
    }
    members
}

fn description(place: &Place, repository: &Repository) -> Value {
    let name = &repository.name;
    let mut encryption = json!({ "encryptionType": repository.encryption });
    if let (Some(object), Some(key)) = (encryption.as_object_mut(), &repository.kms_key) {
        object.insert("kmsKey".to_owned(), json!(key));
    }
    let mut value = json!({
        "repositoryArn": repository_arn(&place.account, &place.region, name),
        "registryId": place.account,
        "repositoryName": name,
        "repositoryUri": format!("{}/{name}", registry_host(&place.account, &place.region)),
        "createdAt": repository.created_at,
        "imageScanningConfiguration": { "scanOnPush": repository.scan_on_push },
        "encryptionConfiguration": encryption,
    });
    if let Some(object) = value.as_object_mut() {
        object.extend(mutability_members(repository));
    }
    value
}
