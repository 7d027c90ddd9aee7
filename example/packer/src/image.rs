//! The image: layers and the configuration that Lambda reads.

use serde_json::json;

use crate::layer::digest;
use crate::{Architecture, File, Function, Layer};

/// Where Lambda, and this image, keep the function.
const TASK_ROOT: &str = "/var/task";

/// One image for one platform.
#[derive(Debug, Clone)]
pub struct Image {
    pub(crate) layers: Vec<Layer>,
    pub(crate) config: Vec<u8>,
    pub(crate) config_digest: String,
}

impl Image {
    /// The example: one layer with the function as its own runtime.
    pub fn of_function(function: Function) -> Self {
        let bootstrap =
            File { path: "var/task/bootstrap".to_owned(), mode: 0o755, contents: function.binary };
        Self::new(function.architecture, vec![Layer::of(&[bootstrap])])
    }

    /// An image that runs `/var/task/bootstrap` of these layers, base layer first.
    pub fn new(architecture: Architecture, layers: Vec<Layer>) -> Self {
        let diff_ids: Vec<_> = layers.iter().map(Layer::diff_id).collect();
        let history: Vec<_> =
            layers.iter().map(|_| json!({ "created": EPOCH, "created_by": "pack-example" })).collect();
        let config = json!({
            "architecture": architecture.go_name(),
            "os": "linux",
            "created": EPOCH,
            "config": {
                "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", format!("LAMBDA_TASK_ROOT={TASK_ROOT}")],
                "Entrypoint": [format!("{TASK_ROOT}/bootstrap")],
                "WorkingDir": TASK_ROOT,
            },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": history,
        });
        let config = config.to_string().into_bytes();
        let config_digest = digest(&config);
        Self { layers, config, config_digest }
    }

    /// The digest of its configuration: what Docker calls the image's id.
    pub fn id(&self) -> &str {
        &self.config_digest
    }

    /// Its layers, base layer first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }
}

/// When everything was made: the same bytes must come out tomorrow.
const EPOCH: &str = "1970-01-01T00:00:00Z";
