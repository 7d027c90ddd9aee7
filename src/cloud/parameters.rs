//! Values that AWS keeps for others: parameters of AWS Systems Manager, objects in Amazon S3.

use async_trait::async_trait;

use super::CloudError;

/// A parameter. `Debug` hides its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter {
    /// What sort it is.
    pub kind: ParameterKind,
    /// The value; the entries of a list have commas between them.
    pub value: String,
}

/// The sorts of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// `String`
    Text,
    /// `SecureString`, decrypted.
    Secret,
    /// `StringList`
    List,
}

impl std::fmt::Debug for Parameter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Parameter({:?}, hidden)", self.kind)
    }
}

/// Reads parameters.
#[async_trait]
pub trait Parameters: Send + Sync {
    /// SSM GetParameter, with decryption. The name may be a path, an ARN, or either with `:VERSION` or `:LABEL`.
    async fn parameter(&self, name: &str) -> Result<Parameter, CloudError>;
}

/// Reads objects.
#[async_trait]
pub trait Objects: Send + Sync {
    /// S3 GetObject, up to so many bytes. Without a Region the bucket's own is found out.
    async fn object(
        &self,
        bucket: &str,
        key: &str,
        region: Option<&str>,
        most: u64,
    ) -> Result<Vec<u8>, CloudError>;
}
