//! Images: get, describe, list, delete, put.

use serde_json::{Value, json};

use super::repositories::with_next;
use super::request::Request;
use crate::blobs::is_digest;
use crate::ecr::names::{check_reference, is_tag};
use crate::ecr::put_image::NewImage;
use crate::ecr::repository::{Image, Repository};
use crate::ecr::{Place, Refusal};
use crate::text::epoch_seconds;

/// What an `imageId` says.
struct ImageId<'a> {
    digest: Option<&'a str>,
    tag: Option<&'a str>,
}

/// Why an `imageId` names no image: the failure's code and its reason.
type Failure = (&'static str, &'static str);

const NOT_FOUND: Failure = ("ImageNotFound", "Requested image not found");

impl<'a> ImageId<'a> {
    fn of(value: &'a Value) -> ImageId<'a> {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        ImageId { digest: text("imageDigest"), tag: text("imageTag") }
    }

    /// The digest that is meant.
    fn resolve(&self, repository: &Repository) -> Result<String, Failure> {
        if self.digest.is_some_and(|digest| !is_digest(digest)) {
            return Err((
                "InvalidImageDigest",
                "Invalid request parameters: image digest should satisfy the regex",
            ));
        }
        if self.tag.is_some_and(|tag| !is_tag(tag)) {
            return Err((
                "InvalidImageTag",
                "Invalid request parameters: image tag should satisfy the regex",
            ));
        }
        let found = |reference: &str| repository.resolve(reference).map(str::to_owned).ok_or(NOT_FOUND);
        match (self.digest, self.tag) {
            (None, None) => {
                Err(("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"))
            }
            (Some(digest), None) => found(digest),
            (None, Some(tag)) => found(tag),
            (Some(digest), Some(tag)) => {
                let named = found(tag)?;
                let differs =
                    ("ImageTagDoesNotMatchDigest", "Requested digest does not match the tag's digest");
                if named == digest { Ok(named) } else { Err(differs) }
            }
        }
    }

    fn json(&self) -> Value {
        let mut value = json!({});
        if let Some(object) = value.as_object_mut() {
            self.digest.map(|digest| object.insert("imageDigest".to_owned(), json!(digest)));
            self.tag.map(|tag| object.insert("imageTag".to_owned(), json!(tag)));
        }
        value
    }

    fn failure(&self, (code, reason): Failure) -> Value {
        json!({ "imageId": self.json(), "failureCode": code, "failureReason": reason })
    }

    fn sentence(&self) -> String {
        format!(
            "{{imageDigest:'{}', imageTag:'{}'}}",
            self.digest.unwrap_or("null"),
            self.tag.unwrap_or("null")
        )
    }
}

pub(super) fn batch_get(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("BatchGetImage")?;
    let ids = image_ids(request)?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in &ids {
        let resolved = request.ecr.registries.read(&place, &name, |found| {
            let digest = id.resolve(found)?;
            let media_type = found.images.get(&digest).map(|image| image.media_type.clone());
            Ok((digest, media_type.unwrap_or_default()))
        })?;
        match resolved {
            Err(failure) => failures.push(id.failure(failure)),
            Ok((digest, media_type)) => {
                let manifest = request.ecr.manifest(&digest)?;
                request.ecr.note_pull(&place, &name, &digest, epoch_seconds(request.now));
                images.push(image_json(&place, &name, &digest, id.tag, &media_type, &manifest));
            }
        }
    }
    Ok(json!({ "images": images, "failures": failures }))
}

pub(super) fn describe(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("DescribeImages")?;
    let tagged = tag_filter(request)?;
    if request.members.get("imageIds").is_some_and(|value| !value.is_null()) {
        let ids = image_ids(request)?;
        let details = request.ecr.registries.read(&place, &name, |found| {
            ids.iter()
                .map(|id| {
                    let missing = |_| Refusal::image_missing(&id.sentence(), &name, &place.account);
                    let digest = id.resolve(found).map_err(missing)?;
                    Ok(detail(&place, found, &digest))
                })
                .collect::<Result<Vec<_>, Refusal>>()
        })??;
        return Ok(json!({ "imageDetails": details }));
    }
    let details = request.ecr.registries.read(&place, &name, |found| {
        let wanted = found
            .images
            .keys()
            .filter(|digest| tagged.is_none_or(|tagged| found.tags_of(digest).is_empty() != tagged));
        wanted.map(|digest| detail(&place, found, digest)).collect::<Vec<_>>()
    })?;
    let page = request.page(details)?;
    Ok(with_next(json!({ "imageDetails": page.items }), page.next))
}

pub(super) fn list(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("ListImages")?;
    let tagged = tag_filter(request)?;
    let ids = request.ecr.registries.read(&place, &name, |found| {
        let with_tag =
            found.tags.iter().map(|(tag, digest)| json!({ "imageDigest": digest, "imageTag": tag }));
        let bare = found.images.keys().filter(|digest| found.tags_of(digest).is_empty());
        let bare = bare.map(|digest| json!({ "imageDigest": digest }));
        let with_tag = with_tag.filter(|_| tagged != Some(false));
        with_tag.chain(bare.filter(|_| tagged != Some(true))).collect::<Vec<_>>()
    })?;
    let page = request.page(ids)?;
    Ok(with_next(json!({ "imageIds": page.items }), page.next))
}

/// By tag: the tag goes, and the image with its last tag. By digest: the image goes, with all its tags.
pub(super) fn batch_delete(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("BatchDeleteImage")?;
    let ids = image_ids(request)?;
    request.ecr.registries.write(&place, &name, |found| {
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for id in &ids {
            match delete_one(found, id) {
                Ok(gone) => deleted.extend(gone),
                Err(failure) => failures.push(id.failure(failure)),
            }
        }
        Ok(json!({ "imageIds": deleted, "failures": failures }))
    })
}

fn delete_one(repository: &mut Repository, id: &ImageId<'_>) -> Result<Vec<Value>, Failure> {
    let digest = id.resolve(repository)?;
    let tags = repository.tags_of(&digest);
    if let Some(tag) = id.tag.filter(|_| tags.len() > 1) {
        repository.tags.remove(tag);
        return Ok(vec![json!({ "imageDigest": digest, "imageTag": tag })]);
    }
    if repository.images.values().any(|image| image.children.contains(&digest)) {
        return Err(("ImageReferencedByManifestList", "Requested image referenced by manifest list"));
    }
    repository.images.remove(&digest);
    tags.iter().for_each(|tag| {
        repository.tags.remove(tag);
    });
    if tags.is_empty() {
        return Ok(vec![json!({ "imageDigest": digest })]);
    }
    Ok(tags.iter().map(|tag| json!({ "imageDigest": digest, "imageTag": tag })).collect())
}

pub(super) fn put(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("PutImage")?;
    let manifest = request.required("imageManifest")?.as_bytes();
    let (tag, digest) = (request.text("imageTag")?, request.text("imageDigest")?);
    tag.map_or(Ok(()), check_reference)?;
    let new = NewImage { manifest, media_type: request.text("imageManifestMediaType")?, tag, digest };
    let digest = request.ecr.put_image(&place, &name, new, true)?;
    let media_type = request.ecr.image(&place, &name, &digest)?.map(|(_, image)| image.media_type);
    let image = image_json(&place, &name, &digest, tag, &media_type.unwrap_or_default(), manifest);
    Ok(json!({ "image": image }))
}

fn image_ids<'a>(request: &'a Request<'_>) -> Result<Vec<ImageId<'a>>, Refusal> {
    let missing = || Refusal::invalid("imageIds", "must not be null");
    Ok(request.list("imageIds", 100)?.ok_or_else(missing)?.iter().map(ImageId::of).collect())
}

/// `filter.tagStatus`: only tagged images, only untagged ones, or all.
fn tag_filter(request: &Request<'_>) -> Result<Option<bool>, Refusal> {
    let wanted =
        request.members.get("filter").and_then(|filter| filter.get("tagStatus")).and_then(Value::as_str);
    match wanted {
        None | Some("ANY") => Ok(None),
        Some("TAGGED") => Ok(Some(true)),
        Some("UNTAGGED") => Ok(Some(false)),
        Some(_) => {
            Err(Refusal::invalid("filter.tagStatus", "must satisfy enum value set: [TAGGED, UNTAGGED, ANY]"))
        }
    }
}

fn image_json(
    place: &Place,
    repository: &str,
    digest: &str,
    tag: Option<&str>,
    media_type: &str,
    manifest: &[u8],
) -> Value {
    json!({
        "registryId": place.account,
        "repositoryName": repository,
        "imageId": ImageId { digest: Some(digest), tag }.json(),
        "imageManifest": String::from_utf8_lossy(manifest),
        "imageManifestMediaType": media_type,
    })
}

fn detail(place: &Place, repository: &Repository, digest: &str) -> Value {
    let Some(image) = repository.images.get(digest) else { return Value::Null };
    let Image { media_type, artifact_type, size, pushed_at, pulled_at, subject, .. } = image;
    let mut value = json!({
        "registryId": place.account,
        "repositoryName": repository.name,
        "imageDigest": digest,
        "imageSizeInBytes": size,
        "imagePushedAt": pushed_at,
        "imageManifestMediaType": media_type,
    });
    let tags = repository.tags_of(digest);
    if let Some(object) = value.as_object_mut() {
        if !tags.is_empty() {
            object.insert("imageTags".to_owned(), json!(tags));
        }
        artifact_type.as_ref().map(|kind| object.insert("artifactMediaType".to_owned(), json!(kind)));
        subject.as_ref().map(|digest| object.insert("subjectManifestDigest".to_owned(), json!(digest)));
        pulled_at.map(|time| object.insert("lastRecordedPullTime".to_owned(), json!(time)));
        if repository.scan_on_push {
            let status =
                json!({ "status": "COMPLETE", "description": "The scan was completed successfully." });
            object.insert("imageScanStatus".to_owned(), status);
            let summary = json!({ "imageScanCompletedAt": pushed_at, "findingSeverityCounts": {} });
            object.insert("imageScanFindingsSummary".to_owned(), summary);
        }
    }
    value
}
