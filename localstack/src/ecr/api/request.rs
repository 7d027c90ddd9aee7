//! One request to the control plane: its JSON members, read with ECR's complaints about bad ones.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::ecr::names::{check_registry, check_repository};
use crate::ecr::{Ecr, Place, Refusal};

/// A request, with what it is asked of.
pub(super) struct Request<'a> {
    pub(super) ecr: &'a Ecr,
    /// The caller's account.
    pub(super) caller: &'a str,
    pub(super) region: &'a str,
    /// The host that the caller used to reach us.
    pub(super) host: &'a str,
    pub(super) now: SystemTime,
    pub(super) members: Map<String, Value>,
}

/// One page of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

impl Request<'_> {
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::exception("SerializationException", format!("{name} is not a string"))),
        }
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name)?.ok_or_else(|| Refusal::invalid(name, "must not be null"))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.members.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A list of objects or texts with at most `longest` entries; none when it is absent.
    pub(super) fn list(&self, name: &str, longest: usize) -> Result<Option<&Vec<Value>>, Refusal> {
        let Some(value) = self.members.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let list = value
            .as_array()
            .ok_or_else(|| Refusal::exception("SerializationException", format!("{name} is not a list")))?;
        match list.len() {
            0 => Err(Refusal::invalid(name, "must have length greater than or equal to 1")),
            length if length > longest => {
                Err(Refusal::invalid(name, &format!("must have length less than or equal to {longest}")))
            }
            _ => Ok(Some(list)),
        }
    }

    pub(super) fn texts(&self, name: &str, longest: usize) -> Result<Option<Vec<&str>>, Refusal> {
        let Some(list) = self.list(name, longest)? else { return Ok(None) };
        let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        let fault =
            || Refusal::exception("SerializationException", format!("{name} is not a list of strings"));
        texts.map(Some).ok_or_else(fault)
    }

    /// The registry that is meant: the caller's own, or the one of `registryId`.
    pub(super) fn place(&self) -> Result<Place, Refusal> {
        let account = self.text("registryId")?.unwrap_or(self.caller);
        check_registry(account)?;
        Ok(Place::new(account, self.region))
    }

    /// The repository that is meant, if the caller may do `action` (without its prefix) with it.
    pub(super) fn repository(&self, action: &str) -> Result<(Place, String), Refusal> {
        let name = self.required("repositoryName")?;
        check_repository(name)?;
        let place = self.place()?;
        self.ecr.authorize(self.caller, &place, name, &format!("ecr:{action}"))?;
        Ok((place, name.to_owned()))
    }

    /// The page of `items` that `nextToken` and `maxResults` ask for.
    pub(super) fn page<T>(&self, items: Vec<T>) -> Result<Page<T>, Refusal> {
        let size = match self.members.get("maxResults").filter(|value| !value.is_null()) {
            None => 100,
            Some(value) => match value.as_u64().and_then(|size| usize::try_from(size).ok()) {
                Some(size @ 1..=1000) => size,
                _ => return Err(Refusal::invalid("maxResults", "must be between 1 and 1000")),
            },
        };
        let from = match self.text("nextToken")? {
            None => 0,
            Some(token) => page_start(token).ok_or_else(|| Refusal::invalid("nextToken", "Invalid token"))?,
        };
        let end = from.saturating_add(size);
        let next = (end < items.len()).then(|| STANDARD.encode(format!("from:{end}")));
        Ok(Page { items: items.into_iter().skip(from).take(size).collect(), next })
    }
}

fn page_start(token: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.strip_prefix("from:")?.parse().ok()
}
