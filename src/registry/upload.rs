//! The upload of one blob, step by step. Nothing here is tried again: what a failure means depends on how
//! far the blob is, and that is decided in `blob_upload`.

use reqwest::Method;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE};
use url::Url;

use super::Registry;
use super::error::RegistryError;
use super::exchange::{Answer, Request};
use super::operation::Operation;
use super::part::Part;
use crate::name::Digest;

/// An open upload, after so many bytes.
#[derive(Debug, Clone)]
pub struct UploadSession {
    /// Where the next request goes. Opaque: relative, on another host, with a query; used as it came.
    location: Url,
    /// How many bytes were accepted. Our own count: ECR's `Range` sticks at the first part.
    offset: u64,
    /// Whether the registry holds every part against its own count, as ECR does, which is known by its 201.
    checks_offsets: bool,
}

impl UploadSession {
    pub(super) fn opened_by(answer: Answer) -> Result<Self, RegistryError> {
        let answer = accepted(answer)?;
        match answer.location() {
            Some(location) => Ok(Self { location, offset: 0, checks_offsets: false }),
            None => Err(answer.unexpected("an upload without a Location")),
        }
    }

    /// A session that an earlier run opened.
    pub(super) fn resumed(location: Url, offset: u64, checks_offsets: bool) -> Self {
        Self { location, offset, checks_offsets }
    }

    #[cfg(test)]
    pub(super) fn at(offset: u64, checks_offsets: bool) -> Self {
        let location = Url::parse("https://registry/v2/a/blobs/uploads/1").unwrap();
        Self { location, offset, checks_offsets }
    }

    /// How many bytes were accepted so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the next request goes.
    pub(super) fn location(&self) -> &Url {
        &self.location
    }

    /// Whether a part at a wrong offset is refused rather than appended.
    pub(super) fn checks_offsets(&self) -> bool {
        self.checks_offsets
    }

    /// The session after `length` more bytes turned out to be there.
    pub(super) fn advanced(&self, length: u64) -> Self {
        Self { offset: self.offset + length, ..self.clone() }
    }
}

impl Registry {
    /// POST `blobs/uploads/`: opens an upload.
    ///
    /// # Errors
    /// Fails when the registry cannot be asked or refuses. ECR may close the connection instead of
    /// answering when the repository or the permission is missing.
    pub async fn start_upload(&self) -> Result<UploadSession, RegistryError> {
        let url = self.url("blobs/uploads/");
        let answer = self.persist(&Request::new(Operation::StartUpload, Method::POST, url)).await?;
        UploadSession::opened_by(answer)
    }

    /// PATCH: sends the next part, once. Every part but the last must have 5 MiB or more.
    ///
    /// # Errors
    /// Fails when no success was answered; the part may be there all the same.
    pub async fn send_part(
        &self,
        session: &UploadSession,
        part: &Part,
    ) -> Result<UploadSession, RegistryError> {
        let request =
            upload_request(Operation::SendPart, Method::PATCH, session.location.clone(), session, part);
        // ECR answers 201, the specification says 202.
        let answer = accepted(self.exchange(&request).await?)?;
        let checks_offsets = session.checks_offsets || answer.status.as_u16() == 201;
        let location = answer.location().unwrap_or_else(|| session.location.clone());
        Ok(UploadSession { location, checks_offsets, ..session.advanced(part.length()) })
    }

    /// PUT: ends the upload with its last part (which may be empty) and its digest, once.
    ///
    /// # Errors
    /// Fails when no success was answered; the blob may be there all the same.
    pub async fn finish_upload(
        &self,
        session: &UploadSession,
        digest: &Digest,
        last: &Part,
    ) -> Result<(), RegistryError> {
        let mut url = session.location.clone();
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let request = upload_request(Operation::FinishUpload, Method::PUT, url, session, last);
        let answer = accepted(self.exchange(&request).await?)?;
        match answer.header("docker-content-digest") {
            Some(found) if found != digest.to_string() => {
                let problem = format!("the blob was stored as {found}");
                Err(answer.unexpected(problem))
            }
            _ => Ok(()),
        }
    }

    /// GET of the upload: how many bytes the registry says it has. Only for registries whose `Range` can be
    /// trusted, which ECR's cannot.
    ///
    /// # Errors
    /// Fails when the registry cannot be asked or does not know the upload.
    pub async fn upload_offset(&self, session: &UploadSession) -> Result<Option<u64>, RegistryError> {
        let request = Request::new(Operation::UploadStatus, Method::GET, session.location.clone());
        let answer = self.persist(&request).await?;
        Ok(answer.header(RANGE).and_then(read_range))
    }
}

impl Registry {
    /// PATCH with one byte for the beginning of an upload that has bytes already: a registry that checks offsets
    /// refuses it, and says how far the upload is. Success means that it does not check them, and that the upload
    /// is spoiled.
    ///
    /// # Errors
    /// The refusal that is asked for, or any other failure.
    pub(super) async fn send_misplaced_byte(&self, session: &UploadSession) -> Result<(), RegistryError> {
        let start = UploadSession { offset: 0, ..session.clone() };
        let byte = Part::from(bytes::Bytes::from_static(&[0]));
        let url = session.location.clone();
        let request = upload_request(Operation::UploadStatus, Method::PATCH, url, &start, &byte);
        accepted(self.persist(&request).await?).map(drop)
    }
}

fn upload_request(
    operation: Operation,
    method: Method,
    url: Url,
    session: &UploadSession,
    part: &Part,
) -> Request {
    let mut request = Request::new(operation, method, url);
    request.body = part.clone();
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if part.length() > 0 {
        let range = format!("{}-{}", session.offset, session.offset + part.length() - 1);
        if let Ok(range) = HeaderValue::from_str(&range) {
            request.headers.insert(CONTENT_RANGE, range);
        }
    }
    request
}

/// An upload is never followed to where a redirect points: its body would have to be sent again.
fn accepted(answer: Answer) -> Result<Answer, RegistryError> {
    if answer.status.is_redirection() {
        return Err(answer.unexpected("a redirect in the middle of an upload"));
    }
    Ok(answer)
}

/// `0-N` names the last byte; an upload without any bytes is `0-0`, or has no range at all.
fn read_range(range: &str) -> Option<u64> {
    let last: u64 = range.trim().trim_start_matches("bytes=").strip_prefix("0-")?.parse().ok()?;
    if last == 0 { Some(0) } else { last.checked_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_number_of_bytes() {
        for (range, bytes) in [
            ("0-1023", Some(1024)),
            ("bytes=0-1023", Some(1024)),
            ("0-0", Some(0)),
            ("0-18446744073709551615", None),
            ("0-99999999999999999999999999", None),
            ("5-9", None),
            ("0-", None),
            ("0-x", None),
            ("", None),
        ] {
            assert_eq!(read_range(range), bytes, "{range:?}");
        }
    }
}
