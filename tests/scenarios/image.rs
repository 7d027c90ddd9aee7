//! Images that are put together here, byte by byte, so that a test can have any shape of them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The media type of a layer in a layout, unless a test says otherwise.
pub(crate) const PLAIN_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The media type of a layer that is written compressed.
const GZIP_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) architecture: &'static str,
    pub(crate) os: &'static str,
    /// Uncompressed layers, base layer first.
    pub(crate) layers: Vec<Vec<u8>>,
    /// Their media type in a layout.
    pub(crate) layer_type: &'static str,
    /// The image that it was built upon, as its label says.
    pub(crate) base: Option<String>,
}

impl Image {
    /// Two small layers; the second one holds `note`.
    pub(crate) fn small(note: &str) -> Self {
        let layers =
            vec![layer("var/task/bootstrap", &program("amd64")), layer("var/task/note", note.as_bytes())];
        Self { architecture: "amd64", os: "linux", layers, layer_type: PLAIN_LAYER, base: None }
    }

    /// A small layer, and one of `mebibytes` that do not compress.
    pub(crate) fn with_bulk(note: &str, mebibytes: usize) -> Self {
        let mut bulk = vec![0; mebibytes << 20];
        let seed = note.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
        fastrand::Rng::with_seed(seed).fill(&mut bulk);
        Self {
            layers: vec![layer("var/task/bootstrap", &program("amd64")), layer("var/task/bulk", &bulk)],
            ..Self::small(note)
        }
    }

    /// Four layers, one of which has three parts of 5 MiB or less.
    pub(crate) fn in_parts() -> Self {
        let bulk = Self::with_bulk("parts", 10);
        let small = ["one", "two"].map(|note| layer(&format!("var/task/{note}"), note.as_bytes()));
        Self { layers: [bulk.layers, small.to_vec()].concat(), ..Self::small("parts") }
    }

    /// The same with layers that a layout has compressed.
    pub(crate) fn compressed(self) -> Self {
        Self { layer_type: GZIP_LAYER, ..self }
    }

    /// A layer as a layout has it.
    fn stored(&self, layer: &[u8]) -> Vec<u8> {
        if self.layer_type != GZIP_LAYER {
            return layer.to_vec();
        }
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(layer).unwrap();
        encoder.finish().unwrap()
    }

    pub(crate) fn for_architecture(mut self, architecture: &'static str) -> Self {
        self.layers[0] = layer("var/task/bootstrap", &program(architecture));
        Self { architecture, ..self }
    }

    /// What the image configuration calls its layers.
    pub(crate) fn diff_ids(&self) -> Vec<String> {
        self.layers.iter().map(|layer| digest(layer)).collect()
    }

    pub(crate) fn config(&self) -> Vec<u8> {
        let mut config = json!({
            "architecture": self.architecture,
            "os": self.os,
            "config": { "Entrypoint": ["/var/task/bootstrap"], "WorkingDir": "/var/task" },
            "rootfs": { "type": "layers", "diff_ids": self.diff_ids() },
        });
        if let Some(base) = &self.base {
            config["config"]["Labels"] = json!({ "org.opencontainers.image.base.name": base });
        }
        config.to_string().into_bytes()
    }

    /// Writes it as a docker-archive; answers its name for `--image`.
    pub(crate) fn docker_archive(&self, path: &Path) -> String {
        let config = self.config();
        let config_name = format!("{}.json", hexadecimal(&config));
        let names: Vec<_> =
            self.layers.iter().map(|layer| format!("{}/layer.tar", hexadecimal(layer))).collect();
        let table =
            json!([{ "Config": config_name, "RepoTags": ["hello:latest"], "Layers": names }]).to_string();
        let mut archive = tar::Builder::new(File::create(path).unwrap());
        append(&mut archive, "manifest.json", table.as_bytes());
        append(&mut archive, &config_name, &config);
        for (name, layer) in names.iter().zip(&self.layers) {
            append(&mut archive, name, layer);
        }
        archive.into_inner().unwrap();
        format!("docker-archive:{}", path.display())
    }
}

/// Writes an OCI layout with these images, each with its platform in the index; answers its name for `--image`.
pub(crate) fn oci_layout(folder: &Path, images: &[Image]) -> String {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let store = |media_type: &str, bytes: &[u8]| {
        fs::write(blobs.join(hexadecimal(bytes)), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
    };
    let manifests: Vec<Value> = images
        .iter()
        .map(|image| {
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": store("application/vnd.oci.image.config.v1+json", &image.config()),
                "layers": image.layers.iter().map(|layer| store(image.layer_type, &image.stored(layer))).collect::<Vec<_>>(),
            });
            let bytes = manifest.to_string().into_bytes();
            let mut entry = store("application/vnd.oci.image.manifest.v1+json", &bytes);
            entry["platform"] = json!({ "architecture": image.architecture, "os": image.os });
            entry
        })
        .collect();
    let index = json!({ "schemaVersion": 2, "manifests": manifests });
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    format!("oci:{}", folder.display())
}

