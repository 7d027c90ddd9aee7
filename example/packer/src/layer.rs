//! A layer: files as a tar whose bytes depend on nothing but the files.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// A file of a layer.
#[derive(Debug, Clone)]
pub struct File {
    /// Where it is in the image, without a leading slash.
    pub path: String,
    /// Its permission bits. Lambda runs as a user who must be able to read everything.
    pub mode: u32,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// An uncompressed tar and its digest.
#[derive(Debug, Clone)]
pub struct Layer {
    pub(crate) tar: Vec<u8>,
    pub(crate) diff_id: String,
}

impl Layer {
    /// A layer with these files, all their parent directories (0755), owned by root and dated to the epoch.
    ///
    /// # Panics
    /// When a path is longer than a tar entry can hold.
    pub fn of(files: &[File]) -> Self {
        let mut directories = BTreeMap::new();
        let mut entries = BTreeMap::new();
        for file in files {
            for (end, _) in file.path.match_indices('/') {
                directories.insert(format!("{}/", &file.path[..end]), ());
            }
            entries.insert(file.path.clone(), file);
        }
        let mut archive = tar::Builder::new(Vec::new());
        for path in directories.keys() {
            append(&mut archive, path, tar::EntryType::Directory, 0o755, &[]);
        }
        for (path, file) in &entries {
            append(&mut archive, path, tar::EntryType::Regular, file.mode, &file.contents);
        }
        let tar = archive.into_inner().expect("writing to memory does not fail");
        let diff_id = digest(&tar);
        Self { tar, diff_id }
    }

    /// The digest of the tar: what an image configuration calls a diff id.
    pub fn diff_id(&self) -> &str {
        &self.diff_id
    }

    /// The tar itself.
    pub fn tar(&self) -> &[u8] {
        &self.tar
    }
}

/// Appends an entry. Everything that a machine or a moment would write into its header is fixed.
pub(crate) fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    kind: tar::EntryType,
    mode: u32,
    contents: &[u8],
) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(contents.len() as u64);
    archive.append_data(&mut header, path, contents).expect("paths here are short, and memory does not fail");
}

/// `sha256:` and the digest of `bytes` in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> File {
        File { path: path.to_owned(), mode: 0o644, contents: path.as_bytes().to_vec() }
    }

    #[test]
    fn parents_come_before_their_children_and_have_entries_of_their_own() {
        let layer = Layer::of(&[file("var/task/b"), file("var/task/a"), file("etc/x")]);
        let mut archive = tar::Archive::new(layer.tar());
        let entries: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap())
            })
            .collect();
        let expected = [
            ("etc/", 0o755),
            ("var/", 0o755),
            ("var/task/", 0o755),
            ("etc/x", 0o644),
            ("var/task/a", 0o644),
            ("var/task/b", 0o644),
        ];
        assert_eq!(entries, expected.map(|(path, mode)| (path.to_owned(), mode)));
    }

    #[test]
    fn the_same_files_give_the_same_bytes_in_any_order() {
        let one = Layer::of(&[file("a"), file("b/c")]);
        let other = Layer::of(&[file("b/c"), file("a")]);
        assert_eq!(one.tar(), other.tar());
        assert_eq!(one.diff_id(), digest(one.tar()));
    }
}
