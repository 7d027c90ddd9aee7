//! What a release watches, and what it makes of what it sees. Pure: numbers in, a verdict out.

use serde_json::Value;

use super::expect::Expectation;
use crate::cloud::VersionTraffic;

/// Everything that may keep the new version from getting, or keeping, traffic.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WatchSpec {
    /// What it must answer first.
    pub smoke: Option<SmokeSpec>,
    /// CloudWatch alarms, metric and composite, by name.
    pub alarms: Vec<String>,
    /// Those of them that may fire when the release begins: it is the fix.
    pub allowed_alarms: Vec<String>,
    /// What its metrics must keep.
    pub guard: Option<GuardSpec>,
}

impl WatchSpec {
    /// Whether there is anything to look at while traffic moves.
    pub fn looks(&self) -> bool {
        !self.alarms.is_empty() || self.guard.is_some()
    }
}

/// What the new version must answer before it gets traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct SmokeSpec {
    /// The event, as JSON.
    pub event: Vec<u8>,
    /// What the answer must say.
    pub expect: Option<Expectation>,
}

impl SmokeSpec {
    /// A smoke test with an event that must be JSON, as Lambda wants it.
    ///
    /// # Errors
    /// Says what is wrong with the JSON.
    pub fn new(event: String, expect: Option<Expectation>) -> Result<Self, String> {
        serde_json::from_str::<Value>(&event).map_err(|error| error.to_string())?;
        Ok(Self { event: event.into_bytes(), expect })
    }
}

/// What the metrics of the new version must keep. Rates are fractions: 0.01 is 1 %.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardSpec {
    /// The most errors an invocation.
    pub max_error_rate: Option<f64>,
    /// By how much its error rate may lie above the old version's, in points: 0.01 lets 2 % become 3 %.
    pub max_error_rate_increase: Option<f64>,
    /// By how much its 95th percentile of durations may lie above the old version's, as a part of it: 0.2 lets 100 ms become 120 ms.
    pub max_latency_increase: Option<f64>,
    /// With fewer invocations nothing is judged.
    pub min_invocations: u32,
    /// What too few invocations mean when a step ends.
    pub on_no_data: OnNoData,
}

/// What it means that nothing can be judged when a step ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNoData {
    /// No data is not health: move back.
    Rollback,
    /// Go on.
    Continue,
}

/// What was made of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against the new version.
    Well,
    /// The new version must not have traffic, and why.
    Bad(String),
    /// There is too little to judge.
    TooLittle(String),
    /// It could not be looked.
    Unseen(String),
}

impl GuardSpec {
    /// Judges the new version, by itself and against the old one where both have traffic.
    pub fn judge(&self, new: &VersionTraffic, old: Option<&VersionTraffic>) -> Verdict {
        let least = f64::from(self.min_invocations.max(1));
        if new.invocations < least {
            return Verdict::TooLittle(format!(
                "the new version had {} invocations, fewer than the {least} that it is judged by",
                new.invocations
            ));
        }
        let rate = error_rate(new);
        let told = evidence(new, old);
        if let Some(most) = self.max_error_rate.filter(|most| rate > *most) {
            return Verdict::Bad(format!("its error rate is above {}: {told}", percent(most)));
        }
        let old = old.filter(|old| old.invocations >= least);
        let Some(old) = old else {
            let compares = self.max_error_rate_increase.is_some() || self.max_latency_increase.is_some();
            return match compares {
                true => {
                    Verdict::TooLittle("the old version had too few invocations to compare with".to_owned())
                }
                false => Verdict::Well,
            };
        };
        let increase = rate - error_rate(old);
        if let Some(most) = self.max_error_rate_increase.filter(|most| increase > *most) {
            return Verdict::Bad(format!(
                "its error rate is more than {} above the old one's: {told}",
                percent(most)
            ));
        }
        let slower = match (new.p95_milliseconds, old.p95_milliseconds) {
            (Some(new), Some(old)) if old > 0.0 => new / old - 1.0,
            _ => 0.0,
        };
        match self.max_latency_increase.filter(|most| slower > *most) {
            Some(most) => Verdict::Bad(format!("it is more than {} slower: {told}", percent(most))),
            None => Verdict::Well,
        }
    }
}

fn error_rate(traffic: &VersionTraffic) -> f64 {
    if traffic.invocations > 0.0 { traffic.errors / traffic.invocations } else { 0.0 }
}

fn percent(fraction: f64) -> String {
    format!("{}%", (fraction * 1e6).round() / 1e4)
}

/// `new: 3 errors of 20 invocations (15%), p95 120 ms; old: …`
pub fn evidence(new: &VersionTraffic, old: Option<&VersionTraffic>) -> String {
    let one = |name: &str, traffic: &VersionTraffic| {
        let latency = traffic.p95_milliseconds.map(|p95| format!(", p95 {p95:.0} ms")).unwrap_or_default();
        let VersionTraffic { errors, invocations, .. } = traffic;
        format!(
            "{name}: {errors} errors of {invocations} invocations ({}){latency}",
            percent(error_rate(traffic))
        )
    };
    match old {
        Some(old) => format!("{}; {}", one("new", new), one("old", old)),
        None => one("new", new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(invocations: f64, errors: f64, p95: f64) -> VersionTraffic {
        VersionTraffic { invocations, errors, p95_milliseconds: Some(p95) }
    }

    #[test]
    fn the_new_version_is_judged_by_itself_and_against_the_old_one() {
        let guard = GuardSpec {
            max_error_rate: Some(0.05),
            max_error_rate_increase: Some(0.01),
            max_latency_increase: Some(0.2),
            min_invocations: 10,
            on_no_data: OnNoData::Rollback,
        };
        let old = traffic(1000.0, 10.0, 100.0);
        let table = [
            (traffic(100.0, 1.0, 100.0), Some(&old), "well"),
            (traffic(100.0, 2.0, 120.0), Some(&old), "well"),
            (traffic(100.0, 6.0, 100.0), Some(&old), "above 5%"),
            (traffic(100.0, 6.0, 100.0), None, "above 5%"),
            (traffic(100.0, 3.0, 100.0), Some(&old), "more than 1% above"),
            (traffic(100.0, 1.0, 121.0), Some(&old), "more than 20% slower"),
            (traffic(9.0, 9.0, 100.0), Some(&old), "too little"),
            (traffic(0.0, 0.0, 0.0), Some(&old), "too little"),
            (traffic(100.0, 1.0, 100.0), None, "too little"),
        ];
        for (new, old, expected) in table {
            let found = match guard.judge(&new, old) {
                Verdict::Well => "well".to_owned(),
                Verdict::Bad(why) => why,
                Verdict::TooLittle(_) | Verdict::Unseen(_) => "too little".to_owned(),
            };
            assert!(found.contains(expected), "{new:?}: {found}, not {expected}");
        }
        let alone = GuardSpec { max_error_rate_increase: None, max_latency_increase: None, ..guard };
        assert_eq!(alone.judge(&traffic(100.0, 1.0, 900.0), None), Verdict::Well);
    }

    #[test]
    fn the_evidence_names_both_versions() {
        let told = evidence(&traffic(20.0, 3.0, 120.4), Some(&traffic(180.0, 0.0, 99.0)));
        assert_eq!(
            told,
            "new: 3 errors of 20 invocations (15%), p95 120 ms; old: 0 errors of 180 invocations (0%), p95 99 ms"
        );
    }
}
