//! Metrics: values in series, summed up by period.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::{Refusal, number};

/// How long values are kept, in seconds.
const KEPT: f64 = 15.0 * 86_400.0;
/// How many queries GetMetricData takes.
const MOST_QUERIES: usize = 500;

/// One value to be counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) metric: &'a str,
    /// Names and values, in any order.
    pub(crate) dimensions: &'a [(String, String)],
    pub(crate) value: f64,
    /// Milliseconds since 1970.
    pub(crate) at: u64,
}

/// The metrics of one account in one Region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Metrics {
    series: Vec<Series>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Series {
    namespace: String,
    metric: String,
    /// Sorted by name.
    dimensions: Vec<(String, String)>,
    points: Vec<Point>,
}

/// Values that were put together.
#[derive(Debug, Serialize, Deserialize)]
struct Point {
    /// Seconds since 1970.
    at: f64,
    count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
}

impl Metrics {
    pub(super) fn record(&mut self, sample: Sample<'_>) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double's 53 bits")]
        let at = sample.at as f64 / 1000.0;
        let Sample { value, .. } = sample;
        let point = Point { at, count: 1.0, sum: value, minimum: value, maximum: value };
        self.add(sample.namespace, sample.metric, sample.dimensions.to_vec(), point);
    }

    fn add(&mut self, namespace: &str, metric: &str, mut dimensions: Vec<(String, String)>, point: Point) {
        dimensions.sort();
        let oldest = point.at - KEPT;
        let known = self.series.iter_mut().find(|series| {
            series.namespace == namespace && series.metric == metric && series.dimensions == dimensions
        });
        match known {
            Some(series) => {
                series.points.retain(|point| point.at > oldest);
                series.points.push(point);
            }
            None => self.series.push(Series {
                namespace: namespace.to_owned(),
                metric: metric.to_owned(),
                dimensions,
                points: vec![point],
            }),
        }
    }

    pub(super) fn put(&mut self, input: &Value, now: f64) -> Result<Value, Refusal> {
        let namespace = text(input, "Namespace").ok_or_else(|| Refusal::missing("Namespace"))?;
        let data = input.get("MetricData").and_then(Value::as_array);
        let data = data.ok_or_else(|| Refusal::missing("MetricData"))?;
        let mut points = Vec::new();
        for datum in data {
            let metric =
                text(datum, "MetricName").ok_or_else(|| Refusal::missing("MetricData.member.MetricName"))?;
            let at = datum.get("Timestamp").and_then(Value::as_f64).unwrap_or(now);
            points
                .extend(read_points(datum, at)?.into_iter().map(|point| (metric, dimensions(datum), point)));
        }
        for (metric, dimensions, point) in points {
            self.add(namespace, metric, dimensions, point);
        }
        Ok(json!({}))
    }

    pub(super) fn get(&self, input: &Value) -> Result<Value, Refusal> {
        let queries = input.get("MetricDataQueries").and_then(Value::as_array);
        let queries = queries.ok_or_else(|| Refusal::missing("MetricDataQueries"))?;
        if queries.len() > MOST_QUERIES {
            return Err(Refusal::invalid(format!(
                "MetricDataQueries must not hold more than {MOST_QUERIES} queries."
            )));
        }
        let time = |member| input.get(member).and_then(Value::as_f64).ok_or_else(|| Refusal::missing(member));
        let (start, end) = (time("StartTime")?, time("EndTime")?);
        if start >= end {
            return Err(Refusal::invalid("The parameter StartTime must be less than the parameter EndTime."));
        }
        let ascending = text(input, "ScanBy") == Some("TimestampAscending");
        let mut results = Vec::new();
        for query in queries {
            let id = text(query, "Id").ok_or_else(|| Refusal::missing("MetricDataQueries.member.Id"))?;
            let stat = query.get("MetricStat").ok_or_else(|| {
                Refusal::invalid("Only queries with MetricStat are known here, not metric math expressions.")
            })?;
            let mut buckets: Vec<(f64, f64)> = self.buckets(stat, start, end)?.into_iter().collect();
            if !ascending {
                buckets.reverse();
            }
            if query.get("ReturnData").and_then(Value::as_bool) == Some(false) {
                continue;
            }
            let metric = stat.get("Metric").and_then(|metric| text(metric, "MetricName")).unwrap_or_default();
            let (timestamps, values): (Vec<f64>, Vec<f64>) = buckets.into_iter().unzip();
            results.push(json!({
                "Id": id,
                "Label": text(query, "Label").unwrap_or(metric),
                "Timestamps": timestamps,
                "Values": values,
                "StatusCode": "Complete",
            }));
        }
        Ok(json!({"MetricDataResults": results, "Messages": []}))
    }

