//! Values that are elsewhere: parameters of AWS Systems Manager, resources in Terraform's state, the caller's identity.
//!
//! What there is to ask for ([`Ask`]), where a state is ([`Location`]), and reading one. The templates that want values (`config`, `lambroll`) know
//! only the words; the command line fetches, each value once a run. Nothing that was found enters an error or a `Debug` output.

mod location;
mod parameter;
mod read;

pub use location::Location;
pub use parameter::{pick, split_place};
pub use read::{Surroundings, read_state};

/// Something that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// A parameter, by its name.
    Parameter(String),
    /// A Terraform state, by the prefix under which it is known; empty for the one without.
    State(String),
    /// Who the caller is.
    Caller,
}

/// Why there is no value, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Missing {
    /// What is wrong. It names what was asked for, and never a value.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Missing {
    /// One without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// With what to do about it.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<String> for Missing {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// Who the caller is, as STS GetCallerIdentity tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerNames {
    /// Twelve digits.
    pub account: String,
    /// The ARN of the user or the assumed role.
    pub arn: String,
    /// The unique id.
    pub user_id: String,
}

impl CallerNames {
    /// The names with their values, as AWS spells them.
    pub fn fields(self) -> Vec<(&'static str, String)> {
        vec![("Account", self.account), ("Arn", self.arn), ("UserId", self.user_id)]
    }
}
