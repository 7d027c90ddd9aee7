//! What the user declares about a function, and how it compares with what is live.
//!
//! Pure and synchronous: no I/O, no clock, no AWS SDK. A [`Definition`] comes from a function file and
//! flags; [`compare`] tells how a live function differs from it, [`settings_to_send`] what to send and in
//! which order, [`check_against`] and [`settings_for_creation`] what stands in the way. [`judge`] reads a
//! function's state, and [`same_content`] tells whether a published version is what `$LATEST` is.
//!
//! Environment values never leave this module other than inside the settings that are sent: no change, no
//! problem and no `Debug` output shows one.

mod against;
mod canonical;
mod comparison;
mod content;
#[cfg(test)]
mod convergence;
mod definition;
mod file;
mod flags;
mod json;
mod json_schema;
mod live_declaration;
mod merge;
mod problem;
mod reasons;
mod rules;
#[cfg(test)]
pub(crate) mod samples;
mod schema;
mod state;
mod update;
mod validation;
mod versions;
mod written;

pub use against::{Obstacles, check_against, settings_for_creation};
pub use comparison::{Change, ChangeKind, Compared, Held, Shown, compare, compared};
pub use content::{holds, same_content, same_function};
pub use definition::Definition;
pub use flags::{EnvironmentVariable, EnvironmentVariableError, Flags};
pub use json_schema::json_schema;
pub use live_declaration::{LiveDeclaration, declaration_of};
pub use problem::{DefinitionError, Note, Problem, Weight};
pub use reasons::{Reason, reason};
pub use state::{Failure, FailureSubject, Settled, judge};
pub use update::{SettingsToSend, settings_after, settings_to_send};
pub(crate) use validation::{MOST_ENVIRONMENT_BYTES, environment_bytes};
pub use versions::compared_versions;
pub use written::Written;
