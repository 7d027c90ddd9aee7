//! What templates stand for in the tests of this module.

use super::template::{GitFact, Sources};

/// `A` is a secret, `EMPTY` is empty, no other variable is set; the commit has no tag.
pub(super) struct Scripted;

impl Sources for Scripted {
    fn variable(&self, name: &str) -> Result<Option<String>, String> {
        match name {
            "A" => Ok(Some("hunter2".to_owned())),
            "LINES" => Ok(Some("hunter2\nhunter3".to_owned())),
            "EMPTY" => Ok(Some(String::new())),
            _ => Ok(None),
        }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        match path {
            "token.txt" => Ok("${env:A}".to_owned()),
            _ => Err(format!("{path} cannot be read")),
        }
    }

    fn git(&self, fact: GitFact) -> Result<String, String> {
        match fact {
            GitFact::Commit => Ok("0123456789".repeat(4)),
            GitFact::Short => Ok("0123456".to_owned()),
            GitFact::Branch => Ok("main".to_owned()),
            GitFact::Tag => Err("the commit has no tag".to_owned()),
        }
    }
}
