//! What errors mean: one table of lessons, by which a failure gets its code, its hint and, with `--explain CODE`, its story.
//!
//! Pure. A [`Lesson`] is recognised by stable parts of what AWS says (AWS's texts are no contract, so never by a whole message), or by
//! the kind of failure. `docs/reference/errors.md` is made from the same table. Beside the lessons, [`explain()`] knows the exit codes, the
//! checks of the preflight and Lambda's reason codes.
//!
//! To teach another error: a lesson in the file of its subject, AWS's sentence in `tests`, and the page made anew
//! (`LAMBDA_LIFT_WRITE_DOCS=1 cargo test --test generated_docs`).
//!
//! Must not know: who failed, the command line, the terminal.

mod access;
mod exits;
mod explain;
mod image;
mod lambda;
mod lesson;
mod ours;
mod registry;
mod release;
#[cfg(test)]
mod tests;

pub use exits::{EXITS, Exit};
pub use explain::{Explained, explain, list, nearest_code};
pub use lesson::{Lesson, code_of, lessons, of_failure, recognise};
