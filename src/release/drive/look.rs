//! What a user runs to see how things stand.

use crate::name::FunctionName;

/// The command that shows a function with its aliases, and a release that is under way.
pub(super) fn look_command(function: &FunctionName) -> String {
    format!("lambda-lift status --function {function}")
}
