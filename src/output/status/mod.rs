//! How a function stands, for a person and for a program, and what changed from one look to the next.

mod changes;
mod json;
mod page;
mod rows;
mod table;
mod text;

pub use changes::Watched;
pub(super) use json::status as status_json;
pub(super) use text::{status_page_in, status_text};
