//! From an address to a value.

use serde_json::Value;

use super::address::{Step, steps};
use super::state::State;
use crate::spelling::nearest;

/// What an address stands for. `Debug` hides it.
#[derive(Clone, PartialEq)]
pub struct Found(Value);

impl std::fmt::Debug for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Found(hidden)")
    }
}

impl Found {
    /// A text as it is, everything else as JSON.
    pub fn as_text(&self) -> String {
        match &self.0 {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// The value itself.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

/// Why an address stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No resource and no output begins so.
    #[error("{address} is not in the state")]
    NoResource {
        /// The address.
        address: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The resource is there, but has no such value.
    #[error("{resource} is in the state, and has no {way}")]
    NoAttribute {
        /// The resource or output.
        resource: String,
        /// The rest of the address.
        way: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The end of the address cannot be read.
    #[error("{address} is not an address: what follows {resource} is no way to a value")]
    NotAWay {
        /// The address.
        address: String,
        /// The resource or output.
        resource: String,
    },
}

impl LookupError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoResource { meant: Some(meant), .. } | Self::NoAttribute { meant: Some(meant), .. } => {
                format!("did you mean {meant}?")
            }
            Self::NoResource { .. } => {
                "terraform state list shows the resources, terraform output the outputs (output.NAME)"
                    .to_owned()
            }
            Self::NoAttribute { resource, .. } => {
                format!("terraform state show '{resource}' shows what it has")
            }
            Self::NotAWay { .. } => "write .name, [\"name\"] or [0]".to_owned(),
        }
    }
}

impl State {
    /// What an address stands for. Quotes may be single or double.
    ///
    /// # Errors
    /// Nothing, or null.
    pub fn lookup(&self, address: &str) -> Result<Found, LookupError> {
        let address = address.replace('\'', "\"");
        let whole = self.entries.get(&address).or_else(|| self.groups.get(&address));
        if let Some(found) = whole.filter(|found| !found.is_null()) {
            return Ok(Found(found.clone()));
        }
        let begins = |name: &str| address.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '[']));
        let longest = self.entries.iter().filter(|(name, _)| begins(name)).max_by_key(|(name, _)| name.len());
        let Some((resource, value)) = longest else {
            return Err(LookupError::NoResource { meant: self.meant(&address), address });
        };
        let way = &address[resource.len()..];
        let steps = steps(way)
            .ok_or_else(|| LookupError::NotAWay { address: address.clone(), resource: resource.clone() })?;
        let mut here = value;
        for step in &steps {
            let next = follow(here, step).filter(|value| !value.is_null());
            here = next.ok_or_else(|| LookupError::NoAttribute {
                resource: resource.clone(),
                way: way.to_owned(),
                meant: meant_step(here, step),
            })?;
        }
        Ok(Found(here.clone()))
    }

    /// The address that was probably meant, where its beginning is misspelt.
    fn meant(&self, address: &str) -> Option<String> {
        let names: Vec<&str> = self.entries.keys().map(String::as_str).collect();
        nearest(address, &names).map(str::to_owned).or_else(|| {
            // Behind the resource stands an attribute, as a rule of one word.
            let (resource, _) = address.rsplit_once('.')?;
            nearest(resource, &names).map(str::to_owned)
        })
    }
}

fn follow<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match (value, step) {
        (Value::Object(fields), Step::Name(name)) => fields.get(name),
        (Value::Array(entries), Step::Name(name)) => entries.get(name.parse::<usize>().ok()?),
        (Value::Array(entries), Step::Place(place)) if *place < 0 => {
            entries.get(entries.len().checked_sub(usize::try_from(place.unsigned_abs()).ok()?)?)
        }
        (Value::Array(entries), Step::Place(place)) => entries.get(usize::try_from(*place).ok()?),
        _ => None,
    }
}

