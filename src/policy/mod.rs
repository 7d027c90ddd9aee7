//! Repository policy documents: parse, evaluate, and the smallest grant.
//!
//! [`Document`] reads a policy without losing anything of it. [`evaluate()`] answers what it says to a
//! [`Request`], as IAM would answer, in three values: what cannot be known from here is `unknown`, never
//! `granted`. [`ensure()`] adds the smallest grant that is missing, to statements of our own, and leaves every
//! foreign statement as it is. [`explain()`] and [`owner_instructions`] put the result into words.
//!
//! Everything here is pure: no AWS, no files, no clock. The rules are those of the facts on AWS behaviour,
//! part D; where AWS leaves a case open, the cautious answer is taken and says so.

mod assessment;
mod commands;
mod condition;
mod context;
mod document;
mod ensure;
mod evaluate;
mod explain;
mod grant;
mod json;
mod layout;
mod moment;
mod operator;
mod pattern;
mod principal;
mod pullers;
mod request;
mod statement;
#[cfg(test)]
mod test_conditions;
#[cfg(test)]
mod test_ensure;
#[cfg(test)]
mod test_properties;
#[cfg(test)]
mod test_vectors;
mod truth;
mod variable;

pub use assessment::{Assessment, Side, Verdict};
pub use commands::{OwnerPolicy, ensure_command, owner_instructions, set_policy_command};
pub use document::{Document, DocumentError, MAX_POLICY_CHARACTERS};
pub use ensure::{Addition, Doubtful, EnsureError, Ensured, Wish, ensure};
pub use evaluate::evaluate;
pub use explain::{Explanation, explain, explain_too_large};
pub use grant::{PolicyScope, StatementChange};
pub use pattern::is_like;
pub use pullers::{Pullers, pullers};
pub use request::{LAMBDA_SERVICE, PULL_ACTIONS, Request};
pub use statement::StatementLabel;
