//! Metric and composite alarms: kept as they were put, in the state that was last set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::wire::Refusal;

const PAGE: usize = 100;
/// What a composite alarm has and a metric alarm lacks.
const RULE: &str = "AlarmRule";

/// The alarms of one account in one Region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Alarms {
    alarms: BTreeMap<String, Alarm>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Alarm {
    /// What PutMetricAlarm gave, but for its tags.
    definition: Map<String, Value>,
    state: String,
    state_reason: String,
    state_reason_data: Option<String>,
    /// Seconds since 1970.
    configured_at: f64,
    state_at: f64,
}

impl Alarm {
    fn is_composite(&self) -> bool {
        self.definition.contains_key(RULE)
    }
}

/// Where an alarm is, and when it is talked about.
pub(super) struct Moment<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    /// Seconds since 1970.
    pub(super) now: f64,
}

impl Alarms {
    pub(super) fn put(&mut self, input: &Value, moment: &Moment<'_>) -> Result<Value, Refusal> {
        const COMPARISONS: [&str; 7] = [
            "GreaterThanOrEqualToThreshold",
            "GreaterThanThreshold",
            "LessThanThreshold",
            "LessThanOrEqualToThreshold",
            "LessThanLowerOrGreaterThanUpperThreshold",
            "LessThanLowerThreshold",
            "GreaterThanUpperThreshold",
        ];
        let name = text(input, "AlarmName").ok_or_else(|| Refusal::missing("AlarmName"))?;
        let comparison =
            text(input, "ComparisonOperator").ok_or_else(|| Refusal::missing("ComparisonOperator"))?;
        if !COMPARISONS.contains(&comparison) {
            let message =
                format!("ComparisonOperator must be one of {}, not {comparison}.", COMPARISONS.join(", "));
            return Err(Refusal::invalid(message));
        }
        if input.get("EvaluationPeriods").and_then(Value::as_i64).is_none_or(|periods| periods < 1) {
            return Err(Refusal::invalid("EvaluationPeriods must be a number of at least 1."));
        }
        if text(input, "MetricName").is_none() && input.get("Metrics").is_none() {
            return Err(Refusal::missing("MetricName"));
        }
        let mut definition = input.as_object().cloned().unwrap_or_default();
        definition
            .retain(|key, value| !["Action", "Version", "Tags"].contains(&key.as_str()) && !value.is_null());
        definition.entry("ActionsEnabled").or_insert(json!(true));
        for list in ["OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions"] {
            if !definition.get(list).is_some_and(Value::is_array) {
                definition.insert(list.to_owned(), json!([]));
            }
        }
        match self.alarms.get_mut(name) {
            // An alarm that is put again keeps its state.
            Some(alarm) => {
                alarm.definition = definition;
                alarm.configured_at = moment.now;
            }
            None => {
                let alarm = Alarm {
                    definition,
                    state: "INSUFFICIENT_DATA".to_owned(),
                    state_reason: "Unchecked: Initial alarm creation".to_owned(),
                    state_reason_data: None,
                    configured_at: moment.now,
                    state_at: moment.now,
                };
                self.alarms.insert(name.to_owned(), alarm);
            }
        }
        Ok(json!({}))
    }

    /// A composite alarm. Its rule is kept and not evaluated: its state is the one that was last set.
    pub(super) fn put_composite(&mut self, input: &Value, moment: &Moment<'_>) -> Result<Value, Refusal> {
        let name = text(input, "AlarmName").ok_or_else(|| Refusal::missing("AlarmName"))?;
        text(input, RULE).ok_or_else(|| Refusal::missing(RULE))?;
        let mut definition = input.as_object().cloned().unwrap_or_default();
        definition
            .retain(|key, value| !["Action", "Version", "Tags"].contains(&key.as_str()) && !value.is_null());
        definition.entry("ActionsEnabled").or_insert(json!(true));
        let known = self.alarms.remove(name);
        let (state, state_reason, state_at) = match known {
            Some(alarm) => (alarm.state, alarm.state_reason, alarm.state_at),
            None => {
                ("INSUFFICIENT_DATA".to_owned(), "Unchecked: Initial alarm creation".to_owned(), moment.now)
            }
        };
        let (configured_at, state_reason_data) = (moment.now, None);
        let alarm = Alarm { definition, state, state_reason, state_reason_data, configured_at, state_at };
        self.alarms.insert(name.to_owned(), alarm);
        Ok(json!({}))
    }

