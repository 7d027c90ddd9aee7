//! Reading blobs: HEAD, and GET with its redirect to the storage behind the registry.

use super::download::file_reply;
use super::visit::{Failure, Visit};
use crate::blobs::is_digest;
use crate::ecr::Refusal;
use crate::reply::Reply;

pub(super) fn head(visit: &Visit<'_>, digest: &str) -> Result<Reply, Failure> {
    let size = size(visit, digest)?;
    let reply = Reply { status: 200, headers: Vec::new(), content: crate::reply::Content::Announced(size) };
    Ok(reply.with("content-type", "application/octet-stream").with("docker-content-digest", digest))
}

pub(super) fn get(visit: &Visit<'_>, digest: &str) -> Result<Reply, Failure> {
    let size = size(visit, digest)?;
    if visit.ecr.quirks.blobs_redirect {
        // S3 is another host, so clients drop their credentials on the way; so must our other name be another host.
        let address = visit.ecr.downloads.address(digest, visit.now);
        return Ok(Reply::empty(307).with("location", format!("http://{}{address}", visit.other_host())));
    }
    let reply = file_reply(visit.ecr.blobs.path(digest), size, visit.head.header("range"));
    Ok(reply.with("docker-content-digest", digest))
}

fn size(visit: &Visit<'_>, digest: &str) -> Result<u64, Failure> {
    if !is_digest(digest) {
        return Err(Refusal::invalid_digest(digest).into());
    }
    let size = visit.ecr.layer_size(&visit.place, &visit.repository, digest)?;
    Ok(size.ok_or_else(|| Refusal::layer_unknown(digest))?)
}
