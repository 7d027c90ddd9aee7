//! Invoke: no code runs here. A function answers its payload, or what it was told to answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::call::Answer;
use crate::cloudwatch::Sample;

use super::answer;
use super::refusal::Refusal;
use super::revision::{Content, Revision, State};
use super::session::{Session, milliseconds};

/// The environment variable of a function that holds what it answers: JSON, or else a plain text.
pub(super) const ANSWER_VARIABLE: &str = "LOCALSTACK_ANSWER";
/// The environment variable of a function that makes each invocation fail, with this message.
pub(super) const ERROR_VARIABLE: &str = "LOCALSTACK_ERROR";

/// The largest payload of a synchronous invocation, in bytes.
const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;
/// The largest payload of an asynchronous invocation, in bytes.
const LARGEST_EVENT: usize = 1024 * 1024;
/// How much of the log `LogType=Tail` returns, in bytes.
const LOG_TAIL: usize = 4096;

/// What a function answered.
struct Outcome {
    payload: Value,
    error: bool,
}

impl Session<'_> {
    pub(super) fn invoke(&mut self, named: &str) -> Result<Answer, Refusal> {
        let reference = self.reference(named)?;
        let (name, qualifier) = (reference.name, reference.qualifier);
        let arn = self.arn(&name, Some(qualifier.as_deref().unwrap_or("$LATEST")));
        let absent = || Refusal::no_function(&arn);
        let kind = self.call.header("x-amz-invocation-type").unwrap_or("RequestResponse").to_owned();
        let largest = if kind == "Event" { LARGEST_EVENT } else { LARGEST_PAYLOAD };
        if self.call.body.len() > largest {
            return Err(Refusal::too_large(largest, "InvokeFunction"));
        }
        let payload: Value = match self.call.body.as_slice() {
            b"" => Value::Null,
            body => serde_json::from_slice(body).map_err(|error| Refusal::malformed(&error))?,
        };
        let ready_at = self.now + milliseconds(self.settings.create_settle);
        let function = self.shelf.functions.get_mut(&name).ok_or_else(absent)?;
        if function.reserved_concurrency == Some(0) {
            return Err(Refusal::throttled("ReservedFunctionConcurrentInvocationLimitExceeded"));
        }
        let alias = qualifier.as_deref().and_then(|qualifier| function.aliases.get_mut(qualifier));
        let weighted = alias.as_ref().is_some_and(|alias| !alias.weights.is_empty());
        let version = match alias {
            Some(alias) if kind == "DryRun" => alias.version.clone(),
            Some(alias) => alias.next_version(),
            None => qualifier.clone().unwrap_or_else(|| "$LATEST".to_owned()),
        };
        let revision = function.revision_mut(&version).ok_or_else(absent)?;
        check_invocable(revision, ready_at)?;
        let (status, sent) = match kind.as_str() {
            "DryRun" => return Ok(answer::empty(204)),
            "Event" => (202, None),
            "RequestResponse" => (200, Some(())),
            other => {
                let constraint = "Member must satisfy enum value set: [Event, RequestResponse, DryRun]";
                return Err(Refusal::constraint("invocationType", other, constraint));
            }
        };
        let content = revision.running().clone();
        let outcome = self.run(&name, &content, payload);
        self.measure(&name, qualifier.as_deref(), weighted.then_some(version.as_str()), outcome.error);
        let mut answer = match sent {
            Some(()) => answer::json(status, &outcome.payload),
            None => answer::empty(status),
        };
        answer.headers.push(("x-amz-executed-version".to_owned(), version.clone()));
        if sent.is_some() {
            if outcome.error {
                answer.headers.push(("x-amz-function-error".to_owned(), "Unhandled".to_owned()));
            }
            if self.call.header("x-amz-log-type") == Some("Tail") {
                let log = log(&answer, &version, &content, &outcome);
                answer.headers.push(("x-amz-log-result".to_owned(), STANDARD.encode(log)));
            }
        }
        Ok(answer)
    }

    /// What the function answers: an error or answer set in its environment, one set for it here, or an echo.
    fn run(&self, name: &str, content: &Content, payload: Value) -> Outcome {
        let environment = content.configuration.environment.as_ref();
        let variable = |name: &str| environment.and_then(|environment| environment.variables.get(name));
        if let Some(message) = variable(ERROR_VARIABLE) {
            let payload = json!({"errorMessage": message, "errorType": "Error"});
            return Outcome { payload, error: true };
        }
        if let Some(text) = variable(ANSWER_VARIABLE) {
            let payload = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
            return Outcome { payload, error: false };
        }
        match self.settings.answers.get(name) {
            Some(answer) => Outcome { payload: answer.payload.clone(), error: answer.error },
            None => Outcome { payload, error: false },
        }
    }

    /// Counts the invocation where CloudWatch would find it.
    fn measure(&self, name: &str, qualifier: Option<&str>, executed: Option<&str>, error: bool) {
        let Some(metrics) = self.metrics else { return };
        let dimension = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let function = vec![dimension("FunctionName", name)];
        let mut series = vec![function.clone()];
        if let Some(qualifier) = qualifier {
            let resource = [function, vec![dimension("Resource", &format!("{name}:{qualifier}"))]].concat();
            series.push(resource.clone());
            if let Some(executed) = executed {
                series.push([resource, vec![dimension("ExecutedVersion", executed)]].concat());
            }
        }
        for dimensions in series {
            for (metric, value) in
                [("Invocations", 1.0), ("Errors", f64::from(u8::from(error))), ("Duration", 1.0)]
            {
                metrics.record(
                    self.home.account,
                    self.home.region,
                    Sample { namespace: "AWS/Lambda", metric, dimensions: &dimensions, value, at: self.now },
                );
            }
        }
    }
}

