//! The file that Terraform keeps in `.terraform/` where the state itself is elsewhere.

use serde_json::Value;

/// Where a working directory's state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// An object in Amazon S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key of the default workspace.
        key: String,
        /// What stands before the other workspaces' keys.
        workspace_key_prefix: String,
        /// The bucket's Region, where it is given.
        region: Option<String>,
    },
    /// A web address, which may hold a password.
    Http(String),
    /// A kind that is not read here, by its name.
    Other(String),
}

impl Backend {
    pub(super) fn read(backend: &Value) -> Self {
        let kind = backend["type"].as_str().unwrap_or("of no kind").to_owned();
        let text =
            |name: &str| backend["config"][name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let read = match kind.as_str() {
            "s3" => text("bucket").zip(text("key")).map(|(bucket, key)| Self::S3 {
                bucket,
                key,
                workspace_key_prefix: text("workspace_key_prefix").unwrap_or_else(|| "env:".to_owned()),
                region: text("region"),
            }),
            "http" => text("address").map(Self::Http),
            _ => None,
        };
        read.unwrap_or(Self::Other(kind))
    }

    /// The key of a workspace's state in S3.
    pub fn key_of(key: &str, prefix: &str, workspace: &str) -> String {
        match workspace {
            "default" => key.to_owned(),
            other => format!("{}/{other}/{key}", prefix.trim_end_matches('/')),
        }
    }
}