/// Writes an OCI layout with this image, its layers compressed with gzip; answers its name for `--image`.
pub(crate) fn gzip_layout(folder: &Path, image: &Image) -> String {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let store = |media_type: &str, bytes: &[u8]| {
        fs::write(blobs.join(hexadecimal(bytes)), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
    };
    let layer = |layer: &Vec<u8>| store("application/vnd.oci.image.layer.v1.tar+gzip", &gzip(layer));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": store("application/vnd.oci.image.config.v1+json", &image.config()),
        "layers": image.layers.iter().map(layer).collect::<Vec<_>>(),
    });
    let entry = store("application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [entry] });
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    format!("oci:{}", folder.display())
}

/// As gzip writes it.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A docker-archive whose only layer claims, and as a sparse file has, this many bytes.
pub(crate) fn sparse_archive(path: &Path, bytes: u64) -> String {
    let diff_id = digest(b"nobody reads eleven gigabytes of nothing");
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Entrypoint": ["/bootstrap"] },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    })
    .to_string();
    let config_name = format!("{}.json", hexadecimal(config.as_bytes()));
    let table =
        json!([{ "Config": config_name, "RepoTags": null, "Layers": ["large/layer.tar"] }]).to_string();
    let mut archive = tar::Builder::new(File::create(path).unwrap());
    append(&mut archive, "manifest.json", table.as_bytes());
    append(&mut archive, &config_name, config.as_bytes());
    let mut header = header(bytes);
    header.set_path("large/layer.tar").unwrap();
    header.set_cksum();
    let file = archive.get_mut();
    file.write_all(header.as_bytes()).unwrap();
    let begin = file.metadata().unwrap().len();
    file.set_len(begin + bytes.next_multiple_of(512) + 1024).unwrap();
    // Its end is there already; the builder must not write another one into the middle.
    std::mem::forget(archive);
    format!("docker-archive:{}", path.display())
}

/// As much of a static ELF program as says what it is: one that speaks Lambda's runtime API.
fn program(architecture: &str) -> Vec<u8> {
    let machine: u16 = if architecture == "arm64" { 183 } else { 62 };
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([3, machine].map(u16::to_le_bytes).concat());
    file.extend(1_u32.to_le_bytes());
    file.extend([0, 64, 0].map(u64::to_le_bytes).concat());
    file.extend(0_u32.to_le_bytes());
    file.extend([64, 56, 0, 0, 0, 0].map(u16::to_le_bytes).concat());
    file.extend(b"AWS_LAMBDA_RUNTIME_API");
    file
}

/// A layer with one file, its parents before it.
pub(crate) fn layer(path: &str, contents: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (end, _) in path.match_indices('/') {
        let mut header = header(0);
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        archive.append_data(&mut header, format!("{}/", &path[..end]), &[][..]).unwrap();
    }
    let mut header = header(contents.len() as u64);
    header.set_mode(0o755);
    archive.append_data(&mut header, path, contents).unwrap();
    archive.into_inner().unwrap()
}

/// Adds an entry of any kind and mode, without its parents.
pub(crate) fn add_entry(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    kind: tar::EntryType,
    mode: u32,
    link: &str,
    content: &[u8],
) {
    let mut header = header(content.len() as u64);
    header.set_entry_type(kind);
    header.set_mode(mode);
    if !link.is_empty() {
        header.set_link_name(link).unwrap();
    }
    archive.append_data(&mut header, path, content).unwrap();
}

/// Two layers as one, the entries of the second after those of the first.
pub(crate) fn together(first: &[u8], second: &[u8]) -> Vec<u8> {
    // Two blocks of zeros end an archive.
    [&first[..first.len() - 1024], second].concat()
}

/// A small base layer: the program of a small image, and something beside it.
pub(crate) fn base_layer() -> Vec<u8> {
    together(&Image::small("base").layers[0], &layer("opt/base", b"base"))
}

fn append(archive: &mut tar::Builder<File>, path: &str, contents: &[u8]) {
    archive.append_data(&mut header(contents.len() as u64), path, contents).unwrap();
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header
}

/// `sha256:` and the digest of `bytes` in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
