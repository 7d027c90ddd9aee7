//! What all of our own HTTP clients share: how they are set up, which addresses may be spoken to, when to try again, and what a
//! refusal says. It does not know what is asked, nor of whom.

mod client;
pub(crate) mod endpoint;
pub(crate) mod refusal_body;
pub(crate) mod retry;
mod signed_query;

pub(crate) use client::{CLIENT_HINT, client_for};
pub(crate) use signed_query::without_signed_queries;
