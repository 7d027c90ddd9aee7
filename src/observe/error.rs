//! How looking fails.

use crate::cloud::CloudError;
use crate::layer::LayerError;
use crate::registry::RegistryError;

/// Something that must be known could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// AWS refused or did not answer.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The registry refused or did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A layer's bytes are not what they should be.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// `--registry-endpoint` cannot be used.
    #[error("{message}")]
    Endpoint {
        /// What is wrong with it.
        message: String,
    },
}
