//! Amazon S3, as far as one object at a time is written and read: PutObject and GetObject by path (`/BUCKET/KEY`), without versions.
//!
//! A bucket comes into being with its first object, in the Region of whoever writes it, and is asked for there: elsewhere S3 points to it.

mod service;

pub(crate) use service::S3;
