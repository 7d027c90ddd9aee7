//! The extensions, and what each of them waits for.

use serde_json::Value;

use super::{Answer, Effect};

/// One extension that has registered.
#[derive(Debug)]
pub(super) struct Extension {
    pub(super) name: String,
    pub(super) identifier: String,
    pub(super) wants_invoke: bool,
    pub(super) wants_shutdown: bool,
    /// Whether it has asked for its first event, which is how it says that it has started.
    pub(super) has_started: bool,
    /// Its request for an event that has not come yet.
    pub(super) waiting: Option<u64>,
    /// How many invocations it has heard of.
    heard: u64,
}

impl Extension {
    /// Reads what it wants to hear of; the error names an event that there is none of.
    pub(super) fn new(name: String, identifier: String, body: &[u8]) -> Result<Self, String> {
        let wanted: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let mut extension = Self {
            name,
            identifier,
            wants_invoke: false,
            wants_shutdown: false,
            has_started: false,
            waiting: None,
            heard: 0,
        };
        for event in wanted.get("events").and_then(Value::as_array).into_iter().flatten() {
            match event.as_str() {
                Some("INVOKE") => extension.wants_invoke = true,
                Some("SHUTDOWN") => extension.wants_shutdown = true,
                other => return Err(other.unwrap_or_default().to_owned()),
            }
        }
        Ok(extension)
    }

    /// Tells it of the last invocation, when it waits and has not heard of it.
    pub(super) fn hear(&mut self, (count, body): &(u64, Vec<u8>)) -> Option<Effect> {
        if !self.wants_invoke || self.heard >= *count {
            return None;
        }
        let token = self.waiting.take()?;
        self.heard = *count;
        Some(Effect::Answer(token, Answer::new(200, body.clone())))
    }
}
