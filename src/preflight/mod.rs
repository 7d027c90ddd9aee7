//! Everything that can be known before the function is touched: checks turn facts into findings.
//!
//! Checks are pure and synchronous, and collect every finding instead of stopping at the first.
//! "Cannot prove" is a finding of its own severity and never reported as passed.

mod finding;

pub use finding::{Finding, Severity};
