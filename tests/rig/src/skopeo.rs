//! What an image is, in skopeo's words: in a registry, or in an archive on disk.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Registry;
use crate::tool::{output_of, tool};

/// An image as skopeo read it back, every blob verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Digest of the manifest's bytes.
    pub digest: String,
    /// The manifest's media type.
    pub media_type: String,
    /// Digest of the configuration.
    pub config: String,
    /// Digests of the layers as stored.
    pub layers: Vec<String>,
    /// Media types of the layers.
    pub layer_media_types: BTreeSet<String>,
    /// Diff ids, as the configuration has them.
    pub diff_ids: Vec<String>,
    /// The configuration's architecture, in Go's names.
    pub architecture: String,
}

/// Reads an image of a registry back, each blob included: skopeo verifies the digests. The reference is
/// `repository:tag` or `repository@digest`.
///
/// # Panics
/// When skopeo refuses it, or when two ways to read the manifest disagree.
pub fn inspect_pushed(registry: &Registry, reference: &str) -> Inspection {
    inspect_at(&registry.authority(), &registry.credentials(), reference)
}

/// The same for any registry on this machine: `authority` is its `host:port`, `credentials` are `user:password`.
///
/// # Panics
/// When skopeo refuses it, or when two ways to read the manifest disagree.
pub fn inspect_at(authority: &str, credentials: &str, reference: &str) -> Inspection {
    let source = format!("docker://{authority}/{reference}");
    let raw = manifest_at(authority, credentials, reference);

    let folder = crate::server::folder("pull");
    let copy = format!("dir:{}", folder.path().display());
    output_of(
        tool("skopeo")
            .args([
                "copy",
                "--quiet",
                "--preserve-digests",
                "--src-tls-verify=false",
                "--src-creds",
                credentials,
            ])
            .args([&source, &copy]),
    );
    let inspection = read_folder(folder.path());
    assert_eq!(inspection.digest, digest(raw.as_bytes()), "what skopeo copied is not what it inspected");
    inspection
}

/// A manifest of a registry, byte for byte.
///
/// # Panics
/// When skopeo refuses it, or when it is not text.
pub fn manifest(registry: &Registry, reference: &str) -> String {
    manifest_at(&registry.authority(), &registry.credentials(), reference)
}

fn manifest_at(authority: &str, credentials: &str, reference: &str) -> String {
    let source = format!("docker://{authority}/{reference}");
    let mut command = tool("skopeo");
    command.args(["inspect", "--raw", "--tls-verify=false", "--creds", credentials, &source]);
    String::from_utf8(output_of(&mut command))
        .unwrap_or_else(|error| panic!("the manifest is not text: {error}"))
}

/// The tags of a repository.
pub fn tags(registry: &Registry, repository: &str) -> Vec<String> {
    let source = format!("docker://{}/{repository}", registry.authority());
    let mut command = tool("skopeo");
    command.args(["list-tags", "--tls-verify=false", "--creds", &registry.credentials(), &source]);
    let answer = json(&output_of(&mut command));
    let tags = answer["Tags"].as_array().cloned().unwrap_or_default();
    tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
}

/// Pushes an image on disk as it is; answers the digest of its manifest.
pub fn push(registry: &Registry, source: &str, reference: &str) -> String {
    let folder = crate::server::folder("push");
    let digest_file = folder.path().join("digest");
    let destination = format!("docker://{}/{reference}", registry.authority());
    output_of(
        tool("skopeo")
            .args(["copy", "--quiet", "--dest-tls-verify=false", "--dest-creds", &registry.credentials()])
            .arg("--digestfile")
            .arg(&digest_file)
            .args([source, &destination]),
    );
    String::from_utf8_lossy(&read(&digest_file)).trim().to_owned()
}

/// Copies an image from one registry to another; answers the digest that it has there.
///
/// # Panics
/// When skopeo refuses to.
pub fn copy(from: &Registry, source: &str, to: &Registry, destination: &str) -> String {
    let folder = crate::server::folder("copy");
    let digest_file = folder.path().join("digest");
    output_of(
        tool("skopeo")
            .args(["copy", "--quiet", "--src-tls-verify=false", "--src-creds", &from.credentials()])
            .args(["--dest-tls-verify=false", "--dest-creds", &to.credentials()])
            .arg("--digestfile")
            .arg(&digest_file)
            .arg(format!("docker://{}/{source}", from.authority()))
            .arg(format!("docker://{}/{destination}", to.authority())),
    );
    String::from_utf8_lossy(&read(&digest_file)).trim().to_owned()
}

/// Reads an image on disk, by skopeo's name for it (`docker-archive:FILE`, `oci:DIR:REF`, …).
pub fn inspect_local(source: &str) -> Inspection {
    inspect_platform(source, None)
}

/// The same, for one architecture (Go's name) of several.
pub fn inspect_platform(source: &str, architecture: Option<&str>) -> Inspection {
    let folder = crate::server::folder("copy");
    let mut command = tool("skopeo");
    if let Some(architecture) = architecture {
        command.args(["--override-arch", architecture]);
    }
    output_of(command.args(["copy", "--quiet", source]).arg(format!("dir:{}", folder.path().display())));
    read_folder(folder.path())
}

/// Reads what skopeo wrote to a `dir:`: a manifest, and each blob under its digest.
fn read_folder(folder: &Path) -> Inspection {
    let manifest_bytes = read(&folder.join("manifest.json"));
    let manifest = json(&manifest_bytes);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let config_digest = text(&manifest["config"]["digest"]);
    let config_bytes = read(&folder.join(config_digest.trim_start_matches("sha256:")));
    assert_eq!(digest(&config_bytes), config_digest);
    let config = json(&config_bytes);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let layers = list(&manifest["layers"]);
    let diff_ids: Vec<String> = list(&config["rootfs"]["diff_ids"]).iter().map(text).collect();
    let unpacked: Vec<String> = layers
        .iter()
        .map(|layer| text(&layer["digest"]))
        .map(|name| digest(&decompressed(&folder.join(name.trim_start_matches("sha256:")))))
        .collect();
    assert_eq!(unpacked, diff_ids, "the layers are not what the configuration says they are");
    Inspection {
        digest: digest(&manifest_bytes),
        media_type: text(&manifest["mediaType"]),
        config: config_digest,
        layers: layers.iter().map(|layer| text(&layer["digest"])).collect(),
        layer_media_types: layers.iter().map(|layer| text(&layer["mediaType"])).collect(),
        diff_ids,
        architecture: text(&config["architecture"]),
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// The file's content, through the compressor that its first bytes name.
fn decompressed(path: &Path) -> Vec<u8> {
    let stored = read(path);
    let program = match stored.as_slice() {
        [0x1f, 0x8b, ..] => "gzip",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        _ => return stored,
    };
    output_of(tool(program).args(["--decompress", "--stdout"]).stdin(open(path)))
}

fn open(path: &Path) -> File {
    File::open(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("skopeo wrote no JSON: {error}"))
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