    pub(super) fn describe(&self, input: &Value, moment: &Moment<'_>) -> Result<Value, Refusal> {
        let names = names(input);
        if names.as_ref().is_some_and(|names| names.len() > 100) {
            return Err(Refusal::invalid("AlarmNames must not name more than 100 alarms."));
        }
        let kinds = input.get("AlarmTypes").and_then(Value::as_array).filter(|kinds| !kinds.is_empty());
        let wanted = |kind: &str| kinds.is_some_and(|kinds| kinds.iter().any(|wanted| wanted == kind));
        // Whoever names no type gets metric alarms only.
        let (metric_alarms, composite) = (kinds.is_none() || wanted("MetricAlarm"), wanted("CompositeAlarm"));
        let (prefix, state) = (text(input, "AlarmNamePrefix"), text(input, "StateValue"));
        let fits = |(name, alarm): &(&String, &Alarm)| {
            (if alarm.is_composite() { composite } else { metric_alarms })
                && names.as_ref().is_none_or(|names| names.contains(&name.as_str()))
                && prefix.is_none_or(|prefix| name.starts_with(prefix))
                && state.is_none_or(|state| alarm.state == state)
        };
        let found: Vec<(&String, &Alarm)> = self.alarms.iter().filter(fits).collect();
        let most =
            input.get("MaxRecords").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
        let from: usize = text(input, "NextToken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let end = from.saturating_add(most.unwrap_or(PAGE).clamp(1, PAGE));
        let more = end < found.len();
        let page = found.into_iter().take(end).skip(from);
        let (composite, metric): (Vec<_>, Vec<_>) = page.partition(|(_, alarm)| alarm.is_composite());
        let views = |alarms: Vec<(&String, &Alarm)>| -> Vec<Value> {
            alarms.into_iter().map(|(name, alarm)| view(name, alarm, moment)).collect()
        };
        let mut output = json!({"CompositeAlarms": views(composite), "MetricAlarms": views(metric)});
        if more {
            output["NextToken"] = json!(end.to_string());
        }
        Ok(output)
    }

    pub(super) fn set_state(&mut self, input: &Value, moment: &Moment<'_>) -> Result<Value, Refusal> {
        let name = text(input, "AlarmName").ok_or_else(|| Refusal::missing("AlarmName"))?;
        let state = text(input, "StateValue").ok_or_else(|| Refusal::missing("StateValue"))?;
        let reason = text(input, "StateReason").ok_or_else(|| Refusal::missing("StateReason"))?;
        if !["OK", "ALARM", "INSUFFICIENT_DATA"].contains(&state) {
            return Err(Refusal::invalid(format!(
                "StateValue must be OK, ALARM or INSUFFICIENT_DATA, not {state}."
            )));
        }
        let alarm =
            self.alarms.get_mut(name).ok_or_else(|| Refusal::not_found(format!("Unknown alarm: {name}")))?;
        state.clone_into(&mut alarm.state);
        reason.clone_into(&mut alarm.state_reason);
        alarm.state_reason_data = text(input, "StateReasonData").map(str::to_owned);
        alarm.state_at = moment.now;
        Ok(json!({}))
    }

    /// Whether the alarm of that name fires.
    pub(super) fn fires(&self, name: &str) -> bool {
        self.alarms.get(name).is_some_and(|alarm| alarm.state == "ALARM")
    }

    pub(super) fn delete(&mut self, input: &Value) -> Result<Value, Refusal> {
        let names = names(input).ok_or_else(|| Refusal::missing("AlarmNames"))?;
        if let Some(unknown) = names.iter().find(|name| !self.alarms.contains_key(**name)) {
            return Err(Refusal::not_found(format!("Unknown alarm: {unknown}")));
        }
        for name in names {
            self.alarms.remove(name);
        }
        Ok(json!({}))
    }
}

fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn names(input: &Value) -> Option<Vec<&str>> {
    let names = input.get("AlarmNames")?.as_array()?;
    (!names.is_empty()).then(|| names.iter().filter_map(Value::as_str).collect())
}

fn view(name: &str, alarm: &Alarm, moment: &Moment<'_>) -> Value {
    let (partition, Moment { account, region, .. }) = (crate::partition::of_region(moment.region).0, moment);
    let mut view = alarm.definition.clone();
    let arn = format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}");
    view.insert("AlarmArn".to_owned(), json!(arn));
    view.insert("AlarmConfigurationUpdatedTimestamp".to_owned(), json!(alarm.configured_at));
    view.insert("StateValue".to_owned(), json!(alarm.state));
    view.insert("StateReason".to_owned(), json!(alarm.state_reason));
    if let Some(data) = &alarm.state_reason_data {
        view.insert("StateReasonData".to_owned(), json!(data));
    }
    view.insert("StateUpdatedTimestamp".to_owned(), json!(alarm.state_at));
    view.insert("StateTransitionedTimestamp".to_owned(), json!(alarm.state_at));
    Value::Object(view)
}
