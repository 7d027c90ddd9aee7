//! Signed addresses of layers: what a blob's redirect points to, in the place of S3.

use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::text::epoch_milliseconds;

/// How long an address is good for.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The path under which layers are downloaded.
pub(crate) const PATH: &str = "/_layers/";

/// Signs and checks addresses.
#[derive(Debug)]
pub(crate) struct Downloads {
    key: [u8; 32],
}

impl Downloads {
    pub(crate) fn new() -> Self {
        let mut key = [0; 32];
        fastrand::fill(&mut key);
        Downloads { key }
    }

    /// Path and query of a layer.
    pub(crate) fn address(&self, digest: &str, now: SystemTime) -> String {
        let end = epoch_milliseconds(now + LIFETIME);
        format!("{PATH}{digest}?X-Amz-Expires={end}&X-Amz-Signature={}", self.signature(digest, end))
    }

    /// Whether an address is one of ours and not past its end.
    pub(crate) fn is_good(
        &self,
        digest: &str,
        end: Option<&str>,
        signature: Option<&str>,
        now: SystemTime,
    ) -> bool {
        let Some(end) = end.and_then(|end| end.parse().ok()) else { return false };
        epoch_milliseconds(now) < end && signature == Some(self.signature(digest, end).as_str())
    }

    fn signature(&self, digest: &str, end: u64) -> String {
        let text = format!("{digest}\n{end}");
        hex::encode(Sha256::new().chain_update(self.key).chain_update(text).chain_update(self.key).finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_opens_one_layer_for_a_while() {
        let downloads = Downloads::new();
        let now = SystemTime::now();
        let address = downloads.address("sha256:ab", now);
        let (path, query) = address.split_once('?').unwrap();
        assert_eq!(path, "/_layers/sha256:ab");
        let fields = crate::text::fields(query, false);
        let (end, signature) = (Some(fields[0].1.as_str()), Some(fields[1].1.as_str()));
        assert!(downloads.is_good("sha256:ab", end, signature, now));
        assert!(!downloads.is_good("sha256:ac", end, signature, now));
        assert!(!downloads.is_good("sha256:ab", end, None, now));
        assert!(!downloads.is_good("sha256:ab", end, signature, now + LIFETIME));
    }
}
