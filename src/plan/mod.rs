//! What will be done: a pure function from what was asked for and what is true to a list of steps.
//!
//! `plan` and `deploy` are the same code; `deploy` goes on to `apply`. Nothing here does I/O.

mod grant;
mod planner;
mod spec;
mod step;

pub use grant::{Explained, GrantDecision, PullSide, decide_grant, decide_pull, owner_instructions};
pub use planner::{default_tag, plan, plan_function};
pub use spec::{DeploySpec, FunctionSpec};
pub use step::{
    AliasStep, CodeStep, ConfigurationStep, CreateStep, GrantStep, Plan, PushStep, Step, TagStep,
};
