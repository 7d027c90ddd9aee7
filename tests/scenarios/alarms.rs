//! Alarms of the account.

use serde_json::json;

use crate::account::Account;

/// An alarm in this state: OK, ALARM or INSUFFICIENT_DATA.
pub(crate) fn put_alarm(account: &Account, name: &str, state: &str) {
    account.cloudwatch(
        "PutMetricAlarm",
        json!({ "AlarmName": name, "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold" }),
    );
    set_alarm(account, name, state);
}

/// Sets its state, with the reason `set to STATE`.
pub(crate) fn set_alarm(account: &Account, name: &str, state: &str) {
    let reason = format!("set to {state}");
    account.cloudwatch(
        "SetAlarmState",
        json!({ "AlarmName": name, "StateValue": state, "StateReason": reason }),
    );
}
