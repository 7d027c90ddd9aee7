//! What the targets share: inputs put together so that they get past checksums and digests, and what holds for everything
//! that a person is told.

pub mod assemble;

pub mod heap;
pub mod script;
pub mod unnamed_file;

/// A message goes to a terminal, and its parts may come from a stranger: no control sequence may be in it.
pub fn assert_printable(message: &str) {
    let is_harmful = |character: char| character.is_control() && character != '\n';
    assert!(!message.contains(is_harmful), "a control character in {message:?}");
}