/// Refuses to run what is not Active; an idle revision begins to be prepared again.
fn check_invocable(revision: &mut Revision, ready_at: u64) -> Result<(), Refusal> {
    let reason = revision.state_reason.as_ref().map(|reason| reason.code.clone()).unwrap_or_default();
    match (revision.state, reason.as_str()) {
        (State::Active, _) => Ok(()),
        (State::Pending, "Restoring") => Err(pending_code()),
        (State::Pending, _) => Err(Refusal::conflict(
            "The operation cannot be performed at this time. \
             The function is currently in the following state: Pending",
        )),
        (State::Inactive | State::Failed, "ImageDeleted") => Err(Refusal::code_artifact(
            "CodeArtifactUserDeletedException",
            "ERROR: Lambda cannot find the provided container image. Verify the image.",
        )),
        (State::Inactive, _) => {
            revision.wake(ready_at);
            Err(pending_code())
        }
        (State::Failed, _) => Err(Refusal::code_artifact(
            "CodeArtifactUserFailedException",
            "ERROR: Lambda cannot initialize the provided container image. Verify the image.",
        )),
    }
}

fn pending_code() -> Refusal {
    Refusal::code_artifact(
        "CodeArtifactUserPendingException",
        "ERROR: Lambda is initializing your function. It will be ready to invoke shortly.",
    )
}

/// The end of what the invocation logged.
fn log(answer: &Answer, version: &str, content: &Content, outcome: &Outcome) -> Vec<u8> {
    let id = answer.headers.iter().find(|(name, _)| name == "x-amzn-requestid");
    let id = id.map_or("", |(_, id)| id.as_str());
    let memory = content.configuration.memory_size.unwrap_or(128);
    let error = if outcome.error { format!("[ERROR] {}\n", outcome.payload) } else { String::new() };
    let text = format!(
        "START RequestId: {id} Version: {version}\n{error}END RequestId: {id}\n\
         REPORT RequestId: {id}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: {memory} MB\t\
         Max Memory Used: 1 MB\t\n"
    );
    let text = text.into_bytes();
    text[text.len().saturating_sub(LOG_TAIL)..].to_vec()
}