    /// The statistic of each period that has values, by the period's start.
    fn buckets(&self, stat: &Value, start: f64, end: f64) -> Result<Vec<(f64, f64)>, Refusal> {
        let metric = stat.get("Metric").ok_or_else(|| Refusal::missing("MetricStat.Metric"))?;
        let statistic = text(stat, "Stat").ok_or_else(|| Refusal::missing("MetricStat.Stat"))?;
        let period = stat.get("Period").and_then(Value::as_i64).filter(|period| *period > 0);
        let period =
            period.ok_or_else(|| Refusal::invalid("Period must be a number of seconds, at least 1."))?;
        #[expect(clippy::cast_precision_loss, reason = "nobody asks for a period of more than 2^53 seconds")]
        let period = period as f64;
        let mut wanted = dimensions(metric);
        wanted.sort();
        let series = self.series.iter().find(|series| {
            Some(series.namespace.as_str()) == text(metric, "Namespace")
                && Some(series.metric.as_str()) == text(metric, "MetricName")
                && series.dimensions == wanted
        });
        let mut buckets: BTreeMap<i64, Vec<&Point>> = BTreeMap::new();
        for point in series.iter().flat_map(|series| &series.points) {
            if point.at >= start && point.at < end {
                #[expect(clippy::cast_possible_truncation, reason = "a number of periods since 1970")]
                buckets.entry((point.at / period).floor() as i64).or_default().push(point);
            }
        }
        buckets
            .into_iter()
            .map(|(number, points)| {
                #[expect(clippy::cast_precision_loss, reason = "a number of periods since 1970")]
                let begin = number as f64 * period;
                Ok((begin, calculate(statistic, &points)?))
            })
            .collect()
    }
}

fn calculate(statistic: &str, points: &[&Point]) -> Result<f64, Refusal> {
    let sum: f64 = points.iter().map(|point| point.sum).sum();
    let count: f64 = points.iter().map(|point| point.count).sum();
    match statistic {
        "Sum" => Ok(sum),
        "SampleCount" => Ok(count),
        "Average" => Ok(if count > 0.0 { sum / count } else { 0.0 }),
        "Minimum" => Ok(points.iter().map(|point| point.minimum).fold(f64::INFINITY, f64::min)),
        "Maximum" => Ok(points.iter().map(|point| point.maximum).fold(f64::NEG_INFINITY, f64::max)),
        other => match other.strip_prefix('p').and_then(|rank| rank.parse::<f64>().ok()) {
            Some(rank) if (0.0..=100.0).contains(&rank) => Ok(percentile(rank, points)),
            _ => Err(Refusal::invalid(format!("The statistic {other} is not known here."))),
        },
    }
}

/// The value below which that share of the samples lies; values put together count with their average.
fn percentile(rank: f64, points: &[&Point]) -> f64 {
    let mut values: Vec<(f64, f64)> =
        points.iter().map(|point| (point.sum / point.count.max(1.0), point.count)).collect();
    values.sort_by(|one, other| one.0.total_cmp(&other.0));
    let wanted = rank / 100.0 * values.iter().map(|(_, count)| count).sum::<f64>();
    let mut seen = 0.0;
    for (value, count) in &values {
        seen += count;
        if seen >= wanted {
            return *value;
        }
    }
    values.last().map_or(0.0, |(value, _)| *value)
}

/// The values of a datum: one, a list with counts, or a set of statistics.
fn read_points(datum: &Value, at: f64) -> Result<Vec<Point>, Refusal> {
    let whole =
        |value: f64, count: f64| Point { at, count, sum: value * count, minimum: value, maximum: value };
    if let Some(value) = datum.get("Value") {
        let value = number(value).ok_or_else(|| Refusal::invalid("Value must be a finite number."))?;
        return Ok(vec![whole(value, 1.0)]);
    }
    if let Some(values) = datum.get("Values").and_then(Value::as_array) {
        let counts = datum.get("Counts").and_then(Value::as_array);
        let count = |index: usize| counts.map_or(Some(1.0), |counts| counts.get(index).and_then(number));
        let points =
            values.iter().enumerate().map(|(index, value)| Some(whole(number(value)?, count(index)?)));
        let points: Option<Vec<Point>> = points.collect();
        return points
            .ok_or_else(|| Refusal::invalid("Values and Counts must be lists of numbers, equally long."));
    }
    let set = datum.get("StatisticValues").ok_or_else(|| Refusal::missing("MetricData.member.Value"))?;
    let member = |name: &str| {
        let missing = || Refusal::missing(&format!("MetricData.member.StatisticValues.{name}"));
        set.get(name).and_then(number).ok_or_else(missing)
    };
    let (count, sum) = (member("SampleCount")?, member("Sum")?);
    Ok(vec![Point { at, count, sum, minimum: member("Minimum")?, maximum: member("Maximum")? }])
}

fn dimensions(of: &Value) -> Vec<(String, String)> {
    let list = of.get("Dimensions").and_then(Value::as_array);
    let pair =
        |dimension: &Value| Some((text(dimension, "Name")?.to_owned(), text(dimension, "Value")?.to_owned()));
    list.into_iter().flatten().filter_map(pair).collect()
}

fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}
