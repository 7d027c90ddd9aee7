//! The least that AWS's IAM has to allow: which step wants which action on what, in one table.
//!
//! Pure. [`Uses`] says what a configuration makes us do, [`documents`] turns that and the table in `need` into identity policies,
//! [`GitHubTrust`] is the trust policy of a role for a workflow, [`action_of`] names the action behind a call that was denied. What is
//! printed is held to reality by `tests/scenarios/permissions.rs`: every command runs under its own policy, and no action is there that
//! none of them wanted.
//!
//! Must not know: AWS, the command line, files.

mod action;
mod document;
mod github;
mod need;
mod uses;

pub use action::action_of;
pub use document::{
    Condition, MANAGED_POLICY_CHARACTERS, PolicyDocument, ROLE_INLINE_CHARACTERS, Statement, documents,
};
pub use github::{GitHubSubject, GitHubTrust, TrustError};
pub use need::{Identity, steps_of};
pub use uses::{
    CodeDeployUses, FunctionUses, KmsKey, ObjectUse, ParameterUse, RepositoryPlace, Uses, ValueUses, Work,
};
