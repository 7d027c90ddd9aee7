//! What templates stand for in the tests of this module.

use super::template::{GitFact, Sources};
use crate::values::Missing;

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

    fn parameter(&self, name: &str, place: Option<usize>) -> Result<String, Missing> {
        match (name, place) {
            ("/db/password", None) => Ok("hunter2".to_owned()),
            ("/net/subnets", Some(place)) => Ok(format!("subnet-{place}")),
            _ => Err(Missing::new(format!("the parameter {name} is not there"))),
        }
    }

    fn state(&self, prefix: &str, address: &str) -> Result<String, Missing> {
        match (prefix, address) {
            ("", "aws_iam_role.app.arn") => Ok("arn:aws:iam::123456789012:role/app".to_owned()),
            ("net_", "aws_subnet.app['a'].id") => Ok("subnet-a".to_owned()),
            ("" | "net_", _) => Err(Missing::new(format!("{address} is not in the state"))),
            _ => Err(Missing::new(format!("no Terraform state {prefix} is known"))),
        }
    }
}
