//! What functions stand for in the tests of this module.

use std::cell::RefCell;
use std::path::Path;

use super::Lookups;
use crate::terraform::{Found, Parsed, State};
use crate::values::{Ask, CallerNames, Missing};

/// The state of every prefix.
const STATE: &str = r#"{"version": 4, "outputs": {"subnets": {"value": ["subnet-a", "subnet-b"], "type": "list"}}, "resources": [
    {"mode": "data", "type": "aws_iam_role", "name": "lambda", "instances": [{"attributes": {"arn": "arn:aws:iam::123456789012:role/app"}}]},
    {"mode": "managed", "type": "aws_security_group", "name": "internal", "instances": [
        {"index_key": "a", "attributes": {"id": "sg-0aaaaaaaaaaaaaaaa"}}]}]}"#;

/// `TOKEN` is a secret, `JSON` has quotes, `STAGE` is prod, `EMPTY` is empty, no other variable is set. It notes what is fetched.
#[derive(Default)]
pub(super) struct Scripted {
    pub(super) prefetched: RefCell<Vec<Ask>>,
}

impl Lookups for Scripted {
    fn variable(&self, name: &str) -> Result<Option<String>, Missing> {
        let value = match name {
            "TOKEN" => "hunter2",
            "JSON" => "{\"a\":\"hunter2\"}",
            "STAGE" => "prod",
            "WORLD" => "a",
            "MEMORY" => "512",
            "EMPTY" => "",
            _ => return Ok(None),
        };
        Ok(Some(value.to_owned()))
    }

    fn parameter(&self, name: &str, place: Option<usize>) -> Result<String, Missing> {
        match (name, place) {
            ("/secret", None) => Ok("hunter2".to_owned()),
            ("/list", Some(place)) => Ok(format!("entry-{place}")),
            _ => Err(Missing::new(format!("there is no parameter {name}")).hint("look")),
        }
    }

    fn state(&self, prefix: &str, address: &str) -> Result<Found, Missing> {
        let Ok(Parsed::State(state)) = State::parse(STATE.as_bytes()) else { panic!("the state is one") };
        match prefix {
            "" | "net_" => {
                state.lookup(address).map_err(|error| Missing::new(error.to_string()).hint(error.hint()))
            }
            _ => Err(Missing::new(format!("no Terraform state with the prefix {prefix} is named"))),
        }
    }

    fn prefixes(&self) -> Vec<String> {
        vec![String::new(), "net_".to_owned()]
    }

    fn caller(&self) -> Result<CallerNames, Missing> {
        let text = str::to_owned;
        Ok(CallerNames {
            account: text("123456789012"),
            arn: text("arn:aws:iam::123456789012:user/me"),
            user_id: text("AIDA"),
        })
    }

    fn prefetch(&self, asks: &[Ask]) {
        self.prefetched.borrow_mut().extend(asks.iter().cloned());
    }

    fn import(&self, path: &Path) -> Result<Vec<u8>, Missing> {
        match path.to_str() {
            Some("conf/common.libsonnet") => Ok(b"{ timeout: 7, broken: error 'no' }".to_vec()),
            Some("conf/text.txt") => Ok(b"text".to_vec()),
            Some("conf/bad.libsonnet") => Ok(b"{\n  a: b }".to_vec()),
            _ => Err(Missing::new(format!("{} cannot be read", path.display()))),
        }
    }
}
