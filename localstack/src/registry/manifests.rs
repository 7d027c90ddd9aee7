//! Manifests and tags over the registry's protocol.

use bytes::Bytes;

use super::visit::{Failure, Visit};
use crate::blobs::{digest_of, is_digest};
use crate::ecr::{LARGEST_MANIFEST, NewImage, Refusal, converted};
use crate::reply::Reply;
use crate::request_body::{BodyError, RequestBody};
use crate::text::epoch_seconds;

/// GET and HEAD.
pub(super) fn get(visit: &Visit<'_>, reference: &str, head_only: bool) -> Result<Reply, Failure> {
    let found = visit.ecr.image(&visit.place, &visit.repository, reference)?;
    let (mut digest, image) = found.ok_or_else(Refusal::requested_image_missing)?;
    let (mut media_type, mut manifest) = (image.media_type, visit.ecr.manifest(&digest)?);
    let quirks = &visit.ecr.quirks;
    if quirks.pull_by_tag_converts && !is_digest(reference) {
        let accept: Vec<&str> = accepted(visit).collect();
        if let Some((other, bytes)) = converted(&manifest, &media_type, &accept) {
            (digest, media_type, manifest) = (digest_of(&bytes), other, bytes);
        }
    }
    let mut reply = Reply::text(200, &media_type, Bytes::from(manifest));
    if head_only || !quirks.manifest_get_without_digest {
        reply = reply.with("docker-content-digest", digest.as_str());
    }
    if head_only {
        return Ok(reply.without_body());
    }
    visit.ecr.note_pull(&visit.place, &visit.repository, &digest, epoch_seconds(visit.now));
    Ok(reply)
}

pub(super) async fn put(
    visit: &Visit<'_>,
    reference: &str,
    body: &mut RequestBody,
) -> Result<Reply, Failure> {
    let manifest = match body.whole(LARGEST_MANIFEST).await {
        Ok(manifest) => manifest,
        Err(BodyError::Interrupted) => return Err(Failure::Disconnect),
        Err(BodyError::TooLarge) => {
            let constraint = format!("must have length less than or equal to {LARGEST_MANIFEST}");
            return Err(Refusal::manifest_invalid(&constraint).into());
        }
    };
    let (tag, digest) = if is_digest(reference) { (None, Some(reference)) } else { (Some(reference), None) };
    let new = NewImage { manifest: &manifest, media_type: visit.head.header("content-type"), tag, digest };
    let digest = visit.ecr.put_image(&visit.place, &visit.repository, new, false)?;
    let reply = Reply::empty(201).with("docker-content-digest", digest.as_str());
    if visit.ecr.quirks.manifest_put_without_location {
        return Ok(reply);
    }
    Ok(reply.with("location", visit.address(&format!("manifests/{digest}"))))
}

pub(super) fn list_tags(visit: &Visit<'_>) -> Result<Reply, Failure> {
    let tags: Vec<String> = visit
        .ecr
        .registries
        .read(&visit.place, &visit.repository, |found| found.tags.keys().cloned().collect())?;
    let after = visit.head.parameter("last").unwrap_or_default();
    let size = visit.head.parameter("n").and_then(|size| size.parse().ok()).unwrap_or(1000);
    let left: Vec<&String> = tags.iter().filter(|tag| tag.as_str() > after).collect();
    let page = &left[..left.len().min(size)];
    let body = serde_json::json!({ "name": visit.repository, "tags": page });
    let reply = Reply::json(200, &body);
    Ok(match page.last().filter(|_| left.len() > size) {
        Some(last) => reply
            .with("link", format!("</v2/{}/tags/list?n={size}&last={last}>; rel=\"next\"", visit.repository)),
        None => reply,
    })
}

/// Every media type of every `Accept` header.
fn accepted<'a>(visit: &'a Visit<'_>) -> impl Iterator<Item = &'a str> {
    let headers = visit.head.headers.iter().filter(|(name, _)| name == "accept");
    headers
        .flat_map(|(_, value)| value.split(','))
        .map(|part| part.split(';').next().unwrap_or_default().trim())
}
