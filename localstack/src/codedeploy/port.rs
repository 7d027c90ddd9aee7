//! What CodeDeploy asks of the stand-in's other services, as their callers would.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::call::Call;
use crate::cloudwatch::CloudWatch;
use crate::lambda::Lambda;

use super::deployment::Plan;

/// The other services, for one account in one Region.
pub(super) struct Port<'a> {
    pub(super) lambda: &'a Lambda,
    pub(super) cloudwatch: &'a CloudWatch,
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) now: SystemTime,
}

/// What a hook did when it was invoked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hook {
    /// It was invoked, and has yet to report.
    Silent,
    /// It reported Succeeded or Failed.
    Reported(String),
    /// It could not be invoked, or failed.
    Broken(String),
}

impl Port<'_> {
    fn ask(&self, method: &str, path: String, body: &Value) -> (u16, bool, Value) {
        let call = Call {
            method: method.to_owned(),
            path,
            query: Vec::new(),
            headers: Vec::new(),
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            service: "lambda".to_owned(),
            now: self.now,
        };
        let answer = self.lambda.handle(&call);
        let failed = answer.headers.iter().any(|(name, _)| name == "x-amz-function-error");
        (answer.status, failed, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    fn alias_path(plan: &Plan) -> String {
        format!("/2015-03-31/functions/{}/aliases/{}", plan.function, plan.alias)
    }

    /// Whether the alias sends all its traffic to the current version; else why not.
    pub(super) fn check_alias(&self, plan: &Plan) -> Result<(), String> {
        let (status, _, alias) = self.ask("GET", Self::alias_path(plan), &Value::Null);
        if status != 200 {
            return Err(message(&alias));
        }
        let weights =
            alias["RoutingConfig"]["AdditionalVersionWeights"].as_object().map_or(0, |some| some.len());
        if weights > 0 {
            return Err(format!("The alias {} has a routing configuration already.", plan.alias));
        }
        if alias["FunctionVersion"] != plan.current.as_str() {
            return Err(format!("The alias {} does not point to version {}.", plan.alias, plan.current));
        }
        Ok(())
    }

    /// Gives the target version its share.
    pub(super) fn shift(&self, plan: &Plan, percent: u64) -> Result<(), String> {
        #[expect(clippy::cast_precision_loss, reason = "a percentage is small")]
        let weight = percent as f64 / 100.0;
        let (version, weights) = match percent {
            0 => (&plan.current, json!({})),
            100 => (&plan.target, json!({})),
            _ => (&plan.current, json!({ plan.target.as_str(): weight })),
        };
        let body =
            json!({ "FunctionVersion": version, "RoutingConfig": { "AdditionalVersionWeights": weights } });
        match self.ask("PUT", Self::alias_path(plan), &body) {
            (200, ..) => Ok(()),
            (_, _, refused) => Err(message(&refused)),
        }
    }

    /// Invokes a hook. No code runs here: what it reports is the member `lifecycleEventStatus` of what it answers.
    pub(super) fn invoke(&self, hook: &str, deployment: &str, execution: &str) -> Hook {
        let body = json!({ "DeploymentId": deployment, "LifecycleEventHookExecutionId": execution });
        match self.ask("POST", format!("/2015-03-31/functions/{hook}/invocations"), &body) {
            (200, false, answer) => match answer["lifecycleEventStatus"].as_str() {
                Some(status) => Hook::Reported(status.to_owned()),
                None => Hook::Silent,
            },
            (200, true, answer) => {
                Hook::Broken(format!("The function {hook} failed: {}", answer["errorMessage"]))
            }
            (_, _, refused) => Hook::Broken(message(&refused)),
        }
    }

    /// The first of these alarms that fires.
    pub(super) fn firing<'b>(&self, alarms: &'b [String]) -> Option<&'b String> {
        alarms.iter().find(|name| self.cloudwatch.alarm_fires(self.account, self.region, name))
    }
}

fn message(refused: &Value) -> String {
    let text = refused.get("Message").or_else(|| refused.get("message")).and_then(Value::as_str);
    text.unwrap_or("Lambda refused the call").to_owned()
}
