//! The smoke test: the new version answers an event before it gets traffic.

use std::time::Duration;

use serde_json::Value;

use super::Clock;
use crate::apply::Interrupt;
use crate::cloud::{CloudError, Invocation, InvocationMode, InvocationRequest, LambdaInvoker};
use crate::event::{Event, Reporter};
use crate::invoke::{InvokeError, Invoking, plain_tail};
use crate::name::FunctionName;
use crate::release::SmokeSpec;
use crate::report::{Failure, SmokeReport, Stage};

/// For how long a version that is being prepared, or is throttled, is asked again.
const PATIENCE: Duration = Duration::from_secs(300);
/// Invokes one version.
pub(crate) struct Smoke<'a> {
    pub(crate) lambda: &'a dyn LambdaInvoker,
    pub(crate) reporter: &'a dyn Reporter,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) function: &'a FunctionName,
    pub(crate) version: &'a str,
    pub(crate) spec: &'a SmokeSpec,
}

impl Smoke<'_> {
    /// Invokes the version by its number. The answer and the end of its log go into `report`, whatever they are.
    pub(crate) async fn test(&self, report: &mut Option<SmokeReport>) -> Result<(), Failure> {
        let step = "smoke_test";
        let detail = format!("invoke version {} of function {}", self.version, self.function);
        self.reporter.report(Event::StepStarted { step, detail: detail.clone() });
        let begun = self.clock.now();
        let invocation = self.invoke().await?;
        let told = SmokeReport {
            version: self.version.to_owned(),
            status: invocation.status,
            function_error: invocation.function_error.clone(),
            payload: plain_tail(&invocation.payload),
            log: plain_tail(&invocation.log_tail),
        };
        if !told.log.is_empty() {
            self.reporter.report(Event::FunctionLog { text: told.log.clone() });
        }
        let verdict = self.judge(&invocation, &told);
        *report = Some(told);
        if let Some(why) = verdict {
            let hint = "nothing was moved; look at the answer and the log, and release a version that passes"
                .to_owned();
            return Err(Failure {
                kind: "smoke_test",
                stage: Stage::Refused,
                message: format!("the smoke test of version {} failed: {why}", self.version),
                hint: Some(hint),
            });
        }
        let elapsed = self.clock.now().duration_since(begun).unwrap_or_default();
        self.reporter.report(Event::StepDone { step, detail, elapsed });
        Ok(())
    }

    async fn invoke(&self) -> Result<Invocation, Failure> {
        let invoking = Invoking {
            lambda: self.lambda,
            reporter: self.reporter,
            clock: self.clock,
            interrupt: self.interrupt,
            patience: PATIENCE,
            // A smoke test must stand that, as Lambda itself delivers at least once.
            may_run_twice: true,
        };
        let request = InvocationRequest {
            function: self.function,
            qualifier: self.version,
            payload: &self.spec.event,
            mode: InvocationMode::Wait,
        };
        let what = format!("version {} of function {}", self.version, self.function);
        let stopped = |when: &str| Failure {
            kind: "interrupted",
            stage: Stage::BeforeChange,
            message: format!("stopped on request, {when} the smoke test"),
            hint: Some("run the same command again".to_owned()),
        };
        invoking.invoke(request, &what).await.map_err(|error| match error {
            InvokeError::StoppedDuring => stopped("during"),
            InvokeError::StoppedBefore => stopped("before"),
            InvokeError::Call(error) => self.failed(&error),
        })
    }

    fn failed(&self, error: &CloudError) -> Failure {
        Failure {
            kind: crate::apply::cloud_kind(error.kind),
            stage: Stage::BeforeChange,
            message: format!("the smoke test of version {} could not be made: {error}", self.version),
            hint: error.hint(),
        }
    }

    /// Why the answer will not do; none when it does.
    fn judge(&self, invocation: &Invocation, told: &SmokeReport) -> Option<String> {
        if let Some(kind) = &invocation.function_error {
            return Some(format!("the function failed ({kind}): {}", told.payload));
        }
        if !(200..300).contains(&invocation.status) {
            return Some(format!("Lambda answered {}", invocation.status));
        }
        let answer: Result<Value, _> = serde_json::from_slice(&invocation.payload);
        match (&self.spec.expect, answer) {
            (Some(expected), Ok(answer)) => expected.unmet(&answer),
            (Some(expected), Err(_)) => {
                Some(format!("{expected} does not hold: the answer is no JSON: {}", told.payload))
            }
            (None, Ok(answer)) => {
                let status = answer.get("statusCode").and_then(Value::as_u64)?;
                (status >= 400).then(|| format!("its answer says statusCode {status}: {}", told.payload))
            }
            (None, Err(_)) => None,
        }
    }
}
