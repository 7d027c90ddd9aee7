//! Value types: names that are valid by construction.
//!
//! Each type parses from text, refuses what AWS would refuse, and prints what it parsed. Nothing here
//! does I/O, and nothing here knows about AWS clients, the command line or files.

mod account;
mod alias;
mod architecture;
mod digest;
mod function;
mod image_uri;
mod region;
mod repository;
mod role;

pub use account::AccountId;
pub use alias::{AliasName, Version};
pub use architecture::Architecture;
pub use digest::{Digest, DigestHasher};
pub use function::{FunctionName, FunctionRef};
pub use image_uri::{ImageUri, RegistryHost, RepositoryRef};
pub use region::{Partition, Region};
pub use repository::{RepositoryName, Tag};
pub use role::RoleArn;

/// A text that is not a valid name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a valid {kind}: {why}")]
pub struct NameError {
    /// What was expected, as the reader calls it ("repository name").
    pub kind: &'static str,
    /// The text as given.
    pub given: String,
    /// Which rule it breaks.
    pub why: String,
}

impl NameError {
    fn new(kind: &'static str, given: &str, why: impl Into<String>) -> Self {
        Self { kind, given: given.chars().take(300).collect(), why: why.into() }
    }
}

/// Implements `Display`, `AsRef<str>` and `as_str` for a newtype over `String`.
macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}
use text_newtype;
