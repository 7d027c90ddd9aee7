//! The smoke test: the new version answers an event before it gets traffic.

use std::time::Duration;

use serde_json::Value;

use super::Clock;
use crate::apply::Interrupt;
use crate::cloud::{CloudError, Invocation, LambdaWriter};
use crate::event::{Event, Reporter};
use crate::name::FunctionName;
use crate::release::SmokeSpec;
use crate::report::{Failure, SmokeReport, Stage};

/// For how long a version that is being prepared, or is throttled, is asked again.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two tries.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3)];
/// How much of an answer and of a log is shown, in bytes: what Lambda's own tail has.
const SHOWN: usize = 4096;

/// Invokes one version.
pub(crate) struct Smoke<'a> {
    pub(crate) lambda: &'a dyn LambdaWriter,
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
            payload: shown(&invocation.payload),
            log: shown(&invocation.log_tail),
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
        let mut left = PATIENCE;
        for count in 0.. {
            let call = self.lambda.invoke(self.function, self.version, &self.spec.event);
            let stopped = |message: String| Failure {
                kind: "interrupted",
                stage: Stage::BeforeChange,
                message,
                hint: Some("run the same command again".to_owned()),
            };
            let answered = self.interrupt.or(call).await;
            let answered =
                answered.map_err(|_| stopped("stopped on request, during the smoke test".to_owned()))?;
            let error = match answered {
                Ok(invocation) => return Ok(invocation),
                Err(error) => error,
            };
            if !passes(&error) || left.is_zero() {
                return Err(self.failed(&error));
            }
            let what = format!("version {} of function {}", self.version, self.function);
            self.reporter.report(Event::Waiting { what, state: error.message.clone() });
            let pause = PAUSES[count.min(PAUSES.len() - 1)];
            left = left.saturating_sub(pause);
            let waited = self.interrupt.or(self.clock.sleep(pause)).await;
            waited.map_err(|_| stopped("stopped on request, before the smoke test".to_owned()))?;
        }
        Err(Failure { kind: "smoke_test", stage: Stage::BeforeChange, message: String::new(), hint: None })
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

/// Whether a refusal passes by itself: a version that was idle is prepared at its first invocation (facts: states).
fn passes(error: &CloudError) -> bool {
    use crate::cloud::CloudErrorKind as Kind;
    let hopeless = ["CodeArtifactUserDeletedException", "CodeArtifactUserFailedException"];
    match error.kind {
        Kind::Conflict => !error.code.as_deref().is_some_and(|code| hopeless.contains(&code)),
        Kind::Throttled => true,
        // The event may be handled twice; a smoke test must stand that, as Lambda itself delivers at least once.
        Kind::Unreachable | Kind::Unexpected => error.status.is_some_and(|status| status >= 500),
        _ => false,
    }
}

/// The end of a text, without what could play tricks on a terminal.
fn shown(bytes: &[u8]) -> String {
    let tail = &bytes[bytes.len().saturating_sub(SHOWN)..];
    let text = String::from_utf8_lossy(tail);
    let plain = |c: &char| !c.is_control() || *c == '\n' || *c == '\t';
    text.chars().filter(plain).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_and_plays_no_tricks() {
        assert_eq!(shown(b" a\x1b[31mb\r\nc\td\x07 "), "a[31mb\nc\td");
        assert_eq!(shown(&vec![b'x'; 10_000]).len(), SHOWN);
        assert_eq!(shown(&[0xff, b'a']), "\u{fffd}a");
    }
}
