//! What the targets share: inputs put together so that they get past checksums and digests, and what holds for everything
//! that a person is told.

pub mod assemble;

pub mod heap;
pub mod script;
pub mod unnamed_file;

/// What the image module and the merged file system tell of a stranger's text has no control sequence in it. (Everything that
/// is printed is made harmless once more, in `output`.)
pub fn assert_printable(message: &str) {
    let is_harmful = |character: char| character.is_control() && character != '\n';
    assert!(!message.contains(is_harmful), "a control character in {message:?}");
}
