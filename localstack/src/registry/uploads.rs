//! Uploading blobs: open a session, add parts, finish. Bytes stream to the disk and are hashed on the way.

use tokio::sync::mpsc;

use super::visit::{Failure, Visit};
use crate::blobs::is_digest;
use crate::ecr::{Progress, Refusal};
use crate::reply::Reply;
use crate::request_body::{BodyError, RequestBody};

/// Pieces that may wait for the disk. Each has at most the size of the connection's read buffer.
const AHEAD: usize = 8;

pub(super) async fn start(visit: &Visit<'_>, body: &mut RequestBody) -> Result<Reply, Failure> {
    let id = visit.ecr.open_upload(&visit.place, &visit.repository)?;
    let digest = visit.head.parameter("digest");
    let Some(digest) = digest.filter(|_| body.announced() != Some(0)) else { return Ok(opened(visit, &id)) };
    add_part(visit, &id, body, None).await?;
    complete(visit, &id, digest).await
}

pub(super) fn mount(visit: &Visit<'_>, digest: &str, source: &str) -> Result<Reply, Failure> {
    if is_digest(digest) && visit.ecr.mount(&visit.place, &visit.repository, source, digest)? {
        return Ok(created(visit, digest));
    }
    let id = visit.ecr.open_upload(&visit.place, &visit.repository)?;
    Ok(opened(visit, &id))
}

pub(super) async fn part(visit: &Visit<'_>, id: &str, body: &mut RequestBody) -> Result<Reply, Failure> {
    let range = content_range(visit)?;
    let progress = add_part(visit, id, body, range).await?;
    let quirks = &visit.ecr.quirks;
    let end = if quirks.stale_range { progress.first_part_end() } else { progress.size() };
    let reply = Reply::empty(if quirks.part_answers_created { 201 } else { 202 });
    Ok(reply
        .with("location", visit.upload_address(id))
        .with("docker-upload-uuid", id)
        .with("range", format!("0-{}", end.saturating_sub(1))))
}

pub(super) async fn finish(visit: &Visit<'_>, id: &str, body: &mut RequestBody) -> Result<Reply, Failure> {
    let digest = visit.head.parameter("digest").unwrap_or_default();
    if !is_digest(digest) {
        return Err(Refusal::invalid_digest(digest).into());
    }
    let range = content_range(visit)?;
    if body.announced() != Some(0) {
        add_part(visit, id, body, range).await?;
    }
    complete(visit, id, digest).await
}

pub(super) async fn status(visit: &Visit<'_>, id: &str) -> Result<Reply, Failure> {
    let upload = visit.ecr.upload(id, &visit.place, &visit.repository)?;
    if visit.ecr.quirks.upload_status_hidden {
        return Err(Refusal::upload_missing(id, &visit.repository, &visit.place.account).into());
    }
    let size = upload.progress.lock().await.size();
    Ok(Reply::empty(204)
        .with("location", visit.upload_address(id))
        .with("docker-upload-uuid", id)
        .with("range", format!("0-{}", size.saturating_sub(1))))
}

pub(super) fn cancel(visit: &Visit<'_>, id: &str) -> Result<Reply, Failure> {
    visit.ecr.upload(id, &visit.place, &visit.repository)?;
    visit.ecr.uploads.close(id);
    Ok(Reply::empty(204))
}

async fn complete(visit: &Visit<'_>, id: &str, digest: &str) -> Result<Reply, Failure> {
    let upload = visit.ecr.upload(id, &visit.place, &visit.repository)?;
    let progress = upload.progress.lock().await;
    visit.ecr.finish_upload(&upload, &progress, digest)?;
    Ok(created(visit, digest))
}

