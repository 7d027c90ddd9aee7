//! Lambda and CloudWatch as clients see them: calls in, answers out, time as the test tells it.

#![expect(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

mod aliases;
mod attachments;
mod bench;
mod cloudwatch;
mod creation;
mod images;
mod invocations;
mod persistence;
mod runs;
mod sdk;
mod updates;
mod versions;
