//! What is kept of an upload under way, and which record may be believed. Pure.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::image::Layer;
use crate::layer::Encoding;
use crate::name::{Digest, RepositoryName};
use crate::registry::upload::UploadSession;

/// The longest layer that ECR takes: 52,000 MiB.
const LONGEST_BLOB: u64 = 52_000 << 20;

/// Which bytes an upload is about, and where they go: what must be the same for an upload to be continued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) struct BlobIdentity {
    endpoint: Url,
    repository: RepositoryName,
    /// What decides the bytes: the content and its encoder, or the stored bytes as they are.
    bytes: String,
}

/// An upload that may be continued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) struct UploadRecord {
    /// Where the next request goes. It may hold the registry's own signed state, so it is never shown.
    pub(in crate::registry) location: Url,
    /// How many bytes the registry took: the end of one of our parts.
    pub(in crate::registry) offset: u64,
    /// The digest of these bytes.
    pub(in crate::registry) prefix: Digest,
    /// Whether the registry holds every part against its own count.
    pub(in crate::registry) checks_offsets: bool,
}

/// A record as it is written. Keys may be added; an unknown key is ignored.
#[derive(Serialize, Deserialize)]
struct Document {
    endpoint: String,
    repository: String,
    bytes: String,
    location: String,
    offset: u64,
    prefix: String,
    checks_offsets: bool,
}

impl BlobIdentity {
    /// The identity of a layer's bytes in the form in which they are pushed.
    pub(in crate::registry) fn of_layer(
        endpoint: &Url,
        repository: &RepositoryName,
        layer: &Layer,
        encoding: Encoding,
    ) -> Self {
        let bytes = match (encoding.encoder_for(layer.compression), layer.stored_digest) {
            (Some(encoder), _) => format!("{} by {}", layer.diff_id, encoder.id()),
            (None, Some(stored)) => format!("{stored} as stored"),
            (None, None) => format!("{} stored in {} bytes", layer.diff_id, layer.stored_size),
        };
        Self { endpoint: endpoint.clone(), repository: repository.clone(), bytes }
    }

    /// A name for files about it.
    pub(super) fn file_stem(&self) -> String {
        let all = format!("{}\n{}\n{}", self.endpoint, self.repository, self.bytes);
        Digest::of(all.as_bytes()).hex()
    }

    /// Whether a request about this blob may go to `location` with what a file says: to the registry itself, and
    /// to an upload in this repository. Anything else would be a file that sends bytes and credentials elsewhere.
    fn covers(&self, location: &Url) -> bool {
        let prefix = self.endpoint.path().trim_end_matches('/');
        let uploads = format!("{prefix}/v2/{}/blobs/uploads/", self.repository);
        location.origin() == self.endpoint.origin()
            && location.username().is_empty()
            && location.password().is_none()
            && location.path().strip_prefix(&uploads).is_some_and(|id| !id.is_empty() && !id.contains(".."))
    }
}

impl UploadRecord {
    /// The record of a session whose accepted bytes have this digest; none when the registry sends uploads where no
    /// record may point.
    pub(super) fn of(session: &UploadSession, prefix: Digest, blob: &BlobIdentity) -> Option<Self> {
        blob.covers(session.location()).then(|| Self {
            location: session.location().clone(),
            offset: session.offset(),
            prefix,
            checks_offsets: session.checks_offsets(),
        })
    }

