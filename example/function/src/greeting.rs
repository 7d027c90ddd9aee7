//! The function proper: `{"name": "Ada"}` becomes a greeting. It knows nothing of HTTP.

use std::env::VarError;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::runtime_api::{Failure, Invocation};

/// Greets whom an event names.
#[derive(Debug)]
pub(crate) struct Greeter {
    /// What comes before the name.
    greeting: String,
}

impl Greeter {
    /// A greeter that says what the variable `GREETING` says, "Hello" when it is not set.
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        match std::env::var("GREETING") {
            Ok(greeting) if greeting.trim().is_empty() => {
                Err(Failure { kind: "InvalidGreeting", message: "GREETING is set but empty".to_owned() })
            }
            Ok(greeting) => Ok(Self { greeting }),
            Err(VarError::NotPresent) => Ok(Self { greeting: "Hello".to_owned() }),
            Err(VarError::NotUnicode(_)) => {
                Err(Failure { kind: "InvalidGreeting", message: "GREETING is not UTF-8".to_owned() })
            }
        }
    }

    /// The answer to one event, with what the runtime said about it.
    pub(crate) fn answer(&self, invocation: &Invocation, now: SystemTime) -> Result<Value, Failure> {
        let name = name_in(&invocation.event)?;
        let remaining = invocation.deadline.and_then(|deadline| deadline.duration_since(now).ok());
        Ok(json!({
            "message": format!("{}, {name}!", self.greeting),
            "request_id": invocation.request_id,
            "function_arn": invocation.function_arn,
            "remaining_milliseconds": remaining.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        }))
    }
}

fn name_in(event: &[u8]) -> Result<String, Failure> {
    let invalid = |message: String| Failure { kind: "InvalidEvent", message };
    let event: Value =
        serde_json::from_slice(event).map_err(|error| invalid(format!("the event is not JSON: {error}")))?;
    match event.get("name") {
        None | Some(Value::Null) => Ok("world".to_owned()),
        Some(Value::String(name)) => Ok(name.clone()),
        Some(other) => Err(invalid(format!("\"name\" must be a string, not {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn answer(event: &str) -> Result<Value, Failure> {
        let invocation = Invocation {
            request_id: "7".to_owned(),
            deadline: Some(UNIX_EPOCH + Duration::from_millis(3_500)),
            function_arn: None,
            event: event.as_bytes().to_vec(),
        };
        Greeter { greeting: "Hello".to_owned() }.answer(&invocation, UNIX_EPOCH + Duration::from_secs(3))
    }

    #[test]
    fn the_one_named_in_the_event_is_greeted() {
        let answer = answer(r#"{"name": "Ada"}"#).expect("a good event");
        assert_eq!(answer["message"], "Hello, Ada!");
        assert_eq!(answer["request_id"], "7");
        assert_eq!(answer["remaining_milliseconds"], 500);
    }

    #[test]
    fn without_a_name_the_world_is_greeted() {
        for event in ["{}", "[]", "null", r#"{"name": null}"#] {
            assert_eq!(answer(event).expect("a good event")["message"], "Hello, world!", "{event}");
        }
    }

    #[test]
    fn an_event_that_makes_no_sense_is_a_failure_of_its_own_kind() {
        for event in ["", "{", r#"{"name": 7}"#] {
            assert_eq!(answer(event).expect_err(event).kind, "InvalidEvent");
        }
    }
}
