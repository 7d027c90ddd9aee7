//! Layers as archives on disk, whose digest is known.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::tool::{output_of, privileged};

/// A layer as an image has it: an archive, or an archive that gzip compressed.
#[derive(Debug, Clone)]
pub struct Layer {
    pub(super) content: Content,
    pub(super) hexadecimal: String,
    pub(super) size: u64,
    /// The digest of what was compressed, in hexadecimal.
    pub(super) compressed_from: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Kept(PathBuf),
    Bytes(Vec<u8>),
}

impl Layer {
    /// A layer of these bytes, whatever they are.
    pub fn of(bytes: Vec<u8>) -> Self {
        let hexadecimal = hex::encode(Sha256::digest(&bytes));
        Self { size: bytes.len() as u64, hexadecimal, content: Content::Bytes(bytes), compressed_from: None }
    }

    /// A layer of these bytes, said to be what gzip made of an archive with this SHA-256, in hexadecimal.
    pub fn gzip(bytes: Vec<u8>, of: &str) -> Self {
        Self { compressed_from: Some(of.to_owned()), ..Self::of(bytes) }
    }

    /// The layer in this file. Its digest is kept beside it.
    pub(super) fn kept(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new("."));
        let digest = crate::kept::kept(folder, &format!("{name}.digest"), |place| {
            write(place, digest_of(&path).as_bytes());
        });
        let hexadecimal = fs::read_to_string(&digest).unwrap_or_else(|error| failed(&digest, &error));
        let size = fs::metadata(&path).unwrap_or_else(|error| failed(&path, &error)).len();
        Self { content: Content::Kept(path), hexadecimal, size, compressed_from: None }
    }

    /// The archive, where it is a file.
    pub fn path(&self) -> Option<&Path> {
        match &self.content {
            Content::Kept(path) => Some(path),
            Content::Bytes(_) => None,
        }
    }

    /// Puts the archive at `place`: the same file under one more name, where that can be.
    pub(super) fn put(&self, place: &Path) {
        match &self.content {
            Content::Bytes(bytes) => write(place, bytes),
            Content::Kept(path) => {
                if fs::hard_link(path, place).is_err() {
                    fs::copy(path, place).unwrap_or_else(|error| failed(place, &error));
                }
            }
        }
    }
}

/// Writes everything below `root` to an archive, owners as they are, and removes it, whoever it belongs to.
pub(super) fn pack(root: &Path, file: &Path) {
    // A folder for temporary files is private.
    output_of(privileged("chmod").arg("755").arg(root));
    let mut command = privileged("tar");
    command.args(["--create", "--format=gnu", "--numeric-owner", "--sort=name", "--file"]).arg(file);
    output_of(command.arg("--directory").arg(root).arg("."));
    output_of(privileged("rm").arg("-rf").arg(root));
}

/// The first letters of a digest, to name what it is of.
pub(super) fn short_digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))[..16].to_owned()
}

fn digest_of(path: &Path) -> String {
    let mut file = File::open(path).unwrap_or_else(|error| failed(path, &error));
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).unwrap_or_else(|error| failed(path, &error)) {
            0 => return hex::encode(hash.finalize()),
            count => hash.update(&piece[..count]),
        }
    }
}

pub(super) fn write(path: &Path, contents: &[u8]) {
    fs::write(path, contents).unwrap_or_else(|error| failed(path, &error));
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> ! {
    panic!("{}: {error}", path.display())
}
