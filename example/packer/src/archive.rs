//! The two shapes of an image on disk: what `docker save` writes, and the OCI image layout.

use serde_json::{Value, json};

use crate::Image;
use crate::layer::{append, digest};

/// A file of the image on disk: its path within the archive or folder, and its bytes.
pub(crate) type Member = (String, Vec<u8>);

/// The files of a docker-archive as Docker up to 24 writes it: each layer an uncompressed `layer.tar`.
pub(crate) fn docker_members(image: &Image, reference: &str) -> Vec<Member> {
    let config_name = format!("{}.json", hexadecimal(&image.config_digest));
    let (name, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
    let mut members = vec![(config_name.clone(), image.config.clone())];
    let mut layer_names = Vec::new();
    for layer in &image.layers {
        let layer_name = format!("{}/layer.tar", hexadecimal(&layer.diff_id));
        if !layer_names.contains(&layer_name) {
            members.push((layer_name.clone(), layer.tar.clone()));
        }
        layer_names.push(layer_name);
    }
    let top = image.layers.last().map(|layer| hexadecimal(&layer.diff_id)).unwrap_or_default();
    let manifest =
        json!([{ "Config": config_name, "RepoTags": [format!("{name}:{tag}")], "Layers": layer_names }]);
    members.push(("manifest.json".to_owned(), manifest.to_string().into_bytes()));
    members.push(("repositories".to_owned(), json!({ name: { tag: top } }).to_string().into_bytes()));
    members
}

/// The files of an OCI image layout with this image alone, layers uncompressed.
pub(crate) fn oci_members(image: &Image, reference: &str) -> Vec<Member> {
    let layers: Vec<_> = image
        .layers
        .iter()
        .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", &layer.diff_id, layer.tar.len()))
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &image.config_digest, image.config.len()),
        "layers": layers,
    })
    .to_string()
    .into_bytes();
    let mut entry =
        descriptor("application/vnd.oci.image.manifest.v1+json", &digest(&manifest), manifest.len());
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": reference });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] });

    let mut blobs = vec![blob(image.config.clone()), blob(manifest)];
    blobs.extend(image.layers.iter().map(|layer| blob(layer.tar.clone())));
    blobs.sort_by(|one, other| one.0.cmp(&other.0));
    blobs.dedup_by(|one, other| one.0 == other.0);
    let mut members = vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
    members.push(("index.json".to_owned(), index.to_string().into_bytes()));
    members.append(&mut blobs);
    members
}

/// The members as one reproducible tar, with an entry for each folder.
pub(crate) fn tar(members: &[Member]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut folders: Vec<String> = Vec::new();
    for (path, contents) in members {
        for (end, _) in path.match_indices('/') {
            let folder = format!("{}/", &path[..end]);
            if !folders.contains(&folder) {
                append(&mut archive, &folder, tar::EntryType::Directory, 0o755, &[]);
                folders.push(folder);
            }
        }
        append(&mut archive, path, tar::EntryType::Regular, 0o644, contents);
    }
    archive.into_inner().expect("writing to memory does not fail")
}

fn descriptor(media_type: &str, digest: &str, size: usize) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": size })
}

fn blob(bytes: Vec<u8>) -> Member {
    (format!("blobs/sha256/{}", hexadecimal(&digest(&bytes))), bytes)
}

fn hexadecimal(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}
