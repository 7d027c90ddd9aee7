//! What all of our own HTTP clients share: which addresses may be spoken to, when to try again, and what a
//! refusal says. It does not know what is asked, nor of whom.

pub(crate) mod endpoint;
pub(crate) mod refusal_body;
pub(crate) mod retry;
