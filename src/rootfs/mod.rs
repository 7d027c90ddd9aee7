//! The file system that an image's layers make together, as a function sees it: names, kinds, permissions and what
//! starts a program. Contents are not here.
//!
//! Pure: made from [`Listing`](crate::layer::Listing)s, which a pass over each layer wrote. Nothing is unpacked.

mod apply;
mod contents;
mod libraries;
mod node;
mod resolve;
mod texts;
mod tree;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use contents::{ImageContents, KnownContent, Unread};
pub use libraries::MissingLibrary;
pub use node::Node;
pub(crate) use node::printable_path;
pub use resolve::{Found, NotFound};
pub use tree::{Defect, FileSystem, NodeKind};