/// Adds the body as the next part. The progress stays locked until the whole of it has arrived.
async fn add_part(
    visit: &Visit<'_>,
    id: &str,
    body: &mut RequestBody,
    range: Option<(u64, u64)>,
) -> Result<tokio::sync::OwnedMutexGuard<Progress>, Failure> {
    let upload = visit.ecr.upload(id, &visit.place, &visit.repository)?;
    let (first, length) = (range.map(|(first, _)| first), body.announced());
    let progress = if visit.ecr.quirks.parallel_parts_refused {
        visit.ecr.next_part(&upload, first, length)?
    } else {
        visit.ecr.queued_part(&upload, first, length).await?
    };
    let before = progress.size();
    let (progress, whole) = receive(visit, progress, body).await?;
    let arrived = progress.size() - before;
    if !whole {
        return Err(Refusal::part_interrupted().into());
    }
    match range {
        Some((first, last)) if last.saturating_sub(first).saturating_add(1) != arrived => {
            Err(Refusal::part_length(last.saturating_sub(first).saturating_add(1), arrived).into())
        }
        _ => Ok(progress),
    }
}

/// A piece of a part, or the good news that there are no more. A channel that closes without `End` means that
/// the caller is gone.
enum Piece {
    Bytes(bytes::Bytes),
    End,
}

/// Streams the body to the disk, and tells whether it arrived whole.
///
/// Writing and hashing happen on a thread of their own, beside the reading of the connection. That thread owns
/// the progress meanwhile, so it stays sound even when the connection, and this function with it, goes away.
async fn receive(
    visit: &Visit<'_>,
    progress: tokio::sync::OwnedMutexGuard<Progress>,
    body: &mut RequestBody,
) -> Result<(tokio::sync::OwnedMutexGuard<Progress>, bool), Failure> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let (keep_part, floor) = (visit.ecr.quirks.interrupted_parts_stay, visit.ecr.quirks.part_floor_bytes);
    let writer = tokio::task::spawn_blocking(move || write(progress, receiver, keep_part, floor));
    loop {
        let piece = match body.next().await {
            Some(Ok(bytes)) => Piece::Bytes(bytes),
            Some(Err(BodyError::Interrupted | BodyError::TooLarge)) => break,
            None => Piece::End,
        };
        let ended = matches!(piece, Piece::End);
        // A writer that gave up tells why below.
        if sender.send(piece).await.is_err() || ended {
            break;
        }
    }
    drop(sender);
    let written = writer.await.map_err(|_| Failure::Disconnect)?;
    written.map_err(|error| Refusal::state(&error).into())
}

fn write(
    mut progress: tokio::sync::OwnedMutexGuard<Progress>,
    mut receiver: mpsc::Receiver<Piece>,
    keep_part: bool,
    floor: u64,
) -> std::io::Result<(tokio::sync::OwnedMutexGuard<Progress>, bool)> {
    let start = progress.begin_part();
    let mut whole = false;
    while let Some(piece) = receiver.blocking_recv() {
        match piece {
            Piece::Bytes(bytes) => progress.write(&bytes)?,
            Piece::End => whole = true,
        }
    }
    if whole || keep_part {
        progress.end_part(&start, floor)?;
    } else {
        progress.roll_back(start)?;
    }
    Ok((progress, whole))
}

/// `Content-Range: 0-99`, as OCI writes it, or with `bytes` before and the total behind, as HTTP does.
fn content_range(visit: &Visit<'_>) -> Result<Option<(u64, u64)>, Refusal> {
    let Some(text) = visit.head.header("content-range") else { return Ok(None) };
    let range = text.strip_prefix("bytes").unwrap_or(text).trim_start_matches([' ', '=']);
    let range = range.split('/').next().unwrap_or_default();
    let numbers =
        range.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let fault = || Refusal::invalid("Content-Range", "must satisfy regular expression '[0-9]+-[0-9]+'");
    numbers.map(Some).ok_or_else(fault)
}

fn opened(visit: &Visit<'_>, id: &str) -> Reply {
    Reply::empty(202)
        .with("location", visit.upload_address(id))
        .with("docker-upload-uuid", id)
        .with("range", "0-0")
}

fn created(visit: &Visit<'_>, digest: &str) -> Reply {
    Reply::empty(201)
        .with("location", visit.address(&format!("blobs/{digest}")))
        .with("docker-content-digest", digest)
}
