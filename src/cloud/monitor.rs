//! Amazon CloudWatch, as far as a release watches it.

use std::time::SystemTime;

use async_trait::async_trait;

use super::CloudError;
use crate::name::{AliasName, FunctionName};

/// An alarm as DescribeAlarms tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// OK, ALARM or INSUFFICIENT_DATA.
    pub state: String,
    /// Why, in CloudWatch's words.
    pub reason: String,
}

impl Alarm {
    /// Whether it fires.
    pub fn fires(&self) -> bool {
        self.state == "ALARM"
    }
}

/// Which metrics are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficQuery {
    /// The function.
    pub function: FunctionName,
    /// The alias that is invoked.
    pub alias: AliasName,
    /// The versions, told apart by ExecutedVersion. None is the alias as a whole: only an alias with weights has metrics by version.
    pub versions: Vec<Option<String>>,
    /// From when.
    pub from: SystemTime,
    /// Until when.
    pub to: SystemTime,
}

/// What a version did. Without any invocation it is all zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VersionTraffic {
    /// Invocations.
    pub invocations: f64,
    /// Those that ended in an error of the function. Throttled calls are in neither.
    pub errors: f64,
    /// The 95th percentile of durations.
    pub p95_milliseconds: Option<f64>,
}

/// What we read from CloudWatch.
#[async_trait]
pub trait Monitor: Send + Sync {
    /// DescribeAlarms of these names (at most 100), metric and composite ones. What does not exist is left out.
    async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, CloudError>;

    /// GetMetricData: one answer for each version of the query.
    async fn traffic(&self, query: &TrafficQuery) -> Result<Vec<VersionTraffic>, CloudError>;
}
