//! Amazon CloudWatch.

use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, Dimension, Metric, MetricDataQuery, MetricStat};
use aws_smithy_types::DateTime;

use super::error::Operation;
use crate::cloud::{Alarm, CloudError, Monitor, TrafficQuery, VersionTraffic};
use crate::http::without_signed_queries;

const DESCRIBE_ALARMS: Operation = operation("DescribeAlarms");
const GET_METRIC_DATA: Operation = operation("GetMetricData");

const fn operation(name: &'static str) -> Operation {
    Operation { service: "Amazon CloudWatch", name }
}

/// Lambda's metrics have one value a minute.
const MINUTE: u64 = 60;
/// A metric, its statistic, and how its queries' ids begin.
const METRICS: [(&str, &str, &str); 3] =
    [("Invocations", "Sum", "i"), ("Errors", "Sum", "e"), ("Duration", "p95", "d")];

/// Amazon CloudWatch of one Region, with one identity.
#[derive(Debug, Clone)]
pub struct CloudWatch {
    client: Client,
}

impl CloudWatch {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Monitor for CloudWatch {
    async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, CloudError> {
        let request = self
            .client
            .describe_alarms()
            .set_alarm_names(Some(names.to_vec()))
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm);
        let answer = request.send().await.map_err(|error| DESCRIBE_ALARMS.failed(error))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let reason = |reason: Option<&str>| without_signed_queries(reason.unwrap_or_default());
        let mut alarms: Vec<Alarm> = Vec::new();
        for alarm in answer.metric_alarms() {
            let state = text(alarm.state_value().map(|state| state.as_str()));
            alarms.push(Alarm {
                name: text(alarm.alarm_name()),
                state,
                reason: reason(alarm.state_reason()),
            });
        }
        for alarm in answer.composite_alarms() {
            let state = text(alarm.state_value().map(|state| state.as_str()));
            alarms.push(Alarm {
                name: text(alarm.alarm_name()),
                state,
                reason: reason(alarm.state_reason()),
            });
        }
        Ok(alarms)
    }

    async fn traffic(&self, query: &TrafficQuery) -> Result<Vec<VersionTraffic>, CloudError> {
        let seconds =
            |time: std::time::SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let start = seconds(query.from) / MINUTE * MINUTE;
        let end = (seconds(query.to) / MINUTE + 1) * MINUTE;
        // One period over all of it: percentiles of single minutes cannot be put together.
        let period = end.saturating_sub(start).max(MINUTE);
        let queries = query.versions.iter().enumerate().flat_map(|(index, version)| {
            METRICS.iter().map(move |(metric, statistic, prefix)| {
                let metric = metric_of(query, version.as_deref(), metric);
                let stat = MetricStat::builder()
                    .metric(metric)
                    .period(i32::try_from(period).unwrap_or(i32::MAX))
                    .stat(*statistic);
                MetricDataQuery::builder().id(format!("{prefix}{index}")).metric_stat(stat.build()).build()
            })
        });
        let at = |seconds: u64| DateTime::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let request = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.collect()))
            .start_time(at(start))
            .end_time(at(end));
        let answer = request.send().await.map_err(|error| GET_METRIC_DATA.failed(error))?;
        let values = |prefix: &str, index: usize| -> Vec<f64> {
            let id = format!("{prefix}{index}");
            let results =
                answer.metric_data_results().iter().filter(|result| result.id() == Some(id.as_str()));
            results.flat_map(|result| result.values().iter().copied()).collect()
        };
        let of_version = |index| VersionTraffic {
            invocations: values("i", index).iter().sum(),
            errors: values("e", index).iter().sum(),
            // Where the time lies across two periods, the worse of both counts.
            p95_milliseconds: values("d", index).into_iter().reduce(f64::max),
        };
        Ok((0..query.versions.len()).map(of_version).collect())
    }
}

fn metric_of(query: &TrafficQuery, version: Option<&str>, metric: &str) -> Metric {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let mut dimensions = vec![
        dimension("FunctionName", query.function.as_str()),
        dimension("Resource", &format!("{}:{}", query.function, query.alias)),
    ];
    dimensions.extend(version.map(|version| dimension("ExecutedVersion", version)));
    Metric::builder().namespace("AWS/Lambda").metric_name(metric).set_dimensions(Some(dimensions)).build()
}
