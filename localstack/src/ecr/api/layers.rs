//! Layers by the control plane: what is there, where to download it, and the upload API of the SDKs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::Request;
use crate::blobs::is_digest;
use crate::ecr::Refusal;

/// The largest part that `UploadLayerPart` takes.
const LARGEST_PART: usize = 20_971_520;

/// The part size that `InitiateLayerUpload` proposes.
const PROPOSED_PART: u64 = 10 * 1024 * 1024;

/// The media type that layers are reported with.
const LAYER_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

pub(super) fn batch_check_availability(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("BatchCheckLayerAvailability")?;
    let missing = || Refusal::invalid("layerDigests", "must not be null");
    let digests = request.texts("layerDigests", 100)?.ok_or_else(missing)?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for digest in digests {
        if !is_digest(digest) {
            failures.push(json!({
                "layerDigest": digest,
                "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid layer digest",
            }));
            continue;
        }
        layers.push(match request.ecr.layer_size(&place, &name, digest)? {
            Some(size) => json!({
                "layerDigest": digest,
                "layerAvailability": "AVAILABLE",
                "layerSize": size,
                "mediaType": LAYER_TYPE,
            }),
            None => json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" }),
        });
    }
    Ok(json!({ "layers": layers, "failures": failures }))
}

pub(super) fn get_download_url(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("GetDownloadUrlForLayer")?;
    let digest = request.required("layerDigest")?;
    if request.ecr.layer_size(&place, &name, digest)?.is_none() {
        return Err(Refusal::layer_unknown(digest));
    }
    let address = request.ecr.downloads.address(digest, request.now);
    Ok(json!({ "downloadUrl": format!("http://{}{address}", request.host), "layerDigest": digest }))
}

pub(super) fn initiate_upload(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("InitiateLayerUpload")?;
    let id = request.ecr.open_upload(&place, &name)?;
    Ok(json!({ "uploadId": id, "partSize": PROPOSED_PART }))
}

pub(super) fn upload_part(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("UploadLayerPart")?;
    let id = request.required("uploadId")?;
    let upload = request.ecr.upload(id, &place, &name)?;
    let position = |member: &str| {
        let missing = || Refusal::invalid(member, "must not be null");
        request.members.get(member).and_then(Value::as_u64).ok_or_else(missing)
    };
    let (first, last) = (position("partFirstByte")?, position("partLastByte")?);
    let encoded = request.required("layerPartBlob")?;
    let bytes = STANDARD.decode(encoded).map_err(|_| Refusal::invalid("layerPartBlob", "must be base64"))?;
    if bytes.len() > LARGEST_PART {
        return Err(Refusal::invalid("layerPartBlob", "must have length less than or equal to 20971520"));
    }
    let described = |refusal: Refusal| {
        refusal
            .with("registryId", place.account.as_str())
            .with("repositoryName", name.as_str())
            .with("uploadId", id)
    };
    let length = bytes.len() as u64;
    let progress = request.ecr.next_part(&upload, Some(first), Some(length));
    let mut progress = progress.map_err(described)?;
    if last.checked_sub(first).and_then(|span| span.checked_add(1)) != Some(length) {
        let span = last.saturating_sub(first).saturating_add(1);
        return Err(described(Refusal::part_length(span, length)));
    }
    let start = progress.begin_part();
    progress.write(&bytes).map_err(|error| Refusal::state(&error))?;
    let ended = progress.end_part(&start, request.ecr.quirks.part_floor_bytes);
    ended.map_err(|error| Refusal::state(&error))?;
    Ok(json!({
        "registryId": place.account,
        "repositoryName": name,
        "uploadId": id,
        "lastByteReceived": last,
    }))
}

pub(super) fn complete_upload(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("CompleteLayerUpload")?;
    let id = request.required("uploadId")?;
    let upload = request.ecr.upload(id, &place, &name)?;
    let missing = || Refusal::invalid("layerDigests", "must not be null");
    let digests = request.texts("layerDigests", 100)?.ok_or_else(missing)?;
    let digest = digests.first().copied().ok_or_else(missing)?;
    if request.ecr.layer_size(&place, &name, digest)?.is_some() {
        return Err(Refusal::layer_exists(digest, &name, &place.account));
    }
    let progress = upload.progress.blocking_lock();
    if progress.size() == 0 {
        return Err(Refusal::upload_empty());
    }
    request.ecr.finish_upload(&upload, &progress, digest)?;
    Ok(json!({
        "registryId": place.account,
        "repositoryName": name,
        "uploadId": id,
        "layerDigest": digest,
    }))
}
