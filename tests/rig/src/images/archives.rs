//! Images in other wrappings: as skopeo writes them, compressed as a whole, and as Docker 25 saves them.

use std::fs;
use std::path::{Path, PathBuf};

use lambda_lift_example::Destination;
use serde_json::{Value, json};

use super::content::{read, write};
use super::{Images, LocalImage};
use crate::tool::{output_of, tool};

impl Images {
    /// The example's own docker-archive: uncompressed layers.
    pub fn packed(&self, note: &str) -> LocalImage {
        let path = self.kept("packed.tar", note, |file| self.pack("docker-archive", file, note));
        LocalImage::file("docker-archive", path)
    }

    /// An OCI image layout by `skopeo copy`: gzip layers.
    pub fn skopeo_layout(&self, note: &str) -> LocalImage {
        let path = self.kept("skopeo-layout", note, |folder| self.skopeo_copy(note, folder, &[]));
        LocalImage::layout(path)
    }

    /// An OCI image layout by `skopeo copy`: zstd layers.
    pub fn skopeo_layout_with_zstd_layers(&self, note: &str) -> LocalImage {
        let path = self.kept("skopeo-zstd-layout", note, |folder| {
            self.skopeo_copy(note, folder, &["--dest-compress", "--dest-compress-format=zstd"]);
        });
        LocalImage::layout(path)
    }

    /// A docker-archive that `gzip` compressed as a whole.
    pub fn gzipped_docker_archive(&self, note: &str) -> LocalImage {
        self.compressed(note, "packed.tar.gz", "gzip")
    }

    /// A docker-archive that `zstd` compressed as a whole.
    pub fn zstandard_docker_archive(&self, note: &str) -> LocalImage {
        self.compressed(note, "packed.tar.zst", "zstd")
    }

    /// What `docker save` writes since Docker 25: an OCI image layout with a `manifest.json` beside it. Debian
    /// has an older Docker, so this one is put together here, in the shape that Docker's documentation gives.
    pub fn docker_25_archive(&self, note: &str) -> LocalImage {
        let path = self.kept("docker-25.tar", note, |file| {
            let folder = crate::server::folder("docker-25");
            self.pack("oci", folder.path(), note);
            add_docker_manifest(folder.path());
            output_of(
                tool("tar")
                    .arg("--create")
                    .arg("--file")
                    .arg(file)
                    .arg("--directory")
                    .arg(folder.path())
                    .arg("."),
            );
        });
        LocalImage::file("docker-archive", path)
    }

    fn compressed(&self, note: &str, name: &str, program: &str) -> LocalImage {
        let plain = self.packed(note).path;
        let path = self.kept(name, note, |file| {
            write(file, &output_of(tool(program).args(["--stdout", "--force"]).arg(&plain)));
        });
        LocalImage::file("docker-archive", path)
    }

    pub(super) fn pack(&self, format: &str, path: &Path, note: &str) {
        let destination: Destination = format!("{format}:{}:hello:packed", path.display())
            .parse()
            .unwrap_or_else(|error| panic!("cannot name {}: {error}", path.display()));
        destination
            .write(&self.content.image(note))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    fn skopeo_copy(&self, note: &str, folder: &Path, flags: &[&str]) {
        let source = self.packed(note).source;
        let destination = format!("oci:{}:hello", folder.display());
        output_of(tool("skopeo").args(["copy", "--quiet"]).args(flags).args([source, destination]));
    }
}

impl LocalImage {
    pub(super) fn file(format: &str, path: PathBuf) -> Self {
        Self { source: format!("{format}:{}", path.display()), path }
    }

    pub(super) fn layout(path: PathBuf) -> Self {
        Self { source: format!("oci:{}:hello", path.display()), path }
    }
}

/// Adds the `manifest.json` that lets older readers find the image in a layout.
fn add_docker_manifest(layout: &Path) {
    let json_of = |path: PathBuf| -> Value {
        serde_json::from_slice(&read(&path))
            .unwrap_or_else(|error| panic!("{} is no JSON: {error}", path.display()))
    };
    let blob = |descriptor: &Value| {
        format!(
            "blobs/sha256/{}",
            descriptor["digest"].as_str().unwrap_or_default().trim_start_matches("sha256:")
        )
    };
    let index = json_of(layout.join("index.json"));
    let manifest = json_of(layout.join(blob(&index["manifests"][0])));
    let layers: Vec<_> = manifest["layers"].as_array().into_iter().flatten().collect();
    let sources: serde_json::Map<_, _> = layers
        .iter()
        .map(|layer| (layer["digest"].as_str().unwrap_or_default().to_owned(), (*layer).clone()))
        .collect();
    let entry = json!([{
        "Config": blob(&manifest["config"]),
        "RepoTags": ["hello:packed"],
        "Layers": layers.iter().map(|layer| blob(layer)).collect::<Vec<_>>(),
        "LayerSources": sources,
    }]);
    write(&layout.join("manifest.json"), entry.to_string().as_bytes());
    fs::write(layout.join("repositories"), br#"{"hello":{"packed":""}}"#)
        .unwrap_or_else(|error| panic!("cannot write repositories: {error}"));
}
