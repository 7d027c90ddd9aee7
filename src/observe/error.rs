//! How looking fails.

use crate::apply::ApplyError;
use crate::cloud::CloudError;
use crate::layer::LayerError;
use crate::registry::RegistryError;
use crate::report::{Failure, Stage, chain};

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

impl ObserveError {
    /// The failure to report. Looking changes nothing.
    pub(crate) fn failure(&self) -> Failure {
        let (kind, stage, hint) = match self {
            Self::Cloud(error) => return ApplyError::from(error.clone()).failure(false),
            Self::Registry(error) => ("registry", Stage::BeforeChange, error.hint()),
            Self::Layer(error @ LayerError::Read { .. }) => {
                ("image_unavailable", Stage::BeforeChange, error.hint())
            }
            Self::Layer(_) => ("image_malformed", Stage::Refused, Some("save the image again".to_owned())),
            Self::Endpoint { .. } => ("usage", Stage::Usage, None),
        };
        Failure { kind, stage, message: chain(self), hint }
    }
}
