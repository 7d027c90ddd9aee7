//! lambroll's files: `function.json` with Go templates, `function.jsonnet`, `option.json`, environment files.
//!
//! Pure: what templates and native functions stand for comes from [`Lookups`], which the command line has. What they gave never enters an error
//! or a `Debug` output; which settings they are in is told, so that nobody shows those.
//!
//! The files are those of fujiwara/lambroll (v1), whose functions come from kayac/go-config, fujiwara/tfstate-lookup and fujiwara/ssm-lookup.

mod env_file;
mod error;
mod filled;
mod function_file;
mod jsonnet;
mod option_file;
#[cfg(test)]
mod samples;
mod template;

pub use env_file::parse as parse_env_file;
pub use error::FileError;
pub use function_file::{ExternalVariables, read_function_file};
pub use option_file::{OptionFile, read_option_file};

use crate::terraform::Found;
use crate::values::{Ask, CallerNames, Missing};

/// Where templates and native functions take their values from.
pub trait Lookups {
    /// An environment variable; none where it is not set.
    fn variable(&self, name: &str) -> Result<Option<String>, Missing>;
    /// A parameter, and of a StringList the entry at a place.
    fn parameter(&self, name: &str, place: Option<usize>) -> Result<String, Missing>;
    /// What an address stands for in the state that is known by a prefix; empty for the one without.
    fn state(&self, prefix: &str, address: &str) -> Result<Found, Missing>;
    /// The prefixes of states that are known.
    fn prefixes(&self) -> Vec<String>;
    /// Who the caller is.
    fn caller(&self) -> Result<CallerNames, Missing>;
    /// Fetches what will be asked for, all at the same time. What fails is told when it is asked for.
    fn prefetch(&self, asks: &[Ask]);
    /// A file that a file imports, by its path.
    fn import(&self, path: &std::path::Path) -> Result<Vec<u8>, Missing>;
}
