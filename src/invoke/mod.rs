//! Running a function, with the patience that it needs: what is idle is prepared at its first invocation, and that is waited out.
//!
//! [`Invoking`] is what a smoke test and the command `invoke` share. It holds neither reader nor writer, only a
//! [`LambdaInvoker`](crate::cloud::LambdaInvoker), and knows nothing of what is made of the answer.

mod error;
mod invoking;
mod tail;

pub use error::InvokeError;
pub use invoking::Invoking;
pub use tail::plain_tail;
