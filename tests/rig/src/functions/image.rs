//! An image that is put together from layers, written as an OCI layout.

use std::fs;
use std::path::{Path, PathBuf};

use lambda_lift_example::File;
use serde_json::{Map, Value, json};

use super::layer::{Layer, failed, write};
use crate::tool::{output_of, privileged};

/// An image before it is written.
#[derive(Debug, Clone)]
pub struct FunctionImage {
    layers: Vec<Layer>,
    files: Vec<File>,
    config: Map<String, Value>,
    architecture: &'static str,
}

impl FunctionImage {
    /// An image of these layers, the base first, which starts these words.
    pub fn new(layers: &[Layer], entrypoint: &[&str]) -> Self {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let (layers, files, config) = (layers.to_vec(), Vec::new(), Map::new());
        Self { layers, files, config, architecture }.with("Entrypoint", json!(entrypoint))
    }

    /// Adds a file to its last layer.
    pub fn file(mut self, path: &str, mode: u32, contents: impl AsRef<[u8]>) -> Self {
        let path = path.trim_start_matches('/').to_owned();
        self.files.push(File { path, mode, contents: contents.as_ref().to_vec() });
        self
    }

    /// Adds a layer above what there is so far.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.close_layer();
        self.layers.push(layer);
        self
    }

    /// Sets a key of the image's configuration: `Cmd`, `WorkingDir`, `Env`, `User`.
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.config.insert(key.to_owned(), value);
        self
    }

    /// Claims to be for another architecture, in Go's names.
    pub fn claiming(self, architecture: &'static str) -> Self {
        Self { architecture, ..self }
    }

    /// Writes it as an OCI layout to `folder`, which is made; answers its name for `--image`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(mut self, folder: &Path) -> String {
        self.close_layer();
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap_or_else(|error| failed(&blobs, &error));
        let media_type = |layer: &Layer| if layer.compressed_from.is_some() { GZIP_LAYER } else { LAYER };
        let layers: Vec<Value> =
            self.layers.iter().map(|layer| put(&blobs, layer, media_type(layer))).collect();
        let diff_id = |layer: &Layer| layer.compressed_from.clone().unwrap_or(layer.hexadecimal.clone());
        let diff_ids: Vec<String> =
            self.layers.iter().map(|layer| format!("sha256:{}", diff_id(layer))).collect();
        let config = json!({
            "architecture": self.architecture,
            "os": "linux",
            "config": self.config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": put(&blobs, &Layer::of(config.to_string().into_bytes()), CONFIG),
            "layers": layers,
        });
        let manifest = put(&blobs, &Layer::of(manifest.to_string().into_bytes()), MANIFEST);
        let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
        write(&folder.join("index.json"), index.to_string().as_bytes());
        write(&folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
        format!("oci:{}", folder.display())
    }

    /// Puts the files of its layers below `root`, as root and without a thought for whiteouts.
    pub(crate) fn unpack(&self, root: &Path) {
        let mut image = self.clone();
        image.close_layer();
        for layer in &image.layers {
            let place = crate::server::folder("layer");
            let archive = place.path().join("layer.tar");
            layer.put(&archive);
            let mut command = privileged("tar");
            command.args(["--extract", "--numeric-owner", "--preserve-permissions", "--file"]).arg(archive);
            output_of(command.arg("--directory").arg(root));
        }
    }

    /// The words that start it.
    pub(crate) fn arguments(&self) -> Vec<String> {
        ["Entrypoint", "Cmd"].into_iter().flat_map(|key| self.words(key)).collect()
    }

    /// Its variables as `NAME=VALUE`.
    pub(crate) fn environment(&self) -> Vec<String> {
        self.words("Env")
    }

    /// Its working directory.
    pub(crate) fn directory(&self) -> &str {
        self.config.get("WorkingDir").and_then(Value::as_str).unwrap_or("/")
    }

    fn words(&self, key: &str) -> Vec<String> {
        let words = self.config.get(key).and_then(Value::as_array).into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn close_layer(&mut self) {
        let files = std::mem::take(&mut self.files);
        if !files.is_empty() {
            self.layers.push(Layer::of(lambda_lift_example::Layer::of(&files).tar().to_vec()));
        }
    }
}

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Puts a blob among the others; answers its descriptor.
fn put(blobs: &Path, blob: &Layer, media_type: &str) -> Value {
    let place: PathBuf = blobs.join(&blob.hexadecimal);
    if !place.exists() {
        blob.put(&place);
    }
    json!({ "mediaType": media_type, "digest": format!("sha256:{}", blob.hexadecimal), "size": blob.size })
}
