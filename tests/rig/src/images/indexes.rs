//! What BuildKit makes of every build since 2023: an index with the image and an attestation about it.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::content::{read, write};
use super::{Images, LocalImage};
use crate::tool::{output_of, tool};

/// What BuildKit annotates the attestation's entry with.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// Which manifest the attestation is about.
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

impl Images {
    /// An OCI image layout as `docker buildx build --output type=oci,tar=false` leaves it: a nested index with one
    /// image and its provenance attestation, whose platform is `unknown/unknown`. BuildKit is in no package of
    /// Debian, so the index is put together here around skopeo's manifest.
    pub fn buildkit_layout_with_attestation(&self, note: &str) -> LocalImage {
        let plain = self.skopeo_layout(note).path;
        let path = self.kept("buildkit-layout", note, |folder| {
            output_of(tool("cp").arg("--recursive").arg(&plain).arg(folder));
            wrap_in_index(folder, self.architecture());
        });
        LocalImage::layout(path)
    }
}

/// Turns a layout of one image into one of an index with that image and an attestation.
fn wrap_in_index(layout: &Path, architecture: &str) {
    let top: Value = serde_json::from_slice(&read(&layout.join("index.json")))
        .unwrap_or_else(|error| panic!("skopeo wrote no JSON: {error}"));
    let mut image = top["manifests"][0].clone();
    let digest = image["digest"].clone();
    if let Some(entry) = image.as_object_mut() {
        entry.remove("annotations");
    }
    image["platform"] = json!({ "architecture": architecture, "os": "linux" });

    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [],
        "predicate": { "buildType": "https://mobyproject.org/buildkit@v1" },
    });
    let layer = add_blob(layout, "application/vnd.in-toto+json", &statement);
    let config = json!({
        "architecture": "unknown",
        "os": "unknown",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": add_blob(layout, "application/vnd.oci.image.config.v1+json", &config),
        "layers": [layer],
    });
    let mut attestation = add_blob(layout, "application/vnd.oci.image.manifest.v1+json", &manifest);
    attestation["annotations"] = json!({ REFERENCE_DIGEST: digest, REFERENCE_TYPE: "attestation-manifest" });
    attestation["platform"] = json!({ "architecture": "unknown", "os": "unknown" });

    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [image, attestation],
    });
    let mut nested = add_blob(layout, "application/vnd.oci.image.index.v1+json", &index);
    nested["annotations"] = json!({ "org.opencontainers.image.ref.name": "hello" });
    let top = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [nested],
    });
    write(&layout.join("index.json"), top.to_string().as_bytes());
}

/// Writes a blob; answers its descriptor.
fn add_blob(layout: &Path, media_type: &str, document: &Value) -> Value {
    let bytes = document.to_string().into_bytes();
    let hexadecimal = hex::encode(Sha256::digest(&bytes));
    write(&layout.join("blobs/sha256").join(&hexadecimal), &bytes);
    json!({ "mediaType": media_type, "digest": format!("sha256:{hexadecimal}"), "size": bytes.len() })
}
