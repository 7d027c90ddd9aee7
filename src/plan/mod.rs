//! What will be done: a pure function from what was asked for and what is true to a list of steps.
//!
//! `plan` and `deploy` are the same code; `deploy` goes on to `apply`. Nothing here does I/O.

mod grant;
mod planner;
mod spec;
mod step;

pub use grant::{Explained, GrantDecision, decide_grant, owner_instructions};
pub use planner::{default_tag, plan};
pub use spec::{DeploySpec, FunctionSpec};
pub use step::{
    AliasStep, CodeStep, ConfigurationStep, CreateStep, GrantStep, Plan, PushStep, Step, TagStep,
};
