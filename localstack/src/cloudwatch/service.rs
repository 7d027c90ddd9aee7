//! CloudWatch as a whole: takes a call, performs it, keeps what has changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Answer, Call};
use crate::state_file::StateFile;

use super::alarms::{Alarms, Moment};
use super::metrics::{Metrics, Sample};
use super::wire::{Question, Refusal, read};

/// CloudWatch's alarms and metrics.
#[derive(Debug)]
pub struct CloudWatch {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// By `account/region`.
    shelves: BTreeMap<String, Shelf>,
    file: Option<StateFile>,
    /// Why the state could not be read: then every call fails, so that nothing is lost.
    broken: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Shelf {
    alarms: Alarms,
    metrics: Metrics,
}

impl CloudWatch {
    /// A CloudWatch whose state is kept in `cloudwatch.json` in `state_dir`, or only in memory.
    ///
    /// When that file cannot be read, every call is answered with an `InternalServiceFault` that says so, and
    /// the file stays as it is.
    pub fn new(state_dir: Option<PathBuf>) -> Self {
        let mut file = state_dir.map(|folder| StateFile::new(folder, "cloudwatch.json"));
        let loaded = file.as_mut().map_or_else(|| Ok(BTreeMap::new()), StateFile::load);
        let (shelves, broken) = match loaded {
            Ok(shelves) => (shelves, None),
            Err(why) => (BTreeMap::new(), Some(why)),
        };
        CloudWatch { inner: Mutex::new(Inner { shelves, file, broken }) }
    }

    /// Performs one call, in whichever of the three protocols it speaks.
    pub fn handle(&self, call: &Call) -> Answer {
        let question = match read(call) {
            Ok(question) => question,
            Err((protocol, refusal)) => return protocol.refuse(&refusal),
        };
        let mut inner = self.lock();
        let performed = inner.perform(call, &question).and_then(|output| {
            inner.save().map_err(Refusal::broken)?;
            Ok(output)
        });
        match performed {
            Ok(output) => question.protocol.answer(&question.operation, &output),
            Err(refusal) => question.protocol.refuse(&refusal),
        }
    }

    /// Counts a value that AWS itself would count.
    pub(crate) fn record(&self, account: &str, region: &str, sample: Sample<'_>) {
        let mut inner = self.lock();
        if inner.broken.is_none() {
            inner.shelves.entry(format!("{account}/{region}")).or_default().metrics.record(sample);
            // What cannot be written now is tried again, and reported, with the next call.
            let _ = inner.save();
        }
    }

    /// Whether an alarm fires.
    pub(crate) fn alarm_fires(&self, account: &str, region: &str, name: &str) -> bool {
        let inner = self.lock();
        inner.shelves.get(&format!("{account}/{region}")).is_some_and(|shelf| shelf.alarms.fires(name))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn perform(&mut self, call: &Call, question: &Question) -> Result<Value, Refusal> {
        if let Some(why) = &self.broken {
            return Err(Refusal::broken(why.clone()));
        }
        let now = call.now.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let moment = Moment { account: &call.account, region: &call.region, now };
        let shelf = self.shelves.entry(format!("{}/{}", call.account, call.region)).or_default();
        let input = &question.input;
        match question.operation.as_str() {
            "PutMetricAlarm" => shelf.alarms.put(input, &moment),
            "PutCompositeAlarm" => shelf.alarms.put_composite(input, &moment),
            "DescribeAlarms" => shelf.alarms.describe(input, &moment),
            "SetAlarmState" => shelf.alarms.set_state(input, &moment),
            "DeleteAlarms" => shelf.alarms.delete(input),
            "PutMetricData" => shelf.metrics.put(input, now),
            "GetMetricData" => shelf.metrics.get(input),
            other => Err(Refusal::unknown_operation(other)),
        }
    }

    fn save(&mut self) -> Result<(), String> {
        match &mut self.file {
            Some(file) => file.save(&self.shelves),
            None => Ok(()),
        }
    }
}