fn meant_step(value: &Value, step: &Step) -> Option<String> {
    let (Value::Object(fields), Step::Name(name)) = (value, step) else { return None };
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    nearest(name, &names).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terraform::{Backend, Parsed, StateError};

    const STATE: &str = r#"{"version": 4, "outputs": {
        "role": {"value": "arn:role", "type": "string"},
        "dash-list": {"value": [1, 2], "type": ["tuple", ["number"]]}
      }, "resources": [
        {"mode": "managed", "type": "aws_lambda_function", "name": "foo", "instances": [{"attributes":
            {"arn": "arn:foo", "timeout": 30, "nothing": null, "tags": {"a.b": "dotted", "Name": "n"}, "subnets": ["s-1", "s-2"]}}]},
        {"mode": "data", "type": "aws_caller_identity", "name": "me", "instances": [{"attributes": {"account_id": "123456789012"}}]},
        {"module": "module.net[\"eu\"].module.inner", "mode": "managed", "type": "aws_subnet", "name": "main", "instances": [
            {"index_key": 1, "attributes": {"id": "subnet-1"}}, {"index_key": 0, "attributes": {"id": "subnet-0"}}]},
        {"mode": "managed", "type": "aws_iam_user", "name": "one", "instances": [
            {"index_key": "foo.bar", "attributes": {"name": "foo.bar"}}, {"index_key": "b", "attributes": {"name": "b"}}]},
        {"mode": "data", "type": "terraform_remote_state", "name": "far", "instances": [{"attributes":
            {"outputs": {"value": {"repository-uri": "host/app"}, "type": ["object", {}]}}}]},
        {"mode": "managed", "type": "aws_none", "name": "none", "instances": []}
      ]}"#;

    fn state(text: &str) -> State {
        match State::parse(text.as_bytes()) {
            Ok(Parsed::State(state)) => state,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn addresses_are_found_as_terraform_writes_them() {
        let state = state(STATE);
        for (address, expected) in [
            ("aws_lambda_function.foo.arn", "arn:foo"),
            ("aws_lambda_function.foo.timeout", "30"),
            ("aws_lambda_function.foo.tags[\"a.b\"]", "dotted"),
            ("aws_lambda_function.foo.tags['Name']", "n"),
            ("aws_lambda_function.foo.tags.Name", "n"),
            ("aws_lambda_function.foo.subnets", "[\"s-1\",\"s-2\"]"),
            ("aws_lambda_function.foo.subnets[1]", "s-2"),
            ("aws_lambda_function.foo.subnets.0", "s-1"),
            ("aws_lambda_function.foo.subnets[-1]", "s-2"),
            ("data.aws_caller_identity.me.account_id", "123456789012"),
            ("module.net[\"eu\"].module.inner.aws_subnet.main[0].id", "subnet-0"),
            ("module.net['eu'].module.inner.aws_subnet.main[1].id", "subnet-1"),
            (
                "module.net['eu'].module.inner.aws_subnet.main",
                "[{\"id\":\"subnet-0\"},{\"id\":\"subnet-1\"}]",
            ),
            ("aws_iam_user.one['foo.bar'].name", "foo.bar"),
            ("output.role", "arn:role"),
            ("output.dash-list[1]", "2"),
            ("data.terraform_remote_state.far.outputs.repository-uri", "host/app"),
        ] {
            assert_eq!(
                state.lookup(address).map(|found| found.as_text()).as_deref(),
                Ok(expected),
                "{address}"
            );
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_was_meant() {
        let state = state(STATE);
        for (address, part, hint) in [
            ("aws_lambda_function.fooo.arn", "is not in the state", "did you mean aws_lambda_function.foo?"),
            ("aws_lambda_function.foo.arm", "has no .arm", "did you mean arn?"),
            ("aws_lambda_function.foo.nothing", "has no .nothing", ""),
            ("aws_lambda_function.foo.subnets[2]", "has no", "terraform state show"),
            ("aws_lambda_function.foo.arn.x", "has no", ""),
            ("aws_lambda_function.foo.subnets[x]", "not an address", "write .name"),
            ("aws_iam_user.one['c'].name", "is not in the state", ""),
            ("aws_none.none.id", "is not in the state", ""),
            ("output.roel", "is not in the state", "output.role"),
            ("", "is not in the state", "terraform state list"),
        ] {
            let error = state.lookup(address).unwrap_err();
            assert!(
                error.to_string().contains(part) && error.hint().contains(hint),
                "{address}: {error} ({})",
                error.hint()
            );
            assert!(!format!("{error:?} {state:?}").contains("arn:foo"));
        }
    }

    #[test]
    fn what_is_no_state_is_refused_and_a_backend_is_told() {
        for (text, expected) in [
            ("{", StateError::NotJson { line: 1, column: 1 }),
            ("[]", StateError::NotAState),
            ("{\"version\": 3}", StateError::Version(3)),
            ("{\"encrypted_data\": \"x\", \"version\": 4}", StateError::Encrypted),
        ] {
            assert_eq!(State::parse(text.as_bytes()).err(), Some(expected), "{text}");
        }
        let backend = r#"{"version": 3, "backend": {"type": "s3", "config": {"bucket": "b", "key": "k/t", "region": "eu-west-1"}}}"#;
        match State::parse(backend.as_bytes()) {
            Ok(Parsed::Elsewhere(Backend::S3 { key, workspace_key_prefix, .. })) => {
                assert_eq!(Backend::key_of(&key, &workspace_key_prefix, "default"), "k/t");
                assert_eq!(Backend::key_of(&key, &workspace_key_prefix, "dev"), "env:/dev/k/t");
            }
            other => panic!("{other:?}"),
        }
    }

    proptest::proptest! {
        #[test]
        fn any_address_is_found_or_an_error(address in "[a-z_.\\[\\]'\"0-9-]{0,40}") {
            let _ = state(STATE).lookup(&address);
            let _ = state(STATE).lookup(&format!("aws_lambda_function.foo{address}"));
        }
    }
}
