//! Invoke: a function answers what it was told to answer; else it is run, where somebody runs functions; else it answers its payload.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::cloudwatch::{CloudWatch, Sample};
use crate::uuid::uuid;

use super::answer;
use super::arn::Home;
use super::refusal::Refusal;
use super::revision::{Code, Content, Revision, State};
use super::runner::Execution;
use super::service::Lambda;
use super::session::{Session, milliseconds};
use super::settings::CannedAnswer;

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

/// What came of a call so far.
pub(super) enum Performed {
    Answered(Answer),
    /// An invocation whose function is to be run.
    ToRun(Box<Invoked>),
}

/// An invocation that was let through.
pub(super) struct Invoked {
    execution: Execution,
    /// Whether the answer is waited for.
    waited_for: bool,
    counted: Counted,
}

/// Where an invocation is counted.
struct Counted {
    qualifier: Option<String>,
    /// The version, where the alias has weights.
    executed: Option<String>,
}

impl Session<'_> {
    pub(super) fn invoke(&mut self, named: &str) -> Result<Performed, Refusal> {
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
            "DryRun" => return Ok(Performed::Answered(answer::empty(204))),
            "Event" => (202, None),
            "RequestResponse" => (200, Some(())),
            other => {
                let constraint = "Member must satisfy enum value set: [Event, RequestResponse, DryRun]";
                return Err(Refusal::constraint("invocationType", other, constraint));
            }
        };
        let content = revision.running().clone();
        let counted = Counted { qualifier, executed: weighted.then(|| version.clone()) };
        let outcome = match self.scripted(&name, &content) {
            Some(outcome) => outcome,
            None if self.settings.runner.is_some() => {
                let execution = self.execution(&name, version, counted.qualifier.as_deref(), content)?;
                let waited_for = sent.is_some();
                return Ok(Performed::ToRun(Box::new(Invoked { execution, waited_for, counted })));
            }
            None => Outcome { payload, error: false },
        };
        if let Some(metrics) = self.metrics {
            measure(metrics, self.home, self.now, &name, &counted, (outcome.error, 1.0));
        }
        let mut answer = match sent {
            Some(()) => answer::json(status, &outcome.payload),
            None => answer::empty(status),
        };
        let log = log(&answer, &version, &content, &outcome);
        let told = Told { version, error: outcome.error, log };
        told.put(sent.is_some(), self.call, &mut answer);
        Ok(Performed::Answered(answer))
    }

    /// What the function was told to answer: an error or answer set in its environment, or one set for it here.
    fn scripted(&self, name: &str, content: &Content) -> Option<Outcome> {
        let environment = content.configuration.environment.as_ref();
        let variable = |name: &str| environment.and_then(|environment| environment.variables.get(name));
        if let Some(message) = variable(ERROR_VARIABLE) {
            let payload = json!({"errorMessage": message, "errorType": "Error"});
            return Some(Outcome { payload, error: true });
        }
        if let Some(text) = variable(ANSWER_VARIABLE) {
            let payload = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
            return Some(Outcome { payload, error: false });
        }
        let CannedAnswer { payload, error } = self.settings.answers.get(name)?.clone();
        Some(Outcome { payload, error })
    }

    /// What is to be run.
    fn execution(
        &self,
        name: &str,
        version: String,
        qualifier: Option<&str>,
        content: Content,
    ) -> Result<Execution, Refusal> {
        let Code::Image(code) = &content.code else {
            let why = format!(
                "{name} is a zip archive, and only images are run here; what it answers can be written down in its variable {ANSWER_VARIABLE}"
            );
            return Err(Refusal::not_run(&why));
        };
        let gone = || Refusal::not_run(&format!("its image {} is gone", code.image_uri));
        let image = self.images.find(&code.account, self.home.region, &code.repository, &code.digest);
        let settings = serde_json::to_value(&content.configuration).unwrap_or_default();
        let settings = settings.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let payload = if self.call.body.is_empty() { b"{}".to_vec() } else { self.call.body.clone() };
        Ok(Execution {
            account: self.home.account.to_owned(),
            region: self.home.region.to_owned(),
            function: name.to_owned(),
            version,
            invoked_arn: self.arn(name, qualifier),
            request_id: uuid(),
            payload,
            client_context: self.call.header("x-amz-client-context").map(str::to_owned),
            settings: settings.map(|(key, value)| (key.clone(), value.clone())).collect(),
            architecture: content.architecture,
            image: image.ok_or_else(gone)?,
            images: Arc::clone(self.images),
        })
    }
}

impl Lambda {
    /// Runs a function, and answers what it came to. One whose answer nobody waits for has run, too, when that is said.
    pub(super) fn run(&self, call: &Call, invoked: Invoked) -> Result<Answer, Refusal> {
        let Invoked { execution, waited_for, counted } = invoked;
        let Some(runner) = &self.settings.runner else { return Err(Refusal::not_run("nobody is there to")) };
        let (name, version, request) =
            (execution.function.clone(), execution.version.clone(), execution.request_id.clone());
        let ran = runner.run(execution).map_err(|why| Refusal::not_run(&why))?;
        if let Some(metrics) = &self.metrics {
            let home = Home { account: &call.account, region: &call.region };
            let now = call.now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, milliseconds);
            measure(metrics, home, now, &name, &counted, (ran.error, ran.milliseconds));
        }
        let body = if waited_for { ran.payload } else { Vec::new() };
        let mut answer = answer::bytes(if waited_for { 200 } else { 202 }, &request, body);
        Told { version, error: ran.error, log: ran.log }.put(waited_for, call, &mut answer);
        Ok(answer)
    }
}

/// What an answer says of its invocation beside the payload.
struct Told {
    version: String,
    error: bool,
    /// The end of the log.
    log: Vec<u8>,
}

impl Told {
    /// Puts it into the answer; where nobody waits, there is little to say.
    fn put(self, waited_for: bool, call: &Call, answer: &mut Answer) {
        let mut say = |name: &str, value: String| answer.headers.push((name.to_owned(), value));
        say("x-amz-executed-version", self.version);
        if waited_for && self.error {
            say("x-amz-function-error", "Unhandled".to_owned());
        }
        if waited_for && call.header("x-amz-log-type") == Some("Tail") {
            say("x-amz-log-result", STANDARD.encode(self.log));
        }
    }
}

/// Counts an invocation where CloudWatch would find it.
fn measure(
    metrics: &CloudWatch,
    home: Home<'_>,
    at: u64,
    name: &str,
    counted: &Counted,
    (error, duration): (bool, f64),
) {
    let dimension = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let function = vec![dimension("FunctionName", name)];
    let mut series = vec![function.clone()];
    if let Some(qualifier) = &counted.qualifier {
        let resource = [function, vec![dimension("Resource", &format!("{name}:{qualifier}"))]].concat();
        series.push(resource.clone());
        if let Some(executed) = &counted.executed {
            series.push([resource, vec![dimension("ExecutedVersion", executed)]].concat());
        }
    }
    for dimensions in series {
        for (metric, value) in
            [("Invocations", 1.0), ("Errors", f64::from(u8::from(error))), ("Duration", duration)]
        {
            let sample = Sample { namespace: "AWS/Lambda", metric, dimensions: &dimensions, value, at };
            metrics.record(home.account, home.region, sample);
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
