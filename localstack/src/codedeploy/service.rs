//! CodeDeploy as a whole: takes a call, performs it, keeps what has changed; and sees to its deployments whenever another service is called.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::Value;

use crate::call::{Answer, Call};
use crate::cloudwatch::CloudWatch;
use crate::lambda::Lambda;
use crate::service::Service;
use crate::state_file::StateFile;
use crate::text::epoch_milliseconds;

use super::life::Life;
use super::port::Port;
use super::refusal::{Refusal, answer};
use super::settings::CodeDeploySettings;
use super::shelf::Shelf;

/// What `X-Amz-Target` begins with.
const TARGET: &str = "CodeDeploy_20141006.";

/// AWS CodeDeploy.
pub struct CodeDeploy {
    lambda: Arc<Lambda>,
    cloudwatch: Arc<CloudWatch>,
    settings: CodeDeploySettings,
    inner: Mutex<Inner>,
}

struct Inner {
    /// By `account/region`.
    shelves: BTreeMap<String, Shelf>,
    file: Option<StateFile>,
    /// Why the state could not be read: then every call fails, so that nothing is lost.
    broken: Option<String>,
}

impl CodeDeploy {
    /// A CodeDeploy whose state is kept in `codedeploy.json` in `state_dir`, or only in memory.
    pub fn new(
        lambda: Arc<Lambda>,
        cloudwatch: Arc<CloudWatch>,
        settings: CodeDeploySettings,
        state_dir: Option<PathBuf>,
    ) -> Self {
        let mut file = state_dir.map(|folder| StateFile::new(folder, "codedeploy.json"));
        let loaded = file.as_mut().map_or_else(|| Ok(BTreeMap::new()), StateFile::load);
        let (shelves, broken) = match loaded {
            Ok(shelves) => (shelves, None),
            Err(why) => (BTreeMap::new(), Some(why)),
        };
        CodeDeploy { lambda, cloudwatch, settings, inner: Mutex::new(Inner { shelves, file, broken }) }
    }

    /// Lets every deployment live up to this moment.
    pub(crate) fn settle(&self, now: SystemTime) {
        let mut inner = self.lock();
        if inner.broken.is_some() {
            return;
        }
        for (key, shelf) in &mut inner.shelves {
            if let Some((account, region)) = key.split_once('/') {
                self.life(account, region, now).settle(shelf);
            }
        }
        // What cannot be written now is tried again, and reported, with the next call.
        let _ = inner.save();
    }

    fn life<'a>(&'a self, account: &'a str, region: &'a str, now: SystemTime) -> Life<'a> {
        let port = Port { lambda: &self.lambda, cloudwatch: &self.cloudwatch, account, region, now };
        Life { settings: &self.settings, port, now: epoch_milliseconds(now) }
    }

    fn perform(&self, call: &Call) -> Result<Value, Refusal> {
        let mut inner = self.lock();
        if let Some(why) = &inner.broken {
            return Err(Refusal::broken(why.clone()));
        }
        let operation = call.header("x-amz-target").and_then(|target| target.strip_prefix(TARGET));
        let operation = operation.unwrap_or("(none)");
        let malformed = |_| Refusal::new("SerializationException", "the body is not a JSON object");
        let input: Value = serde_json::from_slice(&call.body).map_err(malformed)?;
        let life = self.life(&call.account, &call.region, call.now);
        let shelf = inner.shelves.entry(format!("{}/{}", call.account, call.region)).or_default();
        let performed = operate(operation, &input, &life, shelf);
        inner.save().map_err(Refusal::broken)?;
        performed
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn operate(operation: &str, input: &Value, life: &Life<'_>, shelf: &mut Shelf) -> Result<Value, Refusal> {
    life.settle(shelf);
    match operation {
        "CreateApplication" => shelf.create_application(input),
        "GetApplication" => shelf.get_application(input),
        "CreateDeploymentGroup" => shelf.create_group(input),
        "GetDeploymentGroup" => shelf.get_group(input),
        "CreateDeploymentConfig" => shelf.create_config(input),
        "GetDeploymentConfig" => shelf.get_config(input),
        "CreateDeployment" => shelf.create_deployment(input, life.now, life.begins()),
        "GetDeployment" => shelf.get_deployment(input),
        "ListDeployments" => shelf.list_deployments(input),
        "ListDeploymentTargets" => shelf.list_targets(input),
        "GetDeploymentTarget" => shelf.get_target(input),
        "BatchGetDeploymentTargets" => shelf.batch_get_targets(input),
        "StopDeployment" => life.stop(shelf, input),
        "PutLifecycleEventHookExecutionStatus" => life.report(shelf, input),
        other => {
            let message = format!("the stand-in has no CodeDeploy operation {other}");
            Err(Refusal::new("UnknownOperationException", message))
        }
    }
}

impl Inner {
    fn save(&mut self) -> Result<(), String> {
        match &mut self.file {
            Some(file) => file.save(&self.shelves),
            None => Ok(()),
        }
    }
}

impl Service for CodeDeploy {
    fn handle(&self, call: &Call) -> Answer {
        match self.perform(call) {
            Ok(value) => answer(200, &value),
            Err(refusal) => refusal.answer(),
        }
    }
}

/// Another service, before whose calls CodeDeploy does what was to be done by then. So nobody sees an alias, or sets an alarm, that a
/// deployment would have moved, or heeded, before.
pub(crate) struct Attended {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) codedeploy: Arc<CodeDeploy>,
}

impl Service for Attended {
    fn handle(&self, call: &Call) -> Answer {
        self.codedeploy.settle(call.now);
        self.service.handle(call)
    }
}
