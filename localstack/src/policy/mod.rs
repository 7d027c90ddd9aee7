//! Whether a repository policy lets an image be pulled, as Lambda asks it.
//!
//! The one question is: may this puller perform `ecr:BatchGetImage` and `ecr:GetDownloadUrlForLayer`? It is
//! answered by walking the statements one after the other, action by action, on the JSON as it stands. This
//! module knows nothing of repositories, functions or HTTP, and shares nothing with the evaluator that it
//! is there to test.
//!
//! Some conditions cannot be decided from here: source addresses, organisations, tags, policy variables. A
//! [`Doubt`] says what happens then. By default doubt refuses: such an Allow grants nothing, and such a Deny
//! denies, because what cannot be proven must not pass for proven.

mod condition;
mod evaluate;
mod puller;
mod wildcard;

pub(crate) use evaluate::may_pull;
pub use puller::Doubt;
pub(crate) use puller::Puller;
