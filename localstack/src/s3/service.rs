//! Objects, by bucket and key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::call::{Answer, Call};
use crate::protocol::Protocol;
use crate::reply::{Content, Reply};
use crate::service::Service;
use crate::state_file::StateFile;
use crate::text;

/// A bucket.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Bucket {
    region: String,
    /// By key, in base64.
    objects: BTreeMap<String, String>,
}

/// Amazon S3.
pub(crate) struct S3 {
    inner: Mutex<Inner>,
}

struct Inner {
    buckets: BTreeMap<String, Bucket>,
    file: StateFile,
    /// Why the state could not be read: then every call fails, so that nothing is lost.
    broken: Option<String>,
}

impl S3 {
    /// A store whose state is kept in `s3.json` in `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        let mut file = StateFile::new(folder, "s3.json");
        let (buckets, broken) = match file.load() {
            Ok(buckets) => (buckets, None),
            Err(why) => (BTreeMap::new(), Some(why)),
        };
        S3 { inner: Mutex::new(Inner { buckets, file, broken }) }
    }

    fn perform(&self, call: &Call) -> Result<Reply, Reply> {
        let refuse = |status, code: &str, message: &str| Protocol::Storage.error(status, code, message);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = &inner.broken {
            return Err(refuse(500, "InternalError", why));
        }
        let path = call.path.trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let (bucket, key) = (text::percent_decoded(bucket), text::percent_decoded(key));
        if bucket.is_empty() || key.is_empty() {
            return Err(refuse(501, "NotImplemented", "the stand-in has objects only, at /BUCKET/KEY"));
        }
        if let Some(found) = inner.buckets.get(&bucket).filter(|found| found.region != call.region) {
            let message = format!(
                "The authorization header is malformed; the region '{}' is wrong; expecting '{}'",
                call.region, found.region
            );
            return Err(refuse(400, "AuthorizationHeaderMalformed", &message)
                .with("x-amz-bucket-region", found.region.clone()));
        }
        match call.method.as_str() {
            "PUT" => {
                let fresh = Bucket { region: call.region.clone(), ..Bucket::default() };
                let place = inner.buckets.entry(bucket).or_insert(fresh);
                place.objects.insert(key, STANDARD.encode(&call.body));
                let Inner { buckets, file, .. } = &mut *inner;
                file.save(buckets).map_err(|why| refuse(500, "InternalError", &why))?;
                Ok(Reply::empty(200))
            }
            "GET" => {
                let place = inner
                    .buckets
                    .get(&bucket)
                    .ok_or_else(|| refuse(404, "NoSuchBucket", "The specified bucket does not exist"))?;
                let object = place
                    .objects
                    .get(&key)
                    .ok_or_else(|| refuse(404, "NoSuchKey", "The specified key does not exist."))?;
                let bytes = STANDARD
                    .decode(object)
                    .map_err(|error| refuse(500, "InternalError", &error.to_string()))?;
                Ok(Reply::text(200, "binary/octet-stream", bytes))
            }
            _ => Err(refuse(501, "NotImplemented", "the stand-in has GetObject and PutObject only")),
        }
    }
}

impl Service for S3 {
    fn handle(&self, call: &Call) -> Answer {
        let reply = self.perform(call).unwrap_or_else(|refusal| refusal);
        let body = match reply.content {
            Content::Whole(bytes) => bytes.to_vec(),
            Content::Announced(_) | Content::File { .. } => Vec::new(),
        };
        Answer { status: reply.status, headers: reply.headers, body }
    }
}
