//! A state as a table from addresses to what they stand for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::backend::Backend;

/// The version of the format that is read.
const VERSION: u64 = 4;

/// The resources and outputs of a state. `Debug` hides them.
#[derive(Clone)]
pub struct State {
    /// By address, with quotes as in `aws_iam_user.one["me"]`.
    pub(super) entries: BTreeMap<String, Value>,
    /// Resources with several instances, as a list or an object of them.
    pub(super) groups: BTreeMap<String, Value>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "State({} entries)", self.entries.len())
    }
}

/// What a file of Terraform is.
#[derive(Debug, Clone)]
pub enum Parsed {
    /// A state.
    State(State),
    /// Not the state, but where it is.
    Elsewhere(Backend),
}

/// Why a text is no state that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Not JSON.
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// JSON, but no state.
    #[error("it is not a Terraform state")]
    NotAState,
    /// OpenTofu encrypted it.
    #[error("it is encrypted")]
    Encrypted,
    /// A version of the format that is not read.
    #[error("it is of version {0} of the format, and only version 4 is read")]
    Version(u64),
}

impl StateError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotJson { .. } | Self::NotAState => "name what terraform state pull prints",
            Self::Encrypted => "write it out with tofu state pull > FILE, and name that file",
            Self::Version(_) => "terraform apply with Terraform 0.12 or newer, or OpenTofu, writes version 4",
        }
    }
}

impl State {
    /// Reads a state, or where it is.
    ///
    /// # Errors
    /// The text is neither.
    pub fn parse(bytes: &[u8]) -> Result<Parsed, StateError> {
        let document: Value = serde_json::from_slice(bytes)
            .map_err(|error| StateError::NotJson { line: error.line(), column: error.column() })?;
        if document.get("encrypted_data").is_some() {
            return Err(StateError::Encrypted);
        }
        if let Some(backend) = document.get("backend").filter(|backend| backend.is_object()) {
            return Ok(Parsed::Elsewhere(Backend::read(backend)));
        }
        match document.get("version").and_then(Value::as_u64) {
            Some(VERSION) => Ok(Parsed::State(Self::of(&document))),
            Some(other) => Err(StateError::Version(other)),
            None => Err(StateError::NotAState),
        }
    }

    fn of(document: &Value) -> Self {
        let mut state = Self { entries: BTreeMap::new(), groups: BTreeMap::new() };
        for (name, output) in document["outputs"].as_object().into_iter().flatten() {
            state.entries.insert(format!("output.{name}"), value_of(output));
        }
        for resource in document["resources"].as_array().into_iter().flatten() {
            state.add(resource);
        }
        state
    }

    fn add(&mut self, resource: &Value) {
        let text = |name: &str| resource[name].as_str().unwrap_or_default();
        let module = match text("module") {
            "" => String::new(),
            module => format!("{module}."),
        };
        let mode = match text("mode") {
            "data" => "data.",
            "managed" => "",
            _ => return,
        };
        let base = format!("{module}{mode}{}.{}", text("type"), text("name"));
        let instances = resource["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_remote = mode == "data." && text("type") == "terraform_remote_state";
        match instances {
            [] => {}
            [only] if is_remote => {
                let attributes = only["attributes"].as_object();
                let outputs =
                    attributes.into_iter().flatten().map(|(name, value)| (name.clone(), value_of(value)));
                self.entries.insert(base, Value::Object(outputs.collect()));
            }
            [only] if only.get("index_key").is_none_or(Value::is_null) => {
                self.entries.insert(base, attributes(only));
            }
            many => self.add_many(&base, many),
        }
    }

    fn add_many(&mut self, base: &str, instances: &[Value]) {
        let (mut named, mut numbered) = (Map::new(), Vec::new());
        for instance in instances {
            let found = attributes(instance);
            let key = &instance["index_key"];
            self.entries.insert(format!("{base}[{key}]"), found.clone());
            match key {
                Value::String(name) => drop(named.insert(name.clone(), found)),
                other => numbered.push((other.as_u64().unwrap_or(u64::MAX), found)),
            }
        }
        numbered.sort_by_key(|(index, _)| *index);
        let group = match named.is_empty() {
            true => Value::Array(numbered.into_iter().map(|(_, found)| found).collect()),
            false => Value::Object(named),
        };
        self.groups.insert(base.to_owned(), group);
    }
}

/// An output's value: it stands beside its type, also in what another state was read from.
fn value_of(output: &Value) -> Value {
    match (output.get("value"), output.get("type")) {
        (Some(value), Some(kind)) if !value.is_null() && !kind.is_null() => value.clone(),
        _ => output.clone(),
    }
}

fn attributes(instance: &Value) -> Value {
    let found = ["attributes", "attributes_flat"]
        .iter()
        .find_map(|name| instance.get(*name).filter(|value| !value.is_null()));
    found.cloned().unwrap_or_default()
}
