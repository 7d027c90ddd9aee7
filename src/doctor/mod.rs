//! What `doctor` finds: a tree of things that are in order, are not, or were not looked at, and the judgements that need no I/O.
//!
//! Pure but for `probe/`, which opens connections. It knows no AWS client and no environment: `cli` hands in what to look at, and puts
//! the tree together.

mod clock;
mod examination;
pub(crate) mod probe;
mod proxy;

pub use clock::{CLOCK_BOUND, judge_clock};
pub use examination::{Examination, Health};
pub use proxy::{ProxySettings, bypasses, without_password};
