//! Bytes on disk by their digest: layers, configurations and manifests.
//!
//! It knows nothing of repositories: who may see which digest is decided elsewhere.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::text;

/// The folder of blobs, and the folder of uploads on the same file system.
#[derive(Debug)]
pub(crate) struct BlobStore {
    blobs: PathBuf,
    uploads: PathBuf,
}

impl BlobStore {
    /// Opens the store.
    pub(crate) fn open(state: &Path) -> io::Result<Self> {
        let store = BlobStore { blobs: state.join("blobs/sha256"), uploads: state.join("uploads") };
        fs::create_dir_all(&store.blobs)?;
        fs::create_dir_all(&store.uploads)?;
        Ok(store)
    }

    /// Where the blob's bytes are. The digest has to be one: see [`is_digest`].
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        self.blobs.join(&hex[..2.min(hex.len())]).join(hex)
    }

    /// The folder of uploads.
    pub(crate) fn uploads(&self) -> &Path {
        &self.uploads
    }

    /// A new, empty file for an upload.
    pub(crate) fn new_upload(&self) -> io::Result<(PathBuf, File)> {
        let path = self.uploads.join(text::random_id());
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        Ok((path, file))
    }

    /// Turns a finished upload into a blob.
    pub(crate) fn adopt(&self, upload: &Path, digest: &str) -> io::Result<()> {
        let path = self.path(digest);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(upload, path)
    }

    /// Stores bytes and tells their digest.
    pub(crate) fn store(&self, bytes: &[u8]) -> io::Result<String> {
        let digest = digest_of(bytes);
        if !self.path(&digest).exists() {
            let (path, mut file) = self.new_upload()?;
            file.write_all(bytes)?;
            self.adopt(&path, &digest)?;
        }
        Ok(digest)
    }

    /// The bytes of a small blob.
    pub(crate) fn read(&self, digest: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(digest))
    }

    /// Removes a blob; one that is not there is removed already.
    pub(crate) fn remove(&self, digest: &str) {
        let _ = fs::remove_file(self.path(digest));
    }
}

/// `sha256:…` of the bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Whether the text is a digest that the registry takes: `sha256:` and 64 lower-case hexadecimal digits.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_bytes_are_found_by_digest_until_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::open(folder.path()).unwrap();
        let digest = store.store(b"hello").unwrap();
        assert_eq!(digest, "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assert_eq!(store.read(&digest).unwrap(), b"hello");
        store.remove(&digest);
        assert!(store.read(&digest).is_err());
    }

    #[test]
    fn only_lower_case_sha256_is_a_digest() {
        let hex = "a".repeat(64);
        assert!(is_digest(&format!("sha256:{hex}")));
        for text in [format!("sha256:{}", "A".repeat(64)), format!("sha512:{hex}"), hex, "sha256:../x".into()]
        {
            assert!(!is_digest(&text), "{text}");
        }
    }
}
