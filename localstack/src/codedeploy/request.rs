//! Reading members of a request.

use serde_json::Value;

use super::refusal::Refusal;

/// A text that must be there.
pub(super) fn required<'a>(input: &'a Value, member: &str, code: &str) -> Result<&'a str, Refusal> {
    text(input, member).ok_or_else(|| Refusal::new(code, format!("{member} is required")))
}

pub(super) fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// An application's, a group's or a configuration's name.
pub(super) fn name<'a>(input: &'a Value, member: &str, what: &str) -> Result<&'a str, Refusal> {
    let name = required(input, member, &format!("{what}NameRequiredException"))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if name.len() > 100 || !name.bytes().all(allowed) {
        let message = format!("{name} is not a valid name");
        return Err(Refusal::new(&format!("Invalid{what}NameException"), message));
    }
    Ok(name)
}

/// The texts of a list.
pub(super) fn texts(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The names of an AlarmConfiguration; empty where it is switched off.
pub(super) fn alarms(configuration: &Value) -> Result<Vec<String>, Refusal> {
    if configuration.get("enabled").and_then(Value::as_bool) != Some(true) {
        return Ok(Vec::new());
    }
    let list = configuration.get("alarms").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        return Err(Refusal::new("InvalidAlarmConfigException", "The alarm list is empty"));
    }
    if list.len() > 10 {
        let message = "The maximum number of alarms for a deployment group (10) was exceeded.";
        return Err(Refusal::new("AlarmsLimitExceededException", message));
    }
    Ok(list.iter().filter_map(|alarm| text(alarm, "name").map(str::to_owned)).collect())
}

/// The events of an AutoRollbackConfiguration; empty where it is switched off.
pub(super) fn rollback_events(configuration: &Value) -> Result<Vec<String>, Refusal> {
    const KNOWN: [&str; 3] = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"];
    if configuration.get("enabled").and_then(Value::as_bool) != Some(true) {
        return Ok(Vec::new());
    }
    let events = texts(configuration.get("events"));
    if events.is_empty() || events.iter().any(|event| !KNOWN.contains(&event.as_str())) {
        let message = "An invalid automatic rollback event was given, or none";
        return Err(Refusal::new("InvalidAutoRollbackConfigException", message));
    }
    Ok(events)
}