    /// The record in the words of its file.
    pub(super) fn to_text(&self, blob: &BlobIdentity) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Document {
            endpoint: blob.endpoint.to_string(),
            repository: blob.repository.to_string(),
            bytes: blob.bytes.clone(),
            location: self.location.to_string(),
            offset: self.offset,
            prefix: self.prefix.to_string(),
            checks_offsets: self.checks_offsets,
        })
    }

    /// The record in `text`; none when it is not one of this blob, or says what cannot be.
    pub(super) fn read(text: &[u8], blob: &BlobIdentity) -> Option<Self> {
        let document: Document = serde_json::from_slice(text).ok()?;
        let is_of_blob = document.endpoint == blob.endpoint.as_str()
            && document.repository == blob.repository.to_string()
            && document.bytes == blob.bytes;
        let location: Url = document.location.parse().ok()?;
        let is_possible =
            is_of_blob && blob.covers(&location) && (1..LONGEST_BLOB).contains(&document.offset);
        Some(Self {
            location,
            offset: document.offset,
            prefix: document.prefix.parse().ok()?,
            checks_offsets: document.checks_offsets,
        })
        .filter(|_| is_possible)
    }

    /// The session that it is about.
    pub(in crate::registry) fn session(&self) -> UploadSession {
        UploadSession::resumed(self.location.clone(), self.offset, self.checks_offsets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(bytes: &str) -> BlobIdentity {
        BlobIdentity {
            endpoint: "https://registry.example/prefix".parse().unwrap(),
            repository: "team/app".parse().unwrap(),
            bytes: bytes.to_owned(),
        }
    }

    fn record() -> UploadRecord {
        UploadRecord {
            location: "https://registry.example/prefix/v2/team/app/blobs/uploads/1?_state=x".parse().unwrap(),
            offset: 10 << 20,
            prefix: Digest::of(b"what was sent"),
            checks_offsets: true,
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_for_its_own_blob_only() {
        let text = record().to_text(&blob("a")).unwrap();
        assert_eq!(UploadRecord::read(&text, &blob("a")), Some(record()));
        assert_eq!(UploadRecord::read(&text, &blob("b")), None, "another encoder or layer");
        let elsewhere = BlobIdentity { repository: "team/other".parse().unwrap(), ..blob("a") };
        assert_eq!(UploadRecord::read(&text, &elsewhere), None);
        let elsewhere = BlobIdentity { endpoint: "https://registry.example/".parse().unwrap(), ..blob("a") };
        assert_eq!(UploadRecord::read(&text, &elsewhere), None);
    }

    #[test]
    fn a_record_that_points_elsewhere_or_says_what_cannot_be_is_none() {
        let good = serde_json::to_value(
            serde_json::from_slice::<serde_json::Value>(&record().to_text(&blob("a")).unwrap()).unwrap(),
        )
        .unwrap();
        let table = [
            ("location", serde_json::json!("https://elsewhere.example/prefix/v2/team/app/blobs/uploads/1")),
            ("location", serde_json::json!("http://registry.example/prefix/v2/team/app/blobs/uploads/1")),
            (
                "location",
                serde_json::json!("https://registry.example:444/prefix/v2/team/app/blobs/uploads/1"),
            ),
            (
                "location",
                serde_json::json!("https://u:p@registry.example/prefix/v2/team/app/blobs/uploads/1"),
            ),
            ("location", serde_json::json!("https://registry.example/prefix/v2/team/other/blobs/uploads/1")),
            (
                "location",
                serde_json::json!("https://registry.example/prefix/v2/team/app/blobs/uploads/../../1"),
            ),
            ("location", serde_json::json!("https://registry.example/prefix/v2/team/app/blobs/uploads/")),
            ("location", serde_json::json!("https://registry.example/v2/team/app/blobs/uploads/1")),
            ("location", serde_json::json!("not an address")),
            ("location", serde_json::json!(7)),
            ("offset", serde_json::json!(0)),
            ("offset", serde_json::json!(-1)),
            ("offset", serde_json::json!(u64::MAX)),
            ("offset", serde_json::json!("10")),
            ("prefix", serde_json::json!("sha256:abc")),
            ("checks_offsets", serde_json::Value::Null),
        ];
        for (key, value) in table {
            let mut document = good.clone();
            document[key] = value;
            let text = document.to_string();
            assert_eq!(UploadRecord::read(text.as_bytes(), &blob("a")), None, "{text}");
        }
        for text in ["", "{", "[]", "{}", "null", "\u{0}"] {
            assert_eq!(UploadRecord::read(text.as_bytes(), &blob("a")), None, "{text:?}");
        }
    }
}
